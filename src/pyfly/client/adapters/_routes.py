"""How to get to an origin: directly or through a proxy, with TLS or without."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from typing import Any

from pyfly.client.adapters._aio import AsyncBackend
from pyfly.client.adapters._blocking import BlockingBackend
from pyfly.client.adapters._library import Library
from pyfly.client.adapters._sockets import Sockets
from pyfly.client.adapters._target import Origin
from pyfly.client.adapters._tls import context_for
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.errors import ClientArgumentException

__all__ = ["Routes"]

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
        self._makers: dict[tuple[str, str | None], Any] = {}
        self._by_origin: dict[Origin, tuple[Any, Any]] = {}

    def connection(self, origin: Origin) -> Any:
        """A new connection to ``origin``, which connects when it is used."""
        known = self._by_origin.get(origin)
        if known is None:
            with self._lock:
                known = self._route(origin)
        maker, destination = known
        return maker.create_connection(destination)

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
        settings = self._settings
        if settings.proxy is not None or not settings.trust_env:
            return settings.proxy
        from urllib.request import getproxies, proxy_bypass  # slow, and asked for by few

        if proxy_bypass(origin.peer):
            return None
        proxies = getproxies()
        proxy = proxies.get(origin.scheme) or proxies.get("all")
        return proxy if proxy is None or "://" in proxy else f"http://{proxy}"

    def _route(self, origin: Origin) -> tuple[Any, Any]:
        key = (origin.scheme, self.proxy(origin))
        if key not in self._makers:
            self._makers[key] = self._maker(*key)
        if len(self._by_origin) >= _ORIGINS_REMEMBERED:
            self._by_origin.clear()
        found = self._by_origin[origin] = (self._makers[key], self.url(origin, b"/").origin)
        return found

    def _maker(self, scheme: str, proxy: str | None) -> Any:
        core = self._library.core
        prefix = "" if self._blocking else "Async"
        backend = BlockingBackend if self._blocking else AsyncBackend
        options: dict[str, Any] = {
            "keepalive_expiry": self._settings.keepalive_expiry.total_seconds(),
            "network_backend": backend(core, self._sockets),
            # None for http: making a context takes 20 ms.
            "ssl_context": context_for(self._settings) if scheme == "https" else None,
        }
        if proxy is None:
            return getattr(core, f"{prefix}ConnectionPool")(**options)
        url, auth = _proxy_parts(proxy, self._library)
        options.update(proxy_url=core.URL(url), proxy_auth=auth)
        if url.startswith("socks"):
            return getattr(core, f"{prefix}SOCKSProxy")(**options)
        if url.startswith("https"):
            options["proxy_ssl_context"] = context_for(self._settings)
        return getattr(core, f"{prefix}HTTPProxy")(**options)


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
