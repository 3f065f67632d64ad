"""The server: ``python -m benchmarks.http.server`` prints its port and serves until stdin ends.

A certificate with its key, in one file, makes it serve over TLS.

``GET /items/{size}?…`` answers with ``size`` bytes of JSON, ``GET /held/{size}`` does so after a
fifth of a second, so that as many connections are open as there are callers.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import ssl
import sys
from typing import Any

__all__ = ["document", "main"]

HELD = 0.2


def document(size: int) -> bytes:
    """A JSON object of ``size`` bytes: some fields, and items to fill it up."""
    item = {"id": 4711, "name": "a product", "price": 12.5, "in_stock": True, "tags": ["a", "b"]}
    filled: dict[str, Any] = {"total": size, "items": []}
    while len(json.dumps(filled)) + len(json.dumps(item)) + 2 < size:
        room = size - len(json.dumps(filled))
        filled["items"] += [item] * max(1, room // (len(json.dumps(item)) + 2) - 1)
    text = json.dumps(filled)
    return (text[:-1] + " " * (size - len(text)) + "}").encode()


class Connection(asyncio.Protocol):
    """One client connection; pipelining is not looked for."""

    def __init__(self, parser: Any, answers: dict[int, bytes]) -> None:
        self._parser = parser(self)
        self._answers = answers
        self._url = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url = b""

    def on_url(self, url: bytes) -> None:
        """Its target, perhaps in parts."""
        self._url += url

    def on_message_complete(self) -> None:
        """Answer it."""
        path = self._url.partition(b"?")[0].split(b"/")
        answer = self._answers[int(path[2])]
        if path[1] == b"held":
            asyncio.get_running_loop().call_later(HELD, self._transport.write, answer)
        else:
            self._transport.write(answer)


def answers() -> dict[int, bytes]:
    """Whole responses by the size of their body."""
    made: dict[int, bytes] = {}
    for size in (100, 10_240, 1_048_576):
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
        )
        made[size] = head.encode() + document(size)
    return made


async def _serve(certificate: str | None) -> None:
    httptools: Any = importlib.import_module("httptools")
    ready = answers()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(httptools.HttpRequestParser, ready),
        "127.0.0.1",
        0,
        backlog=1024,
        ssl=context,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    server.close()


def main(certificate: str | None = None) -> None:
    """Serve on a free port."""
    pin(-1)
    uvloop: Any = importlib.import_module("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(certificate))


def pin(which: int) -> None:
    """Stay on one core, where the platform can do that and there are two."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[which]})


if __name__ == "__main__":
    main(*sys.argv[1:])
