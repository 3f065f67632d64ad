"""Who shares which connections.

::

    HttpxPools                       one for a container: groups by their settings
    └── PoolGroup                    equal settings, counted users
        └── Pool                     one for each event loop; one for all threads, if blocking
            └── core pool            of the library, by scheme and proxy, over our backend
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from pyfly.client.adapters._aio import AsyncBackend
from pyfly.client.adapters._blocking import BlockingBackend
from pyfly.client.adapters._library import Library, load
from pyfly.client.adapters._sockets import Sockets
from pyfly.client.adapters._target import Origin
from pyfly.client.adapters._tls import context_for
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.errors import ClientArgumentException

__all__ = ["HttpxPools", "Pool", "PoolGroup"]

_ORIGINS_REMEMBERED = 256


class Pool:
    """The connections of one event loop, or of all threads.

    Attributes:
        library: What they are made with.
        sockets: All that are open.
    """

    def __init__(self, library: Library, settings: ConnectionSettings, blocking: bool) -> None:
        self.library = library
        self.sockets = Sockets()
        self._settings = settings
        self._blocking = blocking
        self._lock = threading.Lock()
        self._cores: dict[tuple[str, str | None], Any] = {}
        self._by_origin: dict[Origin, Any] = {}

    def core_for(self, origin: Origin) -> Any:
        """The library's pool for requests to ``origin``; any host may share one."""
        core = self._by_origin.get(origin)
        if core is None:
            key = (origin.scheme, self.proxy_for(origin))
            with self._lock:
                if key not in self._cores:
                    self._cores[key] = self._make(*key)
                if len(self._by_origin) >= _ORIGINS_REMEMBERED:
                    self._by_origin.clear()
                core = self._by_origin[origin] = self._cores[key]
        return core

    def host_of(self, origin: Origin) -> str:
        """The origin's host as the core wants it: it writes URLs for a proxy by itself."""
        if ":" in origin.host and origin.scheme == "http" and self.proxy_for(origin):
            return f"[{origin.host}]"
        return origin.host

    def proxy_for(self, origin: Origin) -> str | None:
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

    def _make(self, scheme: str, proxy: str | None) -> Any:
        core = self.library.core
        prefix = "" if self._blocking else "Async"
        backend = BlockingBackend if self._blocking else AsyncBackend
        options: dict[str, Any] = {
            "max_connections": self._settings.max_connections,
            "max_keepalive_connections": self._settings.max_connections,
            "keepalive_expiry": self._settings.keepalive_expiry.total_seconds(),
            "network_backend": backend(core, self.sockets),
            # None for http: making a context takes 20 ms.
            "ssl_context": context_for(self._settings) if scheme == "https" else None,
        }
        if proxy is None:
            return getattr(core, f"{prefix}ConnectionPool")(**options)
        url, auth = _proxy_parts(proxy, self.library)
        options.update(proxy_url=core.URL(url), proxy_auth=auth)
        if url.startswith("socks"):
            return getattr(core, f"{prefix}SOCKSProxy")(**options)
        if url.startswith("https"):
            options["proxy_ssl_context"] = context_for(self._settings)
        return getattr(core, f"{prefix}HTTPProxy")(**options)


class PoolGroup:
    """The pools of equal settings; made when they are first needed.

    After a fork the child finds none: it lets go of the parent's without a word to the peers.
    """

    def __init__(self, settings: ConnectionSettings, blocking: bool) -> None:
        self.settings = settings
        self.blocking = blocking
        self.users = 0
        self._library = load(settings.library)
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._pools: list[tuple[Callable[[], Any], Pool]] = []
        self._last: tuple[Any, Pool | None] = (None, None)
        # For whoever drops an adapter without stop(): no socket, no ResourceWarning.
        self._finalizer = weakref.finalize(self, _close_all, self._pools, self._pid)

    def current(self) -> Pool:
        """The pool for the caller: of the running event loop, or of the process."""
        loop = None if self.blocking else asyncio.get_running_loop()
        if os.getpid() != self._pid:
            self._forked()
        known, pool = self._last
        if pool is not None and known is loop:
            return pool
        with self._lock:
            pool = self._of(loop)
            self._last = (loop, pool)
        return pool

    def close(self) -> None:
        """Close every connection, those of other event loops too."""
        if os.getpid() != self._pid:
            self._forked()
        with self._lock:
            self._last = (None, None)
            _close_all(self._pools, self._pid)

    def _of(self, loop: asyncio.AbstractEventLoop | None) -> Pool:
        found = None
        for entry in list(self._pools):
            owner, pool = entry
            if owner() is loop:
                found = pool
            elif (gone := owner()) is None or gone.is_closed():
                pool.sockets.close()
                self._pools.remove(entry)
        if found is None:
            found = Pool(self._library, self.settings, self.blocking)
            self._pools.append(((lambda: None) if loop is None else weakref.ref(loop), found))
        return found

    def _forked(self) -> None:
        self._lock = threading.Lock()  # another thread may have held the parent's
        self._finalizer.detach()
        for _, pool in self._pools:
            pool.sockets.abandon()
        self._pools = []
        self._last = (None, None)
        self._pid = os.getpid()
        self._finalizer = weakref.finalize(self, _close_all, self._pools, self._pid)


class HttpxPools:
    """Lends pools to adapters; those with equal settings get the same one.

    Give one object to all adapters that may share connections.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[tuple[ConnectionSettings, bool], PoolGroup] = {}

    def lend(self, settings: ConnectionSettings, blocking: bool) -> PoolGroup:
        """The group for these settings, with one more user."""
        with self._lock:
            key = (settings, blocking)
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = PoolGroup(settings, blocking)
            group.users += 1
            return group

    def take_back(self, group: PoolGroup) -> None:
        """One user less; the last one closes the connections."""
        with self._lock:
            group.users -= 1
            if group.users:
                return
            self._groups.pop((group.settings, group.blocking), None)
        group.close()


def _close_all(pools: list[tuple[Callable[[], Any], Pool]], pid: int) -> None:
    for _, pool in pools:
        if os.getpid() == pid:
            pool.sockets.close()
        else:
            pool.sockets.abandon()
    pools.clear()


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
