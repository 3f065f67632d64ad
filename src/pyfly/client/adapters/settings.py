"""How connections are made: what may be shared is what is equal here."""

from __future__ import annotations

import os
import socket
import sys
from datetime import timedelta
from os import PathLike
from typing import Any, Literal

from pyfly.kernel.exceptions import PyFlyException
from pyfly.kernel.record import Record

Path = str | PathLike[str]

#: What the address of a Unix socket holds in bytes, the NUL at its end excepted.
_LONGEST_UDS = 107 if sys.platform == "linux" else 103
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


class ConnectionSettingsException(PyFlyException, ValueError):
    """A connection setting that cannot be used; the message names it."""


class ConnectionSettings(Record):
    """Settings of a connection pool. Clients with equal settings may share one.

    Attributes:
        library: The library of the stock transport: ``httpx2``, or ``httpx`` for the classic
            one. Own connections need neither.
        connect_timeout: For name resolution, TCP and TLS together.
        pool_timeout: How long to wait for a connection while all are in use.
        max_connections: Open connections at once, over all hosts, for each event loop.
        keepalive_expiry: How long an idle connection is kept.
        max_response_size: The largest body, in bytes, compressed and decompressed alike.
        verify: Whether the peer's TLS certificate is checked.
        ca: PEM file, or directory of them, of the authorities to trust instead of the
            default ones (``SSL_CERT_FILE`` and ``SSL_CERT_DIR``, else the system's).
        cert: Client certificate: one PEM file, or the pair of certificate and key.
        proxy: URL of a proxy (``http``, ``https``, ``socks5``); credentials may be in it.
        trust_env: Whether ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` count.
        uds: Path of a Unix domain socket to which everything goes, whatever the URL's host,
            which is still what ``Host`` and TLS name; not together with ``proxy``.
        http2: Whether HTTP/2 is offered to ``https`` peers; for the stock transport alone.
    """

    library: Literal["httpx2", "httpx"] = "httpx2"
    connect_timeout: timedelta = timedelta(seconds=5)
    pool_timeout: timedelta = timedelta(seconds=5)
    max_connections: int = 100
    keepalive_expiry: timedelta = timedelta(seconds=5)
    max_response_size: int = 10 * 1024 * 1024
    verify: bool = True
    ca: Path | None = None
    cert: Path | tuple[Path, Path] | None = None
    proxy: str | None = None
    trust_env: bool = False
    uds: Path | None = None
    http2: bool = False

    def __repr__(self) -> str:
        values: dict[str, Any] = dict(self.__dict__)
        if self.proxy is not None:
            values["proxy"] = without_credentials(self.proxy)
        return f"ConnectionSettings({', '.join(f'{k}={v!r}' for k, v in values.items())})"


def checked(settings: ConnectionSettings) -> ConnectionSettings:
    """The settings themselves, once every value was found usable.

    Raises:
        ConnectionSettingsException: One is not; files are looked at when they are needed.
    """
    if settings.library not in ("httpx2", "httpx"):
        raise ConnectionSettingsException(
            f"library is {settings.library!r}; it can be 'httpx2' or 'httpx'"
        )
    for name in ("connect_timeout", "pool_timeout"):
        require_span(name, getattr(settings, name))
    require_span("keepalive_expiry", settings.keepalive_expiry, zero=True)
    for name in ("max_connections", "max_response_size"):
        count = getattr(settings, name)
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ConnectionSettingsException(f"{name} is {count!r}; write a whole number above 0")
    if settings.proxy is not None:
        _check_proxy(settings.proxy)
    if settings.uds is not None:
        _check_uds(os.fspath(settings.uds), settings.proxy)
    return settings


def require_span(name: str, value: object, *, zero: bool = False) -> None:
    """Refuse a span of time that is no positive ``timedelta``."""
    if not isinstance(value, timedelta):
        raise ConnectionSettingsException(
            f"{name} is {value!r}; write a timedelta, such as timedelta(seconds=5)"
        )
    if value < timedelta() or not (zero or value):
        least = "0 or more" if zero else "above 0"
        raise ConnectionSettingsException(f"{name} is {value!r}; it must be {least}")


def without_credentials(url: str) -> str:
    """``url`` with ``***`` in the place of a user name and password."""
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    userinfo, at, host = authority.rpartition("@")
    return f"{scheme}{mark}***@{host}{slash}{path}" if at and userinfo else url


def _check_uds(path: str, proxy: str | None) -> None:
    start = f"uds is {path!r}"
    if not hasattr(socket, "AF_UNIX"):
        raise ConnectionSettingsException(
            f"{start}, but this platform has no Unix sockets; leave uds out"
        )
    if proxy is not None:
        raise ConnectionSettingsException(
            f"{start}, and proxy is {without_credentials(proxy)!r}: a Unix socket is reached "
            "without a proxy; leave one of the two out"
        )
    if not path or "\0" in path:
        raise ConnectionSettingsException(f"{start}; write the path of a Unix socket")
    length = len(os.fsencode(path))
    if length > _LONGEST_UDS:
        raise ConnectionSettingsException(
            f"{start}, which is {length} bytes long; the system takes at most {_LONGEST_UDS}: "
            "choose a shorter path, or a symbolic link to its directory"
        )


def _check_proxy(proxy: str) -> None:
    from urllib.parse import urlsplit  # here, since hardly anyone needs it

    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConnectionSettingsException(
            f"proxy is {without_credentials(proxy)!r}; write a URL such as "
            "'http://proxy.example:3128' (http, https or socks5)"
        )
