"""The flights of one ``SingleFlight``, and what its two drivers share."""

from __future__ import annotations

from collections.abc import Hashable
from contextvars import ContextVar
from typing import TypeVar, cast

from pyfly.kernel.exceptions import DeadlineExceededException
from pyfly.kernel.fork import ForkAware
from pyfly.resilience.call import CALLER, Call, deadline_exceeded
from pyfly.resilience.events import Event
from pyfly.resilience.single_flight.state import Flight, Flights

E = TypeVar("E", bound=BaseException)
F = TypeVar("F", bound=Flight)

_marks: ContextVar[tuple[object, ...]] = ContextVar("pyfly_single_flight", default=())


class FlightJoined(Event):
    """A call found another one with its key under way, and waits for that one's answer."""


class Table(ForkAware):
    """The rules of :mod:`.state` with a lock."""

    __slots__ = ("_flights",)

    def __init__(self) -> None:
        self._flights = Flights()
        super().__init__()

    def after_fork(self) -> None:
        super().after_fork()
        self._flights = Flights()

    def __len__(self) -> int:
        return len(self._flights)

    def join(self, flight: F) -> F:
        """The flight to wait for: another one with the same key, else the one given."""
        with self._lock:  # flights of one home are all of one class
            return cast(F, self._flights.join_needs_lock(flight))

    def leave(self, flight: Flight) -> bool:
        """Wait no more. True: nobody does."""
        with self._lock:
            return self._flights.leave_needs_lock(flight)

    def close(self, flight: Flight) -> None:
        """The flight has ended."""
        with self._lock:
            self._flights.close_needs_lock(flight)


def board(flight: Flight) -> None:
    """Note in the current context that the flight is made here."""
    _marks.set((*_marks.get(), flight.mark))


def aboard(flight: Flight) -> bool:
    """Whether the flight is made here, so that waiting for it would never end."""
    return flight.mark in _marks.get()


def usable_key(key: Hashable, owner: str) -> Hashable:
    """The key, if it can be one."""
    try:
        hash(key)
    except TypeError:
        raise TypeError(
            f"{owner}: the key must be hashable, or None for a call of its own, and is a "
            f"{type(key).__name__}: build a tuple of strings and numbers"
        ) from None
    return key


def tell_joined(call: Call) -> None:
    """Tell listeners that a call waits for another one's answer."""
    if call.events.on:
        call.events.emit(FlightJoined(call.operation, call.clock.monotonic()))


def take_over_facts(call: Call, flown: Call) -> None:
    """What the shared call went through is what each of its callers went through."""
    call.attempt = flown.attempt
    call.attempts_allowed = flown.attempts_allowed
    call.history = flown.history


def out_of_time(call: Call) -> DeadlineExceededException:
    """The error of a caller who cannot wait longer, told to the listeners."""
    now = call.clock.monotonic()
    when = "while it waited for an answer that calls with its key share"
    return deadline_exceeded(call, now, max(now - call.started, 0.0), CALLER, when)


def copied(error: E) -> E:
    """A copy with the same traceback, cause and notes; what cannot be copied is returned as is.

    Each caller gets one of its own: each raise adds to a traceback, and whoever catches an
    exception may add notes, a cause or attributes.
    """
    from copy import copy  # who never fails does not pay for its import

    try:
        twin = copy(error)
        if type(twin) is not type(error) or str(twin) != str(error):
            return error
        twin.__cause__ = error.__cause__
        twin.__context__ = error.__context__
        twin.__suppress_context__ = error.__suppress_context__
        notes = getattr(error, "__notes__", None)
        if notes is not None:
            twin.__notes__ = list(notes)
        return twin.with_traceback(error.__traceback__)
    except Exception:  # a constructor with arguments of its own, a __str__ that raises, …
        return error
