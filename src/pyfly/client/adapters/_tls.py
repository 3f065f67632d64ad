"""What connection settings say of the way to an origin: its TLS context and its proxy."""

from __future__ import annotations

import ssl

from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.errors import TlsException
from pyfly.transport import tls
from pyfly.transport.errors import TlsFileError
from pyfly.transport.proxy import proxy_from_environment
from pyfly.transport.target import HttpOrigin


def proxy_for(settings: ConnectionSettings, origin: HttpOrigin) -> str | None:
    """The URL of the proxy on the way to ``origin``; None for the direct way."""
    if settings.proxy is not None or not settings.trust_env or settings.uds is not None:
        return settings.proxy
    return proxy_from_environment(origin)


def context_for(settings: ConnectionSettings) -> ssl.SSLContext:
    """The context for ``settings``: the same object for equal trust.

    Raises:
        TlsException: A file of ``ca``, ``cert`` or the environment is missing or unusable.
    """
    try:
        return tls.context_for(_trust(settings))
    except TlsFileError as exc:
        raise TlsException(str(exc)) from exc.__cause__


def check_files(settings: ConnectionSettings) -> None:
    """Look whether the files are there; reads none.

    Raises:
        TlsException: A file of ``ca``, ``cert`` or the environment is missing.
    """
    try:
        _trust(settings)
    except TlsFileError as exc:
        raise TlsException(str(exc)) from exc.__cause__


def _trust(settings: ConnectionSettings) -> tls.Trust:
    return tls.Trust.of(settings.verify, settings.ca, settings.cert, settings.http2)
