"""What happened during a call, as immutable records, and who hears of it.

An event is made only when somebody listens. A listener is a function of one argument; it
runs where the event happened (in the task or thread of the call, never under a lock), so it
has to be quick. A listener that raises is logged, and the call goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto
from inspect import CO_COROUTINE
from typing import Any, Protocol, TypeVar, overload

from pyfly.kernel.fork import ForkAware
from pyfly.kernel.record import Record

_logger = logging.getLogger("pyfly.resilience.events")
_logger.addHandler(logging.NullHandler())


class CircuitState(Enum):
    """Where a circuit breaker stands."""

    CLOSED = auto()
    """Calls pass."""
    OPEN = auto()
    """Calls are refused at once."""
    HALF_OPEN = auto()
    """A limited number of calls pass, to see whether the other side has recovered."""


class Event(Record):
    """Something that happened. ``at`` is on the monotonic clock, durations are seconds."""

    operation: str
    at: float


class CallStarted(Event):
    """A call began; its attempts follow."""


class CallSucceeded(Event):
    """A call returned a value."""

    attempts: int
    duration: float


class CallFailed(Event):
    """A call raised, whatever its attempts did."""

    error: BaseException
    attempts: int
    duration: float


class AttemptStarted(Event):
    """One try began; the first is number 1."""

    attempt: int


class AttemptSucceeded(Event):
    """One try returned a value."""

    attempt: int
    duration: float


class AttemptFailed(Event):
    """One try raised, or was cancelled."""

    attempt: int
    error: BaseException
    duration: float


class RetryScheduled(Event):
    """Attempt ``attempt`` failed, and another follows after ``delay`` seconds."""

    attempt: int
    delay: float
    error: Exception


class RetrySuppressed(Event):
    """Attempt ``attempt`` failed, more were allowed, yet none follows, for ``reason``."""

    attempt: int
    reason: str
    error: Exception


class BudgetEmpty(Event):
    """A retry or a hedge was not sent because the retry budget had no token left."""


class HedgeSent(Event):
    """An attempt had no answer ``after`` seconds, and was sent once more beside itself.

    In all events of hedges, ``attempt`` is the attempt that is hedged, and ``hedge`` the number
    of the hedge beside it, from 1.
    """

    attempt: int
    hedge: int
    after: float


class HedgeWon(Event):
    """A hedge brought the answer, before the attempt it was sent beside."""

    attempt: int
    hedge: int
    duration: float


class HedgeFailed(Event):
    """A hedge raised; the others go on. The exception that a call raises is its attempt's own."""

    attempt: int
    hedge: int
    error: Exception
    duration: float


class HedgeSuppressed(Event):
    """An attempt had no answer in time, yet no hedge was sent, for ``reason``."""

    attempt: int
    reason: str


class CircuitTransition(Event):
    """A circuit breaker went from one state to another."""

    name: str | None
    old: CircuitState
    new: CircuitState
    reason: str


class PermitRefused(Event):
    """A policy (``"circuit breaker"``, …) let a call not pass. Nothing was sent."""

    policy: str
    name: str | None
    retry_after: float | None


class LimitChanged(Event):
    """An adaptive limiter now lets another number of calls run at once."""

    name: str | None
    old: int
    new: int


class RefusalWithheld(Event):
    """A policy that only observes let a call pass that it would have refused."""

    policy: str
    name: str | None
    retry_after: float | None


class DeadlineExceeded(Event):
    """The deadline of a call passed before the call was done."""


_OF_SUCCESSES = (CallStarted, AttemptStarted, AttemptSucceeded, CallSucceeded)

E = TypeVar("E", bound=Event)


class Listener(Protocol):
    """Hears of events: any function of one argument.

    An attribute ``only: tuple[type[Event], ...]`` limits what it is called for.
    """

    def __call__(self, event: Event, /) -> object:
        """Take note of an event."""
        ...


class Events(ForkAware):
    """A set of listeners. Several threads may use it.

    Attributes:
        on: Whether anybody listens at all.
        hears_successes: Whether anybody hears of calls and attempts that begin or succeed.
    """

    __slots__ = ("_listeners", "_wanted", "hears_successes", "on")

    def __init__(self, listeners: Iterable[Listener] = ()) -> None:
        super().__init__()
        self._listeners: tuple[tuple[Listener, tuple[type[Event], ...]], ...] = ()
        self._wanted: dict[type[Event], bool] = {}
        self.on = self.hears_successes = False
        for listener in listeners:
            self.subscribe(listener)

    def subscribe(
        self, listener: Listener, only: tuple[type[Event], ...] | None = None
    ) -> Callable[[], None]:
        """Add a listener; call the returned function to remove it again.

        Args:
            listener: Called with each event.
            only: The kinds of events it is called for; default: its own attribute ``only``,
                else all of them.

        Raises:
            TypeError: The listener cannot be called, or is an ``async def``.
        """
        _check_listener(listener)
        entry = (listener, only or getattr(listener, "only", None) or (Event,))
        with self._lock:
            self._replace((*self._listeners, entry))

        def unsubscribe() -> None:
            with self._lock:
                self._replace(tuple(e for e in self._listeners if e is not entry))

        return unsubscribe

    def _replace(self, listeners: tuple[tuple[Listener, tuple[type[Event], ...]], ...]) -> None:
        self._listeners = listeners
        self._wanted = {}  # a new one: a reader that computed from the old listeners fills the old
        self.on = bool(listeners)
        self.hears_successes = any(map(self.wants, _OF_SUCCESSES))

    def wants(self, kind: type[Event]) -> bool:
        """Returns whether a listener would be called for this kind of event."""
        wanted = self._wanted
        answer = wanted.get(kind)
        if answer is None:
            answer = wanted[kind] = any(issubclass(kind, only) for _, only in self._listeners)
        return answer

    def emit(self, event: Event) -> None:
        """Tell every listener that wants it."""
        for listener, only in self._listeners:
            if isinstance(event, only):
                try:
                    listener(event)
                except Exception:
                    _logger.exception(
                        "A listener raised; the call goes on",
                        extra={"listener": _name_of(listener), "event": type(event).__name__},
                    )


def _check_listener(listener: Any) -> None:
    if not callable(listener):
        raise TypeError(
            f"a listener is a function of one argument, the event; "
            f"{type(listener).__name__} cannot be called"
        )
    function = listener if hasattr(listener, "__code__") else getattr(listener, "__call__", None)  # noqa: B004 - the method itself is wanted, not whether there is one
    code = getattr(function, "__code__", None)
    if code is not None and code.co_flags & CO_COROUTINE:
        raise TypeError(
            f"the listener {_name_of(listener)} is `async def`, and nobody would await it: "
            "write a plain function that puts the event into a queue"
        )


def _name_of(listener: Any) -> str:
    return str(getattr(listener, "__qualname__", type(listener).__qualname__))


class History:
    """A listener that keeps what it hears, for tests to read.

    Args:
        only: The kinds of events to keep; default: all.

    Attributes:
        events: The events, oldest first.
    """

    def __init__(self, *only: type[Event]) -> None:
        self.only = only
        self.events: list[Event] = []

    def __call__(self, event: Event, /) -> None:
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """Returns the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def names(self) -> list[str]:
        """Returns the kinds of the events, in order."""
        return [type(event).__name__ for event in self.events]

    def clear(self) -> None:
        """Forget everything."""
        self.events.clear()

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[Event]:
        return iter(tuple(self.events))

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        return self.events[index]

    def __bool__(self) -> bool:  # a listener stays one while it has heard nothing
        return True

    def __repr__(self) -> str:
        return f"History({self.events!r})"
