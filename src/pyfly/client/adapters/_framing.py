"""Where a response ends on a connection, found beside the library's own parser.

A peer that sends more than the one response it was asked for (a bug, or a smuggled
response) leaves bytes in the parser of the httpcore family, which then answers the *next*
request with them. They cannot be seen through its API. So each stream follows the framing of
what it reads (RFC 9112, section 6), and a connection that did not stop exactly at the
end of a response is not used again. Whatever is in doubt counts as such.
"""

from __future__ import annotations

import enum
import re

__all__ = ["Framing"]

_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r?\n", re.IGNORECASE)
_NAMES = re.compile(rb"\n(content-length|transfer-encoding):", re.IGNORECASE)
_CHUNKED = re.compile(rb"\ntransfer-encoding:[ \t]*chunked[ \t]*\r?\n", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)
#: The cores stop at 100 KiB of head or chunk line; more is no response of theirs.
_LINE_LIMIT = 128 * 1024


class _At(enum.Enum):
    IDLE = enum.auto()  # no request was sent since the last response ended
    HEAD = enum.auto()
    LENGTH = enum.auto()
    CHUNK_SIZE = enum.auto()
    CHUNK = enum.auto()
    TRAILERS = enum.auto()
    CLOSE = enum.auto()  # the body ends with the connection
    LOST = enum.auto()


class Framing:
    """Follows requests out and responses in; knows whether the connection is clean."""

    __slots__ = ("_at", "_buffer", "_left", "_without_body")

    def __init__(self) -> None:
        self._at = _At.IDLE
        self._buffer = b""
        self._left = 0
        self._without_body = False

    @property
    def clean(self) -> bool:
        """Whether nothing was read beyond the end of the last response."""
        return self._at is _At.IDLE

    @property
    def until_close(self) -> bool:
        """Whether the body has no other end than the connection's."""
        return self._at is _At.CLOSE

    def sent(self, data: bytes) -> None:
        """Note what is written; the first bytes after a response are a request line."""
        if self._at is _At.IDLE:
            self._at = _At.HEAD
            self._without_body = data[:5] == b"HEAD "

    def received(self, data: bytes) -> None:
        """Note what was read."""
        at = self._at
        if at is _At.LENGTH and len(data) <= self._left:  # by far the most common
            self._left -= len(data)
            if not self._left:
                self._at = _At.IDLE
            return
        while data:
            data = self._step(data)

    def _step(self, data: bytes) -> bytes:
        """Take what belongs to the present state; give back the rest."""
        match self._at:
            case _At.HEAD:
                return self._head(data)
            case _At.LENGTH:
                self._left, rest = self._left - len(data), data[self._left :]
                if self._left <= 0:
                    self._at = _At.IDLE
                return rest
            case _At.CHUNK_SIZE:
                return self._chunk_size(data)
            case _At.CHUNK:
                self._left, rest = self._left - len(data), data[self._left :]
                if self._left <= 0:
                    self._at = _At.CHUNK_SIZE
                return rest
            case _At.TRAILERS:
                return self._trailers(data)
            case _At.IDLE:  # more than was asked for
                self._at = _At.LOST
                return b""
            case _At.CLOSE | _At.LOST:
                return b""

    def _head(self, data: bytes) -> bytes:
        start = max(len(self._buffer) - 3, 0)
        data = self._buffer + data
        end = _HEAD_END.search(data, start)
        if end is None:
            return self._keep(data)
        head, rest = data[: end.end()], data[end.end() :]
        self._buffer = b""
        status = _STATUS.match(head)
        if status is None or status[1] == b"101":
            self._at = _At.LOST
        elif status[1][:1] != b"1":  # an interim response is followed by another head
            self._begin_body(status[1], head)
        return rest

    def _begin_body(self, status: bytes, head: bytes) -> None:
        names = {name.lower() for name in _NAMES.findall(head)}
        length = _LENGTH.search(head)
        if self._without_body or status in (b"204", b"304"):
            self._at = _At.IDLE
        elif not names:
            self._at = _At.CLOSE
        elif names == {b"transfer-encoding"} and _CHUNKED.search(head):
            self._at = _At.CHUNK_SIZE
        elif names == {b"content-length"} and length is not None:
            self._left = int(length[1])
            self._at = _At.LENGTH if self._left else _At.IDLE
        else:
            self._at = _At.LOST

    def _chunk_size(self, data: bytes) -> bytes:
        start = max(len(self._buffer) - 1, 0)  # what was looked through is not again
        data = self._buffer + data
        end = data.find(b"\r\n", start)
        if end < 0:
            return self._keep(data)
        self._buffer = b""
        size = _CHUNK_SIZE.fullmatch(data, 0, end)
        if size is None:
            self._at = _At.LOST
        elif count := int(size[1], 16):
            self._left = count + 2  # and the line's end after it
            self._at = _At.CHUNK
        else:
            self._at = _At.TRAILERS
        return data[end + 2 :]

    def _trailers(self, data: bytes) -> bytes:
        start = max(len(self._buffer) - 3, 0)
        data = self._buffer + data
        if data[:2] == b"\r\n":
            rest = data[2:]
        else:
            end = _HEAD_END.search(data, start)
            if end is None:
                return self._keep(data)
            rest = data[end.end() :]
        self._buffer = b""
        self._at = _At.IDLE
        return rest

    def _keep(self, data: bytes) -> bytes:
        """Wait for more of a line or head."""
        self._buffer = data
        if len(data) > _LINE_LIMIT:
            self._buffer, self._at = b"", _At.LOST
        return b""
