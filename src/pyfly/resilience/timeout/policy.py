"""The settings of timeouts."""

from __future__ import annotations

from datetime import timedelta

from pyfly.kernel.record import Record
from pyfly.resilience._checks import span

_OWNER = "TimeoutPolicy"
_DEFAULT_ATTEMPT = timedelta(seconds=30)


class TimeoutPolicy(Record):
    """How long things may take. Immutable.

    Args:
        attempt: The longest that one attempt may take, as a whole; default 30 s, or ``total``
            if that is shorter. None: unbounded.
        total: The longest that a call may take, with its retries and pauses. None: unbounded.

    Raises:
        TypeError: A value that is no timedelta.
        ValueError: A value that is not longer than zero, or ``attempt`` over ``total``.
    """

    attempt: timedelta | None
    total: timedelta | None

    def __init__(
        self,
        attempt: timedelta | None = _DEFAULT_ATTEMPT,
        total: timedelta | None = None,
    ) -> None:
        if total is not None:
            span(_OWNER, "total", total, zero=False)
        if attempt is not None:
            span(_OWNER, "attempt", attempt, zero=False)
            if total is not None and attempt > total:
                if attempt is not _DEFAULT_ATTEMPT:
                    raise ValueError(
                        f"{_OWNER}: attempt ({attempt.total_seconds():g} s) is over total "
                        f"({total.total_seconds():g} s), so it would never end an attempt: "
                        "make it shorter, or leave it out"
                    )
                attempt = total
        super().__init__(attempt=attempt, total=total)
