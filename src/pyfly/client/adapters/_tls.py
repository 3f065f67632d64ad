"""The TLS context that connection settings ask for."""

from __future__ import annotations

import ssl

from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.errors import TlsException
from pyfly.transport import tls
from pyfly.transport.errors import TlsFileError


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
