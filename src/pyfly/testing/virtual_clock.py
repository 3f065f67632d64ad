"""A clock that a test moves."""

from __future__ import annotations

import asyncio
from heapq import heapify, heappush
from itertools import count

from pyfly.resilience._checks import finite_number
from pyfly.testing.virtual_time import START, VirtualTimeLoop

#: 2026-01-01 in UTC: what a clock shows at its start, so that no test depends on today.
_EPOCH = 1_767_225_600.0


class VirtualClock:
    """A clock that a test moves: for ``client_for(…, clock=clock)``, policies and limits.

    Without a virtual-time loop, only :meth:`advance` and sleeping move it: a sleep ends at once
    and puts the clock where it would have ended; of several at a time, the one that ends first
    goes first. On a :class:`VirtualTimeLoop` it goes with the loop's time from its first use
    there, and sleeping is ``asyncio.sleep``.

    Timeouts are timers of the event loop, so they fire in virtual time on a virtual-time loop
    only: mark the test with ``pytest.mark.virtual_time``, or use :func:`run_virtual`::

        clock = VirtualClock()
        breaker = CircuitBreaker(1, timedelta(seconds=30), clock=clock)
        ...                 # a failure opens it
        clock.advance(30)   # and now it may be probed

    Args:
        start: What :meth:`monotonic` shows at first, in seconds.
    """

    __slots__ = ("_loop", "_now", "_offset", "_order", "_sleeping", "_start")

    def __init__(self, start: float = START) -> None:
        self._start = self._now = finite_number("VirtualClock", "start", start, 0.0, above=False)
        self._loop: VirtualTimeLoop | None = None
        self._offset = 0.0
        self._sleeping: list[tuple[float, int]] = []
        self._order = count()

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        loop = self._joined()
        return self._now if loop is None else loop.time() + self._offset

    def time(self) -> float:
        """Seconds since 1970 in UTC; a clock starts on the first day of 2026."""
        return _EPOCH + self.monotonic() - self._start

    def advance(self, seconds: float) -> None:
        """Move the clock (and the loop that it goes with) on by a span of seconds.

        Raises:
            TypeError: Something else than a number.
            ValueError: A span that is negative or not finite.
        """
        seconds = finite_number("VirtualClock", "seconds", seconds, 0.0, above=False)
        loop = self._joined()
        if loop is None:
            self._now += seconds
        else:
            loop.advance(seconds)

    async def sleep(self, seconds: float) -> None:
        """Suspend the current task for a span of virtual time."""
        loop = self._joined()
        if loop is not None and loop is asyncio.get_running_loop():
            await asyncio.sleep(seconds)
        else:
            await self._sleep_alone(self.monotonic() + max(seconds, 0.0))

    async def _sleep_alone(self, until: float) -> None:
        """Sleep where nobody moves time on: whoever is to wake first does."""
        mine = (until, next(self._order))
        heappush(self._sleeping, mine)
        try:
            await asyncio.sleep(0)
            while self.monotonic() < until and self._sleeping[0] is not mine:
                await asyncio.sleep(0)
            self.advance(max(until - self.monotonic(), 0.0))
        finally:
            self._sleeping.remove(mine)
            heapify(self._sleeping)

    def sleep_sync(self, seconds: float) -> None:
        """Move the clock on, as nobody else can meanwhile."""
        self.advance(max(seconds, 0.0))

    def _joined(self) -> VirtualTimeLoop | None:
        """The virtual-time loop that it goes with: the one that runs here, else the last one."""
        running: object = asyncio._get_running_loop()
        if running is not self._loop and isinstance(running, VirtualTimeLoop):
            now = self._now if self._loop is None else self._loop.time() + self._offset
            self._offset = now - running.time()
            self._loop = running
        return self._loop

    def __repr__(self) -> str:
        return f"<VirtualClock {self.monotonic():g} s>"
