"""The rate limiter: the rules of :mod:`.state` with a lock, a clock and listeners."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pyfly.kernel.exceptions import RateLimitException
from pyfly.kernel.fork import ForkAware
from pyfly.kernel.record import Record
from pyfly.resilience._checks import clock_or_system, finite_number
from pyfly.resilience._guard import Guard, least, tell_refusal
from pyfly.resilience.clock import Clock
from pyfly.resilience.deadlines import time_left
from pyfly.resilience.events import Events, Listener
from pyfly.resilience.rate_limiter.policy import RateLimiterPolicy
from pyfly.resilience.rate_limiter.state import RateRules, Reservation


class RateLimiterSnapshot(Record):
    """A rate limiter at one moment. ``tokens`` is negative while some are reserved ahead."""

    name: str | None
    burst: int
    tokens: float
    waiting: int
    acquired: int
    cancelled: int
    refused: int


class RateLimiter(ForkAware, Guard[None]):
    """Lets calls begin at no more than a rate, by a token bucket that fills lazily.

    A call takes one token, or as many as its ``weight``. If they are not there, it waits if
    that takes no longer than ``max_wait`` and the deadline allow, else it is refused at once.
    All are served in the order in which they ask. Tasks, event loops and threads may share
    one. Use :meth:`acquire`, ``call``, their ``…_sync`` forms, or decorate functions with it.

    In any span of ``t`` seconds, at most ``burst + rate * t / per`` tokens are used.

    Args:
        rate: Tokens that come back in each ``per``.
        per: The span that ``rate`` is meant for.
        burst: Tokens that can be saved up; default: the whole tokens of one span, at least 1.
        max_wait: How long a call may wait; zero: not at all; None: until its deadline.
        name: For errors and events.
        clock: Where the time comes from, and who waits; default: the system.
        listeners: Called with :class:`PermitRefused`; more can be added to ``events``.

    Attributes:
        policy: The settings.
        events: Its listeners.
        rules: The state behind it, for tests; not to be written.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range.
    """

    __slots__ = ("_clock", "_max_wait", "events", "name", "policy", "rules")

    def __init__(
        self,
        rate: float,
        per: timedelta = timedelta(seconds=1),
        burst: int | None = None,
        *,
        max_wait: timedelta | None = timedelta(0),
        name: str | None = None,
        clock: Clock | None = None,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.policy = policy = RateLimiterPolicy(rate, per, burst, max_wait)
        self.name = name
        self.events = Events(listeners)
        self.rules = _rules_of(policy)
        self._max_wait = None if max_wait is None else max_wait.total_seconds()
        self._clock = clock_or_system("RateLimiter", clock)
        super().__init__()

    def after_fork(self) -> None:
        super().after_fork()
        self.rules = _rules_of(self.policy)

    def snapshot(self) -> RateLimiterSnapshot:
        """Its numbers at this moment."""
        now = self._clock.monotonic()
        rules = self.rules
        with self._lock:
            numbers = (rules.waiting, rules.acquired, rules.cancelled, rules.refused)
            tokens = rules.tokens_at(now)
        return RateLimiterSnapshot(self.name, self.policy.burst, tokens, *numbers)

    def try_acquire(self, weight: float = 1.0) -> bool:
        """Take tokens if they are there; False: they are not, and none was taken."""
        self._check(weight)
        now = self._clock.monotonic()
        reservation = Reservation()
        with self._lock:
            return self.rules.reserve_needs_lock(reservation, now, weight, 0.0)

    async def acquire(self, weight: float = 1.0, *, timeout: float | None = None) -> float:
        """Take tokens, perhaps after a wait.

        Args:
            weight: How many; more than 0, at most ``burst``.
            timeout: The longest to wait, in seconds, if that is less than ``max_wait``.

        Returns:
            The seconds it waited.

        Raises:
            RateLimitException: They would not be there in time; ``retry_after`` is when they
                would, if nobody else took any.
            ValueError: A weight that could never be granted.
        """
        if self.try_acquire(weight):
            return 0.0
        return await self.take("", weight, least(timeout, self._time_left()))

    def acquire_sync(self, weight: float = 1.0, *, timeout: float | None = None) -> float:
        """The same in synchronous code: it blocks the thread."""
        if self.try_acquire(weight):
            return 0.0
        return self.take_sync("", weight, least(timeout, self._time_left()))

    # The two drivers

    async def take(self, operation: str, weight: float, left: float | None) -> float:
        """Take tokens; for stages.

        Args:
            operation: For the event of a refusal.
            weight: How many.
            left: The longest to wait, in seconds, if that is less than ``max_wait``.
        """
        reservation = self._reserve(operation, weight, left)
        if reservation.pending:
            try:
                await self._clock.sleep(reservation.wait)
            except BaseException:
                self._cancel(reservation)
                raise
            self._use(reservation)
        return reservation.wait

    def take_sync(self, operation: str, weight: float, left: float | None) -> float:
        """The same in synchronous code."""
        reservation = self._reserve(operation, weight, left)
        if reservation.pending:
            try:
                self._clock.sleep_sync(reservation.wait)
            except BaseException:
                self._cancel(reservation)
                raise
            self._use(reservation)
        return reservation.wait

    def _reserve(self, operation: str, weight: float, left: float | None) -> Reservation:
        self._check(weight)
        rules = self.rules
        longest = least(self._max_wait, left)
        now = self._clock.monotonic()
        reservation = Reservation()
        with self._lock:
            if rules.reserve_needs_lock(reservation, now, weight, longest):
                return reservation
            rules.refuse_needs_lock()
            wait = rules.wait_at(now, weight)
        raise self._refusal(operation, weight, wait, longest or 0.0)

    def _use(self, reservation: Reservation) -> None:
        with self._lock:
            self.rules.use_needs_lock(reservation)

    def _cancel(self, reservation: Reservation) -> None:
        with self._lock:
            self.rules.cancel_needs_lock(reservation)

    def _refusal(
        self, operation: str, weight: float, wait: float, longest: float
    ) -> RateLimitException:
        policy = self.policy
        text = "Rate limit exceeded" + (f": {self.name}" if self.name else "")
        text += f" ({policy.rate:g} per {policy.per.total_seconds():g} s"
        if weight != 1:
            text += f", weight {weight:g}"
        may = f" and may wait {longest:.3g} s" if longest > 0 else ""
        text += f"; the call would have to wait {wait:.3g} s{may})"
        refusal = RateLimitException(text, name=self.name, retry_after=wait)
        tell_refusal(self.events, operation, self._clock, "rate limiter", refusal)
        return refusal

    def _check(self, weight: float) -> None:
        if weight == 1:
            return
        finite_number("RateLimiter.acquire", "weight", weight, 0.0, above=True)
        burst = self.policy.burst
        if weight > burst:
            raise ValueError(
                f"RateLimiter.acquire: weight {weight:g} is more than the burst of {burst}, so it "
                "would never be granted: ask for less at a time, or set burst"
            )

    def _time_left(self) -> float | None:
        return time_left(self._clock, self._clock.monotonic())

    # What Guard asks for

    async def _enter(self) -> None:
        await self.acquire()

    def _enter_sync(self) -> None:
        self.acquire_sync()

    def _succeeded(self, lease: None) -> None:
        """Nothing to give back: the token is spent."""

    def _failed(self, lease: None, error: BaseException) -> None:
        """The same."""

    def _misused(self, lease: None) -> None:
        """The same."""

    def describe(self) -> str:
        """The settings in one line."""
        policy = self.policy
        text = f"{self.name}: " if self.name else ""
        text += f"{policy.rate:g} per {policy.per.total_seconds():g} s, {policy.burst} at once"
        if policy.max_wait is None:
            return f"{text}, the others wait"
        if not policy.max_wait:
            return f"{text}, none waits"
        return f"{text}, the others wait up to {policy.max_wait.total_seconds():g} s"

    def __repr__(self) -> str:
        name = f"{self.name!r} " if self.name else ""
        tokens = self.rules.tokens_at(self._clock.monotonic())
        return f"<RateLimiter {name}{tokens:g} of {self.policy.burst} tokens>"


def _rules_of(policy: RateLimiterPolicy) -> RateRules:
    return RateRules(policy.per.total_seconds() / policy.rate, policy.burst)
