"""Where two JSON values differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pyfly.testing.requests.secrets import Redactor, alike

__all__ = ["json_differences", "shown_json"]

_NOTHING: Any = object()
_LONGEST = 300


def json_differences(wanted: Any, found: Any, where: str) -> Iterator[tuple[str, str, str]]:
    """Each place in which two values differ, and what stands there in either.

    Args:
        wanted: JSON values; numbers are the same if they are equal.
        found: Likewise.
        where: What the values are called.
    """
    yield from _differences(wanted, found, where, "")


def _differences(wanted: Any, found: Any, where: str, key: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in dict.fromkeys((*wanted, *found)):
            inner = wanted.get(name, _NOTHING), found.get(name, _NOTHING)
            yield from _differences(*inner, f"{where}.{name}", name)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, inner in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(*inner, f"{where}[{index}]", key)
    elif isinstance(wanted, bool) != isinstance(found, bool) or wanted != found:
        yield where, shown_json(wanted, key), shown_json(found, key)


def shown_json(value: Any, key: str = "") -> str:
    """A value as it may be shown: without secrets, and not too long.

    Args:
        value: JSON values.
        key: The name of the member that it is.
    """
    if value is _NOTHING:
        return "nothing"
    text = alike(json.dumps(Redactor().json(value, key), ensure_ascii=False))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
