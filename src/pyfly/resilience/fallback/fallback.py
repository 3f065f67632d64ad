"""The fallback around a function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from types import CoroutineType
from typing import Any, Generic, ParamSpec, TypeVar, overload

from pyfly.resilience._checks import clock_or_system, coroutine_in_sync, misuse
from pyfly.resilience._decorate import decorated
from pyfly.resilience.clock import Clock
from pyfly.resilience.events import Event, Events, Listener
from pyfly.resilience.fallback.policy import UNSET, FallbackPolicy, On

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")
F = TypeVar("F", bound=Callable[..., Any])


class FallbackUsed(Event):
    """A call failed with ``error``, and the fallback answered in its place."""

    name: str | None
    error: Exception


class Fallback(Generic[V]):
    """Answers in place of a call that fails: with a value, or with what a function makes of it.

    ``Fallback(value=None)``, ``Fallback(handler=from_cache, on=(TimeoutError,))``. Cancellation
    and other exceptions that are no ``Exception`` always pass. If the handler itself raises,
    its exception leaves, with the call's own as ``__context__``.

    Args:
        value: The answer; a list, dict or set is copied for each caller (not what is in it).
        handler: Makes the answer of the exception; plain, or ``async def`` for asynchronous
            calls only.
        on: Which exceptions are answered: a tuple of classes, or a function from an exception
            to a bool. Default: all.
        name: For events.
        clock: Where the time comes from; default: the system.
        listeners: Called with :class:`FallbackUsed`; more can be added to ``events``.

    Attributes:
        policy: The settings.
        events: Its listeners.

    Raises:
        TypeError: A value of the wrong type, or not exactly one of ``value`` and ``handler``.
    """

    __slots__ = ("__weakref__", "_clock", "events", "name", "policy")

    @overload
    def __init__(
        self,
        *,
        value: V,
        on: On = ...,
        name: str | None = ...,
        clock: Clock | None = ...,
        listeners: Iterable[Listener] = ...,
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        handler: Callable[[Exception], Awaitable[V]],
        on: On = ...,
        name: str | None = ...,
        clock: Clock | None = ...,
        listeners: Iterable[Listener] = ...,
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        handler: Callable[[Exception], V],
        on: On = ...,
        name: str | None = ...,
        clock: Clock | None = ...,
        listeners: Iterable[Listener] = ...,
    ) -> None: ...
    def __init__(
        self,
        *,
        value: Any = UNSET,
        handler: Callable[[Exception], Any] | None = None,
        on: On = (Exception,),
        name: str | None = None,
        clock: Clock | None = None,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.policy = FallbackPolicy(value, handler, on)
        self.name = name
        self.events = Events(listeners)
        self._clock = clock_or_system("Fallback", clock)

    async def call(
        self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T | V:
        """Await ``func(*args, **kwargs)``; if that fails, the fallback's answer.

        Raises:
            TypeError: What ``func`` returned cannot be awaited. This is not answered.
            Exception: What ``func`` raised and the fallback does not answer, or the handler's.
        """
        pending: Any = func
        try:
            pending = func(*args, **kwargs)
            result: T = await pending
        except Exception as error:
            wrong = misuse("Fallback.call", "Fallback.call_sync", func, pending, error)
            if wrong is not None:
                raise wrong from None
            if not self.policy.answers(error):
                raise
            answer: V = await self.policy.answer(error)
            self.tell("", error)
            return answer
        return result

    def call_sync(self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | V:
        """Run ``func(*args, **kwargs)``; if that fails, the fallback's answer.

        Raises:
            TypeError: ``func`` or the handler is ``async def``. This is not answered.
            Exception: What ``func`` raised and the fallback does not answer, or the handler's.
        """
        if self.policy.asynchronous:
            raise self.policy.no_use()
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            if not self.policy.answers(error):
                raise
            answer: V = self.policy.answer_sync(error)
            self.tell("", error)
            return answer
        if type(result) is CoroutineType:
            raise coroutine_in_sync("Fallback.call_sync", "Fallback.call", func, result)
        return result

    def __call__(self, func: F) -> F:
        """As a decorator of a function, plain or ``async def``.

        Raises:
            TypeError: Something that cannot be called, or a generator function.
        """
        return decorated("Fallback", func, self.call, self.call_sync)

    def tell(self, operation: str, error: Exception) -> None:
        """Tell its listeners that it has answered."""
        if self.events.on:
            at = self._clock.monotonic()
            self.events.emit(FallbackUsed(operation, at, self.name, error))

    def __repr__(self) -> str:
        return f"<Fallback {f'{self.name}: ' if self.name else ''}{self.policy.describe()}>"
