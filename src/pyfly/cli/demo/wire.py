"""Just enough HTTP/1.1 for a service that one known client calls."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any, NamedTuple

__all__ = ["Incoming", "read_request", "response"]


class Incoming(NamedTuple):
    """A request."""

    method: str
    target: str
    body: bytes
    keep_alive: bool


async def read_request(reader: asyncio.StreamReader) -> Incoming | None:
    """The next request of a connection; None at its end.

    Raises:
        ValueError: That is no HTTP/1.1 request with a plain body.
    """
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    if "transfer-encoding" in headers:
        raise ValueError("only bodies with Content-Length")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Incoming(method, target, body, headers.get("connection", "").lower() != "close")


def response(status: int, body: Any) -> bytes:
    """An answer with a JSON body; None leaves the body out."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    if status != 204:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content
