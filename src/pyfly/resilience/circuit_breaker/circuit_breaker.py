"""The circuit breaker: the rules of :mod:`.state` with a lock, a clock and listeners."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from datetime import timedelta
from types import CoroutineType, TracebackType
from typing import Any, ParamSpec, TypeVar

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.kernel.fork import ForkAware
from pyfly.resilience._checks import clock_or_system, coroutine_in_sync, coroutine_passed, misuse
from pyfly.resilience._decorate import decorated
from pyfly.resilience.circuit_breaker.failure_rule import FailureRule
from pyfly.resilience.circuit_breaker.policy import (
    FAILURE_THRESHOLD,
    HALF_OPEN_PERMITS,
    RECOVERY_TIMEOUT,
    CircuitBreakerPolicy,
    Window,
    policy_of,
)
from pyfly.resilience.circuit_breaker.state import (
    Admission,
    CircuitBreakerSnapshot,
    CircuitMode,
    Observation,
    Probe,
    scaled,
)
from pyfly.resilience.circuit_breaker.window import rules_of, snapshot_of
from pyfly.resilience.clock import SYSTEM_CLOCK, Clock
from pyfly.resilience.events import (
    CircuitState,
    CircuitTransition,
    Events,
    Listener,
    PermitRefused,
    RefusalWithheld,
)

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class CircuitBreaker(ForkAware):
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
        retries_until: When the last retry is over that a failure has led to; a stage notes it.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range, or values that contradict each other.
    """

    __slots__ = (
        "_blocks",
        "_clock",
        "_fails_by_result",
        "_slow_after",
        "events",
        "is_failure",
        "name",
        "policy",
        "retries_until",
        "rules",
    )

    def __init__(
        self,
        failure_threshold: int = FAILURE_THRESHOLD,
        recovery_timeout: timedelta = RECOVERY_TIMEOUT,
        *,
        name: str | None = None,
        half_open_permits: int = HALF_OPEN_PERMITS,
        window: Window | None = None,
        policy: CircuitBreakerPolicy | None = None,
        is_failure: Callable[[BaseException], bool] | None = None,
        clock: Clock | None = None,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.policy = policy = policy_of(
            policy, failure_threshold, recovery_timeout, half_open_permits, window
        )
        if is_failure is not None and not callable(is_failure):
            raise TypeError(
                "CircuitBreaker: is_failure must be a function from an exception to a bool, "
                f"or a FailureRule, not {type(is_failure).__name__}"
            )
        self.name = name
        self.events = Events(listeners)
        self._clock = clock_or_system("CircuitBreaker", clock)
        self.is_failure = is_failure
        self._fails_by_result = (
            is_failure.record_result if isinstance(is_failure, FailureRule) else None
        )
        slow = None if policy.window is None else policy.window.slow_duration
        self._slow_after = None if slow is None else slow.total_seconds()
        self.rules = rules_of(policy, every=self._fails_by_result is not None)
        self._blocks = Blocks()
        self.retries_until = -math.inf
        super().__init__()

    def after_fork(self) -> None:
        super().after_fork()
        self.retries_until = -math.inf
        self.rules.start_anew_needs_lock()

    # What it is now

    @property
    def state(self) -> CircuitState:
        """Where the circuit stands: ``HALF_OPEN`` as soon as the recovery time has passed."""
        return self.rules.state_at(self._clock.monotonic())

    @property
    def mode(self) -> CircuitMode:
        """Whether the results of the calls decide, or somebody did."""
        return self.rules.mode

    @property
    def times_calls(self) -> bool:
        """Whether it wants to know how long calls take."""
        return self._slow_after is not None

    def snapshot(self) -> CircuitBreakerSnapshot:
        """Its numbers at this moment."""
        now = self._now()
        with self._lock:
            return snapshot_of(self.name, self.rules, now)

    # Functions and blocks under it

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
        admission = rules.closed_admission
        if admission is None:
            if isinstance(func, CoroutineType):
                raise coroutine_passed("CircuitBreaker.call", func)
            asked = self.ask()
            if isinstance(asked, CircuitBreakerException):
                try:
                    raise asked
                finally:
                    del asked  # it and this frame would hold each other
            admission = asked
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
        admission = rules.closed_admission
        if admission is None:
            asked = self.ask()
            if isinstance(asked, CircuitBreakerException):
                try:
                    raise asked
                finally:
                    del asked  # it and this frame would hold each other
            admission = asked
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

    # The parts of a call, for those who drive it themselves

    def admit(self, operation: str = "", within: float = math.inf) -> Admission:
        """Permission for one call.

        End it with exactly one of :meth:`returned`, :meth:`succeeded`, :meth:`failed` and
        :meth:`released`; a second one is ignored.

        Args:
            operation: For events.
            within: Seconds that the call may take if it is a probe, unless the settings have a
                ``half_open_timeout``: then the circuit opens again.

        Raises:
            CircuitBreakerException: The circuit is open, or half-open with its probes under
                way; ``retry_after`` is the time left, None if it depends on a probe.
        """
        admission = self.rules.closed_admission or self.ask(operation, within)
        if isinstance(admission, CircuitBreakerException):
            try:
                raise admission
            finally:
                del admission  # it and this frame would hold each other
        return admission

    def ask(
        self, operation: str = "", within: float = math.inf
    ) -> Admission | CircuitBreakerException:
        """Permission for one call as :meth:`admit` gives it, or the refusal for the caller to
        raise: one frame less on the way out of an open circuit.
        """
        rules, clock = self.rules, self._clock
        now = time.monotonic() if clock is SYSTEM_CLOCK else clock.monotonic()  # a call saved
        left: float | None
        if now < rules.refuses_until:
            left = rules.until - now
        else:
            admission = self._enter(operation, now, within)
            if admission is not None:
                return admission
            left = rules.time_left(now)
        next(rules.refusals)
        if self.events.on and self.events.wants(PermitRefused):
            policy = "circuit breaker"
            self.events.emit(PermitRefused(operation, now, policy, self.name, left))
        refusal = CircuitBreakerException.__new__(CircuitBreakerException)
        refusal.name = self.name
        refusal.retry_after = left
        return refusal

    def _enter(self, operation: str, now: float, within: float) -> Admission | None:
        """Permission for one call; None: refused."""
        rules = self.rules
        self._expire(operation, now)
        admission = None
        if not rules.surely_refuses(now):
            with self._lock:
                old = rules.state
                admission = rules.admit_needs_lock(now, within)
                if isinstance(admission, Probe):
                    admission.give_back = self.released
                new = rules.state
            if old is not new:
                self._tell(operation, now, old, new, "the recovery time has passed")
        if rules.mode is not CircuitMode.OBSERVE_ONLY:
            return admission
        return self._let_pass(operation, now) if admission is None else Observation(admission)

    def _let_pass(self, operation: str, now: float) -> Admission:
        """Permission for a call that would have been refused."""
        next(self.rules.refusals)
        if self.events.on:
            left, policy = self.rules.time_left(now), "circuit breaker"
            self.events.emit(RefusalWithheld(operation, now, policy, self.name, left))
        return Observation(None)

    def returned(
        self,
        admission: Admission,
        result: object,
        weight_denominator: int = 1,
        *,
        weight_numerator: int = 1,
        duration: float | None = None,
        span: float = 0.0,
        operation: str = "",
    ) -> None:
        """The call (or an attempt of it) returned something: a success, unless it is one of the
        results that count as failures. The arguments are those of :meth:`failed`.
        """
        fails = self._fails_by_result
        if fails is None:
            bad = False
        else:
            try:
                bad = bool(fails(result))
            except BaseException:
                self.released(admission)
                raise
        cause = f"a result of type {type(result).__name__}" if bad else ""
        weight = scaled(weight_numerator, weight_denominator)
        self._end(admission, bad, cause, weight, duration, span, operation)

    def judge(self, admission: Admission, error: BaseException) -> None:
        """The call raised: a failure, if the error is one of those that count."""
        counts = False
        try:
            if isinstance(error, Exception) and not isinstance(error, CircuitBreakerException):
                counts = self.is_failure is None or bool(self.is_failure(error))
        finally:  # a predicate that raises must not keep the permit
            if counts:
                self.failed(admission, error)
            else:
                self.released(admission)

    def succeeded(
        self,
        admission: Admission,
        weight_denominator: int = 1,
        *,
        weight_numerator: int = 1,
        duration: float | None = None,
        span: float = 0.0,
        operation: str = "",
    ) -> None:
        """The call (or an attempt of it) worked: the count starts again, a probe closes.

        The arguments are those of :meth:`failed`.
        """
        weight = scaled(weight_numerator, weight_denominator)
        self._end(admission, False, "", weight, duration, span, operation)

    def failed(
        self,
        admission: Admission,
        error: BaseException,
        weight_denominator: int = 1,
        *,
        weight_numerator: int = 1,
        duration: float | None = None,
        span: float = 0.0,
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
            duration: Seconds that it took; default: since :meth:`admit`. Of interest only to
                a window that looks for slow calls.
            span: Seconds that failures have to last until they open the circuit: those of the
                pauses between the attempts of such a call.
            operation: For the event.
        """
        weight = scaled(weight_numerator, weight_denominator)
        self._end(admission, True, type(error).__name__, weight, duration, span, operation)

    def released(self, admission: Admission) -> None:
        """The call ended in a way that proves nothing: the permit goes back."""
        lease = _lease_of(admission)
        if lease is not None and lease.held:
            self._now()
            with self._lock:
                self.rules.release_needs_lock(lease)

    def _end(
        self,
        admission: Admission,
        failed: bool,
        cause: str,
        weight: int,
        duration: float | None,
        span: float,
        operation: str,
    ) -> None:
        lease = _lease_of(admission)
        if lease is None:
            return
        rules = self.rules
        now = self._now(operation)
        slow = False
        if self._slow_after is not None:
            slow = (now - lease.started if duration is None else duration) > self._slow_after
        judge = rules.fail_needs_lock if failed else rules.succeed_needs_lock
        with self._lock:
            old = rules.state
            judge(lease, now, weight, slow, span)
            new = rules.state
            if old is new:
                return
            reason = rules.verdict(old, new)  # here: another may reset its numbers at once
        self._tell(operation, now, old, new, f"{reason}: {cause}" if cause else reason)

    # By hand

    def reset(self) -> None:
        """Close the circuit, as a new one; the results of calls under way will be ignored."""
        self._switch(CircuitMode.NORMAL, "it was reset")

    def force_open(self) -> None:
        """Refuse every call until :meth:`reset` or another of these."""
        self._switch(CircuitMode.FORCED_OPEN, "it was forced open")

    def force_closed(self) -> None:
        """Let every call pass, whatever the results: they are counted, and open nothing."""
        self._switch(CircuitMode.FORCED_CLOSED, "it was forced closed")

    def disable(self) -> None:
        """Let every call pass, and count nothing."""
        self._switch(CircuitMode.DISABLED, "it was disabled")

    def observe_only(self) -> None:
        """Count and tell what it would have done, and refuse nothing."""
        self._switch(CircuitMode.OBSERVE_ONLY, "it only observes from here on")

    def _switch(self, mode: CircuitMode, reason: str) -> None:
        rules = self.rules
        now = self._clock.monotonic()
        with self._lock:
            old = rules.state
            rules.switch_needs_lock(mode, now)
            new = rules.state
        if old is not new:
            self._tell("", now, old, new, reason)

    # Time and events

    def _now(self, operation: str = "") -> float:
        """Returns the time; a half-open circuit whose probes took too long has opened by then."""
        now = self._clock.monotonic()
        self._expire(operation, now)
        return now

    def _expire(self, operation: str, now: float) -> None:
        rules = self.rules
        if now < rules.expires:
            return
        with self._lock:
            expired = rules.expire_needs_lock(now)
        if expired:
            reason = "no probe answered in time"
            self._tell(operation, now, CircuitState.HALF_OPEN, CircuitState.OPEN, reason)

    def _tell(
        self, operation: str, now: float, old: CircuitState, new: CircuitState, reason: str
    ) -> None:
        if self.events.on:
            if self.rules.mode is CircuitMode.OBSERVE_ONLY:
                reason += " (it only observes)"
            self.events.emit(CircuitTransition(operation, now, self.name, old, new, reason))

    def __repr__(self) -> str:
        name = f"{self.name!r} " if self.name else ""
        mode = "" if self.mode is CircuitMode.NORMAL else f" {self.mode.name}"
        return f"<CircuitBreaker {name}{self.state.name}{mode}>"


def _lease_of(admission: Admission) -> Admission | None:
    """Returns what the rules gave; None: they would have refused."""
    if isinstance(admission, Observation):
        return admission.shadow
    return admission


class _Block:
    __slots__ = ("admission", "left", "outer", "owner")

    def __init__(self, owner: Blocks, admission: Admission, outer: _Block | None) -> None:
        self.owner = owner
        self.admission = admission
        self.outer = outer
        self.left = False


_innermost: ContextVar[_Block | None] = ContextVar("pyfly_circuit_breaker_block", default=None)


class Blocks:
    """The blocks of one breaker that are entered and not left.

    They are told apart by the context: that of a task, of a thread. A block that is left in
    another context than it was entered in (a fixture's, a generator's) takes the admission
    that was given last: so each is given back once in any case.
    """

    __slots__ = ("_entered",)

    def __init__(self) -> None:
        self._entered: dict[_Block, None] = {}

    def enter(self, admission: Admission) -> None:
        """A block begins."""
        block = _Block(self, admission, _open_one(_innermost.get(), None))
        self._entered[block] = None
        _innermost.set(block)

    def leave(self) -> Admission:
        """End the innermost block of this context; returns its admission."""
        block = _open_one(_innermost.get(), self)
        if block is None:
            block, _ = self._entered.popitem()
        else:
            del self._entered[block]
        block.left = True
        _innermost.set(_open_one(_innermost.get(), None))
        return block.admission


def _open_one(block: _Block | None, owner: Blocks | None) -> _Block | None:
    """From here outwards, the first block (of one breaker) that has not been left."""
    while block is not None and (block.left or owner not in (None, block.owner)):
        block = block.outer
    return block
