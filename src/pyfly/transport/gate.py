"""How many exchanges one pool makes at once: no more than it may have connections."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections import deque

from pyfly.transport.errors import PoolTimeout

__all__ = ["AsyncGate", "BlockingGate"]


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

    async def enter(self, span: float, end: float = math.inf) -> None:
        """Take a place; whoever has entered must leave.

        Raises:
            PoolTimeout: There was none for ``span`` seconds, or until ``end``.
        """
        if self.taken < self._places:  # then nobody waits
            self.taken += 1
            return
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

    def leave(self) -> None:
        """Give the place to the next."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
                    place.set_result(None)
                    return
        self.taken -= 1

    def leave_from_any_thread(self) -> None:
        """Give the place to the next, in the event loop."""
        with contextlib.suppress(RuntimeError):  # it has ended: nobody waits
            self._loop.call_soon_threadsafe(self.leave)


class BlockingGate:
    """The twin of :class:`AsyncGate` for threads."""

    __slots__ = ("_free", "_places")

    def __init__(self, places: int) -> None:
        self._places = places
        self._free = threading.Semaphore(places)

    @property
    def taken(self) -> int:
        """How many are in."""
        return self._places - self._free._value

    def enter(self, span: float, end: float = math.inf) -> None:
        """Take a place; see :meth:`AsyncGate.enter`."""
        if not self._free.acquire(blocking=False) and not self._free.acquire(
            timeout=max(min(span, end - time.monotonic()), 0)
        ):
            raise PoolTimeout("out of time")

    def leave(self) -> None:
        """Give the place to the next."""
        self._free.release()

    leave_from_any_thread = leave
