"""The settings of a fallback."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable, iscoroutinefunction
from types import CoroutineType
from typing import Any, TypeAlias, cast

from pyfly.kernel.record import Record

On: TypeAlias = tuple[type[Exception], ...] | Callable[[Exception], bool]
"""Which exceptions are answered: these classes, or those that a function says."""

_OWNER = "Fallback"


class _Unset:
    """Stands for a value that was not given, since None is one."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()


class FallbackPolicy(Record):
    """What answers in place of a failed call, and for which exceptions. Immutable.

    Args:
        value: The answer; a list, dict or set is copied for each caller (not what is in it).
        handler: Makes the answer of the exception; plain, or ``async def`` for asynchronous
            calls only.
        on: Exception classes, or a function from an exception to a bool.

    Raises:
        TypeError: A value of the wrong type, an exception class that is no ``Exception``, or
            not exactly one of ``value`` and ``handler``.
    """

    value: Any
    handler: Callable[[Exception], Any] | None
    on: On

    def __init__(
        self,
        value: Any = UNSET,
        handler: Callable[[Exception], Any] | None = None,
        on: On = (Exception,),
    ) -> None:
        if (value is UNSET) is (handler is None):
            raise TypeError(
                f"{_OWNER} takes either value=… or handler=…, a function from the exception to "
                f"the answer; {'none' if handler is None else 'both'} of them is given"
            )
        if handler is not None and not callable(handler):
            raise TypeError(
                f"{_OWNER}: handler must be a function from the exception to the answer, not "
                f"{type(handler).__name__}; write value=… for a fixed answer"
            )
        super().__init__(value=value, handler=handler, on=_on(on))

    def answers(self, error: Exception) -> bool:
        """Whether this exception is answered."""
        on = self.on
        return isinstance(error, on) if isinstance(on, tuple) else bool(on(error))

    @property
    def asynchronous(self) -> bool:
        """Whether the handler is an ``async def``, for which synchronous code has no use."""
        return self.handler is not None and _is_coroutine_function(self.handler)

    async def answer(self, error: Exception) -> Any:
        """The answer to an exception."""
        if self.handler is None:
            return _own(self.value)
        answer = self.handler(error)
        return await answer if isawaitable(answer) else answer

    def answer_sync(self, error: Exception) -> Any:
        """The same in synchronous code.

        Raises:
            TypeError: The handler's answer has to be awaited.
        """
        if self.handler is None:
            return _own(self.value)
        answer = self.handler(error)
        if isawaitable(answer):
            if isinstance(answer, CoroutineType):
                answer.close()
            raise self.no_use()
        return answer

    def no_use(self) -> TypeError:
        """The error for an asynchronous handler in synchronous code."""
        return TypeError(
            f"{_OWNER}: the answer of the handler {_name_of(self.handler)} has to be awaited, and "
            "the call is synchronous: write the handler with `def`"
        )

    def describe(self) -> str:
        """The settings in one line, without the value: it may be a secret."""
        what = (
            f"a fixed value ({type(self.value).__name__})"
            if self.handler is None
            else f"what {_name_of(self.handler)} makes of the exception"
        )
        on = self.on
        if isinstance(on, tuple):
            return f"{what}, for {', '.join(kind.__name__ for kind in on)}"
        return f"{what}, for the exceptions that {_name_of(on)} names"


def _on(value: object) -> On:
    if isinstance(value, type) and issubclass(value, BaseException):
        raise TypeError(
            f"{_OWNER}: on must be a tuple of exception classes: write on=({value.__name__},)"
        )
    if isinstance(value, tuple):
        if not value:
            raise TypeError(f"{_OWNER}: on is empty, so nothing would ever be answered")
        for kind in value:
            if not (isinstance(kind, type) and issubclass(kind, BaseException)):
                raise TypeError(f"{_OWNER}: on must hold exception classes, not {kind!r}")
            if not issubclass(kind, Exception):
                raise TypeError(
                    f"{_OWNER}: on must not hold {kind.__name__}: cancellation and other "
                    "exceptions that are no Exception are never answered"
                )
        return value
    if not callable(value):
        raise TypeError(
            f"{_OWNER}: on must be a tuple of exception classes, or a function from an exception "
            f"to a bool, not {type(value).__name__}"
        )
    if _is_coroutine_function(value):
        raise TypeError(
            f"{_OWNER}: on is asked at once and cannot be awaited: write {_name_of(value)} with "
            "`def`"
        )
    return cast(On, value)


def _own(value: Any) -> Any:
    """The answer for one caller, who may change it."""
    return value.copy() if type(value) in (list, dict, set) else value


def _is_coroutine_function(function: Any) -> bool:
    return iscoroutinefunction(function) or iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 - the method itself is wanted, not whether there is one
    )


def _name_of(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))
