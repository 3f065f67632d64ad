"""The adaptive limiter: the rules of :mod:`.state` with a lock, a clock and listeners."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pyfly.kernel.exceptions import (
    BulkheadException,
    DeadlineExceededException,
    RefusedException,
)
from pyfly.kernel.fork import ForkAware
from pyfly.kernel.record import Record
from pyfly.resilience._checks import clock_or_system
from pyfly.resilience._guard import Guard, tell_refusal
from pyfly.resilience.adaptive_limiter.policy import AIMDPolicy, Gradient2Policy
from pyfly.resilience.adaptive_limiter.state import (
    AIMDRules,
    Gradient2Rules,
    LimiterPermit,
    LimiterRules,
)
from pyfly.resilience.clock import Clock
from pyfly.resilience.events import Events, LimitChanged, Listener


class AdaptiveLimiterSnapshot(Record):
    """An adaptive limiter at one moment: ``acquired == released + in_flight``."""

    name: str | None
    limit: int
    in_flight: int
    acquired: int
    released: int
    refused: int


class AdaptiveLimiter(ForkAware, Guard[LimiterPermit]):
    """Bounds how many calls run at once by what the other side can take, as it shows.

    A call that returns is a sample of its duration; one that is *dropped* (timed out, turned
    away for load) lowers the limit; any other exception, cancellation and refusals by limits
    further inside teach nothing. A call over the limit is refused at once. Tasks, event loops
    and threads may share one.

    Args:
        policy: How to find the limit: :class:`Gradient2Policy` (the default) or
            :class:`AIMDPolicy`.
        name: For errors and events.
        is_drop: Whether an ``Exception`` is a drop; default: every ``TimeoutError`` but
            :class:`DeadlineExceededException`. It is not asked about refusals.
        clock: Where the time comes from; default: the system.
        listeners: Called with :class:`LimitChanged` and :class:`PermitRefused`; more can be
            added to ``events``.

    Attributes:
        policy: The settings.
        events: Its listeners.
        is_drop: As given.
        rules: The state behind it, for tests; not to be written.

    Raises:
        TypeError: A value of the wrong type.
    """

    __slots__ = ("_clock", "events", "is_drop", "name", "policy", "rules")

    def __init__(
        self,
        policy: Gradient2Policy | AIMDPolicy | None = None,
        *,
        name: str | None = None,
        is_drop: Callable[[Exception], bool] | None = None,
        clock: Clock | None = None,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.policy = Gradient2Policy() if policy is None else policy
        if is_drop is not None and not callable(is_drop):
            raise TypeError(
                "AdaptiveLimiter: is_drop must be a function from an exception to a bool, "
                f"not {type(is_drop).__name__}"
            )
        self.name = name
        self.events = Events(listeners)
        self.rules = LimiterRules(_algorithm(self.policy))
        self._clock = clock_or_system("AdaptiveLimiter", clock)
        self.is_drop = is_drop
        super().__init__()

    def after_fork(self) -> None:
        super().after_fork()
        self.rules = LimiterRules(_algorithm(self.policy))

    @property
    def limit(self) -> int:
        """Calls that may run at once now."""
        return self.rules.algorithm.limit

    def snapshot(self) -> AdaptiveLimiterSnapshot:
        """Its numbers at this moment."""
        rules = self.rules
        with self._lock:
            numbers = (rules.in_flight, rules.acquired, rules.released, rules.refused)
            limit = rules.algorithm.limit
        return AdaptiveLimiterSnapshot(self.name, limit, *numbers)

    # The parts of a call, for those who drive it themselves

    def admit(self, operation: str = "") -> LimiterPermit:
        """Permission to make one call.

        End it with exactly one of :meth:`succeeded`, :meth:`failed` and :meth:`released`; a
        second one is ignored.

        Raises:
            BulkheadException: As many calls are under way as the limit allows.
        """
        permit = LimiterPermit()
        now = self._clock.monotonic()  # before the lock: a clock is foreign code
        with self._lock:
            admitted = self.rules.admit_needs_lock(permit, now)
        if admitted:
            return permit
        refusal = self._refusal()
        tell_refusal(self.events, operation, self._clock, "adaptive limit", refusal)
        raise refusal

    def succeeded(self, permit: LimiterPermit, *, operation: str = "") -> None:
        """The call returned: a sample."""
        self._finish(permit, False, operation)

    def failed(
        self,
        permit: LimiterPermit,
        error: BaseException,
        *,
        operation: str = "",
        is_drop: Callable[[Exception], bool] | None = None,
    ) -> None:
        """The call raised: a drop, or nothing to learn from.

        Args:
            permit: What :meth:`admit` gave.
            error: What it raised.
            operation: For the event.
            is_drop: Decides that where the limiter was made without a rule of its own.
        """
        dropped = False
        try:
            if isinstance(error, Exception) and not isinstance(error, RefusedException):
                dropped = bool((self.is_drop or is_drop or _timed_out)(error))
        finally:  # a predicate that raises must not keep the permit
            if dropped:
                self._finish(permit, True, operation)
            else:
                self.released(permit)

    def released(self, permit: LimiterPermit) -> None:
        """The call ended in a way that proves nothing."""
        with self._lock:
            self.rules.release_needs_lock(permit)

    def _finish(self, permit: LimiterPermit, dropped: bool, operation: str) -> None:
        rules = self.rules
        now = self._clock.monotonic()
        with self._lock:
            old = rules.algorithm.limit
            rules.finish_needs_lock(permit, now, dropped)
            new = rules.algorithm.limit
        if old != new and self.events.on:
            self.events.emit(LimitChanged(operation, now, self.name, old, new))

    def _refusal(self) -> BulkheadException:
        rules = self.rules
        text = "Adaptive limit reached" + (f": {self.name}" if self.name else "")
        text += f" ({rules.in_flight} calls under way, {rules.algorithm.limit} allowed for now)"
        return BulkheadException(text, name=self.name)

    # What Guard asks for

    async def _enter(self) -> LimiterPermit:
        return self.admit()

    def _enter_sync(self) -> LimiterPermit:
        return self.admit()

    def _succeeded(self, lease: LimiterPermit) -> None:
        self.succeeded(lease)

    def _failed(self, lease: LimiterPermit, error: BaseException) -> None:
        self.failed(lease, error)

    def _misused(self, lease: LimiterPermit) -> None:
        self.released(lease)

    def describe(self) -> str:
        """The settings in one line."""
        name = f"{self.name}: " if self.name else ""
        return name + self.policy.describe()

    def __repr__(self) -> str:
        name = f"{self.name!r} " if self.name else ""
        return f"<AdaptiveLimiter {name}{self.rules.in_flight} of {self.limit}>"


def _algorithm(policy: Gradient2Policy | AIMDPolicy) -> Gradient2Rules | AIMDRules:
    if isinstance(policy, Gradient2Policy):
        return Gradient2Rules(policy)
    if isinstance(policy, AIMDPolicy):
        return AIMDRules(policy)
    raise TypeError(
        "AdaptiveLimiter: policy must be a Gradient2Policy or an AIMDPolicy, "
        f"not {type(policy).__name__}"
    )


def _timed_out(error: Exception) -> bool:
    return isinstance(error, TimeoutError) and not isinstance(error, DeadlineExceededException)
