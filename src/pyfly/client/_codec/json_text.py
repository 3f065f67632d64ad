"""JSON in (RFC 8259), strictly, and by the fastest decoder that is there.

The standard library's decoder says what is JSON. A faster one answers first where it is
installed, and what it refuses is shown to the standard one: so an answer, and an error, are
the same whichever is there. orjson is not among them: it turns integers of more than 64 bits
into floats without a word.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn


def from_json(content: bytes) -> Any:
    """The value that JSON bytes stand for.

    Of equal names in one object the last counts.

    Raises:
        ValueError: It is no JSON: also ``NaN`` and ``Infinity``, which JSON does not have, and
            ``1e400``, which would become one; numbers of thousands of digits, nesting that is
            too deep, and text that is not UTF-8 (or UTF-16, UTF-32).
    """
    try:
        return _STRICT.decode(content.decode(json.detect_encoding(content)))
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def fast_from_json() -> Callable[[bytes], Any]:
    """:func:`from_json`, over msgspec or pydantic where one of them is installed."""
    fast = _installed()
    if fast is None:
        return from_json
    decode = fast

    def first_fast(content: bytes) -> Any:
        try:
            return decode(content)
        except Exception:  # of whatever kind: the standard decoder has the last word
            return from_json(content)

    return first_fast


@functools.cache  # a pure look-up in what is installed
def _installed() -> Callable[[bytes], Any] | None:
    try:
        from msgspec.json import Decoder

        return Decoder().decode
    except ImportError:
        pass
    try:
        from pydantic_core import from_json as decode
    except ImportError:
        return None
    return lambda content: (
        from_json(content) if may_overflow(content) else decode(content, allow_inf_nan=False)
    )


def may_overflow(content: bytes) -> bool:
    """Whether a number may stand in JSON that is too large for a float, such as ``1e400``.

    Letters and digits of a UUID look like an exponent too: what stands before them tells.
    """
    return _EXPONENT.search(content) is not None and any(
        _NUMBER.search(content[max(found.start() - _LOOK_BACK, 0) : found.end()])
        for found in _EXPONENT.finditer(content)
    )


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not in JSON")


def _finite(text: str) -> float:
    value = float(text)
    if value - value == 0.0:
        return value
    raise ValueError("a number in it is larger than any float")


_STRICT = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
#: Of three digits: by fewer no number of usual length becomes infinite.
_EXPONENT = re.compile(rb"[eE]\+?\d{3}")
_NUMBER = re.compile(rb"(?:\A|[\s:,\[])-?\d[\d.]*[eE]\+?\d{3}\Z")
_LOOK_BACK = 32
