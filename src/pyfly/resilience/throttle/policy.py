"""The settings of a throttle, and what it raises."""

from __future__ import annotations

from datetime import timedelta

from pyfly.kernel.exceptions import RefusedException
from pyfly.kernel.record import Record
from pyfly.resilience._checks import finite_number, span

_OWNER = "Throttle"
_WINDOW = timedelta(minutes=2)


class ThrottlePolicy(Record):
    """From which point on calls are held back. Immutable.

    Args:
        k: Calls made for each one that is accepted before any is held back; at least 1. A
            smaller one throttles sooner; 2 lets the other side turn half of the calls away.
        window: The span over which calls are counted.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range.
    """

    k: float
    window: timedelta

    def __init__(self, k: float = 2.0, window: timedelta = _WINDOW) -> None:
        super().__init__(
            k=finite_number(_OWNER, "k", k, 1.0, above=False),
            window=span(_OWNER, "window", window, zero=False),
        )


class ThrottledException(RefusedException):
    """The other side turns so many calls away that this one was not made."""

    default_message = "Throttled: the other side turns calls away"
