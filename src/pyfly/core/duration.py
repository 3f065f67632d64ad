"""Spans of time as people write them: ``30s``, ``1m30s``, ``0.5``, ``PT1M30.5S``.

The parts are added as integers of a microsecond, the smallest step of a ``timedelta``; only
the last part may have a fraction, as in ISO 8601. What a reader of YAML 1.1 would take for
something else (``1:30``, ``1_000``, ``010``) is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta

from pyfly.core.conversions import HIDDEN, exact, hint, show
from pyfly.core.errors import ConfigException

_SECOND = 1_000_000
_UNITS: Mapping[str, int] = {  # in microseconds, largest first
    "d": 86_400 * _SECOND,
    "h": 3_600 * _SECOND,
    "m": 60 * _SECOND,
    "s": _SECOND,
    "ms": 1_000,
    "us": 1,
}
_PLAIN = r"([0-9]*)(?:\.([0-9]+))?"
_PART = r" *([0-9]*)(?:\.([0-9]+))? ?([A-Za-z\u00b5\u03bc]+)"  # there are two signs for micro
_ISO_NUMBER = r"([0-9]+)(?:[.,]([0-9]+))?"
_ISO = (
    rf"P(?:{_ISO_NUMBER}W)?(?:{_ISO_NUMBER}D)?"
    rf"(?:T(?:{_ISO_NUMBER}H)?(?:{_ISO_NUMBER}M)?(?:{_ISO_NUMBER}S)?)?"
)
_ISO_UNITS = (7 * _UNITS["d"], _UNITS["d"], _UNITS["h"], _UNITS["m"], _UNITS["s"])
_LONGEST_TEXT = 64
_ACCEPTED = "write a number with us, ms, s, m, h or d, such as 30s, 500ms or 1h30m"


def parse_duration(value: timedelta | float | str) -> timedelta:
    """Returns a span of time from how it is written.

    Args:
        value: ``"30s"``, ``"500ms"``, ``"250us"``, ``"2m"``, ``"1h"``, ``"1d"``, parts in
            descending order such as ``"1m30s"``, ISO 8601 such as ``"PT30S"`` or ``"P1D"``,
            a plain number of seconds (as text too), or a ``timedelta``. Anything finer than
            a microsecond is rounded to one.

    Raises:
        ConfigException: It is negative, infinite, not a duration, or can be read in two ways.
    """
    return to_duration(value, show(value))


def to_duration(value: object, shown: str) -> timedelta:
    """As :func:`parse_duration`, with the text that stands for the value in messages."""
    result: int | str = ""
    if isinstance(value, timedelta):
        result = value // timedelta(microseconds=1)
    elif isinstance(value, bool):
        result = f"true or false is no time; {_ACCEPTED}"
    elif isinstance(value, int):
        result = value * _SECOND
    elif isinstance(value, float):
        result = _rounded(*_seconds(value)) if math.isfinite(value) else "it is not finite"
    elif isinstance(value, str):
        result = _text(value.strip())
    if isinstance(result, int):
        if result < 0:
            result = "a duration is not negative"
        elif result > timedelta.max // timedelta(microseconds=1):
            result = "it is too long: at most 999999999 days"
        else:
            return timedelta(microseconds=result)
    if not result or shown == HIDDEN:
        result = _ACCEPTED
    raise ConfigException(f"{shown} is not a duration ({result})")


def format_duration(value: timedelta) -> str:
    """Returns the shortest text that :func:`parse_duration` reads back, such as ``1m30s``."""
    left = value // timedelta(microseconds=1)
    text = ""
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _seconds(value: float) -> tuple[int, int]:
    numerator, denominator = value.as_integer_ratio()
    return numerator * _SECOND, denominator


def _rounded(numerator: int, denominator: int) -> int | str:
    """Returns a fraction as a whole number of microseconds; never 0 unless it is 0."""
    whole = (2 * numerator + denominator) // (2 * denominator)
    if numerator > 0 and not whole:
        return "it is less than a microsecond; the shortest is 1us"
    return whole


def _text(text: str) -> int | str:
    """Returns the microseconds, or what is wrong; empty if there is nothing to say about it."""
    if not text:
        return f"it is empty; {_ACCEPTED}"
    if len(text) > _LONGEST_TEXT:
        return f"it is too long; {_ACCEPTED}"
    if text[0] in "-+" or text[0:2].upper() in ("P-", "P+"):
        return "a duration is not negative and has no sign"
    if text[0] in "Pp":
        return _iso(text)
    if found := re.fullmatch(_PLAIN, text):
        if re.fullmatch(r"0[0-9]+", found[1]):
            return "a leading zero means octal to some readers; write it without, or with a unit"
        return _sum([(found[1], found[2], _SECOND)])
    return _parts(text)


def _iso(text: str) -> int | str:
    found = re.fullmatch(_ISO, text.upper())
    if not found or text[-1] in "PpTt":
        return "of ISO 8601, weeks, days, hours, minutes and seconds are read: P1D, PT1M30.5S"
    groups = found.groups()
    parts = zip(groups[::2], groups[1::2], _ISO_UNITS, strict=True)
    return _sum([(whole, fraction, unit) for whole, fraction, unit in parts if whole])


def _parts(text: str) -> int | str:
    parts: list[tuple[str, str | None, int]] = []
    position = 0
    while position < len(text):
        found = re.compile(_PART).match(text, position)
        if not found or not (found[1] or found[2]):
            return _diagnosis(text)
        unit = _UNITS.get(re.sub(r"[\u00b5\u03bc]", "u", found[3]))
        if unit is None:
            return _diagnosis(text, found[3])
        parts.append((found[1], found[2], unit))
        position = found.end()
    return _sum(parts)


def _sum(parts: list[tuple[str, str | None, int]]) -> int | str:
    units = [unit for _, _, unit in parts]
    if units != sorted(set(units), reverse=True):
        return "each unit may stand once, the larger before the smaller, such as 1h30m"
    if any(fraction for _, fraction, _ in parts[:-1]):
        return "only the last part may have a fraction"
    total = sum(int(whole) * unit for whole, _, unit in parts[:-1])
    whole, fraction, unit = parts[-1]
    denominator: int = 10 ** len(fraction or "")
    quotient, rest = exact(whole, fraction or "", unit)
    return _rounded((total + quotient) * denominator + rest, denominator)


def _diagnosis(text: str, unit: str = "") -> str:
    if re.fullmatch(r"[0-9]+(:[0-9]+)+(\.[0-9]+)?", text):
        return "a colon can mean minutes or hours; write 1m30s or 1h30m"
    if unit.lower() in _UNITS:
        return f"units are lower case; write {unit.lower()}"
    if unit in ("ns", "w", "y"):
        return f"the unit {unit} is not read; {_ACCEPTED}"
    why = hint(text)
    return f"{why}; {_ACCEPTED}" if why else _ACCEPTED
