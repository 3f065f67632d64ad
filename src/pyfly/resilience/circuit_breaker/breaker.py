"""The circuit breaker: functions and blocks under a circuit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import CoroutineType, TracebackType
from typing import Any, ParamSpec, TypeVar

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience._checks import coroutine_in_sync, coroutine_passed, misuse
from pyfly.resilience._decorate import decorated
from pyfly.resilience.circuit_breaker.circuit import Circuit

__all__ = ["CircuitBreaker"]

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class CircuitBreaker(Circuit):
    """Stops calling what keeps failing, and lets one call at a time find out if it is back.

    The circuit is *closed* at first. After ``failure_threshold`` consecutive failures, or when
    the rates in a ``window`` are too high, it is *open*, and calls are refused at once with
    :class:`CircuitBreakerException`. When ``recovery_timeout`` has passed it is *half-open*:
    ``half_open_permits`` calls may run, the others are refused. A success closes it, a failure
    opens it for another ``recovery_timeout`` (with a window, the rates of the permitted calls
    decide). A result that arrives from before the last change is ignored, and so are
    cancellation, ``BaseException`` and an inner breaker's refusal.

    Use ``call`` and ``call_sync``, decorate functions with it, or write ``async with breaker:``
    or ``with breaker:``. Tasks, event loops and threads may share one.

    Args:
        failure_threshold: Consecutive failures that open the circuit.
        recovery_timeout: How long it stays open; zero is a value.
        name: For errors and events.
        half_open_permits: How many probes may run at once.
        window: A :class:`CountWindow` or :class:`TimeWindow` in place of ``failure_threshold``.
        policy: All settings, those that are rarely needed among them, in place of the above.
        is_failure: Whether an exception counts, or a :class:`FailureRule`; default: every
            ``Exception``. It is not asked about :class:`CircuitBreakerException` and exceptions
            that are no ``Exception``: those never count.
        clock: Where the time comes from; default: the system.
        listeners: Called with :class:`CircuitTransition`, :class:`PermitRefused` and
            :class:`RefusalWithheld`; more can be added to ``events``.

    Attributes:
        policy: The settings.
        events: Its listeners.
        is_failure: As given.
        rules: The state behind it, for stages and tests; not to be written.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range, or values that contradict each other.
    """

    __slots__ = ()

    async def call(
        self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Await ``func(*args, **kwargs)`` through the circuit.

        Raises:
            CircuitBreakerException: The circuit is open; ``func`` was not called.
            TypeError: What ``func`` returned cannot be awaited. This does not count.
            Exception: Whatever ``func`` raised.
        """
        rules = self.rules
        admission = rules.epoch
        if admission is None:
            if isinstance(func, CoroutineType):
                raise coroutine_passed("CircuitBreaker.call", func)
            leave = self.ask()
            if isinstance(leave, CircuitBreakerException):
                try:
                    raise leave
                finally:
                    del leave  # it and this frame would hold each other
            admission = leave
        pending: Any = func
        try:
            pending = func(*args, **kwargs)
            result: T = await pending
        except BaseException as error:
            wrong = misuse("CircuitBreaker.call", "CircuitBreaker.call_sync", func, pending, error)
            if wrong is None:
                self.judge(admission, error)
                raise
            self.released(admission)
            raise wrong from None
        if rules.wants_success:
            self.returned(admission, result)
        return result

    def call_sync(self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``func(*args, **kwargs)`` through the circuit.

        Raises:
            CircuitBreakerException: The circuit is open; ``func`` was not called.
            TypeError: ``func`` is ``async def``. This does not count.
            Exception: Whatever ``func`` raised.
        """
        rules = self.rules
        admission = rules.epoch
        if admission is None:
            leave = self.ask()
            if isinstance(leave, CircuitBreakerException):
                try:
                    raise leave
                finally:
                    del leave  # it and this frame would hold each other
            admission = leave
        try:
            result = func(*args, **kwargs)
        except BaseException as error:
            self.judge(admission, error)
            raise
        if type(result) is CoroutineType:
            self.released(admission)
            raise coroutine_in_sync("CircuitBreaker.call_sync", "CircuitBreaker.call", func, result)
        if rules.wants_success:
            self.returned(admission, result)
        return result

    def __call__(self, func: F) -> F:
        """As a decorator: each call of the function, plain or ``async def``, goes through it.

        Raises:
            TypeError: Something that cannot be called, or a generator function.
        """
        return decorated("CircuitBreaker", func, self.call, self.call_sync)

    def __enter__(self) -> None:
        self._blocks.enter(self.admit())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        admission = self._blocks.leave()
        if error is not None:
            self.judge(admission, error)
        elif self.rules.wants_success:
            self.succeeded(admission)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)
