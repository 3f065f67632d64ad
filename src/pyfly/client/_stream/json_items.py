"""The items of a body of JSON, as bytes, before the body is whole.

Each framing is fed pieces that may be cut anywhere and gives back the bytes of one item after
the other; whether those are JSON is for their decoder to say. All take linear time, and hold
no more than one item.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

from pyfly.client._stream.lines import byte_lines
from pyfly.client.errors import ResponseDecodeException, ResponseTooLargeException

_SPACE = b" \t\n\r"
_MARK = b"\xef\xbb\xbf"
#: What matters outside of strings: among the items, and deeper.
_AMONG = re.compile(rb'[\[\]{}",]')
_DEEPER = re.compile(rb'[\[\]{}"]')
_IN_STRING = re.compile(rb'["\\]')


class JsonLines:
    """One item a line, as in NDJSON; empty lines are none.

    Args:
        limit: The longest line, in bytes.
    """

    def __init__(self, limit: int) -> None:
        self._lines = byte_lines(limit)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The items that end in these bytes."""
        return _not_empty(self._lines.feed(data))

    def end(self) -> Iterator[bytes]:
        """The last item, whose line may have no end."""
        return _not_empty(self._lines.end())


def _not_empty(lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        item = line.strip(_SPACE)
        if item:
            yield item


class JsonSequence:
    """Items that begin with a record separator (RFC 7464).

    Args:
        limit: The largest item, in bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The items that end in these bytes, because another begins."""
        first, *others = data.split(b"\x1e")
        self._keep(first)
        for part in others:
            yield from self._item()
            self._begun = True
            self._keep(part)

    def end(self) -> Iterator[bytes]:
        """The last item."""
        return self._item()

    def _keep(self, part: bytes) -> None:
        if not self._begun and part.strip(_SPACE):
            raise ResponseDecodeException(
                "the body is no JSON text sequence: it does not begin with a record separator "
                "(return AsyncIterator[bytes] to read it as it is)"
            )
        self._size += len(part)
        _require_size(self._size, self._limit)
        self._parts.append(part)

    def _item(self) -> Iterator[bytes]:
        item = b"".join(self._parts).strip(_SPACE)
        self._parts, self._size = [], 0
        if item:
            yield item


class ArrayItems:
    """The items of one array.

    Args:
        limit: The largest item, in bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._over = False
        self._after_comma = False
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The items that end in these bytes.

        Raises:
            ResponseDecodeException: This is no array, or something follows it.
            ResponseTooLargeException: An item is larger than the limit.
        """
        position = 0 if self._depth else self._outside(data)
        start = position
        while position < len(data):
            if self._in_string:
                position = self._string(data, position)
                continue
            found = (_AMONG if self._depth == 1 else _DEEPER).search(data, position)
            if found is None:
                break
            position = found.end()
            match found[0]:
                case b'"':
                    self._in_string = True
                case b"[" | b"{":
                    self._depth += 1
                case b",":
                    self._keep(data[start : position - 1])
                    start = position
                    yield self._item()
                    self._after_comma = True
                case closing:
                    self._depth -= 1
                    if not self._depth:
                        self._keep(data[start : position - 1])
                        yield from self._close(closing)
                        start = position + self._outside(data[position:])
                        position = len(data)
        if self._depth:
            self._keep(data[start:])

    def end(self) -> Iterator[bytes]:
        """Nothing: the last item ends with the array.

        Raises:
            ResponseDecodeException: The array has not ended, or none has begun.
        """
        if not self._over:
            _refuse("the body ends within it" if self._depth else "the body is empty")
        return iter(())

    def _outside(self, data: bytes) -> int:
        """Where the array begins in ``data``, or else its length: only space may be elsewhere."""
        rest = data.lstrip(_SPACE)
        if not rest:
            return len(data)
        if self._over:
            _refuse("something follows its end")
        if rest[:1] != b"[":
            _refuse("it does not begin with [")
        self._depth = 1
        return len(data) - len(rest) + 1

    def _string(self, data: bytes, position: int) -> int:
        """Go on behind the next character that matters within a string."""
        if self._escaped:
            self._escaped = False
            return position + 1
        found = _IN_STRING.search(data, position)
        if found is None:
            return len(data)
        if found[0] == b'"':
            self._in_string = False
        else:
            self._escaped = True
        return found.end()

    def _close(self, closing: bytes) -> Iterator[bytes]:
        if closing != b"]":
            _refuse("it ends with }")
        self._over = True
        if self._after_comma or b"".join(self._parts).strip(_SPACE):
            yield self._item()

    def _keep(self, part: bytes) -> None:
        if part:
            self._size += len(part)
            _require_size(self._size, self._limit)
            self._parts.append(part)

    def _item(self) -> bytes:
        item = b"".join(self._parts).strip(_SPACE)
        self._parts, self._size = [], 0
        if not item:
            _refuse("there is nothing between two commas, or after the last")
        return item


class LinesOrArray:
    """An array if the body begins with ``[``, else one item a line.

    Args:
        limit: The largest item, in bytes.
        may_be_empty: Whether a body without anything in it is right, and has no items.
    """

    def __init__(self, limit: int, may_be_empty: bool) -> None:
        self._limit = limit
        self._may_be_empty = may_be_empty
        self._mark: bytes | None = b""  # the part of a byte order mark that has come
        self._framing: ArrayItems | JsonLines | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The items that end in these bytes."""
        if self._framing is None:
            data = self._begin(data)
            if not data:
                return iter(())
            array = data[:1] == b"["
            self._framing = ArrayItems(self._limit) if array else JsonLines(self._limit)
        return self._framing.feed(data)

    def _begin(self, data: bytes) -> bytes:
        """What is there of ``data`` but space, and a mark at the very beginning."""
        if self._mark is not None:
            data = self._mark + data
            if len(data) < len(_MARK) and _MARK.startswith(data):
                self._mark = data
                return b""
            self._mark = None
            data = data.removeprefix(_MARK)
        return data.lstrip(_SPACE)

    def end(self) -> Iterator[bytes]:
        """The last item, where it needs no end."""
        if self._framing is not None:
            return self._framing.end()
        if self._mark:
            return iter((self._mark,))
        if not self._may_be_empty:
            raise ResponseDecodeException(
                "the body is no JSON: it is empty (return AsyncIterator[bytes] to read it as it is)"
            )
        return iter(())


def _require_size(size: int, limit: int) -> None:
    if size > limit:
        raise ResponseTooLargeException(
            f"an item of the stream is larger than {limit} bytes; "
            "raise max-response-size to accept it"
        )


def _refuse(why: str) -> NoReturn:
    raise ResponseDecodeException(
        f"the body is no JSON array: {why} (return AsyncIterator[bytes] to read it as it is)"
    )
