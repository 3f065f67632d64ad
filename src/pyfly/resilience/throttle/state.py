"""The rules of client-side throttling. No clock, no randomness: both are passed in.

Theory of operation, after "Handling Overload" in *Site Reliability Engineering* (O'Reilly,
2016, chapter 21). Over a window, *requests* are the calls that were wanted, *accepts* those
that the other side did not turn away. The next call is refused with probability
``max(0, (requests - k * accepts) / (requests + 1))``. Refused calls are requests as well, so
the longer nothing is accepted, the fewer calls get through; some always do, and find out.

A call counts when its outcome is known, and not at all if it proves nothing: counted at its
start, a burst of slow but welcome calls would look like as many that are turned away.

The window is a ring of buckets, so what is counted is between 23 and 24 parts of it.
"""

from __future__ import annotations

import sys

BUCKETS = 24
"""Parts of the window."""


class ThrottleRules:
    """The counts of one throttle.

    Args:
        k: Requests per accept before any is refused.
        window: Seconds counted over.

    Attributes:
        requests: As of the last write.
        accepts: As of the last write.
        refused: Calls refused so far, however long ago.
    """

    __slots__ = (
        "_accepts",
        "_current",
        "_k",
        "_requests",
        "_width",
        "accepts",
        "refused",
        "requests",
    )

    def __init__(self, k: float, window: float) -> None:
        self._k = k
        self._width = window / BUCKETS
        self._requests = [0] * BUCKETS
        self._accepts = [0] * BUCKETS
        self._current = -sys.maxsize  # long ago
        self.requests = 0
        self.accepts = 0
        self.refused = 0

    def probability(self) -> float:
        """With which the next call is refused, as of the last write."""
        surplus = self.requests - self._k * self.accepts
        return surplus / (self.requests + 1) if surplus > 0 else 0.0

    def advance_needs_lock(self, now: float) -> float:
        """Forget what the window has left behind; the probability now.

        A clock that goes back stays where it was.
        """
        bucket = int(now // self._width)
        if bucket - self._current > BUCKETS:
            self._current = bucket - BUCKETS
        while self._current < bucket:
            self._current += 1
            slot = self._current % BUCKETS
            self.requests -= self._requests[slot]
            self.accepts -= self._accepts[slot]
            self._requests[slot] = self._accepts[slot] = 0
        return self.probability()

    def count_needs_lock(self, now: float, accepted: bool) -> None:
        """A call was accepted, or turned away."""
        self.advance_needs_lock(now)
        slot = self._current % BUCKETS
        self._requests[slot] += 1
        self.requests += 1
        if accepted:
            self._accepts[slot] += 1
            self.accepts += 1

    def refuse_needs_lock(self) -> None:
        """A call was refused here."""
        self._requests[self._current % BUCKETS] += 1
        self.requests += 1
        self.refused += 1
