"""A reader of multipart bodies and of chunked framing that owes nothing to the code under test."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.support.servers import Recorded


class Part(NamedTuple):
    """One part, with its names as they stand in the quotes."""

    name: str
    filename: str | None
    content_type: str | None
    content: bytes


def body_of(request: Recorded) -> bytes:
    """The body, out of its chunks if it came in such."""
    return dechunked(request.body) if request.header("transfer-encoding") else request.body


def dechunked(framed: bytes) -> bytes:
    """The content of a chunked body, which must be complete."""
    content = b""
    while True:
        size, mark, rest = framed.partition(b"\r\n")
        assert mark, f"no chunk: {framed!r}"
        count = int(size, 16)
        if not count:
            assert rest == b"\r\n"
            return content
        content += rest[:count]
        assert rest[count : count + 2] == b"\r\n"
        framed = rest[count + 2 :]


def boundary_of(content_type: str | None) -> str:
    """The boundary that a ``Content-Type`` names."""
    found = re.fullmatch(r"multipart/form-data; boundary=([0-9A-Za-z]{1,70})", content_type or "")
    assert found, content_type
    return found[1]


def parts_of(request: Recorded) -> list[Part]:
    """The parts of a multipart request."""
    return parse(body_of(request), boundary_of(request.header("content-type")))


def parse(body: bytes, boundary: str) -> list[Part]:
    """The parts of a body (RFC 2046, section 5.1.1)."""
    mark = b"--" + boundary.encode()
    assert body.startswith(mark)
    assert body.endswith(mark + b"--\r\n")
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    return [_part(piece) for piece in pieces[1:-1]]


_DISPOSITION = re.compile(r'form-data; name="([^"\r\n]*)"(?:; filename="([^"\r\n]*)")?')


def _part(piece: bytes) -> Part:
    assert piece.startswith(b"\r\n")
    head, mark, content = piece[2:].partition(b"\r\n\r\n")
    assert mark
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    assert set(fields) <= {"Content-Disposition", "Content-Type"}
    found = _DISPOSITION.fullmatch(fields["Content-Disposition"])
    assert found, fields
    return Part(found[1], found[2], fields.get("Content-Type"), content)
