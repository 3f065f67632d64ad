"""The settings of a retry budget."""

from __future__ import annotations

from pyfly.kernel.record import Record
from pyfly.resilience._checks import finite_number

__all__ = ["RetryBudgetPolicy"]

_OWNER = "RetryBudget"


class RetryBudgetPolicy(Record):
    """How many retries are in hand. Immutable.

    Args:
        ratio: Tokens that each call adds; 0.2 allows one retry in five calls.
        max_tokens: The most that can be saved up; at least 1, else there is never a retry.
        per_second: Tokens added per second, so that rare calls may be retried too.

    Raises:
        TypeError: A value that is no number.
        ValueError: A value that is negative, not finite or too small.
    """

    ratio: float
    max_tokens: float
    per_second: float

    def __init__(
        self, ratio: float = 0.2, max_tokens: float = 10.0, per_second: float = 1.0
    ) -> None:
        super().__init__(
            ratio=finite_number(_OWNER, "ratio", ratio, 0.0, above=False),
            max_tokens=finite_number(_OWNER, "max_tokens", max_tokens, 1.0, above=False),
            per_second=finite_number(_OWNER, "per_second", per_second, 0.0, above=False),
        )
