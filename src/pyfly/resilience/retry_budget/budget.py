"""The retry budget: the rules of :mod:`.state` with a lock and a clock."""

from __future__ import annotations

import threading

from pyfly.resilience._checks import clock_or_system
from pyfly.resilience.clock import Clock
from pyfly.resilience.retry_budget.policy import RetryBudgetPolicy
from pyfly.resilience.retry_budget.state import BudgetRules

__all__ = ["RetryBudget"]


class RetryBudget:
    """Bounds the retries (and hedges) of all calls that share it, in the token form of gRPC.

    It holds ``max_tokens`` at first. A call adds ``ratio``, a second ``per_second``; a retry
    takes 1, and is not made if there is less. Tasks, event loops and threads may share it.

    Args:
        ratio: Tokens that each call adds.
        max_tokens: The most it holds.
        per_second: Tokens that each second adds.
        clock: Where the time comes from; default: the system.

    Raises:
        TypeError: A value that is no number.
        ValueError: A value that is negative, not finite or too small.
    """

    __slots__ = ("__weakref__", "_clock", "_lock", "_rules", "policy")

    def __init__(
        self,
        ratio: float = 0.2,
        max_tokens: float = 10.0,
        per_second: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        self.policy = policy = RetryBudgetPolicy(ratio, max_tokens, per_second)
        self._clock = clock_or_system("RetryBudget", clock)
        now = self._clock.monotonic()
        self._rules = BudgetRules(policy.ratio, policy.max_tokens, policy.per_second, now)
        self._lock = threading.RLock()  # re-entrant: see circuit_breaker.state

    @property
    def tokens(self) -> float:
        """The tokens in hand now."""
        now = self._clock.monotonic()
        with self._lock:
            return self._rules.tokens_at(now)

    def deposit(self) -> None:
        """Note that a call is made."""
        if not self._rules.full:
            now = self._clock.monotonic()
            with self._lock:
                self._rules.deposit_needs_lock(now)

    def withdraw(self) -> bool:
        """Take a token for a retry or a hedge; False: it must not be made."""
        now = self._clock.monotonic()
        with self._lock:
            return self._rules.withdraw_needs_lock(now)

    def describe(self) -> str:
        """The settings in one line."""
        policy = self.policy
        return (
            f"retries at most {policy.ratio * 100:g}% of calls plus {policy.per_second:g} "
            f"per second, {policy.max_tokens:g} in hand"
        )

    def __repr__(self) -> str:
        return f"<RetryBudget {self.tokens:g} of {self.policy.max_tokens:g} tokens>"
