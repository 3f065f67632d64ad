"""A timeout that knows when the whole exchange ends.

The httpcore family hands the numbers in ``extensions["timeout"]`` to its network backend
unchanged. An :class:`Until` is such a number, a span that is right for whoever knows
no better, and carries the absolute end to a backend of ours.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

__all__ = ["TimeLimit", "TimeLimits", "Until", "from_now", "remaining"]


class Until(float):
    """A span in seconds that also ends at ``when``, by the monotonic clock."""

    when: float

    def __new__(cls, span: float, when: float) -> Until:
        self = super().__new__(cls, span)
        self.when = when
        return self


def remaining(timeout: float | None) -> float | None:
    """How long one operation may take now; zero or less if its time is over."""
    if isinstance(timeout, Until):
        return min(float(timeout), timeout.when - time.monotonic())
    return timeout


def from_now(timeout: float | None) -> Until | None:
    """The same timeout for several operations together: its span begins now."""
    left = remaining(timeout)
    return None if left is None else Until(left, time.monotonic() + left)


class TimeLimit:
    """Cancels a task when a span is over; what ``asyncio.timeout`` does, for less.

    Whoever begins one ends it, and asks :meth:`caused` of every exception meanwhile.

    Attributes:
        when: When it is over, by the event loop's clock.
    """

    __slots__ = ("_cancelling", "_expired", "_task", "when")

    def __init__(self, task: asyncio.Task[Any], when: float) -> None:
        self.when = when
        self._task = task
        self._cancelling = task.cancelling()
        self._expired = False

    def expire(self) -> None:
        """The span is over."""
        self._expired = True
        self._task.cancel()

    def settle(self) -> None:
        """Take a cancellation back that did not end the exchange."""
        if self._expired:
            self._expired = False
            self._task.uncancel()

    def caused(self, exc: BaseException) -> bool:
        """Whether the span is over and that, not a cancellation from elsewhere, is ``exc``."""
        if not self._expired:
            return False
        self._expired = False
        mine = self._task.uncancel() <= self._cancelling
        return mine or not isinstance(exc, asyncio.CancelledError)


class TimeLimits:
    """The time limits of one event loop, with one timer for all of them.

    A timer for each call costs several microseconds, and hardly any ever fires. This one is
    set for the earliest limit that is known, and looks at all of them when it fires.
    """

    #: How late a limit may be: what keeps a crowd from being looked at for each one in it.
    _GRAIN = 0.002

    __slots__ = ("_armed", "_handle", "_loop", "_running")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running: set[TimeLimit] = set()
        self._armed = math.inf
        self._handle: asyncio.TimerHandle | None = None

    def begin(self, span: float) -> TimeLimit:
        """A limit for the current task, ``span`` seconds from now."""
        task = asyncio.current_task(self._loop)
        assert task is not None  # a port's method is a coroutine
        limit = TimeLimit(task, self._loop.time() + span)
        self._running.add(limit)
        if limit.when < self._armed:
            self._arm(limit.when)
        return limit

    def end(self, limit: TimeLimit) -> None:
        """The exchange is over; a cancellation that nobody saw is taken back."""
        self._running.discard(limit)
        limit.settle()

    def close(self) -> None:
        """Stop the timer."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self, when: float) -> None:
        self.close()
        self._armed = when
        self._handle = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        now, earliest = self._loop.time(), math.inf
        for limit in list(self._running):
            if limit.when <= now:
                self._running.discard(limit)
                limit.expire()
            elif limit.when < earliest:
                earliest = limit.when
        self._handle, self._armed = None, math.inf
        if earliest < math.inf:
            self._arm(max(earliest, now + self._GRAIN))
