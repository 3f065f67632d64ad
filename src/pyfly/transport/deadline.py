"""How long an exchange, and each step of it, may take; and the timer that keeps it.

Times are absolute, by ``time.monotonic()``; ``math.inf`` is never. A step (one read, one
write) ends by its own span or by the end of the exchange, whichever comes first, so that a peer
which drips cannot hold a call for longer than it may take.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any, Protocol

from pyfly.transport.errors import ReadTimeout

__all__ = ["Alarms", "Expiring", "Patience", "TimeLimit", "TimeLimits"]


class Patience:
    """How long one exchange may take.

    Attributes:
        connect: Seconds for a connection: name, socket, proxy and TLS together.
        step: Seconds for one read or write.
        place: Seconds for a place in the pool.
        end: When the exchange ends.
    """

    __slots__ = ("connect", "end", "place", "step")

    def __init__(self, connect: float, step: float, place: float, end: float = math.inf) -> None:
        self.connect = connect
        self.step = step
        self.place = place
        self.end = end

    def until(self, end: float, now: float) -> Patience:
        """The same, for an exchange that begins ``now`` and ends at ``end``.

        Raises:
            ReadTimeout: That has passed already.
        """
        if end <= now:
            raise ReadTimeout("out of time")
        return Patience(self.connect, self.step, self.place, end)

    def with_step(self, step: float) -> Patience:
        """The same, with another span for each step."""
        return Patience(self.connect, step, self.place, self.end)

    def step_end(self) -> float:
        """When a step ends that begins now."""
        return min(time.monotonic() + self.step, self.end)

    def connect_end(self) -> float:
        """When a connection has to be there that is begun now."""
        return min(time.monotonic() + self.connect, self.end)


class Expiring(Protocol):
    """What waits for something until a time has come."""

    @property
    def until(self) -> float:
        """When to stop waiting."""
        ...

    def expire(self) -> None:
        """Stop waiting: the time has come."""
        ...


class Alarms:
    """Ends what waits too long in one event loop, with one timer for all of it.

    A timer for each wait costs several microseconds, and hardly any ever fires. This one is
    set for the earliest end that is known, and looks at all of them when it fires.
    """

    #: How late an alarm may be: what keeps a crowd from being looked at for each one in it.
    _GRAIN = 0.002

    __slots__ = ("_armed", "_handle", "_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: set[Expiring] = set()
        self._armed = math.inf
        self._handle: asyncio.TimerHandle | None = None

    def add(self, waiting: Expiring) -> None:
        """End ``waiting`` when its time has come."""
        self._waiting.add(waiting)
        if waiting.until < self._armed:
            self._arm(waiting.until)

    def discard(self, waiting: Expiring) -> None:
        """It waits no more."""
        self._waiting.discard(waiting)

    def close(self) -> None:
        """Stop the timer; only in the thread of the event loop, or when that has ended."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle, self._armed = None, math.inf

    def _arm(self, when: float) -> None:
        self.close()
        self._armed = when
        self._handle = self._loop.call_later(max(when - time.monotonic(), 0.0), self._look)

    def _look(self) -> None:
        now, earliest = time.monotonic(), math.inf
        self._handle, self._armed = None, math.inf
        for waiting in list(self._waiting):
            if waiting.until <= now:
                self._waiting.discard(waiting)
                waiting.expire()
            else:
                earliest = min(earliest, waiting.until)
        if earliest < math.inf:
            self._arm(max(earliest, now + self._GRAIN))


class TimeLimit:
    """Cancels a task when a span is over; what ``asyncio.timeout`` does, for less.

    Whoever begins one ends it, and asks :meth:`caused` of every exception meanwhile.

    Attributes:
        until: When it is over.
    """

    __slots__ = ("_cancelling", "_expired", "_task", "until")

    def __init__(self, task: asyncio.Task[Any], until: float) -> None:
        self.until = until
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


class TimeLimits(Alarms):
    """The time limits of tasks in one event loop."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop())

    def begin(self, span: float) -> TimeLimit:
        """A limit for the current task, ``span`` seconds from now."""
        task = asyncio.current_task(self._loop)
        assert task is not None  # a port's method is a coroutine
        limit = TimeLimit(task, time.monotonic() + span)
        self.add(limit)
        return limit

    def end(self, limit: TimeLimit) -> None:
        """The exchange is over; a cancellation that nobody saw is taken back."""
        self.discard(limit)
        limit.settle()
