"""TLS contexts: made when the first ``https`` request needs one, shared where equal.

Making one reads the trust store and takes some 20 ms, so it is remembered by everything that
it depends on. ``functools.lru_cache`` holds nothing but the results of a pure function
of an immutable key, the files' modification times included; that is why it may live in a
module here.
"""

from __future__ import annotations

import functools
import os
import ssl
from typing import NoReturn

from pyfly.client.adapters._library import load
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.errors import TlsException
from pyfly.kernel.record import Record

__all__ = ["check_files", "context_for"]

#: What both cores set on a context at each connect; part of the key so that a context for
#: HTTP/2 is another one.
ALPN = ("http/1.1",)


class _File(Record):
    """A file or directory together with its state: a renewed one makes a new context."""

    path: str
    state: int


class _Trust(Record):
    """Everything that a context depends on."""

    library: str
    verify: bool
    ca: _File | None
    cert: tuple[_File, ...]
    alpn: tuple[str, ...]
    env_file: _File | None
    env_dir: _File | None


def context_for(settings: ConnectionSettings) -> ssl.SSLContext:
    """The context for ``settings``: the same object for equal trust.

    Raises:
        TlsException: A file of ``ca``, ``cert`` or the environment is missing or unusable.
    """
    return _make(check_files(settings))


def check_files(settings: ConnectionSettings) -> _Trust:
    """Look whether the files are there, and in which state; reads none.

    Raises:
        TlsException: A file of ``ca``, ``cert`` or the environment is missing.
    """
    cert = settings.cert
    pair = cert if isinstance(cert, tuple) else () if cert is None else (cert,)
    return _Trust(
        library=settings.library,
        verify=settings.verify,
        ca=None if settings.ca is None else _seen("ca", os.fspath(settings.ca)),
        cert=tuple(_seen("cert", os.fspath(path)) for path in pair),
        alpn=("h2", *ALPN) if settings.http2 else ALPN,
        env_file=_from_environment("SSL_CERT_FILE"),
        env_dir=_from_environment("SSL_CERT_DIR"),
    )


def _from_environment(name: str) -> _File | None:
    path = os.environ.get(name)
    return _seen(name, path) if path else None


def _seen(name: str, path: str) -> _File:
    try:
        return _File(path, os.stat(path).st_mtime_ns)
    except OSError as exc:
        _refuse(name, path, exc.strerror or "it cannot be read", exc)


def _refuse(name: str, path: str, why: str, exc: Exception) -> NoReturn:
    raise TlsException(f"{name} is {path!r}, which cannot be used: {why}") from exc


@functools.lru_cache(maxsize=64)
def _make(trust: _Trust) -> ssl.SSLContext:
    if not trust.verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif trust.ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load_authorities(context, "ca", trust.ca)
    elif trust.env_file is not None or trust.env_dir is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if trust.env_file is not None:
            _load_authorities(context, "SSL_CERT_FILE", trust.env_file)
        if trust.env_dir is not None:
            _load_authorities(context, "SSL_CERT_DIR", trust.env_dir)
    else:
        context = load(trust.library).core.default_ssl_context()
    context.set_alpn_protocols(list(trust.alpn))
    if trust.cert:
        _load_certificate(context, *(file.path for file in trust.cert))
    return context


def _load_authorities(context: ssl.SSLContext, name: str, file: _File) -> None:
    try:
        if os.path.isdir(file.path):
            context.load_verify_locations(capath=file.path)
        else:
            context.load_verify_locations(cafile=file.path)
    except OSError as exc:  # ssl.SSLError is one
        _refuse(name, file.path, _why(exc, "it holds no PEM certificate"), exc)


def _load_certificate(context: ssl.SSLContext, path: str, key: str | None = None) -> None:
    def no_password() -> str:  # else OpenSSL asks on the terminal
        raise ValueError("the key is encrypted")

    try:
        context.load_cert_chain(path, key, password=no_password)
    except ValueError as exc:
        _refuse("cert", key or path, "its key is encrypted; give one that is not", exc)
    except OSError as exc:
        why = "it holds no certificate with a matching private key, as PEM"
        _refuse("cert", path, _why(exc, why), exc)


def _why(exc: OSError, otherwise: str) -> str:
    return otherwise if isinstance(exc, ssl.SSLError) else exc.strerror or otherwise
