"""The facts of one call, which its stages share.

A *call* is what a caller waits for; an *attempt* is one try of it. One :class:`Call` is made
per call and passed through the pipeline; each stage reads what it needs and writes what the
stages inside it have to know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from pyfly.kernel.exceptions import DeadlineExceededException
from pyfly.kernel.record import Record
from pyfly.resilience.clock import Clock
from pyfly.resilience.events import DeadlineExceeded, Events

_LATE = 1.0
"""Seconds after its end at which a process that runs has told of a timeout."""


class CallAdmission(Protocol):
    """Permission for a call, as a circuit breaker gave it."""

    @property
    def stands(self) -> bool:
        """Whether the call may go on: the circuit has not changed since, or is closed again."""
        ...

    @property
    def probe(self) -> bool:
        """Whether the circuit was half-open: this call decides on it."""
        ...


class Expiry(Protocol):
    """The timer that cancels a call at its deadline."""

    def claims(self) -> bool:
        """After a ``CancelledError``: take it back and say True if it was the timer's alone."""
        ...


class AttemptRecord(Record):
    """One attempt that has ended: ``error`` is None if it succeeded. Spans in seconds.

    ``delay_before`` is the back-off that was waited before it.
    """

    number: int
    error: BaseException | None
    started: float
    duration: float
    delay_before: float


class Call:
    """One call and all its attempts. Mutable; belongs to the task or thread that makes it.

    Attributes:
        operation: What is called, for people: ``"Inventory.product"``.
        payload: What to send; the stages here never look at it.
        clock: The clock of every time below.
        events: Whom to tell.
        deadline: When the call has to be done, absolute on the clock; None: no deadline.
        deadline_source: ``"total timeout"`` or ``"caller"``, whichever ends first; None without.
        expiry: The timer behind the deadline, where one runs.
        attempt: 0 before the first attempt, then 1, 2, …
        hedge: 0 for an attempt itself; 1, 2, … for the hedges sent beside it.
        attempts_allowed: How many attempts this call may make; 1 without retries.
        pauses: Seconds that the pauses between its attempts add up to, at most.
        attempt_started: When the attempt under way began; None between attempts. Who makes a call
            may have begun the first one.
        attempt_deadline: When that attempt has to be done; the port may honour it.
        attempt_timeout: The span that each attempt of this call may take, in seconds, instead of
            the one set for all calls; None: that one.
        single_attempt: Why there must be no second attempt and no hedge; None: there may.
        against_retry: Asks the retry stage why no attempt may follow an error (budget and
            deadline apart), None: one may. None without retries.
        repeats: Asks the retry stage whether a returned value leads to another attempt (budget
            and deadline apart). None unless there are retries on results.
        admission: What the circuit breaker let this call pass with; who makes a call may have
            asked already.
        history: The failed attempts, and the success that followed them. A call that
            succeeds at the first attempt leaves it empty.
        streak: The failures in a row that the circuit breaker counted the first attempt to.
        on_close: None for a call that is over when it returns. A call that returns a stream has
            a list here: a stage that holds something per attempt, such as a permit, puts what
            gives it back there after a success, instead of giving it back.
        started: When the call was made.
    """

    __slots__ = (
        "admission",
        "against_retry",
        "attempt",
        "attempt_deadline",
        "attempt_started",
        "attempt_timeout",
        "attempts_allowed",
        "clock",
        "deadline",
        "deadline_source",
        "events",
        "expiry",
        "hedge",
        "history",
        "on_close",
        "operation",
        "pauses",
        "payload",
        "repeats",
        "single_attempt",
        "started",
        "streak",
    )

    def __init__(
        self,
        operation: str,
        payload: Any,
        *,
        clock: Clock,
        events: Events,
        deadline: float | None = None,
        single_attempt: str | None = None,
    ) -> None:
        self.operation = operation
        self.payload = payload
        self.clock = clock
        self.events = events
        self.deadline = deadline
        self.deadline_source: str | None = None if deadline is None else "caller"
        self.expiry: Expiry | None = None
        self.attempt = 0
        self.hedge = 0
        self.attempts_allowed = 1
        self.pauses = 0.0
        self.attempt_started: float | None = None
        self.attempt_deadline: float | None = None
        self.attempt_timeout: float | None = None
        self.single_attempt = single_attempt
        self.against_retry: Callable[[Call, Exception], str | None] | None = None
        self.repeats: Callable[[Call, Any], bool] | None = None
        self.admission: CallAdmission | None = None
        self.streak: object = None
        self.history: list[AttemptRecord] = []
        self.on_close: list[Callable[[], None]] | None = None
        self.started = clock.monotonic()

    def fork(self) -> Call:
        """Returns a copy for work that runs beside others of this call, in a task of its own.

        It has no attempt deadline yet, and no timer: that one cancels the task that set it.
        """
        twin = Call.__new__(Call)
        for name in Call.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.attempt_deadline = twin.expiry = None
        return twin

    @property
    def stood_still(self) -> bool:
        """Whether nobody ran for a while: the time that passed proves nothing.

        A process that was stopped, or a machine that slept, tells of an end long after it. The
        answer may be there, unread.
        """
        end = self.deadline if self.attempt_deadline is None else self.attempt_deadline
        return end is not None and self.clock.monotonic() > end + _LATE

    def __repr__(self) -> str:  # never the payload: it may hold secrets
        return f"<Call {self.operation} attempt {self.attempt} of {self.attempts_allowed}>"


Handler: TypeAlias = Callable[[Call], Awaitable[Any]]
"""Does a call, or a part of it."""
SyncHandler: TypeAlias = Callable[[Call], Any]
"""The same in synchronous code."""


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
