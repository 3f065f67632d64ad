"""How to get to an origin: directly or through a proxy, with TLS or without.

The direct way is our own; through proxies go the connections of the library's core.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from pyfly.client.adapters._aio import AsyncBackend
from pyfly.client.adapters._blocking import BlockingBackend
from pyfly.client.adapters._http11 import AsyncHttp11, BlockingHttp11
from pyfly.client.adapters._library import Library
from pyfly.client.adapters._sockets import Sockets
from pyfly.client.adapters._target import Origin
from pyfly.client.adapters._tls import context_for
from pyfly.client.adapters._wire import Wire
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.errors import ClientArgumentException

__all__ = ["Routes", "proxy_for"]

_ORIGINS_REMEMBERED = 256


class Routes:
    """Makes the core's connections for one pool.

    Args:
        library: Whose core.
        settings: Proxy, TLS and expiry.
        sockets: Where the sockets are noted.
        blocking: Which of the core's two kinds.
    """

    def __init__(
        self, library: Library, settings: ConnectionSettings, sockets: Sockets, blocking: bool
    ) -> None:
        self._library = library
        self._settings = settings
        self._sockets = sockets
        self._blocking = blocking
        self._lock = threading.Lock()
        # Pools of the core, but only as makers of connections: they never hold one.
        self._makers: dict[tuple[str, str], Any] = {}
        self._by_origin: dict[Origin, Callable[[], Any]] = {}

    def connection(self, origin: Origin) -> Any:
        """A new connection to ``origin``, which connects when it is used."""
        make = self._by_origin.get(origin)
        if make is None:
            with self._lock:
                make = self._route(origin)
        return make()

    def url(self, origin: Origin, target: bytes) -> Any:
        """The core's URL for a request target at ``origin``."""
        host = origin.host
        if ":" in host and origin.scheme == "http" and self.proxy(origin):
            host = f"[{host}]"  # the core writes it as it is into the URL for the proxy
        return self._library.core.URL(
            scheme=origin.scheme, host=host, port=origin.port, target=target
        )

    def proxy(self, origin: Origin) -> str | None:
        """The proxy on the way to ``origin``; None for the direct way."""
        return proxy_for(self._settings, origin)

    def _route(self, origin: Origin) -> Callable[[], Any]:
        if len(self._by_origin) >= _ORIGINS_REMEMBERED:
            self._by_origin.clear()
        proxy = self.proxy(origin)
        make = self._direct(origin) if proxy is None else self._through(proxy, origin)
        self._by_origin[origin] = make
        return make

    @property
    def _expiry(self) -> float:
        return self._settings.keepalive_expiry.total_seconds()

    def _context(self, scheme: str) -> ssl.SSLContext | None:
        """None for http: making a context takes 20 ms."""
        return context_for(self._settings) if scheme == "https" else None

    def _direct(self, origin: Origin) -> Callable[[], Any]:
        context, core = self._context(origin.scheme), self._library.core
        uds = None if self._settings.uds is None else os.fspath(self._settings.uds)
        if self._blocking:
            blocking = BlockingBackend(core, self._sockets)

            def connect(timeouts: dict[str, float]) -> Any:
                if uds is not None:
                    stream = blocking.connect_unix_socket(uds, timeouts["connect"])
                else:
                    stream = blocking.connect_tcp(origin.host, origin.port, timeouts["connect"])
                if context is None:
                    return stream
                return stream.start_tls(context, origin.host, timeouts["connect"])

            return lambda: BlockingHttp11(self._library, connect, self._expiry)

        backend = AsyncBackend(core, self._sockets)

        async def connect_async(timeouts: dict[str, float]) -> Any:
            if uds is not None:
                stream = await backend.connect_unix_socket(uds, timeouts["connect"])
            else:
                stream = await backend.connect_tcp(origin.host, origin.port, timeouts["connect"])
            if context is None:
                return stream
            return await stream.start_tls(context, origin.host, timeouts["connect"])

        return lambda: AsyncHttp11(self._library, connect_async, self._expiry)

    def _through(self, proxy: str, origin: Origin) -> Callable[[], Any]:
        key = (origin.scheme, proxy)
        if key not in self._makers:
            self._makers[key] = self._maker(*key)
        maker, destination = self._makers[key], self.url(origin, b"/").origin
        kind = _BlockingProxied if self._blocking else _AsyncProxied
        return lambda: kind(maker.create_connection(destination), self, origin)

    def for_core(self, wire: Wire, origin: Origin) -> Any:
        """The core's own request for ours."""
        return self._library.core.Request(
            wire.method,
            self.url(origin, wire.target),
            headers=wire.headers,
            content=wire.content,
            extensions=wire.extensions,
        )

    def _maker(self, scheme: str, proxy: str) -> Any:
        core = self._library.core
        prefix = "" if self._blocking else "Async"
        backend = BlockingBackend if self._blocking else AsyncBackend
        url, auth = _proxy_parts(proxy, self._library)
        options: dict[str, Any] = {
            "keepalive_expiry": self._expiry,
            "network_backend": backend(core, self._sockets),
            "ssl_context": self._context(scheme),
            "proxy_url": core.URL(url),
            "proxy_auth": auth,
        }
        if url.startswith("socks"):
            return getattr(core, f"{prefix}SOCKSProxy")(**options)
        if url.startswith("https"):
            options["proxy_ssl_context"] = context_for(self._settings)
        return getattr(core, f"{prefix}HTTPProxy")(**options)


class _Proxied:
    """A connection of the core that takes our requests."""

    def __init__(self, connection: Any, routes: Routes, origin: Origin) -> None:
        self._connection = connection
        self._routes = routes
        self._origin = origin

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class _AsyncProxied(_Proxied):
    async def handle_async_request(self, wire: Wire) -> Any:
        """Make an exchange, up to the head of the response."""
        request = self._routes.for_core(wire, self._origin)
        return await self._connection.handle_async_request(request)


class _BlockingProxied(_Proxied):
    def handle_request(self, wire: Wire) -> Any:
        """Make an exchange, up to the head of the response."""
        return self._connection.handle_request(self._routes.for_core(wire, self._origin))


def proxy_for(settings: ConnectionSettings, origin: Origin) -> str | None:
    """The URL of the proxy on the way to ``origin``; None for the direct way."""
    if settings.proxy is not None or not settings.trust_env or settings.uds is not None:
        return settings.proxy
    from urllib.request import getproxies, proxy_bypass  # slow, and asked for by few

    if proxy_bypass(origin.peer):
        return None
    proxies = getproxies()
    proxy = proxies.get(origin.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _proxy_parts(proxy: str, library: Library) -> tuple[str, tuple[bytes, bytes] | None]:
    """The proxy's URL without credentials, and the credentials."""
    from urllib.parse import unquote_to_bytes, urlsplit

    parts = urlsplit(proxy)
    host = parts.netloc.rpartition("@")[2]
    auth = None
    if parts.username or parts.password:
        auth = (unquote_to_bytes(parts.username or ""), unquote_to_bytes(parts.password or ""))
    if parts.scheme.startswith("socks") and find_spec("socksio") is None:
        # The core would say so only in the middle of a request.
        raise ClientArgumentException(
            f"a SOCKS proxy needs socksio: pip install '{library.name}[socks]'"
        )
    return f"{parts.scheme}://{host}", auth
