"""The rules of a retry budget, in its two forms. No clock; time is passed in.

The token form is a bucket. ``full`` is written with the tokens, so that a deposit into a full
bucket, which is every one while nothing fails, is one read. See gRPC, "Retry Throttling"
(proposal A6), and the token bucket of the AWS SDKs' standard retry mode.

The ratio form keeps the calls and the retries of the last seconds, in ten slices. See Finagle's
``RetryBudget`` and Envoy's ``retry_budget``. As in Finagle, the retries made expire together
with the calls that allowed them.
"""

from __future__ import annotations

_SLICES = 10
_ROUNDING = 1e-9
"""A retry may be missing by so much: 0.29 × 100 is 28.999999999999996."""


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
        """Returns the tokens in hand, those that came with time included."""
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


class RatioRules:
    """The calls and retries of the last seconds; none at the start."""

    __slots__ = ("_calls", "_percent", "_reserve", "_retries", "_turn", "_width", "full")

    def __init__(self, percent: float, reserve: float, window: float, now: float) -> None:
        self._percent = percent
        self._reserve = reserve
        self._width = window / _SLICES
        self._turn = int(now // self._width)
        self._calls = [0] * _SLICES
        self._retries = [0] * _SLICES
        self.full = False  # never: each call has to be noted

    def tokens_at(self, now: float) -> float:
        """Returns the retries that could be made now."""
        self._roll(now)
        allowed = self._percent * sum(self._calls) + self._reserve
        return max(allowed - sum(self._retries), 0.0)

    def deposit_needs_lock(self, now: float) -> None:
        """A call was made."""
        self._roll(now)
        self._calls[self._turn % _SLICES] += 1

    def withdraw_needs_lock(self, now: float) -> bool:
        """Take the permission for a retry; False: there have been too many."""
        enough = self.tokens_at(now) >= 1.0 - _ROUNDING
        if enough:
            self._retries[self._turn % _SLICES] += 1
        return enough

    def _roll(self, now: float) -> None:
        """Empty the slices that are too old. A clock that goes back stays where it was."""
        turn = int(now // self._width)
        if turn - self._turn > _SLICES:
            self._turn = turn - _SLICES
        while self._turn < turn:
            slot = (self._turn + 1) % _SLICES
            self._calls[slot] = self._retries[slot] = 0
            self._turn += 1
