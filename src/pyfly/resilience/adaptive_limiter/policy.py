"""The settings of an adaptive limiter: one class for each way to find the limit.

Their defaults are those of Netflix's concurrency-limits (``Gradient2Limit`` within a
``WindowedLimit``, ``AIMDLimit``).
"""

from __future__ import annotations

from datetime import timedelta

from pyfly.kernel.record import Record
from pyfly.resilience._checks import finite_number, span, whole_number

_SECOND = timedelta(seconds=1)
_TIMEOUT = timedelta(seconds=5)


class Gradient2Policy(Record):
    """Follow the round-trip time: lower the limit as it grows over its long average. Immutable.

    Args:
        initial_limit: Calls at once, at first.
        min_limit: The least it may come to; at least 1.
        max_limit: The most.
        smoothing: The weight of a new sample in the limit; over 0, at most 1.
        long_window: Samples in the long, exponential average of the round-trip time.
        rtt_tolerance: How many times its long average a round-trip time may be before the
            limit is lowered; at least 1.
        queue_size: Calls that may queue on the other side: what the limit grows by.
        window: The least span whose samples are judged together; zero: each one by itself.

    Raises:
        TypeError: A value of the wrong type.
        ValueError: A value out of range, or limits that contradict each other.
    """

    initial_limit: int
    min_limit: int
    max_limit: int
    smoothing: float
    long_window: int
    rtt_tolerance: float
    queue_size: int
    window: timedelta

    def __init__(
        self,
        initial_limit: int = 20,
        min_limit: int = 20,
        max_limit: int = 200,
        *,
        smoothing: float = 0.2,
        long_window: int = 600,
        rtt_tolerance: float = 1.5,
        queue_size: int = 4,
        window: timedelta = _SECOND,
    ) -> None:
        owner = type(self).__name__
        _check_limits(owner, initial_limit, min_limit, max_limit)
        super().__init__(
            initial_limit=initial_limit,
            min_limit=min_limit,
            max_limit=max_limit,
            smoothing=_part(owner, "smoothing", smoothing),
            long_window=whole_number(owner, "long_window", long_window, 1),
            rtt_tolerance=finite_number(owner, "rtt_tolerance", rtt_tolerance, 1.0, above=False),
            queue_size=whole_number(owner, "queue_size", queue_size, 0),
            window=span(owner, "window", window, zero=True),
        )

    def describe(self) -> str:
        """The settings in one line."""
        limits = f"{self.min_limit} to {self.max_limit} at once, {self.initial_limit} at first"
        return f"{limits}, by the gradient of the round-trip time"


class AIMDPolicy(Record):
    """Add one after each success, take a part away after each drop. Immutable.

    Args:
        initial_limit: Calls at once, at first.
        min_limit: The least it may come to; at least 1.
        max_limit: The most.
        backoff_ratio: What is left of the limit after a drop; over 0, under 1.
        timeout: A call that took longer than this counts as dropped.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range, or limits that contradict each other.
    """

    initial_limit: int
    min_limit: int
    max_limit: int
    backoff_ratio: float
    timeout: timedelta

    def __init__(
        self,
        initial_limit: int = 20,
        min_limit: int = 20,
        max_limit: int = 200,
        *,
        backoff_ratio: float = 0.9,
        timeout: timedelta = _TIMEOUT,
    ) -> None:
        owner = type(self).__name__
        _check_limits(owner, initial_limit, min_limit, max_limit)
        if _part(owner, "backoff_ratio", backoff_ratio) == 1:
            raise ValueError(f"{owner}: backoff_ratio must be less than 1, or nothing is lowered")
        super().__init__(
            initial_limit=initial_limit,
            min_limit=min_limit,
            max_limit=max_limit,
            backoff_ratio=backoff_ratio,
            timeout=span(owner, "timeout", timeout, zero=False),
        )

    def describe(self) -> str:
        """The settings in one line."""
        limits = f"{self.min_limit} to {self.max_limit} at once, {self.initial_limit} at first"
        return f"{limits}, one more after a success, × {self.backoff_ratio:g} after a drop"


def _check_limits(owner: str, initial: int, least: int, most: int) -> None:
    whole_number(owner, "initial_limit", initial, 1)
    whole_number(owner, "min_limit", least, 1)
    whole_number(owner, "max_limit", most, 1)
    if not least <= initial <= most:
        raise ValueError(
            f"{owner}: initial_limit ({initial}) must lie between min_limit ({least}) and "
            f"max_limit ({most})"
        )


def _part(owner: str, name: str, value: float) -> float:
    value = finite_number(owner, name, value, 0.0, above=True)
    if value > 1:
        raise ValueError(f"{owner}: {name} must be at most 1, not {value:g}")
    return value
