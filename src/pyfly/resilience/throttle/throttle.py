"""The throttle: the rules of :mod:`.state` with a lock, a clock, a die and listeners."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from pyfly.kernel.exceptions import DeadlineExceededException, RefusedException
from pyfly.kernel.fork import ForkAware
from pyfly.kernel.record import Record
from pyfly.resilience._checks import Draw, clock_or_system
from pyfly.resilience._guard import Guard, tell_refusal
from pyfly.resilience.clock import Clock
from pyfly.resilience.events import Events, Listener
from pyfly.resilience.throttle.policy import ThrottledException, ThrottlePolicy
from pyfly.resilience.throttle.state import ThrottleRules


class ThrottleSnapshot(Record):
    """A throttle at one moment; ``requests`` and ``accepts`` are those of the window."""

    name: str | None
    requests: int
    accepts: int
    refused: int
    probability: float


class Throttle(ForkAware, Guard[None]):
    """Holds back a part of the calls to a service that turns many away.

    The part is ``(requests - k * accepts) / (requests + 1)`` of a window of two minutes, as
    in Google's *Site Reliability Engineering*, chapter 21. Calls that were refused here count
    as requests; calls that were cancelled, refused further inside or ended by their deadline
    do not count. Tasks, event loops and threads may share one.

    Args:
        k: Calls made for each one that is accepted before any is held back.
        window: The span over which calls are counted.
        is_rejection: Whether an ``Exception`` means that the other side turned the call away;
            default: every ``ConnectionError`` and ``TimeoutError`` but
            :class:`DeadlineExceededException`. Other exceptions are answers: it accepted.
        name: For errors and events.
        random: Who decides which calls; default: a ``random.Random`` of its own.
        clock: Where the time comes from; default: the system.
        listeners: Called with :class:`PermitRefused`; more can be added to ``events``.

    Attributes:
        policy: The settings.
        events: Its listeners.
        is_rejection: As given.
        rules: The state behind it, for tests; not to be written.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range.
    """

    __slots__ = (
        "_clock",
        "_given_random",
        "_random",
        "events",
        "is_rejection",
        "name",
        "policy",
        "rules",
    )

    def __init__(
        self,
        k: float = 2.0,
        window: timedelta = timedelta(minutes=2),
        *,
        is_rejection: Callable[[Exception], bool] | None = None,
        name: str | None = None,
        random: Draw | None = None,
        clock: Clock | None = None,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.policy = policy = ThrottlePolicy(k, window)
        if is_rejection is not None and not callable(is_rejection):
            raise TypeError(
                "Throttle: is_rejection must be a function from an exception to a bool, "
                f"not {type(is_rejection).__name__}"
            )
        self.name = name
        self.events = Events(listeners)
        self.rules = ThrottleRules(policy.k, policy.window.total_seconds())
        self._clock = clock_or_system("Throttle", clock)
        self.is_rejection = is_rejection
        self._given_random = random
        self._random = _draw(random)
        super().__init__()

    def after_fork(self) -> None:
        super().after_fork()
        self.rules = ThrottleRules(self.policy.k, self.policy.window.total_seconds())
        self._random = _draw(self._given_random)  # every child would draw the same numbers

    def snapshot(self) -> ThrottleSnapshot:
        """Its numbers at this moment."""
        now = self._clock.monotonic()
        rules = self.rules
        with self._lock:
            probability = rules.advance_needs_lock(now)
            numbers = (rules.requests, rules.accepts, rules.refused)
        return ThrottleSnapshot(self.name, *numbers, probability)

    # The parts of a call, for those who drive it themselves

    def admit(self, operation: str = "") -> None:
        """Let one call pass; then tell how it ended by :meth:`succeeded` or :meth:`failed`.

        Raises:
            ThrottledException: It is held back; ``retry_after`` is None: that depends on what
                the other side does with the calls that are made.
        """
        rules = self.rules
        now = self._clock.monotonic()
        with self._lock:
            probability = rules.advance_needs_lock(now)
        if probability <= 0.0 or self._random.random() >= probability:
            return
        with self._lock:
            requests, accepts = rules.requests, rules.accepts
            rules.refuse_needs_lock()
        refusal = self._refusal(requests, accepts)
        tell_refusal(self.events, operation, self._clock, "throttle", refusal)
        raise refusal

    def succeeded(self) -> None:
        """The call returned: the other side accepted it."""
        self._count(True)

    def failed(
        self, error: BaseException, is_rejection: Callable[[Exception], bool] | None = None
    ) -> None:
        """The call raised: accepted, turned away, or neither.

        Args:
            error: What it raised.
            is_rejection: Decides that where the throttle was made without a rule of its own.
        """
        if not isinstance(error, Exception) or isinstance(error, RefusedException):
            return
        if (self.is_rejection or is_rejection or _unreachable)(error):
            self._count(False)
        elif not isinstance(error, DeadlineExceededException):
            self._count(True)

    def _count(self, accepted: bool) -> None:
        now = self._clock.monotonic()
        with self._lock:
            self.rules.count_needs_lock(now, accepted)

    def _refusal(self, requests: int, accepts: int) -> ThrottledException:
        text = "Throttled" + (f": {self.name}" if self.name else "")
        seconds = self.policy.window.total_seconds()
        text += (
            f" (the other side accepted {accepts} of {requests} calls in the last {seconds:g} s)"
        )
        return ThrottledException(text, name=self.name)

    # What Guard asks for

    async def _enter(self) -> None:
        self.admit()

    def _enter_sync(self) -> None:
        self.admit()

    def _succeeded(self, lease: None) -> None:
        self.succeeded()

    def _failed(self, lease: None, error: BaseException) -> None:
        self.failed(error)

    def _misused(self, lease: None) -> None:
        """No call, nothing to count."""

    def describe(self) -> str:
        """The settings in one line."""
        policy = self.policy
        name = f"{self.name}: " if self.name else ""
        return (
            f"{name}holds calls back when fewer than 1 in {policy.k:g} is accepted over "
            f"{policy.window.total_seconds():g} s"
        )

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        rules = self.rules
        return f"<Throttle{name} {rules.accepts} of {rules.requests} accepted>"


def _unreachable(error: Exception) -> bool:
    return isinstance(error, (ConnectionError, TimeoutError)) and not isinstance(
        error, DeadlineExceededException
    )


def _draw(value: Draw | None) -> Draw:
    if value is None:
        from random import Random  # who has no throttle does not pay for its import

        return Random()
    if not callable(getattr(value, "random", None)):
        raise TypeError(
            "Throttle: random must have a method random(), as random.Random(7) has; "
            f"{type(value).__name__} has none"
        )
    return value
