"""The rules of a rate limiter: a token bucket, kept as one point in time. No clock.

Theory of operation, as in the generic cell rate algorithm (ATM Forum, TM 4.0, 1996). Tokens
come back at a fixed pace, so the bucket is told by the moment at which it will be full again.
Taking ``weight`` tokens moves that moment ``weight * interval`` seconds ahead. If it then
lies more than ``burst * interval`` ahead of now, the taker has to wait for the difference:
it has *reserved* its tokens, and those who come later wait for later ones. So all are served
in the order in which they asked, and nobody has to be woken.

A reservation that is cancelled goes back if nobody behind it has kept one: those behind know
their times already. If they are cancelled too, in whatever order, all of it goes back. A
token that cannot go back is lost, so the rate is kept in any case.

The lock has to be re-entrant: see :mod:`..circuit_breaker.state`.
"""

from __future__ import annotations

import math

_ROUNDING = 1e-9
"""Seconds that count as none: times on a clock that has run for years are no more exact."""


class Reservation:
    """Tokens taken, perhaps ahead of time.

    Attributes:
        wait: Seconds until they are there, as of the time they were taken.
        before: When the bucket would be full without it.
        previous: The reservation made before it; None if that has been used.
        pending: Whether it is neither used nor cancelled.
        cancelled: Whether it was given up.
    """

    __slots__ = ("before", "cancelled", "pending", "previous", "wait")

    def __init__(self) -> None:
        self.wait = 0.0
        self.before = 0.0
        self.previous: Reservation | None = None
        self.pending = False
        self.cancelled = False


class RateRules:
    """The state of one rate limiter; the bucket is full at the start.

    Args:
        interval: Seconds in which one token comes back.
        burst: Tokens that the bucket holds.

    Attributes:
        waiting: Calls that wait for their tokens.
        acquired: Calls that have got theirs.
        cancelled: Calls that gave up while they waited.
        refused: Calls refused.
    """

    __slots__ = (
        "_burst",
        "_full_at",
        "_interval",
        "_last",
        "acquired",
        "cancelled",
        "refused",
        "waiting",
    )

    def __init__(self, interval: float, burst: int) -> None:
        self._interval = interval
        self._burst = burst
        self._full_at = -math.inf
        self._last: Reservation | None = None
        self.waiting = 0
        self.acquired = 0
        self.cancelled = 0
        self.refused = 0

    def tokens_at(self, now: float) -> float:
        """Tokens in the bucket; negative: so many are reserved ahead of time."""
        return self._burst - max(self._full_at - now, 0.0) / self._interval

    def wait_at(self, now: float, weight: float) -> float:
        """Seconds that a call would wait for its tokens; ``weight`` is at most the burst."""
        wait = self._full_at - now + (weight - self._burst) * self._interval
        return wait if wait > _ROUNDING else 0.0

    def reserve_needs_lock(
        self, reservation: Reservation, now: float, weight: float, longest: float | None
    ) -> bool:
        """Take tokens. False: they would not be there within ``longest`` seconds."""
        wait = self.wait_at(now, weight)
        if wait and longest is not None and wait > longest + _ROUNDING:
            return False
        before = self._full_at
        reservation.before = before
        reservation.wait = wait
        self._full_at = (before if before > now else now) + weight * self._interval
        if wait:
            reservation.pending = True
            reservation.previous = self._last
            self._last = reservation
            self.waiting += 1
        else:
            self._last = None  # used at once: nothing before it can go back
            self.acquired += 1
        return True

    def refuse_needs_lock(self) -> None:
        """Count a refusal."""
        self.refused += 1

    def use_needs_lock(self, reservation: Reservation) -> None:
        """The wait is over."""
        if reservation.pending:
            reservation.pending = False
            reservation.previous = None  # what was reserved before cannot go back any more
            self.waiting -= 1
            self.acquired += 1

    def cancel_needs_lock(self, reservation: Reservation) -> None:
        """The wait was broken off: give back what nobody behind relies on."""
        if not reservation.pending:
            return
        reservation.pending = False
        reservation.cancelled = True
        self.waiting -= 1
        self.cancelled += 1
        last = self._last
        while last is not None and last.cancelled:
            self._full_at = last.before
            last = last.previous
        self._last = last
