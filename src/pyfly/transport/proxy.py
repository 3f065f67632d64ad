"""Proxies: what their URLs say, and what is said to them.

Over an HTTP proxy, ``http`` goes in absolute form and ``https`` through a tunnel that CONNECT
opens; a SOCKS proxy (by ``socksio``) tunnels both.
"""

from __future__ import annotations

import base64
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from pyfly.transport.target import HttpOrigin

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Proxy(NamedTuple):
    """One proxy.

    Attributes:
        scheme: ``http``, ``https`` (TLS to the proxy itself), ``socks5`` or ``socks5h``.
        host: Where it is.
        port: Where it listens.
        credentials: User name and password; None without.
    """

    scheme: str
    host: str
    port: int
    credentials: tuple[bytes, bytes] | None

    @classmethod
    def at(cls, url: str) -> Proxy:
        """The proxy of a URL that was checked already."""
        parts = urlsplit(url)
        credentials = None
        if parts.username or parts.password:
            credentials = (
                unquote_to_bytes(parts.username or ""),
                unquote_to_bytes(parts.password or ""),
            )
        port = parts.port or _PORTS[parts.scheme]
        return cls(parts.scheme, parts.hostname or "", port, credentials)

    @property
    def peer(self) -> str:
        """``host:port``, as it is shown to people."""
        return HttpOrigin("http", self.host, self.port).peer

    @property
    def socks(self) -> bool:
        """Whether it speaks SOCKS."""
        return self.scheme.startswith("socks")

    @property
    def fields(self) -> bytes:
        """The lines of header fields for it."""
        if self.credentials is None:
            return b""
        encoded = base64.b64encode(b":".join(self.credentials))
        return b"Proxy-Authorization: Basic %b\r\n" % encoded

    def __repr__(self) -> str:
        return f"<Proxy {self.scheme}://{self.peer}>"


def proxy_from_environment(origin: HttpOrigin) -> str | None:
    """The URL of the proxy that the environment names for ``origin``; None for the direct way."""
    from urllib.request import getproxies, proxy_bypass  # slow, and asked for by few

    if proxy_bypass(origin.peer):
        return None
    proxies = getproxies()
    url = proxies.get(origin.scheme) or proxies.get("all")
    return url if url is None or "://" in url else f"http://{url}"
