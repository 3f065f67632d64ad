"""The rules of a retry budget: a token bucket. No clock; time is passed in.

``full`` is written with the tokens, so that a deposit into a full bucket, which is every one
while nothing fails, is one read.
"""

from __future__ import annotations

__all__ = ["BudgetRules"]


class BudgetRules:
    """The tokens in hand; full at the start."""

    __slots__ = ("_max", "_per_second", "_ratio", "_since", "full", "tokens")

    def __init__(self, ratio: float, max_tokens: float, per_second: float, now: float) -> None:
        self._ratio = ratio
        self._max = max_tokens
        self._per_second = per_second
        self._since = now
        self.tokens = max_tokens
        self.full = True

    def tokens_at(self, now: float) -> float:
        """The tokens in hand, those that came with time included."""
        elapsed = max(now - self._since, 0.0)
        return min(self.tokens + elapsed * self._per_second, self._max)

    def deposit_needs_lock(self, now: float) -> None:
        """A call was made."""
        self._set(self.tokens_at(now) + self._ratio, now)

    def withdraw_needs_lock(self, now: float) -> bool:
        """Take a token for a retry; False: none is left."""
        tokens = self.tokens_at(now)
        enough = tokens >= 1.0
        self._set(tokens - 1.0 if enough else tokens, now)
        return enough

    def _set(self, tokens: float, now: float) -> None:
        self.tokens = min(tokens, self._max)
        self.full = tokens >= self._max
        self._since = max(now, self._since)
