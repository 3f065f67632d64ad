"""Which calls share connections: those of one owner, in one event loop.

::

    Pools                            of one owner
    └── pool                         one for each event loop; one for all threads, if blocking
        └── connections              over our sockets

After a fork the child finds no pool, no gate and no lock of the parent's: it makes its own,
and lets go of the parent's sockets without a word to the peers.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from pyfly.transport.sockets import Sockets

__all__ = ["Pools"]


class _Pool(Protocol):
    sockets: Sockets


P = TypeVar("P", bound=_Pool)


class Pools(Generic[P]):
    """The pools of one owner; made when they are first needed.

    Args:
        make: Makes one, for the running event loop or for all threads.
        blocking: Whether it is for threads.
    """

    def __init__(self, make: Callable[[], P], blocking: bool) -> None:
        self._make = make
        self._blocking = blocking
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._pools: list[tuple[Callable[[], Any], P]] = []
        self._last: tuple[Any, P | None] = (None, None)
        # For an owner that is dropped without close(): no socket, no ResourceWarning.
        self._finalizer = weakref.finalize(self, _close_all, self._pools, self._pid)

    def current(self) -> P:
        """The pool for the caller: of the running event loop, or of the process."""
        loop = None if self._blocking else asyncio.get_running_loop()
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

    def _of(self, loop: asyncio.AbstractEventLoop | None) -> P:
        found = None
        for entry in list(self._pools):
            owner, pool = entry
            if owner() is loop:
                found = pool
            elif (gone := owner()) is None or gone.is_closed():
                pool.sockets.close()
                self._pools.remove(entry)
        if found is None:
            found = self._make()
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


def _close_all(pools: list[tuple[Callable[[], Any], P]], pid: int) -> None:
    for _, pool in pools:
        if os.getpid() == pid:
            pool.sockets.close()
        else:
            pool.sockets.abandon()
    pools.clear()
