"""HTTP/1.1 on one connection: h11 over our own sockets, and nothing between.

The cores' connections do the same with a lock, four traces and two generators around each
exchange, which is as much work as h11 itself. A connection here is used by one exchange at a
time (the pool sees to it), so it needs none of them. It raises the core's exceptions and has
the methods that the pool asks of the core's connections.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pyfly.client.adapters._library import Library
from pyfly.client.adapters._sockets import PIECE
from pyfly.client.adapters._wire import Wire

__all__ = ["AsyncHttp11", "BlockingHttp11"]

#: The largest head of a response, and the largest line of a chunk, in bytes; as in the cores.
_HEAD_LIMIT = 100 * 1024


class _Http11:
    """What both kinds share: everything but the waiting.

    Args:
        library: Whose exceptions are raised.
        connect: Makes the stream, given the timeouts of the first exchange.
        keepalive_expiry: How long it may lie idle, in seconds.
    """

    def __init__(
        self, library: Library, connect: Callable[[Any], Any], keepalive_expiry: float
    ) -> None:
        self._core = library.core
        self._h11 = library.h11
        self._connect = connect
        self._keepalive_expiry = keepalive_expiry
        self._expires = 0.0
        self._idle = False
        self._closed = False
        self.stream: Any = None
        self._state = self._h11.Connection(
            our_role=self._h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT
        )

    # For the pool

    def is_available(self) -> bool:
        """Whether its last exchange was whole, so that there may be another."""
        return self._idle

    def has_expired(self) -> bool:
        """Whether it must not be used again: idle for too long, or the peer has said something."""
        return time.monotonic() > self._expires or self.stream.get_extra_info("is_readable")

    # The request

    def _event(self, event: Any) -> bytes:
        """The bytes of an event of ours."""
        try:
            data: bytes = self._state.send(event)
        except self._h11.LocalProtocolError as exc:
            raise self._core.LocalProtocolError(str(exc)) from exc
        return data

    def _begin(self, wire: Wire) -> bytes:
        """The bytes of the head, and of a body that is at hand."""
        self._idle = False
        h11 = self._h11
        try:
            head = h11.Request(method=wire.method, target=wire.target, headers=wire.prepared(h11))
        except h11.LocalProtocolError as exc:
            raise self._core.LocalProtocolError(str(exc)) from exc
        data = self._event(head)
        if wire.content is None:
            data += self._event(h11.EndOfMessage())
        elif isinstance(wire.content, bytes):
            data += self._event(h11.Data(data=wire.content)) + self._event(h11.EndOfMessage())
        return data

    def _piece(self, chunk: bytes | None) -> bytes:
        """The bytes of a piece of a body that comes in pieces; None for its end."""
        return self._event(
            self._h11.EndOfMessage() if chunk is None else self._h11.Data(data=chunk)
        )

    # The response

    def next_event(self) -> Any:
        """What has come of the response; None if more has to be read."""
        try:
            event = self._state.next_event()
        except self._h11.RemoteProtocolError as exc:
            raise self._core.RemoteProtocolError(str(exc)) from exc
        return None if event is self._h11.NEED_DATA else event

    def feed(self, data: bytes) -> None:
        """Take what was read; ``b""`` is the end of the connection."""
        if not data and self._state.their_state is self._h11.SEND_RESPONSE:
            # h11 would say it in terms of its state machine.
            raise self._core.RemoteProtocolError("the peer closed without sending a response")
        self._state.receive_data(data)

    def is_head(self, event: Any) -> bool:
        """Whether an event is the head of the response; those before it are interim ones."""
        return isinstance(event, self._h11.Response)

    def is_data(self, event: Any) -> bool:
        """Whether an event is a piece of the body; else it is its end."""
        return isinstance(event, self._h11.Data)

    def _finished(self) -> bool:
        """The exchange is over: whether there may be another one on this connection."""
        done = self._h11.DONE
        state = self._state
        if self._closed or state.our_state is not done or state.their_state is not done:
            return False
        if state.trailing_data[0]:  # more than was asked for: nobody's answer
            return False
        state.start_next_cycle()
        self._expires = time.monotonic() + self._keepalive_expiry
        self._idle = True
        return True


class _Incoming:
    """A response whose body is still to come: an iterator over its pieces."""

    __slots__ = ("_connection", "_ended", "_timeouts", "extensions", "headers", "status")

    def __init__(self, connection: Any, head: Any, timeouts: Any) -> None:
        self._connection = connection
        self._timeouts = timeouts
        self._ended = False
        self.status: int = head.status_code
        self.headers = head.headers.raw_items()
        self.extensions = {
            "http_version": b"HTTP/" + head.http_version,
            "reason_phrase": head.reason,
            "network_stream": connection.stream,
        }

    @property
    def stream(self) -> Any:
        """The body: this object itself."""
        return self


class AsyncIncoming(_Incoming):
    """An asynchronous response."""

    __slots__ = ()

    def __aiter__(self) -> AsyncIncoming:
        return self

    async def __anext__(self) -> bytes:
        if not self._ended:
            event = await self._connection.receive(self._timeouts)
            if self._connection.is_data(event):
                return bytes(event.data)
            self._ended = True
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Make the connection ready for another exchange if the body was read, else close it."""
        await self._connection.finish()


class AsyncHttp11(_Http11):
    """A connection of an event loop."""

    async def handle_async_request(self, wire: Wire) -> AsyncIncoming:
        """Make an exchange, up to the head of the response."""
        timeouts = wire.extensions["timeout"]
        if self.stream is None:
            self.stream = await self._connect(timeouts)
        try:
            try:
                await self.stream.write(self._begin(wire), timeouts["write"])
                if wire.comes_in_pieces:
                    async for chunk in wire.content:
                        await self.stream.write(self._piece(chunk), timeouts["write"])
                    await self.stream.write(self._piece(None), timeouts["write"])
            except self._core.WriteError:
                pass  # a peer may answer early, and close; its answer is worth more than the error
            while not self.is_head(head := await self.receive(timeouts)):
                pass
        except BaseException:
            await self.aclose()
            raise
        return AsyncIncoming(self, head, timeouts)

    async def receive(self, timeouts: Any) -> Any:
        """The next event of the response."""
        while (event := self.next_event()) is None:
            self.feed(await self.stream.read(PIECE, timeouts["read"]))
        return event

    async def finish(self) -> None:
        """End an exchange; harmless twice."""
        if not self._idle and not self._finished():
            await self.aclose()

    async def aclose(self) -> None:
        """Close now."""
        self._closed, self._idle = True, False
        if self.stream is not None:
            await self.stream.aclose()


class BlockingIncoming(_Incoming):
    """The twin of :class:`AsyncIncoming`."""

    __slots__ = ()

    def __iter__(self) -> BlockingIncoming:
        return self

    def __next__(self) -> bytes:
        if not self._ended:
            event = self._connection.receive(self._timeouts)
            if self._connection.is_data(event):
                return bytes(event.data)
            self._ended = True
        raise StopIteration

    def close(self) -> None:
        """Make the connection ready for another exchange if the body was read, else close it."""
        self._connection.finish()


class BlockingHttp11(_Http11):
    """The twin of :class:`AsyncHttp11` for threads."""

    def handle_request(self, wire: Wire) -> BlockingIncoming:
        """Make an exchange, up to the head of the response."""
        timeouts = wire.extensions["timeout"]
        if self.stream is None:
            self.stream = self._connect(timeouts)
        try:
            try:
                self.stream.write(self._begin(wire), timeouts["write"])
                if wire.comes_in_pieces:
                    for chunk in wire.content:
                        self.stream.write(self._piece(chunk), timeouts["write"])
                    self.stream.write(self._piece(None), timeouts["write"])
            except self._core.WriteError:
                pass  # see the twin
            while not self.is_head(head := self.receive(timeouts)):
                pass
        except BaseException:
            self.close()
            raise
        return BlockingIncoming(self, head, timeouts)

    def receive(self, timeouts: Any) -> Any:
        """The next event of the response."""
        while (event := self.next_event()) is None:
            self.feed(self.stream.read(PIECE, timeouts["read"]))
        return event

    def finish(self) -> None:
        """End an exchange; harmless twice."""
        if not self._idle and not self._finished():
            self.close()

    def close(self) -> None:
        """Close now."""
        self._closed, self._idle = True, False
        if self.stream is not None:
            self.stream.close()
