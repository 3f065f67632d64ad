"""The bulkhead: the rules of :mod:`.state` with a lock, ways to wait, and listeners."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from datetime import timedelta
from weakref import WeakMethod

from pyfly.kernel.exceptions import BulkheadException
from pyfly.kernel.fork import ForkAware
from pyfly.kernel.record import Record
from pyfly.resilience._checks import clock_or_system
from pyfly.resilience._guard import Guard, least, tell_refusal
from pyfly.resilience.bulkhead.policy import BulkheadPolicy
from pyfly.resilience.bulkhead.state import BulkheadRules, Permit
from pyfly.resilience.clock import SYSTEM_CLOCK, Clock
from pyfly.resilience.deadlines import time_left
from pyfly.resilience.events import Events, Listener

_POLL = 0.01
"""Seconds after which a blocked thread asks a clock again that is not the system's."""


class BulkheadSnapshot(Record):
    """A bulkhead at one moment: ``acquired == released + running``."""

    name: str | None
    max_concurrent: int
    max_queue: int
    running: int
    waiting: int
    acquired: int
    released: int
    refused: int


class Bulkhead(ForkAware, Guard[Permit]):
    """Bounds how many calls run at once; a few more may wait, first come, first served.

    Tasks, event loops and threads may share one; they stand in one queue. Use ``call`` and
    ``call_sync``, decorate functions with it, or write ``async with bulkhead:`` and
    ``with bulkhead.sync():``.

    Args:
        max_concurrent: Calls that may run at once.
        max_queue: Calls that may wait; 0: none.
        max_wait: How long each may wait; None: until its deadline, if it has one.
        name: For errors and events.
        clock: Where the time comes from; default: the system. Asynchronous waits are timers
            of the running loop, so another clock has to advance with ``loop.time()``.
        listeners: Called with :class:`PermitRefused`; more can be added to ``events``.

    Attributes:
        policy: The settings.
        events: Its listeners.
        rules: The state behind it, for stages and tests; not to be written.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range, or ``max_wait`` where nothing can wait.
    """

    __slots__ = ("_clock", "_entered", "events", "name", "policy", "rules")

    def __init__(
        self,
        max_concurrent: int,
        max_queue: int = 0,
        max_wait: timedelta | None = None,
        *,
        name: str | None = None,
        clock: Clock | None = None,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.policy = BulkheadPolicy(max_concurrent, max_queue, max_wait)
        self.name = name
        self.events = Events(listeners)
        self.rules = self._new_rules()
        self._clock = clock_or_system("Bulkhead", clock)
        self._entered: list[Permit] = []
        super().__init__()

    def after_fork(self) -> None:
        super().after_fork()
        self.rules = self._new_rules()

    def _new_rules(self) -> BulkheadRules:
        policy = self.policy
        return BulkheadRules(policy.max_concurrent, policy.max_queue, WeakMethod(self._serve))

    def snapshot(self) -> BulkheadSnapshot:
        """Its numbers at this moment."""
        policy, rules = self.policy, self.rules
        with self._lock:
            numbers = (rules.held, rules.waiting, rules.acquired, rules.released, rules.refused)
        return BulkheadSnapshot(self.name, policy.max_concurrent, policy.max_queue, *numbers)

    # Permits, for those who drive a call themselves

    def try_acquire(self) -> Permit | None:
        """A permit if one is free, else None."""
        permit = Permit()
        with self._lock:
            free = self.rules.enter_needs_lock(permit, False)
        return permit if free else None

    async def acquire(self, *, timeout: float | None = None) -> Permit:
        """A permit, perhaps after a wait. Whoever gets one must :meth:`release` it.

        Await it directly: between a task of its own and the one that awaits that task, a
        permit could be lost to a cancellation.

        Args:
            timeout: The longest to wait, in seconds, if that is less than ``max_wait``.

        Raises:
            BulkheadException: All permits are out, and the queue is full or the wait too long;
                no wait goes past the current deadline.
        """
        permit = self.try_acquire()
        if permit is not None:
            return permit
        return await self.wait("", least(timeout, self._time_left()))

    def acquire_sync(self, *, timeout: float | None = None) -> Permit:
        """The same in synchronous code: it blocks the thread."""
        permit = self.try_acquire()
        if permit is not None:
            return permit
        return self.wait_sync("", least(timeout, self._time_left()))

    def release(self, permit: Permit) -> None:
        """Give a permit back. A second time is ignored."""
        self._serve(permit)

    def _serve(self, permit: Permit | None = None) -> None:
        """Wake those whose turn has come, after a permit came back."""
        while True:
            with self._lock:
                heir = self.rules.leave_needs_lock(permit)
            if heir is None:
                return
            try:
                assert heir.wake is not None  # it has waited
                heir.wake()
            except RuntimeError:  # its event loop is closed: the call will never run
                permit = heir

    # The two ways to wait

    async def wait(self, operation: str, left: float | None) -> Permit:
        """A permit, from the end of the queue; for stages.

        Args:
            operation: For the event of a refusal.
            left: The longest to wait, in seconds, if that is less than ``max_wait``.

        Raises:
            BulkheadException: The queue is full, or the wait was too long.
        """
        seconds = least(self._max_wait, left)
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        permit = Permit(lambda: loop.call_soon_threadsafe(_finish, future))
        started = self._queue(operation, permit, seconds)
        timer = None
        try:
            if permit.held:
                return permit
            if seconds is not None:
                timer = loop.call_later(seconds, _finish, future)
            await future
        except BaseException:  # cancelled or dropped: perhaps with the permit in hand
            self.release(permit)
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return self._settle(operation, permit, started)

    def wait_sync(self, operation: str, left: float | None) -> Permit:
        """The same in synchronous code."""
        seconds = least(self._max_wait, left)
        gate = threading.Lock()  # not an Event: the collector may wake a thread from inside it
        gate.acquire()
        permit = Permit(gate.release)
        started = self._queue(operation, permit, seconds)
        try:
            if permit.held:
                return permit
            self._block(gate, None if seconds is None else started + seconds)
        except BaseException:
            self.release(permit)
            raise
        return self._settle(operation, permit, started)

    def _queue(self, operation: str, permit: Permit, seconds: float | None) -> float:
        """Put a permit into the queue. The time; raises if there is no place."""
        may_wait = seconds is None or seconds > 0
        started = self._clock.monotonic()
        with self._lock:
            entered = self.rules.enter_needs_lock(permit, may_wait)
        if not permit.held:
            self._serve()  # a permit that was lost may be there for those who have waited
        if not entered:
            raise self._refusal(operation, None)
        return started

    def _block(self, gate: threading.Lock, until: float | None) -> None:
        clock = self._clock
        longest = threading.TIMEOUT_MAX if clock is SYSTEM_CLOCK else _POLL
        while True:
            left = longest if until is None else min(until - clock.monotonic(), longest)
            if left <= 0 or gate.acquire(timeout=left):
                return

    def _settle(self, operation: str, permit: Permit, started: float) -> Permit:
        """After the wait: the permit, if it has come."""
        with self._lock:
            in_vain = self.rules.withdraw_needs_lock(permit)
            if in_vain:  # unless one was lost meanwhile
                in_vain = not self.rules.enter_needs_lock(permit, False)
        if in_vain:
            raise self._refusal(operation, self._clock.monotonic() - started)
        return permit

    def _refusal(self, operation: str, waited: float | None) -> BulkheadException:
        policy, rules = self.policy, self.rules
        with self._lock:
            rules.refuse_needs_lock()
            running, waiting = rules.held, rules.waiting
        text = "Bulkhead is full" + (f": {self.name}" if self.name else "")
        text += f" ({running} of {policy.max_concurrent} calls under way"
        if policy.max_queue:
            text += f", {waiting} of {policy.max_queue} waiting"
        text += ")" if waited is None else f"; gave up after {waited:.3g} s in the queue)"
        refusal = BulkheadException(text, name=self.name)
        tell_refusal(self.events, operation, self._clock, "bulkhead", refusal)
        return refusal

    def _time_left(self) -> float | None:
        return time_left(self._clock, self._clock.monotonic())

    @property
    def _max_wait(self) -> float | None:
        longest = self.policy.max_wait
        return None if longest is None else longest.total_seconds()

    # Blocks

    async def __aenter__(self) -> None:
        self._entered.append(await self.acquire())

    async def __aexit__(self, *_: object) -> None:
        self.release(self._entered.pop())  # any will do: they are alike, and each is there once

    def sync(self) -> SyncBlock:
        """For ``with bulkhead.sync():`` in synchronous code."""
        return SyncBlock(self)

    # What Guard asks for

    async def _enter(self) -> Permit:
        return await self.acquire()

    def _enter_sync(self) -> Permit:
        return self.acquire_sync()

    def _succeeded(self, lease: Permit) -> None:
        self.release(lease)

    def _failed(self, lease: Permit, error: BaseException) -> None:
        self.release(lease)

    def _misused(self, lease: Permit) -> None:
        self.release(lease)

    def describe(self) -> str:
        """The settings in one line."""
        policy = self.policy
        text = f"{self.name}: " if self.name else ""
        text += f"{policy.max_concurrent} at once"
        if not policy.max_queue:
            return f"{text}, none waits"
        longest = "" if policy.max_wait is None else f" up to {policy.max_wait.total_seconds():g} s"
        return f"{text}, {policy.max_queue} may wait{longest}"

    def __repr__(self) -> str:
        name = f"{self.name!r} " if self.name else ""
        rules = self.rules
        return (
            f"<Bulkhead {name}{rules.held} of {self.policy.max_concurrent}, {rules.waiting} wait>"
        )


class SyncBlock:
    """A ``with`` block that holds a permit. May be entered again, also inside itself."""

    __slots__ = ("_bulkhead", "_entered")

    def __init__(self, bulkhead: Bulkhead) -> None:
        self._bulkhead = bulkhead
        self._entered: list[Permit] = []

    def __enter__(self) -> None:
        self._entered.append(self._bulkhead.acquire_sync())

    def __exit__(self, *_: object) -> None:
        self._bulkhead.release(self._entered.pop())


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
