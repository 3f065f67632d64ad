"""The rules of ends: which of several comes first. No clock; times are passed in, absolute."""

from __future__ import annotations

from pyfly.resilience.call import CALLER, TOTAL_TIMEOUT

__all__ = ["CALLER", "TOTAL_TIMEOUT", "attempt_end", "call_end"]


def call_end(
    given: float | None, around: float | None, total: float | None
) -> tuple[float | None, str | None]:
    """Returns when a call has to be done, and what says so; of equal ends the caller's wins.

    Args:
        given: The deadline that the call was made with.
        around: The deadline of the code around it.
        total: When its total timeout ends.
    """
    end, source = given, None if given is None else CALLER
    if around is not None and (end is None or around < end):
        end, source = around, CALLER
    if total is not None and (end is None or total < end):
        end, source = total, TOTAL_TIMEOUT
    return end, source


def attempt_end(now: float, span: float | None, deadline: float | None) -> float | None:
    """Returns when an attempt that starts now has to be done."""
    if span is None:
        return deadline
    end = now + span
    return end if deadline is None or end < deadline else deadline
