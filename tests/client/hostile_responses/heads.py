"""Heads of responses: status lines, header fields, and what comes before them."""

from __future__ import annotations

from pyfly.client.errors import (
    HttpStatusException,
    ProtocolException,
    ReadException,
    ServerErrorException,
)
from pyfly.kernel.exceptions import AttemptTimeoutException
from pyfly.testing.fault_server import (
    Answer,
    Drip,
    Exchange,
    HeaderBomb,
    Interim,
    Leaf,
    Raw,
    Silence,
)
from tests.client.hostile_responses.case import Case, closing, kept, ok, raw

__all__ = ["HEADS"]


class Endless(Leaf):
    """A beginning, and then the same piece until the client has had enough."""

    def __init__(self, start: bytes, piece: bytes) -> None:
        self._start = start
        self._piece = piece

    async def act(self, exchange: Exchange) -> None:
        await exchange.send(self._start)
        while True:
            await exchange.send(self._piece)


START = b"HTTP/1.1 200 OK\r\n"

STATUS_LINES = [
    Case("no bytes at all, and a close", closing(b""), ReadException),
    Case("a close within the status line", closing(b"HTTP/1.1 2"), ReadException),
    Case("a close within a header field", closing(START + b"X-A: 1"), ReadException),
    Case("a banner of another protocol", kept(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), ProtocolException),
    Case("binary noise", kept(b"\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n"), ProtocolException),
    Case("HTTP/0.9: a body without a head", closing(b"<html>hi</html>\r\n\r\n"), ProtocolException),
    Case("HTTP/2 settings", kept(b"\0\0\x06\4\0\0\0\0\0\0\3\0\0\0d\r\n\r\n"), ProtocolException),
    Case("the HTTP/2 preface", kept(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ProtocolException),
    Case("a request instead of a response", kept(b"GET / HTTP/1.1\r\n\r\n"), ProtocolException),
    Case("a version in lower case", kept(ok().replace(b"HTTP", b"http")), ProtocolException),
    Case("a version that is no number", kept(ok().replace(b"1.1", b"x.y", 1)), ProtocolException),
    Case("HTTP/1.0, which keeps no connection", kept(ok().replace(b"1.1", b"1.0", 1)), b"hi"),
    Case("a status of two digits", kept(ok(status=b"20 OK")), ProtocolException),
    Case("a status of four digits", kept(ok(status=b"2000 OK")), ProtocolException),
    Case("a status that is no number", kept(ok(status=b"2x0 OK")), ProtocolException),
    Case("a negative status", kept(ok(status=b"-200 OK")), ProtocolException),
    Case("status 099", kept(ok(status=b"099 OK")), ProtocolException),
    Case("status 600", kept(ok(status=b"600 Odd")), ServerErrorException,
         reused=True),
    Case("status 999", kept(ok(status=b"999 Odd")), ServerErrorException,
         reused=True),
    Case("an unknown status of a known class", kept(ok(status=b"599 Odd")), ServerErrorException,
         reused=True),
    Case("no phrase after the status", kept(ok(status=b"200")), b"hi", reused=True),
    Case("a phrase of 60 KiB", kept(ok(status=b"200 " + b"x" * 60_000)), b"hi", reused=True),
    Case("a phrase in Latin-1", kept(ok(status=b"200 tr\xe8s bien")), b"hi", reused=True),
    Case("a status line of 200 KiB", kept(ok(status=b"200 " + b"x" * 200_000)), ProtocolException),
    Case("a status line without an end", Endless(b"HTTP/1.1 200 ", b"x" * 4096), ProtocolException),
    Case("NUL in the status line", kept(ok(status=b"200 O\0K")), ProtocolException),
    Case("blank lines before the status line", kept(b"\r\n\r\n" + ok()), ProtocolException),
    Case("spaces before the status line", kept(b"  " + ok()), ProtocolException),
    Case("two spaces after the version", kept(ok().replace(b" 200", b"  200")), ProtocolException),
]  # fmt: skip

FIELDS = [
    Case("a header line without a colon", kept(ok(b"hi", b"no colon")), ProtocolException),
    Case("a space before the colon", kept(ok(b"hi", b"X-A : 1")), ProtocolException),
    Case("a header name with a space in it", kept(ok(b"hi", b"bad name: 1")), ProtocolException),
    Case("a header name that is no token", kept(ok(b"hi", b"X(Y)@: 1")), ProtocolException),
    Case("an empty header name", kept(ok(b"hi", b": 1")), ProtocolException),
    Case("a header name in UTF-8", kept(ok(b"hi", "X-é: 1".encode())), ProtocolException),
    Case("NUL in a header name", kept(ok(b"hi", b"X-\0: 1")), ProtocolException),
    Case("NUL in a header value", kept(ok(b"hi", b"X-A: a\0b")), ProtocolException),
    Case("a bare CR in a header value", kept(ok(b"hi", b"X-A: a\rX-B: b")), ProtocolException),
    Case("a control character in a header value", kept(ok(b"hi", b"X-A: a\x07b")), b"hi",
         reused=True),
    Case("a header value in UTF-8", kept(ok(b"hi", "X-A: é€".encode())), b"hi", reused=True),
    Case("a header value with nothing in it", kept(ok(b"hi", b"X-A:")), b"hi", reused=True),
    Case("a folded header value (obs-fold)", kept(ok(b"hi", b"X-A: 1\r\n  2")), b"hi", reused=True),
    Case("a fold before the first field", kept(START + b" X: 1\r\n\r\n"), ProtocolException),
    Case("bare newlines for line ends", kept(ok().replace(b"\r\n", b"\n")), b"hi", reused=True),
    Case("a thousand cookies", kept(ok(b"hi", *[b"Set-Cookie: a=b"] * 1000)), b"hi", reused=True),
    Case("90 KiB of header fields", kept(ok(b"hi", *[b"X-A: " + b"x" * 85] * 1000)), b"hi",
         reused=True),
    Case("a header bomb of 100,000 fields", HeaderBomb(), ProtocolException),
    Case("one header field of 200 KiB", HeaderBomb(1, 200_000), ProtocolException),
    Case("header fields without an end", Endless(START, b"X-A: b\r\n" * 500), ProtocolException),
    Case("a header field without an end", Endless(START + b"X-A: ", b"b" * 4096),
         ProtocolException),
    Case("a head that drips", Drip(0.01, head_gap=0.05), AttemptTimeoutException, slow=True),
    Case("a head that stops in the middle", Raw(START + b"X-A", wait=True),
         AttemptTimeoutException, slow=True),
    Case("no answer at all", Silence(), AttemptTimeoutException, slow=True),
]  # fmt: skip

EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

INTERIM = [
    Case("a thousand interim responses", Interim(1000), b'{"ok": true}', reused=True),
    Case("a flood of interim responses without an end", Interim(None, 102),
         AttemptTimeoutException, slow=True),
    Case("an interim response, then a close", closing(EARLY), ReadException),
    Case("an interim response, then silence", Raw(EARLY, wait=True), AttemptTimeoutException,
         slow=True),
    Case("an unknown interim status", kept(raw(b"HTTP/1.1 142 Odd") + ok()), b"hi", reused=True),
    Case("an interim response with a body",
         kept(raw(b"HTTP/1.1 103 Early\nContent-Length: 5", b"hello") + ok()), ProtocolException),
    Case("an interim header bomb", kept(raw(b"HTTP/1.1 103 E\nX: " + b"x" * 200_000) + ok()),
         ProtocolException),
    Case("101: an upgrade that nobody asked for",
         kept(raw(b"HTTP/1.1 101 Switching\nUpgrade: x\nConnection: upgrade", b"frames")),
         ProtocolException),
    Case("an error after an interim response", Interim(1, 100, Answer(500)),
         ServerErrorException, reused=True),
    Case("304 to a request that set no condition", kept(raw(b'HTTP/1.1 304 No\nETag: "a"')),
         HttpStatusException, reused=True),
]  # fmt: skip

HEADS = [*STATUS_LINES, *FIELDS, *INTERIM]
