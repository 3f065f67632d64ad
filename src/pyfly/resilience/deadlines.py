"""The deadline that calls inherit from the code around them.

It lives in one context variable, so that each task and each thread has its own, and tasks
inherit it from the task that starts them. Setting it interrupts nothing by itself: the calls
made under it end in time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar, Token
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Literal, get_args

from pyfly.resilience.clock import SYSTEM_CLOCK, Clock


class End:
    """A point in time on a clock."""

    __slots__ = ("at", "clock")

    def __init__(self, at: float, clock: Clock) -> None:
        self.at = at
        self.clock = clock

    def on(self, clock: Clock) -> float:
        """The same point on another clock: as far ahead as it is on its own."""
        if clock is self.clock:
            return self.at
        return clock.monotonic() + (self.at - self.clock.monotonic())


_current: ContextVar[End | None] = ContextVar("pyfly_deadline", default=None)

#: The deadline around, None without one; the cheapest way to know.
enclosing_deadline: Callable[[], End | None] = _current.get


def current_deadline() -> float | None:
    """When the calls made here have to be done, as a time of ``time.monotonic()``; or None."""
    return deadline_on(SYSTEM_CLOCK)


def deadline_on(clock: Clock) -> float | None:
    """Returns the current deadline as a time of ``clock``, or None without one."""
    end = _current.get()
    return None if end is None else end.on(clock)


def time_left(clock: Clock, now: float) -> float | None:
    """Seconds until the current deadline (negative: it has passed), or None without one.

    Args:
        clock: The asker's clock.
        now: The time on it.
    """
    end = deadline_on(clock)
    return None if end is None else end - now


class _Scope:
    """Sets the variable while a ``with`` block runs. Not to be entered twice at a time."""

    __slots__ = ("_end", "_token")

    def __init__(self) -> None:
        self._token: Token[End | None] | None = None
        self._end: End | None = None

    def _new_end(self) -> End | None:
        return None

    def __enter__(self) -> None:
        if self._token is not None:
            raise RuntimeError(
                f"this {type(self).__name__}() block is entered already: make one for each `with`"
            )
        self._end = self._new_end()
        self._token = _current.set(self._end)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        token, self._token = self._token, None
        if token is None:
            return
        try:
            _current.reset(token)
        except ValueError:  # left in another context: of a generator, a fixture, a callback
            if _current.get() is self._end:  # a copy of the context in which it was entered
                _current.set(None if token.old_value is Token.MISSING else token.old_value)


class deadline(_Scope):
    """Gives the calls made in a ``with`` block so long in all, from the entry on.

    In nested blocks the nearest end wins. It works in asynchronous and in synchronous code.

    Args:
        seconds: A number of seconds or a timedelta; zero lets no call start.
        clock: The clock that measures it; default: the system's.

    Raises:
        TypeError: Something else.
        ValueError: A negative, infinite or undefined span.
    """

    __slots__ = ("_clock", "_seconds")

    def __init__(self, seconds: float | timedelta, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__()
        self._seconds = _span(seconds)
        self._clock = clock

    def _new_end(self) -> End | None:
        clock = self._clock
        return _nearest(_current.get(), clock.monotonic() + self._seconds, clock)


class deadline_until(_Scope):
    """Lets the calls made in a ``with`` block go on until a point in time.

    For a server's middleware, which knows when its own caller stops waiting. In nested blocks
    the nearest end wins; None leaves them as they are, and a time that has passed lets no call
    start::

        left = parse_deadline(headers.get("grpc-timeout"), "grpc")
        with deadline_until(None if left is None else arrived + left):
            await app(scope, receive, send)

    Args:
        at: A time of ``clock.monotonic()``, in seconds; or a datetime with a time zone.
        clock: The clock that measures it; default: the system's, so ``time.monotonic()``.

    Raises:
        TypeError: Something else.
        ValueError: An undefined or infinite time, or a datetime without a time zone.
    """

    __slots__ = ("_at", "_clock")

    def __init__(self, at: float | datetime | None, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__()
        self._at = None if at is None else _moment(at, clock)
        self._clock = clock

    def _new_end(self) -> End | None:
        outer = _current.get()
        return outer if self._at is None else _nearest(outer, self._at, self._clock)


class detached(_Scope):
    """Frees the calls made in a ``with`` block from the deadline around it.

    For work that others share: a refreshed token, a value for the cache.
    """

    __slots__ = ()


def _nearest(outer: End | None, at: float, clock: Clock) -> End:
    return outer if outer is not None and outer.on(clock) <= at else End(at, clock)


def _moment(value: Any, clock: Clock) -> float:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(
                "deadline_until() takes a datetime with a time zone: "
                "write datetime.now(timezone.utc) + …"
            )
        return clock.monotonic() + (value.timestamp() - clock.time())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(
            "deadline_until() takes a time of the monotonic clock in seconds, or a datetime with "
            f"a time zone, not {type(value).__name__}"
        )
    if not math.isfinite(value):
        raise ValueError(f"deadline_until() takes a finite time, not {value}")
    return float(value)


def _span(value: Any) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"deadline() takes seconds or a timedelta, not {type(value).__name__}")
    if not math.isfinite(value) or value < 0:
        raise ValueError(
            f"deadline() takes a finite span that is not negative, not {value}; "
            "use detached() for no deadline"
        )
    return float(value)


# As text that one process sends to the next: a span, so that their clocks need not agree.
DeadlineFormat = Literal["ms", "seconds", "grpc"]
"""``"ms"``: whole milliseconds, ``1500``; ``"seconds"``: ``1.5``; ``"grpc"``: ``1500m``, as in
gRPC over HTTP/2, "Timeout": at most eight digits and one of ``H M S m u n``."""

_GRPC_UNITS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "S": 1.0, "M": 60.0, "H": 3600.0}
_MOST_DIGITS = {"ms": 15, "seconds": 12, "grpc": 8}
_DECIMALS = 9
_GRPC_MOST = 99_999_999
_LONGEST = 86_400.0 * 365


def parse_deadline(text: str | None, form: DeadlineFormat = "ms") -> float | None:
    """Returns the seconds that are left, or None if the text is absent or no such span.

    Whatever the text, it raises nothing: it comes from strangers. Spaces around it are
    allowed, signs, exponents and digits other than 0 to 9 are not.

    Raises:
        ValueError: A ``form`` that there is not.
    """
    _check_form(form)
    if not isinstance(text, str):
        return None
    text = text.strip(" \t")
    if form == "grpc":
        scale = _GRPC_UNITS.get(text[-1:])
        digits = _digits(text[:-1], form)
        return None if scale is None or digits is None else digits * scale
    if form == "ms":
        digits = _digits(text, form)
        return None if digits is None else digits / 1000
    whole, point, fraction = text.partition(".")
    digits = _digits(whole, form)
    if digits is None or not point:
        return None if digits is None else float(digits)
    if len(fraction) > _DECIMALS:
        fraction = fraction[:_DECIMALS] if _all_digits(fraction[_DECIMALS:]) else ""
    return float(f"{whole}.{fraction}") if _all_digits(fraction) else None


def format_deadline(seconds: float, form: DeadlineFormat = "ms") -> str:
    """Returns the seconds that are left as text, rounded down: never more than there is.

    A span that has passed is zero; one of more than a year is a year.

    Raises:
        ValueError: A ``form`` that there is not, or an undefined span.
    """
    _check_form(form)
    if math.isnan(seconds):
        raise ValueError("format_deadline() takes a number of seconds, not nan")
    seconds = min(max(seconds, 0.0), _LONGEST)
    if form == "ms":
        return str(int(seconds * 1000))
    if form == "seconds":
        return f"{int(seconds * 1000) / 1000:.3f}"
    # The finest unit that has room; a year fits into seconds.
    unit = next(unit for unit in "umS" if seconds / _GRPC_UNITS[unit] <= _GRPC_MOST)
    return f"{int(seconds / _GRPC_UNITS[unit])}{unit}"


def _digits(text: str, form: DeadlineFormat) -> int | None:
    return int(text) if _all_digits(text) and len(text) <= _MOST_DIGITS[form] else None


def _all_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _check_form(form: str) -> None:
    if form not in get_args(DeadlineFormat):
        known = ", ".join(get_args(DeadlineFormat))
        raise ValueError(f"the form of a deadline is one of {known}, not {form!r}")
