"""How many exchanges one pool makes at once: no more than it may have connections."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import Any

__all__ = ["AsyncGate", "BlockingGate"]


class AsyncGate:
    """Lets ``places`` exchanges in, the others one by one, first come first served.

    Args:
        places: How many.
        core: Whose ``PoolTimeout`` is raised.
    """

    def __init__(self, places: int, core: Any) -> None:
        self._free = places
        self._core = core
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self, timeout: float | None) -> None:
        """Take a place; whoever has entered must leave.

        Raises:
            PoolTimeout: There was none for too long.
        """
        if self._free > 0:  # then nobody waits
            self._free -= 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(timeout):
                await place
        except BaseException as exc:
            if place.done() and not place.cancelled():
                self.leave()  # it was given in the moment we went
            else:
                with contextlib.suppress(ValueError):  # leave() may have passed it over
                    self._waiting.remove(place)
            if isinstance(exc, TimeoutError):
                raise self._core.PoolTimeout("out of time") from exc
            raise

    def leave(self) -> None:
        """Give the place to the next."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1


class BlockingGate:
    """The twin of :class:`AsyncGate` for threads."""

    def __init__(self, places: int, core: Any) -> None:
        self._places = threading.Semaphore(places)
        self._core = core

    def enter(self, timeout: float | None) -> None:
        """Take a place; whoever has entered must leave.

        Raises:
            PoolTimeout: There was none for too long.
        """
        if not self._places.acquire(timeout=timeout):
            raise self._core.PoolTimeout("out of time")

    def leave(self) -> None:
        """Give the place to the next."""
        self._places.release()
