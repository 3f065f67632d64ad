"""A strict reader of HTTP/1.1 requests that keeps every byte, and a plain writer of answers.

Strict on purpose: what RFC 9112 calls malformed or ambiguous is refused, so that a client
that sends it fails here and not at somebody's proxy.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(%s) ([\x21-\x7e]+) HTTP/1\.1" % _TOKEN)
_FIELD = re.compile(
    rb"(%s):[ \t]*([\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?|)[ \t]*"
    % _TOKEN
)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\x20-\x7e\t]*)?")
LIMIT = 64 * 1024


class Malformed(Exception):
    """The request breaks the grammar, or its length is ambiguous."""


class Request:
    """A request, taken apart, with the bytes it came as."""

    def __init__(
        self, raw: bytes, method: str, target: str, headers: list[tuple[str, str]]
    ) -> None:
        self.raw = raw
        self.method = method
        self.target = target
        self.headers = headers
        self.body = b""

    @property
    def path(self) -> str:
        """The target without its query, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[list[str]]:
        """The query's names and values, decoded, in order."""
        query = urlsplit(self.target).query
        return [list(pair) for pair in parse_qsl(query, keep_blank_values=True)]

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for found, value in self.headers if found.lower() == name]

    def json(self) -> Any:
        """The body, decoded; None if it is empty."""
        return json.loads(self.body) if self.body else None

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants the connection to go on."""
        return "close" not in {value.lower() for value in self.values("connection")}


class RequestReader:
    """Reads one request after the other from a stream."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self._raw = bytearray()

    @property
    def raw(self) -> bytes:
        """The bytes of the request that is being read, also of one that is refused."""
        return bytes(self._raw)

    async def next(self) -> Request | None:
        """The next request, complete with its body; None at the end of the stream.

        Raises:
            Malformed: It cannot be read, or it ends in the middle.
        """
        self._raw.clear()
        try:
            return await self._request()
        except asyncio.IncompleteReadError as error:
            self._raw += error.partial
            if not self._raw:
                return None
            raise Malformed("the connection ended within a request") from error
        except asyncio.LimitOverrunError as error:
            raise Malformed("a line is too long") from error

    async def _request(self) -> Request:
        line = await self._line()
        parts = _REQUEST_LINE.fullmatch(line)
        if not parts:
            raise Malformed(f"request line {line!r}")
        method, target = (part.decode("ascii") for part in parts.groups())
        if not re.fullmatch(r"/[^#]*|\*", target):
            raise Malformed(f"target {target!r}")
        request = Request(b"", method, target, await self._fields())
        hosts = request.values("host")
        if len(hosts) != 1:
            raise Malformed(f"{len(hosts)} Host headers")
        request.body = await self._body(request)
        request.raw = self.raw
        return request

    async def _body(self, request: Request) -> bytes:
        lengths, codings = request.values("content-length"), request.values("transfer-encoding")
        if codings:
            if lengths:
                raise Malformed("Content-Length beside Transfer-Encoding")
            if [coding.lower() for coding in codings] != ["chunked"]:
                raise Malformed(f"Transfer-Encoding {codings}")
            return await self._chunks()
        if not lengths:
            return b""
        if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,12}", lengths[0]):
            raise Malformed(f"Content-Length {lengths}")
        return await self._exactly(int(lengths[0]))

    async def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            line = await self._line()
            found = _CHUNK_SIZE.fullmatch(line)
            if not found:
                raise Malformed(f"chunk size {line!r}")
            size = int(found[1], 16)
            if not size:
                await self._fields()  # the trailers, up to the empty line
                return bytes(body)
            body += await self._exactly(size)
            if await self._exactly(2) != b"\r\n":
                raise Malformed("a chunk is longer than its size")

    async def _fields(self) -> list[tuple[str, str]]:
        fields: list[tuple[str, str]] = []
        while line := await self._line():
            found = _FIELD.fullmatch(line)
            if not found:
                raise Malformed(f"header line {line!r}")
            fields.append((found[1].decode("ascii"), found[2].decode("latin-1")))
        return fields

    async def _line(self) -> bytes:
        line = await self._stream.readuntil(b"\n")
        self._raw += line
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise Malformed(f"line ending of {line!r}")
        return line[:-2]

    async def _exactly(self, size: int) -> bytes:
        data = await self._stream.readexactly(size)
        self._raw += data
        return data


def answer(
    status: int,
    body: bytes | None = b"",
    headers: Iterable[tuple[str, str]] = (),
    *,
    close: bool = False,
) -> bytes:
    """The bytes of a response. Without a body (None) no length is given either."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unassigned"
    fields = list(headers)
    if body is not None and status >= 200 and status not in (204, 304):
        given = {name.lower() for name, _ in fields}
        if not given & {"content-length", "transfer-encoding"}:
            fields.append(("Content-Length", str(len(body))))
    if close:
        fields.append(("Connection", "close"))
    head = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields)]
    if status < 200 or status in (204, 304):
        body = None
    return "\r\n".join((*head, "", "")).encode("latin-1") + (body or b"")


def json_answer(status: int, value: Any, headers: Mapping[str, str] | None = None) -> bytes:
    """A response with a JSON body."""
    fields = [("Content-Type", "application/json"), *(headers or {}).items()]
    return answer(status, json.dumps(value).encode(), fields)
