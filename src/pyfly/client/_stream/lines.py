"""Texts cut at line ends, wherever the pieces were cut."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import Any, AnyStr, Generic

from pyfly.client.errors import ResponseDecodeException, ResponseTooLargeException
from pyfly.client.message import text_codec


class LineSplitter(Generic[AnyStr]):
    """Cuts what it is fed at line ends; the time it takes is linear.

    Args:
        ends: What ends a line.
        nothing: The empty text or bytes.
        line_feed: What may follow a carriage return and then belongs to it.
        limit: The longest line.
    """

    __slots__ = ("_after_return", "_ends", "_join", "_limit", "_line_feed", "_parts", "_size")

    def __init__(
        self, ends: re.Pattern[AnyStr], nothing: AnyStr, line_feed: AnyStr, limit: int
    ) -> None:
        self._ends: re.Pattern[AnyStr] = ends
        join: Any = nothing.join  # whose overloads do not know that it is one of two
        self._join: Callable[[list[AnyStr]], AnyStr] = join
        self._line_feed: AnyStr = line_feed
        self._limit = limit
        self._parts: list[AnyStr] = []
        self._size = 0
        self._after_return = False

    def feed(self, data: AnyStr) -> Iterator[AnyStr]:
        """The lines that end in these bytes, without their ends.

        Raises:
            ResponseTooLargeException: A line is longer than the limit.
        """
        if not data:
            return
        start = 1 if self._after_return and data[:1] == self._line_feed else 0
        self._after_return = False
        for end in self._ends.finditer(data, start):
            self._keep(data[start : end.start()])
            start = end.end()
            yield self._line()
            # A carriage return may be half of an end: the other half belongs to it.
            lone = start == end.start() + 1 and end[0] != self._line_feed
            self._after_return = lone and start == len(data)
        self._keep(data[start:])

    def end(self) -> Iterator[AnyStr]:
        """The last line, if it has no end."""
        if self._parts:
            yield self._line()

    def _keep(self, part: AnyStr) -> None:
        if part:
            self._size += len(part)
            if self._size > self._limit:
                raise ResponseTooLargeException(
                    f"a line of the stream is longer than {self._limit} bytes; "
                    "raise max-response-size to accept it"
                )
            self._parts.append(part)

    def _line(self) -> AnyStr:
        parts = self._parts
        line = parts[0] if len(parts) == 1 else self._join(parts)
        self._parts, self._size = [], 0
        return line


_LINE_FEED = re.compile(rb"\n")
_ANY_BYTES = re.compile(rb"\r\n|\n|\r")
_ANY_TEXT = re.compile(r"\r\n|\n|\r")


def byte_lines(limit: int) -> LineSplitter[bytes]:
    """Lines that end with LF."""
    return LineSplitter(_LINE_FEED, b"", b"\n", limit)


def event_lines(limit: int) -> LineSplitter[bytes]:
    """Lines that end with CR, LF or both."""
    return LineSplitter(_ANY_BYTES, b"", b"\n", limit)


class TextLines:
    """Lines of text, which end with CR, LF or both.

    Args:
        charset: How the body is encoded.
        limit: The longest line.

    Raises:
        ResponseDecodeException: The charset is not known; later: the body is no such text.
    """

    def __init__(self, charset: str, limit: int) -> None:
        try:
            # Every codec that there is for a charset has one.
            decoder: Any = text_codec(charset).incrementaldecoder
        except LookupError:
            raise ResponseDecodeException(
                f"the response's charset {charset[:40]!r} is not known "
                "(return AsyncIterator[bytes] to read it anyway)"
            ) from None
        self._decoder: codecs.IncrementalDecoder = decoder()
        self._charset = charset
        self._lines: LineSplitter[str] = LineSplitter(_ANY_TEXT, "", "\n", limit)

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that end in these bytes, without their ends."""
        return self._lines.feed(self._text(data, False))

    def end(self) -> Iterator[str]:
        """The last line, if it has no end."""
        yield from self._lines.feed(self._text(b"", True))
        yield from self._lines.end()

    def _text(self, data: bytes, final: bool) -> str:
        try:
            return self._decoder.decode(data, final)
        except UnicodeError:
            raise ResponseDecodeException(
                f"the stream is not the {self._charset} text that it claims to be (return "
                "AsyncIterator[bytes] to read it as it is)"
            ) from None
