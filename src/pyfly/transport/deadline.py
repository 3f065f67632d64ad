"""How long an exchange, and each step of it, may take; and the timer that keeps it.

Times are absolute, by ``time.monotonic()``; ``math.inf`` is never. A step (one read, one
write) ends by its own span or by the end of the exchange, whichever comes first, so that a peer
which drips cannot hold a call for longer than it may take.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any, NamedTuple, Protocol


class Timeouts(NamedTuple):
    """How long the steps of an exchange may take, in seconds.

    Attributes:
        connect: For a connection: name, socket, proxy and TLS together.
        step: For one read or write.
        place: For a place in the pool.
    """

    connect: float
    step: float
    place: float


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

    Attributes:
        waiting: What waits.
        armed: When the timer fires; what ends earlier has to arm it.
    """

    #: How late an alarm may be: what keeps a crowd from being looked at for each one in it.
    _GRAIN = 0.002

    __slots__ = ("_handle", "_loop", "armed", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.waiting: set[Expiring] = set()
        self.armed = math.inf
        self._handle: asyncio.TimerHandle | None = None

    def add(self, waiting: Expiring) -> None:
        """End ``waiting`` when its time has come."""
        self.waiting.add(waiting)
        if waiting.until < self.armed:
            self.arm(waiting.until)

    def discard(self, waiting: Expiring) -> None:
        """It waits no more."""
        self.waiting.discard(waiting)

    def close(self) -> None:
        """Stop the timer; only in the thread of the event loop, or when that has ended."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle, self.armed = None, math.inf

    def arm(self, when: float) -> None:
        """Set the timer for ``when``, which is earlier than it was set for."""
        self.close()
        self.armed = when
        self._handle = self._loop.call_later(max(when - time.monotonic(), 0.0), self._look)

    def _look(self) -> None:
        now, earliest = time.monotonic(), math.inf
        self._handle, self.armed = None, math.inf
        for waiting in list(self.waiting):
            if waiting.until <= now:
                self.waiting.discard(waiting)
                waiting.expire()
            else:
                earliest = min(earliest, waiting.until)
        if earliest < math.inf:
            self.arm(max(earliest, now + self._GRAIN))


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
