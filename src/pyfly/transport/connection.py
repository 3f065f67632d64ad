"""HTTP/1.1 on one stream: one exchange at a time, which the pool sees to."""

from __future__ import annotations

import time

from pyfly.transport.deadline import Patience
from pyfly.transport.errors import LocalProtocolError, TlsCutOff, WriteError
from pyfly.transport.http11 import IncomingResponse, request_head
from pyfly.transport.request import BodyPieces, OutgoingRequest
from pyfly.transport.sockets import PIECE
from pyfly.transport.stream import AsyncStream
from pyfly.transport.target import Origin

__all__ = ["AsyncConnection"]


class AsyncConnection:
    """One connection.

    Args:
        origin: Whom it reaches.
        stream: The socket, or TLS over it.
        keepalive: Seconds that it may lie idle.
        prefix: What a proxy has to see before each target; empty without one.
        proxy_fields: The lines of header fields for the proxy.

    Attributes:
        origin: Whom it reaches.
        stream: The socket, or TLS over it.
    """

    __slots__ = ("_expires", "_keepalive", "_prefix", "_proxy_fields", "_sent", "origin", "stream")

    def __init__(
        self,
        origin: Origin,
        stream: AsyncStream,
        keepalive: float,
        prefix: bytes = b"",
        proxy_fields: bytes = b"",
    ) -> None:
        self.origin = origin
        self.stream = stream
        self._keepalive = keepalive
        self._prefix = prefix
        self._proxy_fields = proxy_fields
        self._expires = 0.0
        self._sent = False

    async def exchange(
        self, request: OutgoingRequest, patience: Patience, limit: int
    ) -> IncomingResponse:
        """Send a request and read the whole response.

        Raises:
            TransportError: No complete response came back.
            BodyTooLarge: Its body has more than ``limit`` bytes.
        """
        incoming = await self.begin(request, patience)
        incoming.require_at_most(limit)
        while not incoming.ended:
            await self.read_more(incoming, patience)
            incoming.require_at_most(limit)
        return incoming

    async def begin(self, request: OutgoingRequest, patience: Patience) -> IncomingResponse:
        """Send a request and read the response up to the end of its head."""
        incoming = IncomingResponse(request.method)
        self._sent = False
        try:
            await self._send(request, patience)
            self._sent = True
        except WriteError:
            # A peer may answer early, and close; its answer is worth more than the error, which
            # is the context of what goes wrong otherwise.
            while not incoming.status:
                await self.read_more(incoming, patience)
        while not incoming.status:
            await self.read_more(incoming, patience)
        return incoming

    async def read_more(self, incoming: IncomingResponse, patience: Patience) -> None:
        """Read once."""
        try:
            data = await self.stream.receive(patience.step_end())
        except TlsCutOff:
            # A message with a length, or chunks, shows by itself whether it is whole; one that
            # lasts until the connection is closed may have been cut by anybody.
            if incoming.until_close:
                raise
            data = b""
        incoming.feed(data)

    async def _send(self, request: OutgoingRequest, patience: Patience) -> None:
        fields = request.fields + self._proxy_fields if self._proxy_fields else request.fields
        data = request_head(request.method, self._prefix, request.target, fields)
        content = request.content
        if content is None:
            await self.stream.send(data, patience.step_end())
        elif isinstance(content, bytes):
            await self._send_bytes(data, content, patience)
        else:
            await self.stream.send(data, patience.step_end())
            await self._send_pieces(content, patience)

    async def _send_bytes(self, head: bytes, content: bytes, patience: Patience) -> None:
        if len(content) <= PIECE:
            await self.stream.send(head + content, patience.step_end())
            return
        await self.stream.send(head, patience.step_end())
        view = memoryview(content)
        for start in range(0, len(view), PIECE):  # a write timeout is for a step, not for a body
            await self.stream.send(view[start : start + PIECE], patience.step_end())

    async def _send_pieces(self, pieces: BodyPieces, patience: Patience) -> None:
        length, sent = pieces.length, 0
        async for piece in pieces:
            if not piece:
                continue
            sent += len(piece)
            if length is None:
                piece = b"%x\r\n%b\r\n" % (len(piece), piece)
            elif sent > length:
                raise LocalProtocolError("the body is longer than it said")
            await self.stream.send(piece, patience.step_end())
        if length is None:
            await self.stream.send(b"0\r\n\r\n", patience.step_end())
        elif sent < length:
            raise LocalProtocolError("the body is shorter than it said")

    def finish(self, incoming: IncomingResponse) -> bool:
        """An exchange is over: whether there may be another one on this connection."""
        if not (self._sent and incoming.reusable) or self.stream.raw.closed:
            return False
        self._expires = time.monotonic() + self._keepalive
        return True

    def has_expired(self) -> bool:
        """Whether it must not be used again: idle for too long, or the peer has said something."""
        return time.monotonic() > self._expires or self.stream.arrived() is not None

    def close(self) -> None:
        """Close now."""
        self.stream.close()
