"""A timeout that knows when the whole exchange ends.

The httpcore family hands the numbers in ``extensions["timeout"]`` to its network backend
unchanged. An :class:`Until` is such a number, a span that is right for whoever knows
no better, and carries the absolute end to a backend of ours.
"""

from __future__ import annotations

import time

__all__ = ["Until", "from_now", "remaining"]


class Until(float):
    """A span in seconds that also ends at ``when``, by the monotonic clock."""

    when: float

    def __new__(cls, span: float, when: float) -> Until:
        self = super().__new__(cls, span)
        self.when = when
        return self


def remaining(timeout: float | None) -> float | None:
    """How long one operation may take now; zero or less if its time is over."""
    if isinstance(timeout, Until):
        return min(float(timeout), timeout.when - time.monotonic())
    return timeout


def from_now(timeout: float | None) -> Until | None:
    """The same timeout for several operations together: its span begins now."""
    left = remaining(timeout)
    return None if left is None else Until(left, time.monotonic() + left)
