"""The time that is left, as text that one process sends to the next.

It is a span, so that the clocks of the two need not agree. The name of the header is the
business of whoever sends it.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

DeadlineFormat = Literal["ms", "seconds", "grpc"]
"""``"ms"``: whole milliseconds, ``1500``; ``"seconds"``: ``1.5``; ``"grpc"``: ``1500m``, as in
gRPC over HTTP/2, "Timeout": at most eight digits and one of ``H M S m u n``."""

_GRPC_UNITS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "S": 1.0, "M": 60.0, "H": 3600.0}
_MOST_DIGITS = {"ms": 15, "seconds": 12, "grpc": 8}
_DECIMALS = 9
_GRPC_MOST = 99_999_999
_LONGEST = 86_400.0 * 365


def parse_deadline(text: str | None, form: DeadlineFormat = "ms") -> float | None:
    """Returns the seconds that are left, or None if the text is absent or no such span.

    Whatever the text, it raises nothing: it comes from strangers. Spaces around it are
    allowed, signs, exponents and digits other than 0 to 9 are not.

    Raises:
        ValueError: A ``form`` that there is not.
    """
    _check_form(form)
    if not isinstance(text, str):
        return None
    text = text.strip(" \t")
    if form == "grpc":
        scale = _GRPC_UNITS.get(text[-1:])
        digits = _digits(text[:-1], form)
        return None if scale is None or digits is None else digits * scale
    if form == "ms":
        digits = _digits(text, form)
        return None if digits is None else digits / 1000
    whole, point, fraction = text.partition(".")
    digits = _digits(whole, form)
    if digits is None or not point:
        return None if digits is None else float(digits)
    if len(fraction) > _DECIMALS:
        fraction = fraction[:_DECIMALS] if _all_digits(fraction[_DECIMALS:]) else ""
    return float(f"{whole}.{fraction}") if _all_digits(fraction) else None


def format_deadline(seconds: float, form: DeadlineFormat = "ms") -> str:
    """Returns the seconds that are left as text, rounded down: never more than there is.

    A span that has passed is zero; one of more than a year is a year.

    Raises:
        ValueError: A ``form`` that there is not, or an undefined span.
    """
    _check_form(form)
    if math.isnan(seconds):
        raise ValueError("format_deadline() takes a number of seconds, not nan")
    seconds = min(max(seconds, 0.0), _LONGEST)
    if form == "ms":
        return str(int(seconds * 1000))
    if form == "seconds":
        return f"{int(seconds * 1000) / 1000:.3f}"
    # The finest unit that has room; a year fits into seconds.
    unit = next(unit for unit in "umS" if seconds / _GRPC_UNITS[unit] <= _GRPC_MOST)
    return f"{int(seconds / _GRPC_UNITS[unit])}{unit}"


def _digits(text: str, form: DeadlineFormat) -> int | None:
    return int(text) if _all_digits(text) and len(text) <= _MOST_DIGITS[form] else None


def _all_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _check_form(form: str) -> None:
    if form not in get_args(DeadlineFormat):
        known = ", ".join(get_args(DeadlineFormat))
        raise ValueError(f"the form of a deadline is one of {known}, not {form!r}")
