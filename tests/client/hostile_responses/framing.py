"""Where a response ends: lengths, chunks, closes, and bytes that nobody asked for."""

from __future__ import annotations

from pyfly.client.errors import (
    HttpStatusException,
    ProtocolException,
    ReadException,
    ResponseTooLargeException,
)
from pyfly.kernel.exceptions import AttemptTimeoutException
from pyfly.testing.fault_server import (
    Answer,
    BadChunks,
    Close,
    Drip,
    HalfClose,
    LeftOver,
    Raw,
    Reset,
    WrongLength,
)
from tests.client.hostile_responses.case import Case, chunked, closing, kept, ok, raw
from tests.client.hostile_responses.heads import Endless
from tests.client.hostile_responses.limits import LIMIT

__all__ = ["FRAMING"]

EVIL = ok(b"EVIL")
FINE = b'{"ok": true}'
CLOSE = b"HTTP/1.1 200 OK\r\n\r\n"


def length(*values: bytes, body: bytes = b"hi") -> bytes:
    """A response with these ``Content-Length`` fields."""
    fields = b"".join(b"Content-Length: %b\r\n" % value for value in values)
    return b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n" + body


def coded(*values: bytes) -> bytes:
    """A chunked body under these ``Transfer-Encoding`` fields."""
    fields = b"".join(b"Transfer-Encoding: %b\r\n" % value for value in values)
    return b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n2\r\nhi\r\n0\r\n\r\n"


LENGTHS = [
    Case("a body shorter than its length, then a close", WrongLength(+5), ReadException),
    Case("a body shorter than its length, then silence", WrongLength(+5, close=False),
         AttemptTimeoutException, slow=True),
    Case("a body longer than its length", WrongLength(-6), b'{"ok":'),
    Case("a length of 0 with a body", kept(length(b"0", body=b"hi")), b""),
    Case("a negative length", kept(length(b"-2")), ProtocolException),
    Case("a length with a plus sign", kept(length(b"+2")), ProtocolException),
    Case("a length in hexadecimal", kept(length(b"0x2")), ProtocolException),
    Case("a length with a fraction", kept(length(b"2.0")), ProtocolException),
    Case("a length with an underscore", kept(length(b"0_2")), ProtocolException),
    Case("a length with a space in it", kept(length(b"2 3")), ProtocolException),
    Case("an empty length", kept(length(b"")), ProtocolException),
    Case("a length in digits of another script", kept(length("２".encode())), ProtocolException),
    Case("two different lengths", kept(length(b"2", b"3")), ProtocolException),
    Case("two different lengths in one field", kept(length(b"2, 3")), ProtocolException),
    Case("the same length twice", kept(length(b"2", b"2")), b"hi", reused=True),
    Case("the same length twice in one field", kept(length(b"2, 2")), b"hi"),
    Case("a length of 100 GB", kept(length(b"99999999999")), ResponseTooLargeException),
    Case("a length of 20 digits", kept(length(b"9" * 20)), ResponseTooLargeException),
    Case("a length of 5,000 digits", kept(length(b"9" * 5000)), ProtocolException),
    Case("a length with many leading zeros", kept(length(b"0" * 17 + b"2")), b"hi", reused=True),
    Case("no length: the body ends with the connection", closing(CLOSE + b"all of it"),
         b"all of it"),
    Case("no length, and a reset instead of an end",
         Reset("after", Answer(200, b"x", headers={"content-length": None})), ReadException),
]  # fmt: skip

CODINGS = [
    Case("a length and chunks as well",
         kept(chunked(b"2\r\nhi\r\n0\r\n\r\n", b"Content-Length: 4")), b"hi"),
    Case("chunks compressed by the transfer", kept(coded(b"gzip, chunked")), ProtocolException),
    Case("chunked, and then something else", kept(coded(b"chunked, identity")), ProtocolException),
    Case("an unknown transfer coding", kept(coded(b"xchunked")), ProtocolException),
    Case("an empty transfer coding", kept(coded(b"")), ProtocolException),
    Case("chunked twice", kept(coded(b"chunked", b"chunked")), ProtocolException),
    Case("chunked in capitals", kept(coded(b"CHUNKED")), b"hi", reused=True),
]  # fmt: skip

CHUNKS = [
    Case("a chunk size that is no number", BadChunks("size"), ProtocolException),
    Case("a negative chunk size", BadChunks("negative"), ProtocolException),
    Case("a chunk size of 40 digits", BadChunks("huge"), ProtocolException),
    Case("no line end where the chunk size says", BadChunks("end"), ProtocolException),
    Case("a chunk extension of a mebibyte", BadChunks("extension"), ProtocolException),
    Case("a close within a chunk", BadChunks("truncated"), ReadException),
    Case("a close before the last chunk", BadChunks("last"), ReadException),
    Case("a close before the end of the trailers", closing(chunked(b"2\r\nhi\r\n0\r\nX: 1")),
         ReadException),
    Case("a chunk size with a prefix", kept(chunked(b"0x2\r\nhi\r\n0\r\n\r\n")), ProtocolException),
    Case("a chunk size with a sign", kept(chunked(b"+2\r\nhi\r\n0\r\n\r\n")), ProtocolException),
    Case("a chunk size with an underscore", kept(chunked(b"0_2\r\nhi\r\n0\r\n\r\n")),
         ProtocolException),
    Case("a chunk size after a space", kept(chunked(b" 2\r\nhi\r\n0\r\n\r\n")), ProtocolException),
    Case("an empty chunk size", kept(chunked(b"\r\nhi\r\n0\r\n\r\n")), ProtocolException),
    Case("bare newlines after chunk sizes", closing(chunked(b"2\nhi\n0\n\n")), ProtocolException),
    Case("NUL in a chunk size", kept(chunked(b"2\0\r\nhi\r\n0\r\n\r\n")), ProtocolException),
    Case("an announced chunk of 4 GB, then a close", closing(chunked(b"ffffffff\r\nabc")),
         ReadException),
    Case("ten thousand chunks of one byte with extensions",
         kept(chunked(b"1;a=b\r\nx\r\n" * 10_000 + b"0\r\n\r\n")), b"x" * 10_000, reused=True),
    Case("a chunked body with nothing in it", kept(chunked(b"0\r\n\r\n")), b"", reused=True),
    Case("trailers that contradict the head",
         kept(chunked(b"2\r\nhi\r\n0\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\n")),
         b"hi", reused=True),
    Case("a trailer that is no header field", kept(chunked(b"2\r\nhi\r\n0\r\nno colon\r\n\r\n")),
         ProtocolException),
    Case("100,000 trailers", kept(chunked(b"2\r\nhi\r\n0\r\n" + b"X: y\r\n" * 100_000 + b"\r\n")),
         ProtocolException),
    Case("trailers without an end", Endless(chunked(b"2\r\nhi\r\n0\r\n"), b"X: y\r\n" * 500),
         ProtocolException),
    Case("a chunk size without an end", Endless(chunked(b""), b"0" * 4096), ProtocolException),
]  # fmt: skip

WITHOUT_BODY = [
    Case("204 with a body", kept(raw(b"HTTP/1.1 204 No\nContent-Length: 2", b"hi")), b""),
    Case("304 with a body", kept(raw(b"HTTP/1.1 304 No\nContent-Length: 2", b"hi")),
         HttpStatusException),
    Case("204 with chunks", kept(raw(b"HTTP/1.1 204 No\nTransfer-Encoding: chunked",
         b"2\r\nhi\r\n0\r\n\r\n")), b""),
    Case("a HEAD that is answered with a body", kept(ok(b"hi")), b"", method="HEAD"),
    Case("a HEAD that announces 100 GB", kept(length(b"99999999999", body=b"")), b"",
         method="HEAD", reused=True),
]  # fmt: skip

UNASKED = [
    Case("a second response behind the first", LeftOver(EVIL), FINE),
    Case("a second response behind a chunked one",
         kept(chunked(b"2\r\nhi\r\n0\r\n\r\n") + EVIL), b"hi"),
    Case("a second response behind one without a body",
         kept(raw(b"HTTP/1.1 204 No Content") + EVIL), b""),
    Case("a blank line behind a response", LeftOver(b"\r\n"), FINE),
    Case("one byte behind a response", LeftOver(b"!"), FINE),
    Case("a mebibyte behind a response", LeftOver(b"!" * (1 << 20)), FINE),
    Case("a second response a moment later", Raw(ok(), EVIL, gap=0.01), b"hi", pause=0.1),
]  # fmt: skip

ENDS = [
    Case("a reset before the answer", Reset("before"), ReadException),
    Case("a reset within the head", Reset("head"), ReadException),
    Case("a reset within the body", Reset("body"), ReadException),
    Case("a reset after an answer without a body", Reset("after", Answer(204)), b"", pause=0.1),
    Case("a reset after the answer", Reset("after"), FINE, pause=0.1),
    Case("a close before the answer", Close("before"), ReadException),
    Case("a close within the body", Close("body"), ReadException),
    Case("a close after the answer that was not announced", Close("after"), FINE, pause=0.05),
    Case("a connection that is half-closed after the answer", HalfClose(), FINE, pause=0.05),
    Case("a close that is announced but does not come",
         kept(ok(b"hi", b"Connection: close")), b"hi"),
]  # fmt: skip

SIZES = [
    Case("a body one byte over the limit", Answer(200, b"x" * (LIMIT + 1)),
         ResponseTooLargeException),
    Case("a body of exactly the limit", Answer(200, b"x" * LIMIT), b"x" * LIMIT, reused=True),
    Case("a chunked body over the limit", Answer(200, b"x" * (LIMIT + 1), chunked=True),
         ResponseTooLargeException),
    Case("a chunked body without an end",
         Endless(chunked(b""), b"10000\r\n" + b"x" * 65536 + b"\r\n"), ResponseTooLargeException),
    Case("a body without a length and without an end", Endless(CLOSE, b"x" * 65536),
         ResponseTooLargeException),
    Case("a body that drips", Drip(0.05, answer=Answer(200, b"x" * 1000)),
         AttemptTimeoutException, slow=True),
    Case("a chunked body that drips",
         Drip(0.02, 3, answer=Answer(200, b"x" * 1000, chunked=True)), AttemptTimeoutException,
         slow=True),
    Case("a body without a length that never ends", Raw(CLOSE + b"part", wait=True),
         AttemptTimeoutException, slow=True),
]  # fmt: skip

FRAMING = [*LENGTHS, *CODINGS, *CHUNKS, *WITHOUT_BODY, *UNASKED, *ENDS, *SIZES]
