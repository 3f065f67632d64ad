"""Callers that are driven by hand, so that they overlap in any order, on a clock moved by hand."""

from __future__ import annotations

import asyncio
import contextvars
import types
from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Any

from pyfly.kernel.exceptions import CircuitBreakerException

__all__ = ["ENDINGS", "Caller", "Clock", "Difference", "Ending", "Pick", "park", "same"]

Pick = Callable[[Sequence[Any]], Any]
"""Chooses one of some options."""


class Ending(BaseException):
    """An exception that is no Exception."""


class Difference(AssertionError):
    """A policy and its model do not agree."""


class Clock:
    """Time that moves when told. A sleeper waits to be sent on."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await park()

    def sleep_sync(self, seconds: float) -> None:
        raise AssertionError("nothing here blocks a thread")


@types.coroutine
def park() -> Generator[None, object, object]:
    """Suspend the caller until it is told how to go on: an exception is raised."""
    told = yield
    if isinstance(told, BaseException):
        raise told
    return told


class Caller:
    """A coroutine in a context of its own, as a task is, driven by hand."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._context = contextvars.copy_context()

    def start(self) -> object:
        """None if it waits; the exception it raised; or it must have gone wrong."""
        return self._outcome(lambda: self._coroutine.send(None))

    def end(self, how: object) -> object:
        """Go on with a value, an exception raised by what it waits for, or a cancellation."""
        if isinstance(how, asyncio.CancelledError):
            return self._outcome(lambda: self._coroutine.throw(how))
        if isinstance(how, GeneratorExit):
            return self._outcome(self._coroutine.close)
        return self._outcome(lambda: self._coroutine.send(how))

    def _outcome(self, step: Callable[[], object]) -> object:
        try:
            return self._context.run(step)
        except StopIteration as done:
            return done.value
        except BaseException as error:
            return error


def same(what: str, real: object, model: object) -> None:
    if real != model:
        raise Difference(f"{what}: {real!r}, and the model has {model!r}")


ENDINGS: tuple[tuple[str, Callable[[], object]], ...] = (
    ("success", lambda: "fine"),
    ("success", lambda: "fine"),
    ("failure", OSError),
    ("failure", OSError),
    ("failure", OSError),
    ("failure", OSError),
    ("bad result", lambda: "bad"),
    ("neutral", KeyError),
    ("neutral", CircuitBreakerException),
    ("neutral", Ending),
    ("neutral", asyncio.CancelledError),
    ("neutral", GeneratorExit),
)
