"""A stream that is recorded while it is read: until its end, or until the reader has enough."""

from __future__ import annotations

from typing import Any

from pyfly.client.message import Response
from pyfly.client.ports import StreamedResponse, SyncStreamedResponse
from pyfly.testing.cassettes.tape import TapeEntry

__all__ = ["RecordedBody", "SyncRecordedBody"]


class RecordedBody:
    """An asynchronous stream; see :class:`~pyfly.client.ports.StreamedResponse`."""

    def __init__(self, body: StreamedResponse, entry: TapeEntry) -> None:
        self.status_code = body.status_code
        self.headers = body.headers
        self.content_encoding = body.content_encoding
        self._body = body
        self._entry = entry
        entry.head = body.status_code, body.headers

    async def read_all(self) -> Response[Any]:
        """The body as a whole."""
        try:
            response = await self._body.read_all()
        except Exception as error:
            self._entry.error = error
            raise
        self._entry.answered(response)
        return response

    async def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        try:
            chunk = await self._body.read(until)
        except Exception as error:
            self._entry.error = error
            raise
        self._entry.chunks.append(chunk)
        return chunk

    async def aclose(self) -> None:
        """Close it."""
        await self._body.aclose()

    def abort(self) -> None:
        """Close it at once."""
        self._body.abort()


class SyncRecordedBody:
    """A synchronous stream; see :class:`~pyfly.client.ports.SyncStreamedResponse`."""

    def __init__(self, body: SyncStreamedResponse, entry: TapeEntry) -> None:
        self.status_code = body.status_code
        self.headers = body.headers
        self.content_encoding = body.content_encoding
        self._body = body
        self._entry = entry
        entry.head = body.status_code, body.headers

    def read_all(self) -> Response[Any]:
        """The body as a whole."""
        try:
            response = self._body.read_all()
        except Exception as error:
            self._entry.error = error
            raise
        self._entry.answered(response)
        return response

    def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        try:
            chunk = self._body.read(until)
        except Exception as error:
            self._entry.error = error
            raise
        self._entry.chunks.append(chunk)
        return chunk

    def close(self) -> None:
        """Close it."""
        self._body.close()

    def abort(self) -> None:
        """Close it at once."""
        self._body.abort()
