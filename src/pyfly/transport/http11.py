"""HTTP/1.1 without I/O: the bytes of a request, and what the bytes of a response mean.

llhttp (``httptools``) parses heads and chunks. It is given each head by itself, cut at its
empty line, so that nothing behind a response is ever read as part of it: the parser skips
empty lines between responses, and would not say where one ended. Where it refuses a head, that is
parsed a second time with its leniencies if the deviation is one that harms nobody: bare
newlines, control characters or folds in a value, a length beside chunks, one length told twice.

A body with a length, or one that lasts until the connection ends, needs no parser.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from pyfly.kernel.secrets import SecretBytes
from pyfly.transport.errors import (
    BodyTooLarge,
    LocalProtocolError,
    PrematureEnd,
    RemoteProtocolError,
)

#: The most bytes of a head, of the line of a chunk, or of trailers.
HEAD_LIMIT = 100 * 1024

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: RFC 9110, section 5.5: what would end a field, or be trimmed by whoever reads it.
_UNSENDABLE = re.compile(r"[\0\r\n\v\f]|^[ \t]|[ \t]$")
_HEAD_END = re.compile(rb"\n\r?\n")
_LENGTH_LINE = re.compile(rb"^content-length[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?\n", re.I | re.M)
_LENGTHS = re.compile(rb"0*[0-9]{1,20}(?:[ \t]*,[ \t]*0*[0-9]{1,20})*")
#: What llhttp counts to.
_LONGEST = 2**63 - 1
_START = b"HTTP/1."
_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#: What llhttp raises; a change of protocol is no ``HttpParserError``.
_REFUSALS_OF_LLHTTP = (HttpParserError, HttpParserUpgrade)
_SWITCHED = "it changed to a protocol that nobody asked for"
#: Reasons with which llhttp refuses a head, and what they say of the peer.
_REFUSALS = (
    ("Upgrade", _SWITCHED),
    ("start line", "a header line is malformed"),
    ("Transfer-Encoding", "its transfer-encoding is not known"),
    ("Duplicate Content-Length", "it sent two different lengths"),
    ("Content-Length", "its content-length is no number"),
    ("hunk", "the size of a chunk is malformed"),
    ("header", "a header line is malformed"),
    ("status", "its status line is malformed"),
    ("version", "its status line is malformed"),
)


def checked_field(name: str, value: str) -> bytes:
    """One line of a header section.

    Raises:
        LocalProtocolError: A header cannot carry it; neither is shown.
    """
    if _TOKEN.fullmatch(name) is None or _UNSENDABLE.search(value) is not None:
        raise LocalProtocolError("a header field holds characters that a header cannot carry")
    try:
        return b"%b: %b\r\n" % (name.encode("ascii"), value.encode("latin-1"))
    except UnicodeEncodeError:
        raise LocalProtocolError(
            "a header field holds characters that a header cannot carry"
        ) from None


def request_head(method: str, prefix: bytes, target: bytes, fields: bytes) -> bytes:
    """The head of a request.

    Args:
        method: ``GET``, ``POST``, …
        prefix: What a proxy has to see before the target; else empty.
        target: Path and query, percent-encoded.
        fields: Lines of header fields, each with its line end.

    Raises:
        LocalProtocolError: The method is none.
    """
    if _TOKEN.fullmatch(method) is None:
        raise LocalProtocolError("the method is no token")
    line = method.encode("ascii"), prefix, target, fields
    return SecretBytes(b"%b %b%b HTTP/1.1\r\n%b\r\n" % line)  # credentials may be among them


class BodyPieces(Protocol):
    """A body that comes in pieces; each iteration begins anew.

    Attributes:
        length: How many bytes it has; None if that is not known.
    """

    @property
    def length(self) -> int | None:
        """How many bytes it has; None if that is not known."""

    def __iter__(self) -> Iterator[bytes]: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class OutgoingRequest(NamedTuple):
    """One request: what is on the wire, but for what a proxy has to see.

    Attributes:
        method: ``GET``, ``POST``, …
        target: Path and query, percent-encoded.
        fields: The lines of all header fields, with those that frame the body.
        content: The body.
    """

    method: str
    target: bytes
    fields: bytes
    content: bytes | BodyPieces | None

    def __repr__(self) -> str:
        return object.__repr__(self)  # what is sent may be secret


class _Head:
    """What llhttp finds in a head."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.decode("latin-1"), value.decode("latin-1")))


class _ChunkedBody:
    """What llhttp finds in a chunked body; trailers are checked, and not kept."""

    __slots__ = ("_heads", "ended", "pieces", "progress")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.progress = False  # whether a chunk has come, or begun, since that was last asked
        self.ended = False
        self._heads = 0

    @property
    def followed(self) -> bool:
        """Whether another message has begun."""
        return self._heads > 1

    def on_headers_complete(self) -> None:
        self._heads += 1

    def on_chunk_header(self) -> None:
        self.progress = True

    def on_body(self, piece: bytes) -> None:
        self.progress = True
        if not self.followed:
            self.pieces.append(piece)

    def on_message_complete(self) -> None:
        self.ended = True


class IncomingResponse:
    """One response while its bytes come.

    Args:
        method: The request's; a response to HEAD has no body.

    Attributes:
        status: The status; 0 until the head is there.
        fields: Pairs of name and value.
        index: The same by lower-case name; values of one name are joined by commas.
        length: How long the body is; None if that is not known.
        until_close: Whether the body has no other end than the connection's.
        ended: Whether all of it is there.
        fault: What is wrong with the body, behind what is right of it: for whoever reads on.
    """

    # Most responses are whole at once: what is set while one comes has its default here.
    status = 0
    length: int | None = None
    until_close = False
    ended = False
    fault: RemoteProtocolError | None = None
    _buffer = b""
    _chunks: _ChunkedBody | None = None
    _parser: HttpResponseParser | None = None  # while a chunked body comes
    _left = 0
    _size = 0  # of a body without a length
    _quiet = 0  # bytes since a chunk has come, or begun
    _tail = b""
    _spoiled = False
    _keep_alive = False
    _http10 = False

    def __init__(self, method: str) -> None:
        self._method = method
        self.fields: list[tuple[str, str]] = []
        self.index: dict[str, str] = {}
        self.body: deque[bytes] = deque()

    @property
    def reusable(self) -> bool:
        """Whether the connection may serve another exchange."""
        return self.ended and self._keep_alive and not self._spoiled

    @property
    def spoiled(self) -> bool:
        """Whether more came than this response, or it may be read in two ways."""
        return self._spoiled

    def require_at_most(self, limit: int) -> None:
        """Refuse a body that says already that it is too large, or is.

        Raises:
            BodyTooLarge: It has more than ``limit`` bytes.
        """
        if (self.length or 0) > limit or self._size > limit:
            raise BodyTooLarge(limit)

    def take(self) -> bytes:
        """All bytes of the body that came since the last time."""
        body = self.body
        data = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        return data

    def take_piece(self) -> bytes:
        """The next piece of the body that came, such as a chunk; ``b""`` if there is none."""
        return self.body.popleft() if self.body else b""

    def feed(self, data: bytes) -> None:
        """Take what was read; ``b""`` is the end of the connection.

        Raises:
            RemoteProtocolError: It is no response.
            PrematureEnd: It ended too early.
        """
        if not data:
            self._end()
        elif not self.status:
            self._feed_head(data)
        elif self.ended or self.fault is not None:
            self._spoiled = True
        elif self._parser is not None:
            self._feed_chunks(data)
        elif self.until_close:
            self._size += len(data)
            self.body.append(data)
        elif len(data) < self._left:
            self._left -= len(data)
            self.body.append(data)
        else:
            more = len(data) > self._left
            self.body.append(data[: self._left] if more else data)
            self._spoiled = self._spoiled or more
            self._left = 0
            self.ended = True

    def _feed_head(self, data: bytes) -> None:
        start = 0
        look_from = max(len(self._buffer) - 2, 0)
        if self._buffer:
            data = self._buffer + data
        while True:
            found = _HEAD_END.search(data, look_from)
            if found is None:
                self._buffer = data[start:]
                if len(self._buffer) > HEAD_LIMIT:
                    raise RemoteProtocolError("its headers are longer than 100 KiB")
                if len(self._buffer) >= len(_START):  # whoever speaks otherwise may wait for us
                    _require_start(self._buffer)
                return
            look_from = found.end()
            self._read_head(data[start:look_from])
            start = look_from
            if self.status >= 200:
                break
            self.status = 0  # an interim response: the one that counts follows
        self._buffer = b""
        self._begin_body()
        if start < len(data):
            self.feed(data[start:])

    def _read_head(self, head: bytes) -> None:
        _require_start(head)
        found = _Head()
        parser = HttpResponseParser(found)
        try:
            parser.feed_data(head)
        except HttpParserUpgrade as exc:
            raise _refused(exc) from None
        except HttpParserError as exc:
            found, parser = self._read_leniently(head, exc)
        self.status = parser.get_status_code()
        if self.status < 100 or b"\0" in head:
            raise RemoteProtocolError("its status line is malformed")
        if self.status == 101:
            raise RemoteProtocolError(_SWITCHED)
        self.fields = found.fields
        self._http10 = head[7:8] == b"0"

    def _read_leniently(
        self, head: bytes, refusal: HttpParserError
    ) -> tuple[_Head, HttpResponseParser]:
        """A head that llhttp refuses, once more, if what is wrong with it harms nobody."""
        if "after start line" in str(refusal) or b"\0" in head:  # a fold of nothing
            raise _refused(refusal)
        lengths = _LENGTH_LINE.findall(head)
        if len(lengths) > 1 or (lengths and not lengths[0].isdigit()) or "overflow" in str(refusal):
            head = _with_one_length(head, lengths, refusal)
            self._spoiled = any(b"," in each for each in lengths)
        found = _Head()
        parser = HttpResponseParser(found)
        parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_chunked_length=True, lenient_optional_cr_before_lf=True
        )
        try:
            parser.feed_data(head)
        except _REFUSALS_OF_LLHTTP as exc:
            raise _refused(exc) from None
        # RFC 9112, section 5.1: a space before the colon is not of the name.
        found.fields = [(name.rstrip(" \t"), value) for name, value in found.fields]
        return found, parser

    def _begin_body(self) -> None:
        index = self.index
        for name, value in self.fields:
            name = name.lower()
            index[name] = f"{index[name]}, {value}" if name in index else value
        connection = index.get("connection")
        if connection is None:
            self._keep_alive = not self._http10
        else:
            options = [option.strip() for option in connection.lower().split(",")]
            self._keep_alive = "close" not in options and (
                not self._http10 or "keep-alive" in options
            )
        coding, length = index.get("transfer-encoding"), index.get("content-length")
        if self._method in ("HEAD", "CONNECT") or self.status in (204, 304):
            self.ended = True
            # A body that may not be, but is announced, may come later, and be taken for an answer.
            if self.status == 204 and (coding is not None or (length or "0") != "0"):
                self._spoiled = True
        elif coding is not None:
            if coding.lower() != "chunked":
                raise RemoteProtocolError("its transfer-encoding is not known")
            # RFC 9112, section 6.1: beside a length, or in HTTP/1.0, it may be read otherwise.
            self._spoiled = self._spoiled or length is not None or self._http10
            self._chunks = _ChunkedBody()
            self._parser = HttpResponseParser(self._chunks)
            self._parser.set_dangerous_leniencies(
                lenient_chunked_length=True,  # in trailers
                lenient_spaces_after_chunk_size=True,  # old servers pad it
            )
            self._parser.feed_data(_CHUNKED_HEAD)
        elif length is not None:
            self.length = self._left = int(length)
            self.ended = not self._left
        else:
            self.until_close, self._keep_alive = True, False

    def _feed_chunks(self, data: bytes) -> None:
        chunks, parser = self._chunks, self._parser
        assert chunks is not None
        assert parser is not None
        try:
            parser.feed_data(data)
        except _REFUSALS_OF_LLHTTP as exc:
            if not chunks.ended:
                self.fault = _refused(exc)
            self._spoiled = True  # else it is what follows the response that is no response
        self._size += sum(map(len, chunks.pieces))
        self.body += chunks.pieces
        chunks.pieces.clear()
        tail = self._tail = data[-6:] if len(data) > 5 else (self._tail + data)[-6:]
        if chunks.ended:
            # The parser passes over newlines that nobody asked for.
            clean = tail.endswith(b"\r\n\r\n") and not tail.endswith(b"\n\r\n\r\n")
            self._spoiled = self._spoiled or chunks.followed or not clean
            self.ended, self._parser = True, None
            return
        self._quiet = 0 if chunks.progress else self._quiet + len(data)
        chunks.progress = False
        if self._quiet > HEAD_LIMIT:
            self.fault = RemoteProtocolError("the size of a chunk, or its trailers, are malformed")

    def _end(self) -> None:
        self._keep_alive = False
        if self.ended:
            return
        if self.until_close:
            self.ended = True
        elif not self.status:
            where = "in the middle of the headers" if self._buffer else "without an answer"
            raise PrematureEnd(f"closed the connection {where}")
        elif self.length is not None:
            came = self.length - self._left
            raise PrematureEnd(
                f"closed the connection after {came} of {self.length} bytes of the body"
            )
        else:
            raise PrematureEnd("closed the connection in the middle of a chunk of the body")


def _require_start(head: bytes) -> None:
    if not head.startswith(_START):
        if head[:1] in b"\r\n":
            raise RemoteProtocolError("it sent an empty line instead of a status")
        raise RemoteProtocolError("its status line is malformed")


def _with_one_length(head: bytes, lengths: list[bytes], refusal: HttpParserError) -> bytes:
    """A head whose length is told more than once, or is huge, with what it means."""
    if not (lengths and all(_LENGTHS.fullmatch(each) for each in lengths)):
        raise _refused(refusal)
    found = {int(each) for each in b",".join(lengths).split(b",")}
    if len(found) > 1:
        raise RemoteProtocolError("it sent two different lengths")
    length = b"Content-Length: %d\r\n" % min(*found, _LONGEST)
    status_line, _, fields = head.partition(b"\n")
    return b"%b\n%b%b" % (status_line, length, _LENGTH_LINE.sub(b"", fields))


def _refused(exc: Exception) -> RemoteProtocolError:
    if isinstance(exc, HttpParserUpgrade):
        return RemoteProtocolError(_SWITCHED)
    reason = str(exc)
    for part, text in _REFUSALS:
        if part in reason:
            return RemoteProtocolError(text)
    return RemoteProtocolError("its status line is malformed")
