"""The error of a call that is out of time, told to its listeners."""

from __future__ import annotations

from pyfly.kernel.exceptions import DeadlineExceededException
from pyfly.resilience.call import Call
from pyfly.resilience.events import DeadlineExceeded

CALLER = "caller"
TOTAL_TIMEOUT = "total timeout"


def at_deadline(call: Call, when: str) -> DeadlineExceededException:
    """Returns the error of a call whose own deadline has come.

    Args:
        call: The call. A timer may fire a moment early: that moment is no room for another
            attempt, so its deadline is now.
        when: What it was doing.
    """
    now = call.clock.monotonic()
    deadline = now if call.deadline is None else call.deadline
    call.deadline = min(deadline, now)
    allowed = max(deadline - call.started, 0.0)
    return deadline_exceeded(call, now, allowed, call.deadline_source, when)


def deadline_exceeded(
    call: Call, now: float, allowed: float, source: str | None, when: str
) -> DeadlineExceededException:
    """Returns the error of a call, or of one who waits for it.

    Args:
        call: The call.
        now: The time.
        allowed: How long it had, in seconds.
        source: Whose deadline it was, :data:`TOTAL_TIMEOUT` or :data:`CALLER`.
        when: What it was doing.
    """
    if call.events.on:
        call.events.emit(DeadlineExceeded(call.operation, now))
    whose = "its total timeout" if source == TOTAL_TIMEOUT else "the caller's deadline"
    return DeadlineExceededException(
        f"{call.operation}: not done within {allowed:.3g} s, {whose} ({when})",
        context={"deadline_source": source},
        timeout=allowed,
    )
