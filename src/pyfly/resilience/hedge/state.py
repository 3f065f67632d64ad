"""The rules of a latency quantile: no I/O, no clock. Durations are passed in.

The latest durations are kept twice: in the order they came, to know which one to forget, and
sorted, so that the quantile is one look. Adding one is a binary search and a short move.

Methods that write are named ``…_needs_lock``. The lock has to be re-entrant: the garbage
collector may end an attempt inside the locked part, in the same thread.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque


class Durations:
    """The latest durations of attempts, in seconds.

    Args:
        size: How many.
    """

    __slots__ = ("_latest", "_size", "_sorted")

    def __init__(self, size: int) -> None:
        self._size = size
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._sorted)

    def add_needs_lock(self, seconds: float) -> None:
        """Note one more; the oldest is forgotten if there are too many."""
        if len(self._latest) >= self._size:
            oldest = self._latest.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]
        self._latest.append(seconds)
        insort(self._sorted, seconds)

    def quantile_needs_lock(self, quantile: float, at_least: int) -> float | None:
        """The shortest duration that this part of all does not exceed (the nearest rank).

        Args:
            quantile: Between 0 and 1.
            at_least: None is returned if there are fewer durations.
        """
        count = len(self._sorted)
        if count < at_least:
            return None
        return self._sorted[max(math.ceil(quantile * count - 1e-9), 1) - 1]
