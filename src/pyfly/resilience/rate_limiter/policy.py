"""The settings of a rate limiter."""

from __future__ import annotations

from datetime import timedelta

from pyfly.kernel.record import Record
from pyfly.resilience._checks import finite_number, span, whole_number

_OWNER = "RateLimiter"
_SECOND = timedelta(seconds=1)


class RateLimiterPolicy(Record):
    """How many calls may begin, and how long one may wait for that. Immutable.

    Args:
        rate: Tokens that come back in each ``per``; more than 0.
        per: The span that ``rate`` is meant for.
        burst: Tokens that can be saved up, so many calls may begin at once; default: the whole
            tokens of one span, at least 1.
        max_wait: How long a call may wait for its token; zero: it is refused at once; None:
            until its deadline, if it has one.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range.
    """

    rate: float
    per: timedelta
    burst: int
    max_wait: timedelta | None

    def __init__(
        self,
        rate: float,
        per: timedelta = _SECOND,
        burst: int | None = None,
        max_wait: timedelta | None = timedelta(0),
    ) -> None:
        rate = finite_number(_OWNER, "rate", rate, 0.0, above=True)
        if max_wait is not None:
            span(_OWNER, "max_wait", max_wait, zero=True)
        super().__init__(
            rate=rate,
            per=span(_OWNER, "per", per, zero=False),
            burst=max(int(rate), 1) if burst is None else whole_number(_OWNER, "burst", burst, 1),
            max_wait=max_wait,
        )
