"""A part of a JSON body as bytes, so that its numbers reach their decoder as they were sent."""

from __future__ import annotations

import json
import re

_SPACE = re.compile(rb"[ \t\n\r]*")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"')
_PLAIN = re.compile(rb"[^ \t\n\r,\]}]*")
_DEEPER = re.compile(rb'[\[{]|[\]}]|"(?:[^"\\]++|\\.)*+"')


def bytes_at(content: bytes, path: str) -> bytes | None:
    """The bytes of the value at a dotted path, None if there is none.

    Args:
        content: JSON, which has been found right.
        path: Keys with dots between them.
    """
    encoding = json.detect_encoding(content)
    if encoding != "utf-8":
        content = content.decode(encoding).encode()
    start, end = 0, len(content)
    for key in path.split("."):
        found = _member(content, start, key)
        if found is None:
            return None
        start, end = found
    return content[start:end]


def _member(content: bytes, position: int, key: str) -> tuple[int, int] | None:
    """Where the value of ``key`` is in the object at ``position``; of several the last."""
    position = _after_space(content, position)
    if content[position : position + 1] != b"{":
        return None
    found = None
    position = _after_space(content, position + 1)
    while content[position : position + 1] == b'"':
        name_end = _end_of(content, position)
        start = _after_space(content, _after_space(content, name_end) + 1)
        end = _end_of(content, start)
        if json.loads(content[position:name_end]) == key:
            found = start, end
        comma = _after_space(content, end)
        position = _after_space(content, comma + 1)
    return found


def _after_space(content: bytes, position: int) -> int:
    match = _SPACE.match(content, position)
    assert match is not None  # it matches nothing, too
    return match.end()


def _end_of(content: bytes, position: int) -> int:
    """Where the value that begins at ``position`` ends."""
    if content[position : position + 1] not in (b"[", b"{"):
        match = _STRING.match(content, position) or _PLAIN.match(content, position)
        assert match is not None
        return match.end()
    depth = 0
    for match in _DEEPER.finditer(content, position):
        mark = match[0][:1]
        if mark in (b"[", b"{"):
            depth += 1
        elif mark in (b"]", b"}"):
            depth -= 1
            if not depth:
                return match.end()
    return len(content)
