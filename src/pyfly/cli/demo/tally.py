"""What the client's events add up to. Every number of the demo comes from here."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pyfly.client import (
    CircuitBreakerException,
    CircuitState,
    ConnectException,
    HttpStatusException,
    TransportException,
)
from pyfly.resilience import (
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    CallFailed,
    CallStarted,
    CallSucceeded,
    CircuitTransition,
    Event,
    RetrySuppressed,
)

REFUSED = "circuit open"


class Ended(NamedTuple):
    """A call or an attempt that is over.

    Attributes:
        started: Seconds since the demo began.
        ended: Likewise.
        failure: What kind of failure it was; None if it succeeded.
        number: Of a call, the attempts it made; of an attempt, which of its call's it was.
    """

    started: float
    ended: float
    failure: str | None
    number: int

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.ended - self.started


class Transition(NamedTuple):
    """A change of the circuit's state, at a time in seconds."""

    at: float
    old: CircuitState
    new: CircuitState
    reason: str


class Stretch(NamedTuple):
    """A time in which the circuit stayed in one state."""

    start: float
    end: float
    state: CircuitState


class DemoTally:
    """A listener that keeps what happened, with times relative to ``origin``.

    Attributes:
        calls_started: When each call began.
        calls: The calls that have ended, in that order.
        attempts_started: When each attempt began.
        retries_started: When each attempt after the first of its call began.
        attempts: The attempts that have ended, in that order.
        suppressed: Retries that were not made, by reason.
        suppressed_at: When each of them was not made.
        transitions: What the circuit did.
    """

    only = (
        CallStarted,
        CallSucceeded,
        CallFailed,
        AttemptStarted,
        AttemptSucceeded,
        AttemptFailed,
        RetrySuppressed,
        CircuitTransition,
    )

    def __init__(self, origin: float) -> None:
        self.origin = origin
        self.calls_started: list[float] = []
        self.calls: list[Ended] = []
        self.attempts_started: list[float] = []
        self.retries_started: list[float] = []
        self.attempts: list[Ended] = []
        self.suppressed: Counter[str] = Counter()
        self.suppressed_at: list[float] = []
        self.transitions: list[Transition] = []
        self.call_outcomes: Counter[str | None] = Counter()
        self.attempt_outcomes: Counter[str | None] = Counter()

    def __call__(self, event: Event, /) -> None:
        """Take note of an event."""
        at = event.at - self.origin
        match event:
            case CallStarted():
                self.calls_started.append(at)
            case CallSucceeded():
                self._call(at, event.duration, None, event.attempts)
            case CallFailed():
                self._call(at, event.duration, event.error, event.attempts)
            case AttemptStarted():
                self.attempts_started.append(at)
                if event.attempt > 1:
                    self.retries_started.append(at)
            case AttemptSucceeded():
                self._attempt(at, event.duration, None, event.attempt)
            case AttemptFailed():
                self._attempt(at, event.duration, event.error, event.attempt)
            case RetrySuppressed():
                self.suppressed[event.reason] += 1
                self.suppressed_at.append(at)
            case CircuitTransition():
                self.transitions.append(Transition(at, event.old, event.new, event.reason))
            case _:
                pass  # a kind that is not asked for

    def _call(self, at: float, duration: float, error: BaseException | None, number: int) -> None:
        ended = Ended(at - duration, at, kind_of(error), number)
        self.calls.append(ended)
        self.call_outcomes[ended.failure] += 1

    def _attempt(
        self, at: float, duration: float, error: BaseException | None, number: int
    ) -> None:
        ended = Ended(at - duration, at, kind_of(error), number)
        self.attempts.append(ended)
        self.attempt_outcomes[ended.failure] += 1

    # Answers

    @property
    def succeeded(self) -> int:
        """Calls that returned a value."""
        return self.call_outcomes[None]

    @property
    def refused(self) -> int:
        """Calls that the circuit breaker did not let pass."""
        return self.call_outcomes[REFUSED]

    @property
    def failed(self) -> int:
        """Calls that failed, refused ones aside."""
        return len(self.calls) - self.succeeded - self.refused

    @property
    def in_flight(self) -> int:
        """Calls that have not ended."""
        return len(self.calls_started) - len(self.calls)

    @property
    def state(self) -> CircuitState:
        """Of the circuit, as of its last transition."""
        return self.transitions[-1].new if self.transitions else CircuitState.CLOSED

    def stretches(self, until: float) -> list[Stretch]:
        """The circuit's states one after the other, from 0 to ``until``."""
        found: list[Stretch] = []
        start, state = 0.0, CircuitState.CLOSED
        for transition in self.transitions:
            found.append(Stretch(start, transition.at, state))
            start, state = transition.at, transition.new
        return [*found, Stretch(start, max(until, start), state)]

    def answered_since(self, since: float) -> list[Ended]:
        """The calls that succeeded after a time."""
        first = bisect_left(self.calls, since, key=lambda call: call.ended)
        return [call for call in self.calls[first:] if call.failure is None]


def kind_of(error: BaseException | None) -> str | None:
    """A failure in a word or two; None for none."""
    if error is None:
        return None
    if isinstance(error, CircuitBreakerException):
        return REFUSED
    if isinstance(error, HttpStatusException):
        return f"status {error.status_code}"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ConnectException):
        return "no connection"
    if isinstance(error, TransportException):
        return "connection lost"
    return type(error).__name__


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that this share of all does not exceed; None without values."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[min(int(share * len(ranked)), len(ranked) - 1)]
