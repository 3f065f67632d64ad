"""The rules of waiting between attempts: no I/O, no clock, no sleeping."""

from __future__ import annotations

import math

from pyfly.kernel.record import Record
from pyfly.resilience._checks import Draw

LONGEST_DELAY = 365 * 86_400.0
"""No computed delay is longer, in seconds: doubling would soon leave what timers can take."""

LONGEST_SUM = 30.0
"""No circuit waits longer for the retries of a call before it opens, in seconds."""

_MOST_SUMMED = 500


class Backoff(Record):
    """How long to wait before a retry.

    ``jitter`` spreads the exponential delay d: ``"none"`` d; ``"full"`` [0, d]; ``"equal"``
    [d/2, d]; ``"decorrelated"`` between the base and three times the wait before. See Brooker,
    "Exponential Backoff And Jitter" (AWS, 2015).
    """

    base: float
    multiplier: float
    cap: float
    jitter: str
    draw: Draw | None

    def delay(self, retry: int, before: float) -> float:
        """Seconds before the retry number ``retry`` (from 0), after a wait of ``before``."""
        if self.jitter == "decorrelated":
            start = max(before, self.base)
            return min(self.base + self._drawn() * (3.0 * start - self.base), self.cap)
        delay = min(self._exponential(retry), self.cap)
        if self.jitter == "full":
            return delay * self._drawn()
        if self.jitter == "equal":
            return delay / 2 + delay / 2 * self._drawn()
        return delay

    def longest(self, retries: int) -> float:
        """Returns the seconds that so many delays add up to, whatever is drawn.

        At most ``LONGEST_SUM``.
        """
        total = delay = 0.0
        for retry in range(min(retries, _MOST_SUMMED)):
            if self.jitter == "decorrelated":
                delay = min(self.base * 3.0 ** (retry + 1), self.cap)
            else:
                delay = min(self._exponential(retry), self.cap)
            total += delay
        return min(total + max(retries - _MOST_SUMMED, 0) * delay, LONGEST_SUM)

    def _exponential(self, retry: int) -> float:
        try:
            return float(self.base * self.multiplier**retry)
        except OverflowError:
            return math.inf if self.base else 0.0

    def _drawn(self) -> float:
        if self.draw is not None:
            return self.draw.random()
        import random  # who has no jitter does not pay for its import

        return random.random()  # no secret


def told_by(error: BaseException) -> float | None:
    """The seconds that the other side asked to wait (``retry_after``), if it is a number."""
    try:
        told = getattr(error, "retry_after", None)
    except Exception:  # a property of a foreign exception
        return None
    if isinstance(told, bool) or not isinstance(told, (int, float)):
        return None
    return float(told) if math.isfinite(told) and told >= 0 else None


def wait_or_reason(
    computed: float, told: float | None, longest_told: float, left: float | None
) -> float | str:
    """The seconds to wait before the next attempt, or the reason why there is none.

    Args:
        computed: The back-off's delay.
        told: What the other side asked for.
        longest_told: The longest time it may ask for.
        left: Seconds until the deadline; None: there is none.
    """
    if told is not None and told > longest_told:
        return f"the other side asked for {told:g} s, and {longest_told:g} s is the longest wait"
    wait = computed if told is None else max(computed, told)
    if left is not None and wait >= left:
        return f"the wait of {wait:g} s would pass the deadline, which is {max(left, 0.0):g} s away"
    return wait
