"""HTTP/1.1 on one stream: one exchange at a time, which the pool sees to."""

from __future__ import annotations

import time
from functools import partial

from pyfly.kernel.secrets import SecretBytes
from pyfly.transport.deadline import Timeouts
from pyfly.transport.errors import LocalProtocolError, TlsCutOff, WriteError
from pyfly.transport.http11 import BodyPieces, IncomingResponse, OutgoingRequest, request_head
from pyfly.transport.sockets import PIECE
from pyfly.transport.stream import AsyncStream
from pyfly.transport.target import HttpOrigin


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
        origin: HttpOrigin,
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
        self, request: OutgoingRequest, timeouts: Timeouts, end: float, limit: int | None
    ) -> IncomingResponse:
        """Send a request and read its response.

        Args:
            request: What to send.
            timeouts: How long each step may take.
            end: When the exchange has to be over.
            limit: The largest body that is read; None to read no more than the head.

        Raises:
            TransportError: No complete response came back.
        """
        incoming = IncomingResponse(request.method)
        self._sent = False
        data = request_head(
            request.method, self._prefix, request.target, request.fields + self._proxy_fields
        )
        content = request.content
        if isinstance(content, bytes) and len(content) <= PIECE:
            data, content = SecretBytes(data + content), None
        try:
            await self.stream.send(data, min(time.monotonic() + timeouts.step, end))
            if content is not None:
                self.stream.raw.listener = partial(self._hear, incoming)
                try:
                    await self._send_body(content, timeouts, end)
                finally:
                    self.stream.raw.listener = None
            self._sent = True
        except WriteError:
            # A peer may answer early, and close, or read no more; its answer is worth more than
            # the error, which is the context of what goes wrong otherwise.
            while not incoming.status:
                await self.read_more(incoming, timeouts, end)
        while not incoming.status:
            await self.read_more(incoming, timeouts, end)
        if limit is not None:
            incoming.require_at_most(limit)
            while not incoming.ended:
                await self.read_more(incoming, timeouts, end)
                incoming.require_at_most(limit)
        return incoming

    def _hear(self, incoming: IncomingResponse) -> bool:
        """Take in what the peer says before it has read a body: whether that is a refusal.

        Any other answer may come beside the body, of which the rest is wanted.
        """
        data = self.stream.heard()
        if data:
            incoming.feed(data)
        if data == b"" or incoming.status:
            self.stream.raw.listener = None
        return incoming.status >= 400

    async def read_more(self, incoming: IncomingResponse, timeouts: Timeouts, end: float) -> None:
        """Read once."""
        if incoming.fault is not None:
            raise incoming.fault
        try:
            data = await self.stream.receive(min(time.monotonic() + timeouts.step, end))
        except TlsCutOff:
            # A message with a length, or chunks, shows by itself whether it is whole; one that
            # lasts until the connection is closed may have been cut by anybody.
            if incoming.until_close:
                raise
            data = b""
        incoming.feed(data)

    async def _send_body(self, content: bytes | BodyPieces, timeouts: Timeouts, end: float) -> None:
        """Send a body piece by piece: a write timeout is for one, not for all of it."""
        step, send = timeouts.step, self.stream.send
        if isinstance(content, bytes):
            view = memoryview(content)
            for start in range(0, len(view), PIECE):
                await send(view[start : start + PIECE], min(time.monotonic() + step, end))
            return
        length, sent = content.length, 0
        async for piece in content:
            sent += len(piece)
            if length is not None and sent > length:
                raise LocalProtocolError("the body is longer than it said")
            if piece:
                data = piece if length is not None else b"%x\r\n%b\r\n" % (len(piece), piece)
                await send(data, min(time.monotonic() + step, end))
        if length is None:
            await send(b"0\r\n\r\n", min(time.monotonic() + step, end))
        elif sent < length:
            raise LocalProtocolError("the body is shorter than it said")

    def finish(self, incoming: IncomingResponse) -> bool:
        """An exchange is over: whether there may be another one on this connection."""
        if not (self._sent and incoming.reusable):
            return False
        self._expires = time.monotonic() + self._keepalive
        return True

    def has_expired(self) -> bool:
        """Whether it must not be used again: idle for too long, or the peer has said something."""
        return time.monotonic() > self._expires or self.stream.arrived() is not None

    def close(self) -> None:
        """Close now."""
        self.stream.close()
