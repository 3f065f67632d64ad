"""From the response of one page to its items."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pyfly.client._codec.decode import Decoder, decoder_for
from pyfly.client._codec.json_text import from_json
from pyfly.client.adapters.foreign import PlainValue
from pyfly.client.errors import ResponseDecodeException
from pyfly.client.message import Response
from pyfly.client.pagination import at_path
from pyfly.kernel.record import Record

_SPACE = re.compile(rb"[ \t\n\r]*")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"')
_PLAIN = re.compile(rb"[^ \t\n\r,\]}]*")
_DEEPER = re.compile(rb'[\[{]|[\]}]|"(?:[^"\\]++|\\.)*+"')


def bytes_at(content: bytes, path: str) -> bytes | None:
    """The bytes of the value at a dotted path, None if there is none.

    Bytes, so that its numbers reach their decoder as they were sent.

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


_MISSING: Any = object()


class PageItems(Record):
    """A page that has come: the response, its body as JSON values, and its items."""

    response: Response[Any]
    value: Callable[[], Any]
    items: list[Any]


class PageDecoder:
    """From a response to the items of one page, in place of the decoder of a value.

    Args:
        item: What one item is.
        path: Where the list of them is in the body; None if it is the body.

    Raises:
        UndecodableAnnotation: Nothing can be decoded into such items.
    """

    def __init__(self, item: Any, path: str | None) -> None:
        self._decode: Decoder = decoder_for(list[item])
        self._path = path

    def __call__(self, response: Response[Any]) -> PageItems:
        """Decode one page; one without a body has no items."""
        if _is_empty(response):
            return PageItems(response, lambda: None, [])
        value = _Once(response)
        listed = response if self._path is None else self._at(self._path, response, value)
        return PageItems(response, value, [] if listed is None else self._decode(listed))

    def _at(
        self, path: str, response: Response[Any], value: Callable[[], Any]
    ) -> Response[Any] | None:
        """The list alone, as a response; None for a JSON ``null``, which some send for none."""
        found = at_path(value(), path, _MISSING)
        if found is None:
            return None
        if not isinstance(found, list):
            what = "is missing" if found is _MISSING else f"is a {type(found).__name__} and no list"
            error = ResponseDecodeException(f"the page's {path!r} {what} (correct items=)")
            error.location = path
            raise error
        if type(response) is not Response:
            return PlainValue(found, "the port")
        content = bytes_at(response.content, path)
        assert content is not None  # it was found
        return Response(response.status_code, response.headers, content)


class _Once:
    """The body of a response as JSON values, decoded when it is first asked for."""

    def __init__(self, response: Response[Any]) -> None:
        self._response = response
        self._value: Any = _MISSING

    def __call__(self) -> Any:
        if self._value is _MISSING:
            response = self._response
            try:
                if type(response) is Response:
                    self._value = from_json(response.content)
                else:
                    self._value = response.json()
            except ValueError as error:
                reason = getattr(error, "msg", None) or str(error)
                raise ResponseDecodeException(
                    f"the page is no JSON: {reason} (paginate= needs JSON)"
                ) from error
        return self._value


def _is_empty(response: Response[Any]) -> bool:
    if response.is_plain_value:
        return False
    return response.status_code == 204 or (type(response) is Response and not response.content)
