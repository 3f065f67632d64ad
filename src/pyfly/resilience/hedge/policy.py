"""The settings of hedging."""

from __future__ import annotations

from datetime import timedelta

from pyfly.kernel.record import Record
from pyfly.resilience._checks import finite_number, span, whole_number

WINDOW = 256
"""How many of the latest durations a quantile is taken of."""

_OWNER = "Hedge"


class HedgePolicy(Record):
    """When an attempt is sent once more. Immutable.

    Args:
        delay: How long an attempt may be without an answer before a hedge is sent, and each
            hedge before the next; zero sends them all at once.
        quantile: Take the delay from the latest attempts: with 0.95, the slowest twentieth is
            hedged. Until there are enough of them ``delay`` holds; None: no hedge.
        max_hedges: Hedges beside one attempt; at least 1.
        min_samples: Attempts that a quantile needs; at least 1, at most 256.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range, or neither ``delay`` nor ``quantile``.
    """

    delay: timedelta | None
    quantile: float | None
    max_hedges: int
    min_samples: int

    def __init__(
        self,
        delay: timedelta | None = None,
        quantile: float | None = None,
        max_hedges: int = 1,
        min_samples: int = 20,
    ) -> None:
        if delay is None and quantile is None:
            raise ValueError(
                f"{_OWNER}: say when to hedge: delay=timedelta(milliseconds=200), or "
                "quantile=0.95 to take the delay from the latest attempts"
            )
        if whole_number(_OWNER, "min_samples", min_samples, 1) > WINDOW:
            raise ValueError(
                f"{_OWNER}: min_samples must be at most {WINDOW}, the number of attempts that "
                f"are remembered, not {min_samples}"
            )
        super().__init__(
            delay=None if delay is None else span(_OWNER, "delay", delay, zero=True),
            quantile=None if quantile is None else _quantile(quantile),
            max_hedges=whole_number(_OWNER, "max_hedges", max_hedges, 1),
            min_samples=min_samples,
        )

    def describe(self) -> str:
        """The settings in one line."""
        most = "1 hedge" if self.max_hedges == 1 else f"up to {self.max_hedges} hedges"
        fixed = None if self.delay is None else f"{self.delay.total_seconds():g} s"
        if self.quantile is None:
            return f"{most}, {fixed} after the attempt"
        text = f"{most}, after the {self.quantile * 100:g}% quantile of the latest attempts"
        return text if fixed is None else f"{text} ({fixed} before there are {self.min_samples})"


def _quantile(value: object) -> float:
    number = finite_number(_OWNER, "quantile", value, 0.0, above=True)
    if number >= 1.0:
        hint = f": write quantile={number / 100:g}" if 1.0 < number < 100.0 else ""
        raise ValueError(f"{_OWNER}: quantile must be less than 1, not {value}{hint}")
    return number
