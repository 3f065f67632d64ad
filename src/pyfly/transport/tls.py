"""TLS contexts: made when the first connection needs one, shared where equal.

Making one reads the trust store and takes some 20 ms, so it is remembered by everything that
it depends on. ``functools.lru_cache`` holds nothing but the results of a pure function
of an immutable key, the files' modification times included; that is why it may live in a
module here.

Whom a context trusts: the authorities of ``ca``; else those that ``SSL_CERT_FILE`` and
``SSL_CERT_DIR`` name; else those of the operating system (on Windows and macOS by
``truststore``, which asks the system itself).
"""

from __future__ import annotations

import functools
import os
import ssl
import sys
from os import PathLike
from typing import NoReturn

from pyfly.kernel.record import Record
from pyfly.transport.errors import TlsFileError

Path = str | PathLike[str]

#: Part of the key, so that a context for HTTP/2 is another one.
ALPN = ("http/1.1",)
#: Where Linux distributions keep their authorities, for an OpenSSL that was built elsewhere.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class _File(Record):
    """A file or directory together with its state: a renewed one makes a new context."""

    path: str
    state: int


class Trust(Record):
    """Whom connections trust, and how they show who they are.

    Attributes:
        verify: Whether the peer's certificate is checked.
        ca: The file or directory of the authorities to trust.
        cert: The client's certificate with its key, in one file or two.
        alpn: The protocols that are offered.
        env_file: What ``SSL_CERT_FILE`` names.
        env_dir: What ``SSL_CERT_DIR`` names.
    """

    verify: bool
    ca: _File | None
    cert: tuple[_File, ...]
    alpn: tuple[str, ...]
    env_file: _File | None
    env_dir: _File | None

    @classmethod
    def of(
        cls, verify: bool, ca: Path | None, cert: Path | tuple[Path, Path] | None, http2: bool
    ) -> Trust:
        """Look whether the files are there, and in which state; reads none.

        Raises:
            TlsFileError: A file of ``ca``, ``cert`` or the environment is missing.
        """
        pair = cert if isinstance(cert, tuple) else () if cert is None else (cert,)
        return cls(
            verify=verify,
            ca=None if ca is None else _seen("ca", os.fspath(ca)),
            cert=tuple(_seen("cert", os.fspath(path)) for path in pair),
            alpn=("h2", *ALPN) if http2 else ALPN,
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
    raise TlsFileError(f"{name} is {path!r}, which cannot be used: {why}") from exc


@functools.lru_cache(maxsize=64)
def context_for(trust: Trust) -> ssl.SSLContext:
    """The context for ``trust``: the same object for equal trust.

    Raises:
        TlsFileError: A file is unusable.
    """
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
        context = _system_context()
    context.set_alpn_protocols(list(trust.alpn))
    if trust.cert:
        _load_certificate(context, *(file.path for file in trust.cert))
    return context


def _system_context() -> ssl.SSLContext:
    if sys.platform in ("win32", "darwin"):
        import truststore  # installed there alone

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    paths = ssl.get_default_verify_paths()
    file = paths.cafile or next(filter(os.path.isfile, _BUNDLES), None)
    if file is not None or paths.capath is not None:
        context.load_verify_locations(file, paths.capath)
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
