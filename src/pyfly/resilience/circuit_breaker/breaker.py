"""The circuit breaker: the rules of :mod:`.state` with a lock, a clock and listeners."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from types import CoroutineType
from typing import Any, ParamSpec, TypeVar

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience._checks import (
    clock_or_system,
    coroutine_in_sync,
    coroutine_passed,
    misuse,
)
from pyfly.resilience.circuit_breaker.policy import CircuitBreakerPolicy
from pyfly.resilience.circuit_breaker.state import Admission, CircuitRules
from pyfly.resilience.circuit_state import CircuitState
from pyfly.resilience.clock import Clock
from pyfly.resilience.events import CircuitTransition, Events, Listener, PermitRefused

__all__ = ["CircuitBreaker"]

P = ParamSpec("P")
T = TypeVar("T")


class CircuitBreaker:
    """Stops calling what keeps failing, and lets one call at a time find out if it is back.

    The circuit is *closed* at first. After ``failure_threshold`` consecutive failures it is
    *open*, and calls are refused at once with :class:`CircuitBreakerException`. When
    ``recovery_timeout`` has passed it is *half-open*: ``half_open_permits`` calls may run, the
    others are refused. A success closes it, a failure opens it for another
    ``recovery_timeout``. A result that arrives from before the last change is ignored, and
    so are cancellation, ``BaseException`` and an inner breaker's refusal.

    Tasks, event loops and threads may share one breaker.

    Args:
        failure_threshold: Consecutive failures that open the circuit.
        recovery_timeout: How long it stays open; zero is a value.
        name: For errors and events.
        half_open_permits: How many probes may run at once.
        is_failure: Whether an exception counts; default: every ``Exception``. It is not asked
            about :class:`CircuitBreakerException` and exceptions that are no ``Exception``:
            those never count.
        clock: Where the time comes from; default: the system.
        listeners: Called with :class:`CircuitTransition` and :class:`PermitRefused`; more
            can be added to ``events``.

    Attributes:
        policy: The settings.
        events: Its listeners.
        is_failure: As given.
        rules: The state behind it, for stages and tests; not to be written.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_lock",
        "events",
        "is_failure",
        "name",
        "policy",
        "rules",
    )

    def __init__(
        self,
        failure_threshold: int = 5,
        recovery_timeout: timedelta = timedelta(seconds=30),
        *,
        name: str | None = None,
        half_open_permits: int = 1,
        is_failure: Callable[[BaseException], bool] | None = None,
        clock: Clock | None = None,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.policy = policy = CircuitBreakerPolicy(
            failure_threshold, recovery_timeout, half_open_permits
        )
        if is_failure is not None and not callable(is_failure):
            raise TypeError(
                "CircuitBreaker: is_failure must be a function from an exception to a bool, "
                f"not {type(is_failure).__name__}"
            )
        self.name = name
        self.events = Events(listeners)
        self._clock = clock_or_system("CircuitBreaker", clock)
        self.is_failure = is_failure
        self.rules = CircuitRules(
            policy.failure_threshold,
            policy.recovery_timeout.total_seconds(),
            policy.half_open_permits,
        )
        self._lock = threading.RLock()

    @property
    def state(self) -> CircuitState:
        """Where the circuit stands: ``HALF_OPEN`` as soon as the recovery time has passed."""
        return self.rules.state_at(self._clock.monotonic())

    # The two drivers

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
            admission = self.admit()
        pending: Any = func
        try:
            pending = func(*args, **kwargs)
            result: T = await pending
        except BaseException as error:
            wrong = misuse("CircuitBreaker.call", "CircuitBreaker.call_sync", func, pending, error)
            if wrong is None:
                self._judge(admission, error)
                raise
            self.released(admission)
            raise wrong from None
        if rules.fails:
            self.succeeded(admission)
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
            admission = self.admit()
        try:
            result = func(*args, **kwargs)
        except BaseException as error:
            self._judge(admission, error)
            raise
        if type(result) is CoroutineType:
            self.released(admission)
            raise coroutine_in_sync("CircuitBreaker.call_sync", "CircuitBreaker.call", func, result)
        if rules.fails:
            self.succeeded(admission)
        return result

    def _judge(self, admission: Admission, error: BaseException) -> None:
        counts = False
        try:
            if isinstance(error, Exception) and not isinstance(error, CircuitBreakerException):
                counts = self.is_failure is None or bool(self.is_failure(error))
        finally:  # a predicate that raises must not keep the permit
            if counts:
                self.failed(admission, error)
            else:
                self.released(admission)

    # The parts of a call, for those who drive it themselves

    def admit(self, operation: str = "") -> Admission:
        """Leave to make one call.

        End it with exactly one of :meth:`succeeded`, :meth:`failed` and :meth:`released`; a
        second one is ignored.

        Raises:
            CircuitBreakerException: The circuit is open, or half-open with its probes under
                way; ``retry_after`` is the time left, None if it depends on a probe.
        """
        rules = self.rules
        admission = rules.epoch
        if admission is not None:
            return admission
        now = self._clock.monotonic()  # before the lock: a clock is foreign code
        if not rules.surely_refuses(now):
            with self._lock:
                old = rules.state
                admission = rules.admit_needs_lock(now)
                new = rules.state
            if old is not new:
                self._tell(operation, now, old, new, "the recovery time has passed")
            if admission is not None:
                return admission
        left = rules.time_left(now)
        if self.events.on:
            self.events.emit(PermitRefused(operation, now, "circuit breaker", self.name, left))
        raise _refusal(self.name, left)

    def succeeded(self, admission: Admission, *, operation: str = "") -> None:
        """The call (or an attempt of it) worked: the count starts again, a probe closes."""
        rules = self.rules
        with self._lock:
            old = rules.state
            rules.succeed_needs_lock(admission)
            new = rules.state
        if old is not new:
            self._tell(operation, None, old, new, "a probe succeeded")

    def failed(
        self,
        admission: Admission,
        error: BaseException,
        weight_denominator: int = 1,
        *,
        weight_numerator: int = 1,
        operation: str = "",
    ) -> None:
        """The call (or an attempt of it) failed with something that counts.

        Args:
            admission: What :meth:`admit` gave.
            error: What was raised.
            weight_denominator: The attempts this call may make: each counts this part of a
                failure.
            weight_numerator: More than 1 for an attempt that stands for the ones that will
                not follow it.
            operation: For the event.
        """
        rules = self.rules
        now = self._clock.monotonic()
        with self._lock:
            old = rules.state
            rules.fail_needs_lock(admission, now, weight_numerator, weight_denominator)
            new = rules.state
        if old is not new:
            what = "a probe" if old is CircuitState.HALF_OPEN else "too many consecutive attempts"
            self._tell(operation, now, old, new, f"{what} failed: {type(error).__name__}")

    def released(self, admission: Admission) -> None:
        """The call ended in a way that proves nothing: the permit goes back."""
        if admission.held:
            with self._lock:
                self.rules.release_needs_lock(admission)

    def reset(self) -> None:
        """Close the circuit; the results of calls under way will be ignored."""
        rules = self.rules
        with self._lock:
            old = rules.state
            rules.reset_needs_lock()
        if old is not CircuitState.CLOSED:
            self._tell("", None, old, CircuitState.CLOSED, "it was reset")

    def _tell(
        self, operation: str, now: float | None, old: CircuitState, new: CircuitState, reason: str
    ) -> None:
        events = self.events
        if events.on:
            at = self._clock.monotonic() if now is None else now
            events.emit(CircuitTransition(operation, at, self.name, old, new, reason))

    def __repr__(self) -> str:
        name = f"{self.name!r} " if self.name else ""
        return f"<CircuitBreaker {name}{self.state.name}>"


def _refusal(name: str | None, retry_after: float | None) -> CircuitBreakerException:
    """A refusal, as its constructor makes it, in half the time: an open circuit makes many."""
    refusal = CircuitBreakerException.__new__(CircuitBreakerException)
    refusal.__dict__ = {"code": None, "context": {}, "name": name, "retry_after": retry_after}
    return refusal
