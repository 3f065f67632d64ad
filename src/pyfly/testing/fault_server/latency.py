"""How long an answer takes: a number of seconds, or one of the distributions services have."""

from __future__ import annotations

from random import Random
from typing import Protocol, TypeAlias

#: No distribution gives more than this unless it is told to: a test is not to hang by chance.
LONGEST = 60.0


class Latency(Protocol):
    """Draws how long to wait."""

    def seconds(self, random: Random, /) -> float:
        """The next wait; all chance in it comes from ``random``."""
        ...


#: A distribution, or a fixed number of seconds.
AnyLatency: TypeAlias = Latency | float


class Fixed:
    """The same every time.

    Args:
        seconds: 0 or more.
    """

    __slots__ = ("_seconds",)

    def __init__(self, seconds: float) -> None:
        self._seconds = _checked("seconds", seconds)

    def seconds(self, random: Random, /) -> float:
        return self._seconds


class Uniform:
    """Anything between two bounds, all alike.

    Args:
        low: The shortest wait, in seconds.
        high: The longest.
    """

    __slots__ = ("_high", "_low")

    def __init__(self, low: float, high: float) -> None:
        self._low = _checked("low", low)
        self._high = _checked("high", high)
        if high < low:
            raise ValueError(f"Uniform: high is {high:g}, which is less than low, {low:g}")

    def seconds(self, random: Random, /) -> float:
        return random.uniform(self._low, self._high)


class LogNormal:
    """Most waits near the median, a few far above it: what most services look like.

    Args:
        median: Half of the waits are shorter, in seconds.
        sigma: The spread; at 0.5 one wait in a hundred is over 3 medians, at 1.0 over 10.
        maximum: No wait is longer.
    """

    __slots__ = ("_maximum", "_median", "_sigma")

    def __init__(self, median: float, sigma: float = 0.5, maximum: float = LONGEST) -> None:
        self._median = _checked("median", median)
        self._sigma = _checked("sigma", sigma)
        self._maximum = _checked("maximum", maximum)

    def seconds(self, random: Random, /) -> float:
        return min(self._median * random.lognormvariate(0.0, self._sigma), self._maximum)


class Pareto:
    """A long tail: the longer a wait has been, the longer it is still going to be.

    Args:
        minimum: The shortest wait, in seconds.
        alpha: The tail: at 1.0 one wait in a hundred is over 100 minimums, at 2.0 over 10.
        maximum: No wait is longer.
    """

    __slots__ = ("_alpha", "_maximum", "_minimum")

    def __init__(self, minimum: float, alpha: float = 1.5, maximum: float = LONGEST) -> None:
        self._minimum = _checked("minimum", minimum)
        self._maximum = _checked("maximum", maximum)
        self._alpha = alpha
        if not 0 < alpha < float("inf"):
            raise ValueError(f"Pareto: alpha is {alpha!r}; give a number above 0, such as 1.5")

    def seconds(self, random: Random, /) -> float:
        return min(self._minimum * random.paretovariate(self._alpha), self._maximum)


def as_latency(value: AnyLatency) -> Latency:
    """A number as a latency; a latency as it is."""
    return Fixed(value) if isinstance(value, int | float) else value


def _checked(name: str, value: float) -> float:
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name} is {value!r}; give a number of at least 0, such as 0.25")
    return float(value)
