"""Timeouts in a pipeline: one bounds the whole call, one each attempt.

Both measure on the call's clock and set timers on the running loop for the time that is left,
so a virtual clock has to advance with ``loop.time()``. Synchronous code cannot be
interrupted: there the port has to honour ``call.attempt_deadline``, and an attempt that would
start after the deadline is not made.
"""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from typing import Any

from pyfly.kernel.exceptions import AttemptTimeoutException, DeadlineExceededException
from pyfly.resilience._checks import finite_number
from pyfly.resilience.call import Call, Handler, SyncHandler, at_deadline
from pyfly.resilience.deadlines import deadline_on
from pyfly.resilience.timeout.state import attempt_end, call_end


class Alarm:
    """Cancels the current task after a span, as :func:`asyncio.timeout` does, but can be asked
    further inside whether a ``CancelledError`` is its own. One timer so serves the whole call.

    Whoever makes one must call :meth:`disarm` at the end, in the same task.

    Args:
        seconds: How far ahead on ``loop.time()``; not positive: in the next turn of the loop.

    Raises:
        RuntimeError: There is no running task.
    """

    __slots__ = ("_cancelling", "_fired", "_handle", "_settled", "_task")

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a timeout needs a task: start the call with asyncio.run()")
        self._task = task
        self._cancelling = task.cancelling()  # what others had asked for before
        self._fired = False
        self._settled = False
        loop = task.get_loop()
        self._handle = loop.call_at(loop.time() + max(seconds, 0.0), self._fire)

    def _fire(self) -> None:
        self._fired = True
        self._task.cancel()

    def claims(self) -> bool:
        """After a ``CancelledError``: take back this timer's cancellation.

        True if there was no other: the task goes on, and the caller raises a timeout. False:
        somebody else cancelled the task too, or only somebody else; let it pass.
        """
        if not self._fired or self._settled or asyncio.current_task() is not self._task:
            return False
        self._settled = True
        return self._task.uncancel() <= self._cancelling

    def disarm(self) -> None:
        """Stop the timer; a cancellation that the task no longer saw is taken back."""
        self._handle.cancel()
        if self._fired and not self._settled:
            self._settled = True
            self._task.uncancel()


class TotalTimeoutStage:
    """Bounds a call with its attempts and pauses, and holds it to the deadline around it.

    It sets ``call.deadline`` to the nearest of that, the one from
    :class:`~pyfly.resilience.deadlines.deadline` and its own.

    Args:
        seconds: The total timeout; None: only the deadlines of others.
    """

    name = "total deadline"

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = _seconds(type(self).__name__, seconds)

    def wrap(self, inner: Handler) -> Handler:
        async def total_deadline(call: Call) -> Any:
            left = self._time_left(call)
            if left is None:
                return await inner(call)
            call.expiry = alarm = Alarm(left)
            try:
                return await inner(call)
            except CancelledError as error:
                if alarm.claims():
                    raise _deadline_exceeded(call) from error
                raise
            finally:
                alarm.disarm()

        return total_deadline

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        def total_deadline(call: Call) -> Any:
            self._time_left(call)
            return inner(call)

        return total_deadline

    def _time_left(self, call: Call) -> float | None:
        """Set the deadline; seconds until then, or None without one.

        Raises if it has passed, unless an attempt is under way: its end tells.
        """
        clock = call.clock
        own = None if self.seconds is None else clock.monotonic() + self.seconds
        end, source = call_end(call.deadline, deadline_on(clock), own)
        if end is None:
            return None
        call.deadline, call.deadline_source = end, source
        left = end - clock.monotonic()
        if left <= 0 and call.attempt_started is None:
            raise _deadline_exceeded(call)
        return left

    def describe(self) -> str:
        own = "none of its own" if self.seconds is None else f"{self.seconds:g} s"
        return f"{own}, or the caller's deadline if that is nearer"


class AttemptTimeoutStage:
    """Bounds each attempt by its timeout and the call's deadline.

    It sets ``call.attempt_deadline``, which ports may honour themselves.

    Args:
        seconds: The timeout of one attempt; None: only the call's deadline. A call may bring
            its own (``call.attempt_timeout``).
        port_bounds: Whether the port ends an attempt at ``call.attempt_deadline`` with an
            ``AttemptTimeoutException``; then no timer is set here.
    """

    name = "attempt timeout"

    def __init__(self, seconds: float | None, port_bounds: bool = False) -> None:
        self.seconds = _seconds(type(self).__name__, seconds)
        self.port_bounds = port_bounds

    def wrap(self, inner: Handler) -> Handler:
        async def attempt_timeout(call: Call) -> Any:
            alarm = self._alarm(call, self._begin(call))
            try:
                return await inner(call)
            except CancelledError as error:
                if alarm is not None and alarm.claims():
                    raise self._timed_out(call) from error
                if call.expiry is not None and call.expiry.claims():
                    raise _deadline_exceeded(call) from error
                raise
            except AttemptTimeoutException as error:
                if _deadline_was_nearer(call):
                    raise _deadline_exceeded(call) from error
                raise
            finally:
                if alarm is not None:
                    alarm.disarm()

        return attempt_timeout

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        def attempt_timeout(call: Call) -> Any:
            self._begin(call)
            try:
                return inner(call)
            except AttemptTimeoutException as error:
                if _deadline_was_nearer(call):
                    raise _deadline_exceeded(call) from error
                raise

        return attempt_timeout

    def _begin(self, call: Call) -> float:
        """Set the end of the attempt; the time now. Raises if the call's deadline has passed."""
        now = call.clock.monotonic()
        if call.attempt_deadline is not None:  # an attempt that is under way has its end
            return now
        if call.deadline is not None and call.deadline <= now:
            raise _deadline_exceeded(call)
        call.attempt_deadline = attempt_end(now, self._span(call), call.deadline)
        return now

    def _span(self, call: Call) -> float | None:
        """Returns the timeout of an attempt: the call's own, else the one set here."""
        return self.seconds if call.attempt_timeout is None else call.attempt_timeout

    def _alarm(self, call: Call, now: float) -> Alarm | None:
        end = call.attempt_deadline
        if end is None or self.port_bounds:
            return None
        if end == call.deadline and call.expiry is not None:
            return None  # the timer of the whole call is set for then
        return Alarm(end - now)

    def _timed_out(self, call: Call) -> AttemptTimeoutException | DeadlineExceededException:
        span = self._span(call)
        if call.attempt_deadline == call.deadline or span is None:
            return _deadline_exceeded(call)
        return AttemptTimeoutException(
            f"{call.operation}: attempt {call.attempt or 1} took longer than {span:g} s",
            timeout=span,
        )

    def describe(self) -> str:
        own = "none of its own" if self.seconds is None else f"{self.seconds:g} s"
        return f"{own}, kept by the port" if self.port_bounds else own


def _deadline_was_nearer(call: Call) -> bool:
    deadline = call.deadline
    if deadline is None:
        return False
    return call.attempt_deadline == deadline or deadline <= call.clock.monotonic()


def _deadline_exceeded(call: Call) -> DeadlineExceededException:
    when = f"during attempt {call.attempt}" if call.attempt else "before the first attempt"
    return at_deadline(call, when)


def _seconds(owner: str, seconds: float | None) -> float | None:
    if seconds is None:
        return None
    return finite_number(owner, "seconds", seconds, 0.0, above=True)
