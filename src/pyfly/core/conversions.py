"""From what was written to a value: numbers, sizes, truth, text; :mod:`.duration` for time.

Every function takes the value and how it may be shown in a message (``***`` for a secret),
and refuses what more than one reader would read differently: ``1_000``, ``010``, ``on``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pyfly.core.errors import ConfigException
from pyfly.core.keys import common, nearest

HIDDEN = "***"
NULLS = ("null", "Null", "NULL", "~")

# Patterns stay text: `re` compiles each once, at its first use rather than at import.
_INTEGER = r"[-+]?(0|[1-9][0-9]*)"
_DECIMAL = r"[-+]?((0|[1-9][0-9]*)(\.[0-9]+)?|\.[0-9]+)([eE][-+]?[0-9]+)?"
_PLAIN_FLOAT = r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+([eE][-+][0-9]+)?"
_SIZE = r"([0-9]*)(?:\.([0-9]+))? ?([A-Za-z]*)"
_CREDENTIALS = r"://[^/?#\s]*@"
_LONGEST_NUMBER = 64

_SIZE_UNITS: Mapping[str, int] = {
    "": 1,
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}


def show(value: object) -> str:
    """Returns a value as messages show it: short, on one line, without the credentials of a URL."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else "a very large number"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        value = re.sub(_CREDENTIALS, f"://{HIDDEN}@", value)
        return repr(value if len(value) <= 60 else value[:57] + "...")
    return f"a value of type {type(value).__name__}"


def hint(text: str) -> str:
    """Returns why a text that looks like a number is not taken as one; empty if it does not."""
    if re.fullmatch(r"[-+]?[0-9][0-9_]*_[0-9_]*[0-9A-Za-z.]*", text):
        return "write the digits without underscores"
    if re.fullmatch(r"[-+]?0[0-9]+", text):
        return "a leading zero means octal to some readers; write it without"
    if re.fullmatch(r"[-+]?0[xXoObB][0-9A-Fa-f]+", text):
        return "write it in decimal digits"
    if re.fullmatch(r"[0-9]+,[0-9.,]*[0-9]", text):
        return "write the digits without a comma; the decimal sign is a point"
    if re.fullmatch(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", text):
        return "write all the digits, without an exponent"
    return ""


def exact(whole: str, fraction: str, factor: int) -> tuple[int, int]:
    """``whole.fraction`` times a factor, as an integer and what is left over."""
    denominator: int = 10 ** len(fraction)
    return divmod(int((whole or "0") + fraction) * factor, denominator)


def plain_value(text: str) -> Any:
    """Returns what an unquoted text means where no schema says so.

    Only what all versions of YAML agree on is more than text: ``null``, ``true``, ``false``,
    decimal integers, and floats with a point. ``on``, ``010``, ``1:30`` and ``1_000`` stay
    as they are written.
    """
    if text == "" or text in NULLS:
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text[0] in "tT"
    if len(text) <= _LONGEST_NUMBER:
        if re.fullmatch(_INTEGER, text):
            return int(text)
        if re.fullmatch(_PLAIN_FLOAT, text) and math.isfinite(float(text)):
            return float(text)
    return text


def to_text(value: object, shown: str) -> str:
    """Returns a text as it is; a number given in code is none."""
    if isinstance(value, str):
        return value
    raise ConfigException(f"{shown} is not a text (put it in quotes)")


def to_flag(value: object, shown: str) -> bool:
    """``true`` or ``false``, in any case; ``on``, ``yes`` and ``1`` are neither."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise ConfigException(f"{shown} is neither true nor false (write one of these two words)")


def to_integer(value: object, shown: str) -> int:
    """Returns a whole number in decimal digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if len(text) <= _LONGEST_NUMBER and re.fullmatch(_INTEGER, text):
        return int(text)
    why = hint(text) if shown != HIDDEN else ""
    raise ConfigException(f"{shown} is not a whole number ({why or 'write for example 3'})")


def to_number(value: object, shown: str) -> float:
    """Returns a finite number in decimal digits, with an exponent or without."""
    number = math.nan
    text = value.strip() if isinstance(value, str) else ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
    elif len(text) <= _LONGEST_NUMBER and re.fullmatch(_DECIMAL, text):
        number = float(text)
    if math.isfinite(number):
        return number
    why = hint(text) if shown != HIDDEN else ""
    raise ConfigException(f"{shown} is not a finite number ({why or 'write for example 0.5'})")


def to_size(value: object, shown: str) -> int:
    """Returns bytes: a whole number, or a number with KB, MB, … (thousands) or KiB, … (1024)."""
    result: int | str = ""
    if isinstance(value, str):
        result = _size(value.strip())
    elif isinstance(value, int) and not isinstance(value, bool):
        result = value if value >= 0 else "a size is not negative"
    if isinstance(result, int):
        return result
    if not result or shown == HIDDEN:
        result = "write bytes, or a number with KB, MB, GB, KiB, MiB or GiB, such as 10MiB"
    raise ConfigException(f"{shown} is not a size ({result})")


def _size(text: str) -> int | str:
    """Returns the bytes, or what is wrong; empty if there is nothing to say about it."""
    if text.startswith("-"):
        return "a size is not negative"
    found = re.fullmatch(_SIZE, text) if len(text) <= _LONGEST_NUMBER else None
    if not found or not (found[1] or found[2]):
        return hint(text)
    unit = found[3]
    if re.fullmatch(r"[KMGT]i?b", unit):
        return f"a lower-case b may mean bits; write {unit[:-1]}B"
    if re.fullmatch(r"[kmgt]i?", unit.lower()):
        letter = unit[0].upper()
        return f"write {letter}B for thousands or {letter}iB for powers of 1024"
    if re.fullmatch(r"0[0-9]+", found[1]) and not unit:
        return hint(text)
    if unit.lower() not in _SIZE_UNITS:
        return hint(text)
    size, rest = exact(found[1], found[2] or "", _SIZE_UNITS[unit.lower()])
    return "it is not a whole number of bytes" if rest else size


def to_choice(value: object, shown: str, options: Iterable[str]) -> str:
    """Returns one of the options; hyphens, underscores and case do not matter."""
    options = tuple(options)
    if isinstance(value, str):
        if value in options:
            return value
        by_form = {common(option): option for option in options}
        if common(value.strip()) in by_form:
            return by_form[common(value.strip())]
    close = nearest(value, options) if isinstance(value, str) and shown != HIDDEN else None
    meant = f"did you mean {close}? " if close else ""
    raise ConfigException(f"{shown} is not accepted ({meant}write one of: {', '.join(options)})")
