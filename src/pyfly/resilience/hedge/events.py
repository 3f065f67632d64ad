"""What happens to hedges, as immutable records.

``attempt`` is the attempt that is hedged, ``hedge`` the number of the hedge beside it, from 1.
"""

from __future__ import annotations

from pyfly.resilience.events import Event


class HedgeSent(Event):
    """An attempt had no answer ``after`` seconds, and was sent once more beside itself."""

    attempt: int
    hedge: int
    after: float


class HedgeWon(Event):
    """A hedge brought the answer, before the attempt it was sent beside."""

    attempt: int
    hedge: int
    duration: float


class HedgeFailed(Event):
    """A hedge raised; the others go on. The exception that a call raises is its attempt's own."""

    attempt: int
    hedge: int
    error: Exception
    duration: float


class HedgeSuppressed(Event):
    """An attempt had no answer in time, yet no hedge was sent, for ``reason``."""

    attempt: int
    reason: str
