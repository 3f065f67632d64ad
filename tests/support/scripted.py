"""Answers by script: what a test wants its next responses to be.

A script is ``{"path", "method", "answers"}``; a path or method of ``*`` (or none) is any. Each
answer is taken once (or ``times``), then the services answer again. Its keys:

``status`` (200), ``headers`` (a mapping or pairs), ``body`` (JSON), ``body_base64`` (bytes);
``raw``, ``raw_base64``: the whole response instead; ``chunks``: base64 pieces, sent chunked,
``pace`` seconds apart; ``delay``: seconds before the first byte; ``cut``: after so many bytes
of the response close, with ``chunks``: without the last, empty one; ``close``: announce
``Connection: close`` and do; ``hang_up``: close after the response without announcing it;
``drop``: close instead of answering; ``reset``: a TCP reset instead of answering, or where
``cut`` says.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

from tests.support.http1 import Request, answer


class Connection:
    """One connection of a client, and the facts that are told of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.number = 0
        self.counts = True  # not if it is the test's own, or left over from another test

    @property
    def open(self) -> bool:
        """Whether both sides still hold it."""
        return not (self.writer.is_closing() or self.reader.at_eof())

    async def pause(self, seconds: float) -> None:
        """Wait, but not for a client that has gone."""
        end = asyncio.get_running_loop().time() + seconds
        while (left := end - asyncio.get_running_loop().time()) > 0 and not self.reader.at_eof():
            await asyncio.sleep(min(left, 0.02))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close with a TCP reset instead of a FIN."""
        peer = self.writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def perform(script: Mapping[str, Any], request: Request, connection: Connection) -> bool:
    """Give a scripted answer; False if the connection is not to be used again."""
    await connection.pause(script.get("delay", 0))
    cut = script.get("cut")
    if (script.get("reset") and cut is None) or script.get("drop"):
        if script.get("reset"):
            connection.reset()
        return False
    if "chunks" in script:
        pieces = [base64.b64decode(piece) for piece in script["chunks"]]
        await send_chunks(connection, pieces, script.get("pace", 0), script)
    else:
        response = for_method(request.method, scripted_response(script))
        await connection.send(response if cut is None else response[:cut])
    if cut is not None and script.get("reset"):
        await asyncio.sleep(0.02)  # a reset overtakes bytes that the client has not read yet
        connection.reset()
    return cut is None and not script.get("close") and not script.get("hang_up")


def scripted_response(script: Mapping[str, Any]) -> bytes:
    """The bytes of a scripted answer."""
    if "raw" in script:
        return str(script["raw"]).encode("latin-1")
    if "raw_base64" in script:
        return base64.b64decode(script["raw_base64"])
    status = script.get("status", 200)
    if "body_base64" in script:
        body = base64.b64decode(script["body_base64"])
    else:
        body = json.dumps(script.get("body", {"status": status})).encode()
    return answer(status, body, scripted_headers(script), close=bool(script.get("close")))


def scripted_headers(script: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The headers of a scripted answer; JSON is the content type unless one is given."""
    given = script.get("headers") or {}
    pairs = [(str(n), str(v)) for n, v in (given.items() if isinstance(given, dict) else given)]
    if "body_base64" not in script and "content-type" not in {name.lower() for name, _ in pairs}:
        pairs.insert(0, ("Content-Type", "application/json"))
    return pairs


async def send_chunks(
    connection: Connection,
    pieces: list[bytes],
    pace: float,
    script: Mapping[str, Any] | None = None,
) -> None:
    """A chunked response, its pieces so many seconds apart; ``cut`` leaves the last chunk out."""
    script = script or {"headers": {"Content-Type": "application/octet-stream"}}
    headers = [*scripted_headers(script), ("Transfer-Encoding", "chunked")]
    close = bool(script.get("close"))
    await connection.send(answer(script.get("status", 200), b"", headers, close=close))
    for piece in pieces:
        await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await connection.pause(pace)
    if script.get("cut") is None:
        await connection.send(b"0\r\n\r\n")


def for_method(method: str, response: bytes) -> bytes:
    """The answer to HEAD is the head alone."""
    return response if method != "HEAD" else response.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
