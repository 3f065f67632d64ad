"""The ``Link`` header (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_SPACE = " \t"
_PARAMETER = re.compile(r"[ \t]*;[ \t]*([^ \t;,=]*)[ \t]*(=[ \t]*)?")
# Possessive: nothing is gone back over, and no place to go back to is kept.
_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*+)("|\\?$)', re.DOTALL)
_BARE = re.compile(r"[^;,]*")


def next_link(values: Iterable[str]) -> str | None:
    """The target of the first link with ``rel="next"``, as it is written; None without one.

    Args:
        values: The values of all ``Link`` fields. What is malformed in them is passed over.
    """
    for value in values:
        for target, parameters in parse_links(value):
            # A link with an anchor is one from elsewhere (section 3.2).
            if "anchor" not in parameters and "next" in parameters.get("rel", "").lower().split():
                return target
    return None


def parse_links(value: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The links of one field: target, and parameters by lower-case name, the first of each.

    It never raises, and takes linear time (section B.2).
    """
    position = 0
    while True:
        begin = value.find("<", position)
        end = value.find(">", begin)
        # Only separators may be between two links: anything else is passed over as well.
        if begin < 0 or end < 0:
            return
        parameters, position = _parameters(value, end + 1)
        yield value[begin + 1 : end].strip(_SPACE), parameters


def _parameters(value: str, position: int) -> tuple[dict[str, str], int]:
    """The parameters from ``position`` on, and where they end."""
    found: dict[str, str] = {}
    while (match := _PARAMETER.match(value, position)) is not None:
        position = match.end()
        text = ""
        if match[2]:
            text, position = _text(value, position)
        if match[1]:
            found.setdefault(match[1].lower(), text)
    return found, position


def _text(value: str, position: int) -> tuple[str, int]:
    quoted = _QUOTED.match(value, position)
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), quoted.end()
    bare = _BARE.match(value, position)
    assert bare is not None  # it matches nothing, too
    return bare[0].strip(_SPACE), bare.end()
