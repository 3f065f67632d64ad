"""Arguments that several policies share, and checks that name the class and the parameter."""

from __future__ import annotations

import math
from datetime import timedelta
from inspect import isawaitable
from types import CoroutineType
from typing import Any, Protocol

from pyfly.resilience.clock import SYSTEM_CLOCK, Clock


class Draw(Protocol):
    """Where chance comes from, such as a ``random.Random``."""

    def random(self) -> float:
        """A number in [0, 1)."""
        ...


class Budget(Protocol):
    """What bounds retries and hedges, such as a ``RetryBudget``."""

    def deposit(self) -> None:
        """Note that a call is made."""
        ...

    def withdraw(self) -> bool:
        """Take permission for one more attempt; False: it must not be made."""
        ...

    def describe(self) -> str:
        """The settings in one line."""
        ...


def whole_number(owner: str, name: str, value: object, minimum: int) -> int:
    """Returns an int (no bool) of at least ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{owner}: {name} must be a whole number, not {_shown(value)}")
    if value < minimum:
        raise ValueError(f"{owner}: {name} must be at least {minimum}, not {value}")
    return value


def finite_number(owner: str, name: str, value: object, minimum: float, *, above: bool) -> float:
    """Returns a finite int or float: more than ``minimum`` if ``above``, else at least that."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{owner}: {name} must be a number, not {_shown(value)}")
    if not math.isfinite(value):
        raise ValueError(f"{owner}: {name} must be finite, not {value}")
    if value < minimum or (above and value == minimum):
        bound = "more than" if above else "at least"
        raise ValueError(f"{owner}: {name} must be {bound} {minimum:g}, not {value}")
    return float(value)


def span(owner: str, name: str, value: object, *, zero: bool) -> timedelta:
    """Returns a timedelta that is not negative, and not zero unless ``zero``."""
    if not isinstance(value, timedelta):
        hint = ""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            hint = f": write timedelta(seconds={value})"
        raise TypeError(f"{owner}: {name} must be a timedelta, not {_shown(value)}{hint}")
    if value < timedelta(0):
        raise ValueError(f"{owner}: {name} must not be negative, and is {_seconds(value)}")
    if not value and not zero:
        raise ValueError(f"{owner}: {name} must be longer than zero")
    return value


def clock_or_system(owner: str, clock: Clock | None) -> Clock:
    """Returns the clock, or the system's for None."""
    if clock is None:
        return SYSTEM_CLOCK
    missing = [m for m in ("monotonic", "time", "sleep", "sleep_sync") if not hasattr(clock, m)]
    if missing:
        raise TypeError(
            f"{owner}: clock must have the methods of pyfly.resilience.Clock; "
            f"{type(clock).__name__} lacks {', '.join(missing)}"
        )
    return clock


def misuse(
    method: str, twin: str, func: Any, result: object, error: BaseException
) -> TypeError | None:
    """The error to raise if ``func`` was of the wrong kind for an asynchronous method, else None.

    ``error`` is what calling it and awaiting its result raised; ``result`` what it returned, or
    ``func`` itself if it did not get that far.
    """
    if type(error) is not TypeError:
        return None
    if isinstance(func, CoroutineType):
        return coroutine_passed(method, func)
    if result is func or isawaitable(result):
        return None
    return TypeError(
        f"{method} needs a function whose result can be awaited, and {_called(func)} returned "
        f"{type(result).__name__}: make it `async def`, or use {twin}"
    )


def coroutine_passed(method: str, coroutine: CoroutineType[Any, Any, Any]) -> TypeError:
    """Returns the error for a coroutine in place of the function that makes it; closes it."""
    coroutine.close()
    name = coroutine.__name__
    return TypeError(
        f"{method} takes a function and its arguments, not the coroutine that calling it made: "
        f"write {method.rpartition('.')[2]}({name}, …) in place of {name}(…)"
    )


def coroutine_in_sync(method: str, twin: str, func: Any, result: Any) -> TypeError:
    """Returns the error for a coroutine function in a synchronous method; closes the coroutine."""
    result.close()
    return TypeError(
        f"{method} runs synchronous functions, and {_called(func)} is `async def`: "
        f"write `await {twin}(…)`"
    )


def _called(func: Any) -> str:
    return str(getattr(func, "__qualname__", type(func).__name__))


def _shown(value: object) -> str:
    return "None" if value is None else f"{type(value).__name__} {value!r}"


def _seconds(value: timedelta) -> str:
    return f"{value.total_seconds():g} s"
