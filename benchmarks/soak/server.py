"""The server of the soak: ``python -m benchmarks.soak.server SEED``.

It prints its port, answers requests, one in five of them badly, and counts what it did: a line
on stdin gets the counts so far as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from typing import Any

__all__ = ["KINDS", "Connection", "main"]

_BODY = b'{"id": 4711, "name": "a product", "tags": ["a", "b"], "in_stock": true}'
#: What becomes of a request, and how often of a hundred times.
KINDS = {
    "ok": 80,
    "status 404": 3,
    "status 500": 4,
    "status 503": 4,
    "no response": 3,
    "cut off in the body": 3,
    "not HTTP": 3,
}


def _response(status: str, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + body


_ANSWERS = {
    "ok": _response("200 OK", _BODY),
    "status 404": _response("404 Not Found", b"{}"),
    "status 500": _response("500 Internal Server Error", b"{}"),
    "status 503": _response("503 Service Unavailable", b"{}"),
    "no response": b"",
    "cut off in the body": _response("200 OK", _BODY[:20], len(_BODY)),
    "not HTTP": b"SMTP 220 hello\r\n\r\n",
}


class Connection(asyncio.Protocol):
    """One connection: a request without a body is a blank line away from its answer."""

    def __init__(self, counts: Counter[str], draw: random.Random) -> None:
        self._counts = counts
        self._draw = draw
        self._transport: Any = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it as open."""
        self._transport = transport
        self._counts["connections"] += 1
        self._counts["open"] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """It is open no more."""
        self._counts["open"] -= 1

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._buffer += data
        while b"\r\n\r\n" in self._buffer and not self._transport.is_closing():
            _, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            kind = self._draw.choices(list(KINDS), list(KINDS.values()))[0]
            self._counts["requests"] += 1
            self._counts[kind] += 1
            self._transport.write(_ANSWERS[kind])
            if kind in ("no response", "cut off in the body", "not HTTP"):
                self._transport.close()


async def _serve(seed: int) -> None:
    counts: Counter[str] = Counter()
    draw = random.Random(seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(counts, draw), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(counts), flush=True)
    server.close()


def main() -> None:
    """Serve until stdin ends."""
    asyncio.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
