"""The settings of a retry budget."""

from __future__ import annotations

from datetime import timedelta

from pyfly.kernel.record import Record
from pyfly.resilience._checks import finite_number, span

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
        self, ratio: float = 0.2, max_tokens: float = 100.0, per_second: float = 1.0
    ) -> None:
        super().__init__(
            ratio=finite_number(_OWNER, "ratio", ratio, 0.0, above=False),
            max_tokens=finite_number(_OWNER, "max_tokens", max_tokens, 1.0, above=False),
            per_second=finite_number(_OWNER, "per_second", per_second, 0.0, above=False),
        )

    def describe(self) -> str:
        """Returns the settings in one line."""
        return (
            f"retries at most {self.ratio * 100:g}% of calls plus {self.per_second:g} "
            f"per second, {self.max_tokens:g} in hand"
        )


class RatioBudgetPolicy(Record):
    """What part of the calls of the last seconds may be repeated. Immutable.

    Args:
        percent: That part, from 0 to 1: 0.2 for 20 %.
        window: How far it looks back.
        min_per_second: Retries that are allowed besides, times the seconds of the window.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range, or values that never allow a retry.
    """

    percent: float
    window: timedelta
    min_per_second: float

    def __init__(
        self,
        percent: float = 0.2,
        window: timedelta = timedelta(seconds=10),
        min_per_second: float = 1.0,
    ) -> None:
        owner = f"{_OWNER}.ratio"
        super().__init__(
            percent=finite_number(owner, "percent", percent, 0.0, above=False),
            window=span(owner, "window", window, zero=False),
            min_per_second=finite_number(owner, "min_per_second", min_per_second, 0.0, above=False),
        )
        if percent > 1:
            raise ValueError(
                f"{owner}: percent is a part of the calls, at most 1, not {percent:g}: "
                f"write {percent / 100:g} for {percent:g} %"
            )
        if not percent and self.reserve < 1:
            raise ValueError(
                f"{owner}: without a percent, min_per_second × window is {self.reserve:g}, and "
                "there would never be a retry"
            )

    @property
    def reserve(self) -> float:
        """Retries that a window allows without any call."""
        return self.min_per_second * self.window.total_seconds()

    def describe(self) -> str:
        """Returns the settings in one line."""
        return (
            f"retries at most {self.percent * 100:g}% of the calls of the last "
            f"{self.window.total_seconds():g} s plus {self.min_per_second:g} per second"
        )
