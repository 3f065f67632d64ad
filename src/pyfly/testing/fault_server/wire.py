"""Responses as bytes, right ones and the parts that wrong ones are made of."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from http import HTTPStatus

LAST_CHUNK = b"0\r\n\r\n"


def head(status: int, fields: Iterable[tuple[str, str]], reason: str | None = None) -> bytes:
    """A status line and header fields, with the blank line after them."""
    first = f"HTTP/1.1 {status} {reason_of(status) if reason is None else reason}\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{first}{lines}\r\n".encode("latin-1")


def reason_of(status: int) -> str:
    """The phrase that goes with a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def chunk(data: bytes) -> bytes:
    """One chunk; none for no data, which would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def pieces_of(data: bytes, size: int) -> Iterator[bytes]:
    """The data in pieces of a size."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def bomb(size: int, encoding: str, times: int) -> bytes:
    """Compressed zeros that unfold to ``size`` bytes, compressed ``times`` times over."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
    zeros = bytes(min(size, 1 << 20))
    data = b"".join(
        compressor.compress(zeros[: min(len(zeros), size - done)])
        for done in range(0, size, max(len(zeros), 1))
    )
    data += compressor.flush()
    for _ in range(times - 1):
        data = gzip.compress(data, 9, mtime=0) if encoding == "gzip" else zlib.compress(data, 9)
    return data
