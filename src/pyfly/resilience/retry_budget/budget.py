"""The retry budget: the rules of :mod:`.state` with a lock and a clock."""

from __future__ import annotations

from datetime import timedelta

from pyfly.kernel.fork import ForkAware
from pyfly.resilience._checks import clock_or_system
from pyfly.resilience.clock import Clock
from pyfly.resilience.retry_budget.policy import RatioBudgetPolicy, RetryBudgetPolicy
from pyfly.resilience.retry_budget.state import BudgetRules, RatioRules


class RetryBudget(ForkAware):
    """Bounds the retries (and hedges) of all calls that share it, in the token form of gRPC;
    :meth:`ratio` makes one in the ratio form of Finagle and Envoy.

    It holds ``max_tokens`` at first. A call adds ``ratio``, a second ``per_second``; a retry
    takes 1, and is not made if there is less. Tasks, event loops and threads may share it.

    Args:
        ratio: Tokens that each call adds.
        max_tokens: The most it holds.
        per_second: Tokens that each second adds.
        clock: Where the time comes from; default: the system.

    Attributes:
        policy: The settings.
        rules: Their state; ``rules.full`` says that a deposit would change nothing.

    Raises:
        TypeError: A value that is no number.
        ValueError: A value that is negative, not finite or too small.
    """

    __slots__ = ("_clock", "policy", "rules")

    def __init__(
        self,
        ratio: float = 0.2,
        max_tokens: float = 100.0,
        per_second: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        policy = RetryBudgetPolicy(ratio, max_tokens, per_second)
        self.policy: RetryBudgetPolicy | RatioBudgetPolicy = policy
        self._clock = clock_or_system("RetryBudget", clock)
        now = self._clock.monotonic()
        self.rules: BudgetRules | RatioRules = BudgetRules(
            policy.ratio, policy.max_tokens, policy.per_second, now
        )
        super().__init__()

    @classmethod
    def ratio(
        cls,
        percent: float = 0.2,
        window: timedelta = timedelta(seconds=10),
        min_per_second: float = 1.0,
        *,
        clock: Clock | None = None,
    ) -> RetryBudget:
        """Returns a budget that looks at the last seconds: in each ``window``, retries are at most
        ``percent`` of the calls plus ``min_per_second`` a second.

        It costs a little more per call than the token form, which notes a call only while
        tokens are missing. What calls and time allow and nobody uses is forgotten after
        ``window``.

        Args:
            percent: The part of the calls, from 0 to 1: 0.2 for 20 %.
            window: How far it looks back, in ten slices; the current slice is one of them.
            min_per_second: Retries that are allowed besides, so that rare calls may be
                retried too: 1 in 10 s makes ten in hand.
            clock: Where the time comes from; default: the system.

        Raises:
            TypeError: A value of the wrong type, such as seconds in place of a timedelta.
            ValueError: A value out of range, or values that never allow a retry.
        """
        policy = RatioBudgetPolicy(percent, window, min_per_second)
        budget = cls(clock=clock)
        budget.policy = policy
        now = budget._clock.monotonic()
        budget.rules = RatioRules(
            policy.percent, policy.reserve, policy.window.total_seconds(), now
        )
        return budget

    @property
    def tokens(self) -> float:
        """The retries in hand now."""
        now = self._clock.monotonic()
        with self._lock:
            return self.rules.tokens_at(now)

    def deposit(self) -> None:
        """Note that a call is made."""
        if not self.rules.full:
            now = self._clock.monotonic()
            with self._lock:
                self.rules.deposit_needs_lock(now)

    def withdraw(self) -> bool:
        """Take a token for a retry or a hedge; False: it must not be made."""
        now = self._clock.monotonic()
        with self._lock:
            return self.rules.withdraw_needs_lock(now)

    def describe(self) -> str:
        """Returns the settings in one line."""
        return self.policy.describe()

    def __repr__(self) -> str:
        policy = self.policy
        most = f" of {policy.max_tokens:g}" if isinstance(policy, RetryBudgetPolicy) else ""
        return f"<RetryBudget {self.tokens:g}{most} tokens>"
