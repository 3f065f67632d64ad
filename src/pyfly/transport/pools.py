"""Which calls share connections, and how many of them at once: in an event loop, and in threads.

::

    Pools                            of one owner
    └── pool                         one for each event loop; one for all threads, if blocking
        └── connections              over our sockets

After a fork the child finds no pool, no gate and no lock of the parent's: it makes its own,
and lets go of the parent's sockets without a word to the peers.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from pyfly.kernel.fork import ForkAware
from pyfly.transport.errors import PoolTimeout
from pyfly.transport.sockets import Sockets


class _Pool(Protocol):
    sockets: Sockets


P = TypeVar("P", bound=_Pool)


class Pools(ForkAware, Generic[P]):
    """The pools of one owner; made when they are first needed.

    Args:
        make: Makes one, for the running event loop or for all threads.
        blocking: Whether it is for threads.
    """

    def __init__(self, make: Callable[[], P], blocking: bool) -> None:
        self._make = make
        self._blocking = blocking
        super().__init__()
        self._pools: list[tuple[Callable[[], Any], P]] = []
        self._last: tuple[Any, P | None] = (None, None)
        # For an owner that is dropped without close(): no socket, no ResourceWarning.
        weakref.finalize(self, _close_all, self._pools)

    def after_fork(self) -> None:
        super().after_fork()
        for _, pool in self._pools:
            pool.sockets.abandon()
        self._pools.clear()
        self._last = (None, None)

    def current(self) -> P:
        """The pool for the caller: of the running event loop, or of the process."""
        loop = None if self._blocking else asyncio.get_running_loop()
        known, pool = self._last
        if pool is not None and known is loop:
            return pool
        with self._lock:
            pool = self._of(loop)
            self._last = (loop, pool)
        return pool

    def close(self) -> None:
        """Close every connection, those of other event loops too."""
        with self._lock:
            self._last = (None, None)
            _close_all(self._pools)

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


def _close_all(pools: list[tuple[Callable[[], Any], P]]) -> None:
    for _, pool in pools:
        pool.sockets.close()
    pools.clear()


class AsyncGate:
    """Lets ``places`` exchanges in, the others one by one, first come first served.

    Attributes:
        taken: How many are in.
    """

    __slots__ = ("_loop", "_places", "_waiting", "taken")

    def __init__(self, places: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._places = places
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.taken = 0

    async def enter(self, span: float, end: float = math.inf) -> object:
        """Take a place; whoever has entered must leave.

        Raises:
            PoolTimeout: There was none for ``span`` seconds, or until ``end``.
        """
        if self.taken < self._places:  # then nobody waits
            self.taken += 1
            return None
        place = self._loop.create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(min(span, end - time.monotonic())):
                await place
        except BaseException as exc:
            if place.done() and not place.cancelled():
                self.leave()  # it was given in the moment we went
            else:
                with contextlib.suppress(ValueError):  # leave() may have passed it over
                    self._waiting.remove(place)
            if isinstance(exc, TimeoutError):
                raise PoolTimeout("out of time") from exc
            raise
        return None

    def leave(self, place: object = None) -> None:
        """Give the place to the next."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
                    place.set_result(None)
                    return
        self.taken -= 1

    def leave_from_any_thread(self, place: object = None) -> None:
        """Give the place to the next, in the event loop."""
        with contextlib.suppress(RuntimeError):  # it has ended: nobody waits
            self._loop.call_soon_threadsafe(self.leave)


class _TakenPlace:
    """A place that is taken, for as long as somebody holds this."""

    __slots__ = ("__weakref__", "mark")

    mark: weakref.ref[_TakenPlace]


class BlockingGate:
    """The twin of :class:`AsyncGate` for threads.

    A signal handler may raise between any two steps here. So no lock is taken but by one step
    of C, and a place whose holder is gone is free without anybody's help.
    """

    __slots__ = ("_lock", "_places", "_taken", "_waiting")

    #: Seconds after which a waiting thread looks for places that were lost.
    _LOOK = 1.0

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken: set[weakref.ref[_TakenPlace]] = set()
        self._waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many are in."""
        return len(self._taken)

    def enter(self, span: float, end: float = math.inf) -> _TakenPlace:
        """Take a place; see :meth:`AsyncGate.enter`."""
        place = _TakenPlace()
        if not self._waiting and self._take(place):
            return place
        until = min(time.monotonic() + span, end)
        turn = threading.Lock()
        turn.acquire()
        self._waiting.append(turn)
        try:
            while self._waiting[0] is not turn or not self._take(place):
                left = until - time.monotonic()
                if left <= 0:
                    raise PoolTimeout("out of time")
                turn.acquire(timeout=min(left, self._LOOK))
        finally:
            self._waiting.remove(turn)
            self._wake()  # there may be one for the next, too
        return place

    def leave(self, place: _TakenPlace) -> None:
        """Give the place to the next."""
        self._taken.discard(place.mark)
        self._wake()

    leave_from_any_thread = leave

    def _take(self, place: _TakenPlace) -> bool:
        with self._lock:
            if len(self._taken) >= self._places:
                return False
            place.mark = weakref.ref(place, self._taken.discard)
            self._taken.add(place.mark)
            return True

    def _wake(self) -> None:
        if self._waiting:
            with contextlib.suppress(IndexError, RuntimeError):  # it has gone, or is awake
                self._waiting[0].release()
