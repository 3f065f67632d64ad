"""What parsing costs: ``python -m benchmarks.http.parsers``.

One exchange without sockets, by h11 as an HTTP client uses it, by our ``IncomingResponse`` over
llhttp, and by llhttp alone. Each response has six header fields, as many services send.
"""

from __future__ import annotations

import json
import statistics
import timeit
from collections.abc import Callable

import h11
from httptools import HttpResponseParser

from pyfly.transport.http11 import IncomingResponse, request_head

BODY = b'{"id": "42", "name": "a thing of some length", "tags": ["a", "b"], "price": "12.50"}'
RESPONSE = b"".join(
    (
        b"HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 18:00:00 GMT\r\nServer: test\r\n",
        b"Content-Type: application/json\r\nCache-Control: no-store\r\n",
        b"Content-Length: %d\r\nConnection: keep-alive\r\n\r\n" % len(BODY),
        BODY,
    )
)
FIELDS = b"Host: api.example\r\naccept: */*\r\naccept-encoding: gzip\r\nuser-agent: x\r\n"
PAIRS = [
    (line.partition(b": ")[0], line.partition(b": ")[2]) for line in FIELDS.split(b"\r\n")[:-1]
]


def by_h11(connection: h11.Connection) -> bytes:
    """One exchange on a connection that is used again and again."""
    sent = connection.send(h11.Request(method="GET", target="/things/42", headers=PAIRS))
    connection.send(h11.EndOfMessage())
    connection.receive_data(RESPONSE)
    body = b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Data):
            body += event.data
    connection.start_next_cycle()
    assert sent
    return body


def by_ours() -> bytes:
    """One exchange as the transport makes it."""
    assert request_head("GET", b"", b"/things/42", FIELDS)
    incoming = IncomingResponse("GET")
    incoming.feed(RESPONSE)
    assert incoming.reusable
    return incoming.take()


class _Pieces:
    def __init__(self) -> None:
        self.body: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Nothing."""

    def on_body(self, piece: bytes) -> None:
        self.body.append(piece)


def by_llhttp() -> bytes:
    """The response alone, by the parser alone."""
    pieces = _Pieces()
    HttpResponseParser(pieces).feed_data(RESPONSE)
    return b"".join(pieces.body)


def main() -> None:
    """Print the median of each, in microseconds, by JSON."""
    connection = h11.Connection(h11.CLIENT)
    cases: dict[str, Callable[[], bytes]] = {
        "h11": lambda: by_h11(connection),
        "IncomingResponse over llhttp": by_ours,
        "llhttp alone": by_llhttp,
    }
    rounds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(15):
        for name, case in cases.items():
            assert case() == BODY
            rounds[name].append(timeit.timeit(case, number=2000) / 2000 * 1e6)
    print(
        json.dumps({name: round(statistics.median(all_of), 1) for name, all_of in rounds.items()})
    )


if __name__ == "__main__":
    main()
