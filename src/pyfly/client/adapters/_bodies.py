"""The bodies of requests and responses, on their way through an adapter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyfly.client.errors import ResponseTooLargeException
from pyfly.client.message import BodyStream, Headers, Response


def close_body(content: bytes | BodyStream | None) -> None:
    """End what an attempt has opened for its body."""
    if content is not None and not isinstance(content, bytes):
        content.close()


class ResponseBody:
    """Collects the body of one response of a library, undecoded, within a limit.

    Args:
        method: The request's method: a response to HEAD tells a length but has no body.
        status: The response's status.
        fields: Its header fields.
        limit: The largest body, in bytes.
        peer: Whom to name in an error.

    Raises:
        ResponseTooLargeException: Its length says already that it is too large.
    """

    __slots__ = ("_chunks", "_limit", "_peer", "_size", "headers", "status")

    def __init__(
        self, method: str, status: int, fields: Iterable[Any], limit: int, peer: str
    ) -> None:
        self.status = status
        self.headers = Headers(fields)
        self._limit = limit
        self._peer = peer
        self._chunks: list[bytes] = []
        self._size = 0
        length = self.headers.get("content-length")
        too_long = length is not None and length.isdecimal() and int(length) > limit
        if too_long and method != "HEAD" and status != 304:
            raise too_large(peer, limit)

    def add(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            ResponseTooLargeException: They are too many.
        """
        self._size += len(chunk)
        if self._size > self._limit:
            raise too_large(self._peer, self._limit)
        self._chunks.append(chunk)

    def response(self, encoded: bool = True) -> Response[Any]:
        """The whole response; ``encoded`` unless somebody has decoded the body already."""
        chunks = self._chunks
        content = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        encoding = self.headers.get("content-encoding") if content and encoded else None
        return Response(self.status, self.headers, content, content_encoding=encoding or None)


def too_large(peer: str, limit: int) -> ResponseTooLargeException:
    """The error for a body over the limit."""
    return ResponseTooLargeException(
        f"{peer} sent a body of more than {limit} bytes; raise max-response-size to accept it"
    )
