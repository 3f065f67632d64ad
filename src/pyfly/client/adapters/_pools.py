"""Which calls share connections: those of one client, in one event loop.

::

    Pools                            of one adapter
    └── Pool                         one for each event loop; one for all threads, if blocking
        └── connections              over our sockets
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

from pyfly.client.adapters._gate import AsyncGate, BlockingGate
from pyfly.client.adapters._library import Library, load
from pyfly.client.adapters._routes import Routes
from pyfly.client.adapters._sockets import Sockets
from pyfly.client.adapters._target import Origin
from pyfly.client.adapters.settings import ConnectionSettings

__all__ = ["Pool", "Pools"]


class Pool:
    """The connections of one event loop, or of all threads.

    The cores' own pools look through all connections at each step, and classic httpcore's
    loses those whose request was cancelled at the wrong moment. Here a connection is either
    with one exchange or idle, and the one that was used last is the next to be used.

    Attributes:
        library: What they are made with.
        sockets: All that are open.
        gate: Where to enter before an exchange.
    """

    def __init__(self, library: Library, settings: ConnectionSettings, blocking: bool) -> None:
        self.library = library
        self.sockets = Sockets()
        # Any: one is entered with await, the other without.
        self.gate: Any = (BlockingGate if blocking else AsyncGate)(
            settings.max_connections, library.core
        )
        self.routes = Routes(library, settings, self.sockets, blocking)
        self._limit = settings.max_connections
        self._lock = threading.Lock()
        self._idle: list[tuple[Origin, Any]] = []  # the one used last comes last

    def take(self, origin: Origin) -> tuple[Any, list[Any]]:
        """A connection to ``origin`` for one exchange, and others that have to be closed.

        It is one of the core's, and may not be connected yet.
        """
        idle = self._idle
        stale: list[Any] = []
        with self._lock:
            for position in range(len(idle) - 1, -1, -1):
                if idle[position][0] == origin:
                    connection = idle.pop(position)[1]
                    if not connection.has_expired():
                        return connection, stale
                    stale.append(connection)
        return self.routes.connection(origin), stale

    def put(self, origin: Origin, connection: Any) -> list[Any]:
        """Take a connection back after a whole exchange; return those that have to be closed."""
        if not connection.is_available():
            return [connection]
        stale = []
        with self._lock:
            idle = self._idle
            idle.append((origin, connection))
            while len(idle) > self._limit:
                stale.append(idle.pop(0)[1])
            # A look at the oldest each time keeps those that are not used any more from
            # lying about; the rest is looked at when it is used.
            if len(idle) > 1 and idle[0][1].has_expired():
                stale.append(idle.pop(0)[1])
        return stale


class Pools:
    """The pools of one adapter; made when they are first needed.

    After a fork the child finds none: it lets go of the parent's without a word to the peers.
    """

    def __init__(self, settings: ConnectionSettings, blocking: bool) -> None:
        self.settings = settings
        self.blocking = blocking
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


def _close_all(pools: list[tuple[Callable[[], Any], Pool]], pid: int) -> None:
    for _, pool in pools:
        if os.getpid() == pid:
            pool.sockets.close()
        else:
            pool.sockets.abandon()
    pools.clear()
