"""JSON in (RFC 8259), strictly."""

from __future__ import annotations

import json
from typing import Any, NoReturn

__all__ = ["from_json"]


def from_json(content: bytes) -> Any:
    """The value that JSON bytes stand for.

    Raises:
        ValueError: It is no JSON: also ``NaN`` and ``Infinity``, which JSON does not have,
            numbers of thousands of digits, nesting that is too deep, and text that is not
            UTF-8 (or UTF-16, UTF-32).
    """
    try:
        return json.loads(content, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not in JSON")
