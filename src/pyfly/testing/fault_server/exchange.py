"""One connection, one exchange on it, and what a behaviour is: something to do about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from random import Random

from pyfly.testing.fault_server.received import ReceivedRequest, body_length
from pyfly.testing.fault_server.socket_faults import Hangup, ServerSocket

#: Longer heads are refused by closing: a client that sends one is not what is tested here.
_LONGEST_HEAD = 1 << 20
#: What a client has got before a reset, it may read; what comes with the reset may be lost.
SETTLE = 0.02


class ServerConnection:
    """Reads requests from a link.

    Attributes:
        link: The bytes.
        number: 1 for the first connection of the server, and so on.
    """

    def __init__(self, link: ServerSocket, number: int) -> None:
        self.link = link
        self.number = number

    async def read_head(self) -> bytes:
        """The next request up to its blank line."""
        return await self._until(b"\r\n\r\n")

    async def read_body(self, length: int | None) -> bytes:
        """So many bytes; with None, chunks up to the last one, as they are on the wire."""
        if length is not None:
            while len(self.link.buffer) < length:
                await self.link.more()
            return self._take(length)
        body, size = b"", -1
        while size != 0:
            line = await self._until(b"\r\n")
            size = _chunk_size(line)
            body += line + (await self.read_body(size + 2) if size else b"")
        while (line := await self._until(b"\r\n")) != b"\r\n":  # trailers
            body += line
        return body + line

    async def read_nothing_more(self) -> None:
        """Take whatever comes until the client closes."""
        while True:
            self.link.buffer.clear()
            await self.link.more()

    async def _until(self, mark: bytes) -> bytes:
        buffer, start = self.link.buffer, 0
        while (end := buffer.find(mark, start)) < 0:
            if len(buffer) > _LONGEST_HEAD:
                raise Hangup
            start = max(len(buffer) - len(mark) + 1, 0)
            await self.link.more()
        return self._take(end + len(mark))

    def _take(self, count: int) -> bytes:
        taken = bytes(self.link.buffer[:count])
        del self.link.buffer[:count]
        return taken


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise Hangup from None


class ServedExchange:
    """One request, and what a behaviour can do about it.

    Attributes:
        request: What came; None for a behaviour that is played when a connection is accepted.
        random: Where all chance comes from: the same in every run with the same seed.
        elapsed: Seconds since the server started.
        number: The request's number among those of its route, from 1; 0 without a request.
        early: Whether to answer without reading the request's body.
    """

    __slots__ = ("_connection", "_received", "early", "elapsed", "number", "random", "request")

    def __init__(
        self,
        connection: ServerConnection,
        request: ReceivedRequest | None,
        random: Random,
        elapsed: float,
    ) -> None:
        self.request = request
        self.random = random
        self.elapsed = elapsed
        self.number = 0 if request is None else request.number
        self.early = False
        self._connection = connection
        self._received = False

    @property
    def method(self) -> str:
        """The request's method; ``""`` if there is no request yet."""
        return "" if self.request is None else self.request.method

    def note(self, behaviour: str) -> None:
        """Note what is played; the innermost behaviour is what the records tell."""
        if self.request is not None:
            self.request.behaviour = behaviour

    async def receive(self) -> None:
        """Read the rest of the request; nothing if that was done, or the answer is early."""
        if self.request is not None and not self._received and not self.early:
            self._received = True
            self.request.body = await self._connection.read_body(body_length(self.request))

    async def send(self, *pieces: bytes) -> None:
        """Send each of the pieces by itself."""
        for piece in pieces:
            await self._connection.link.send(piece)
            if self.request is not None:
                self.request.sent += len(piece)

    async def pause(self, seconds: float) -> None:
        """Do nothing for a while; it ends with the client's patience."""
        if seconds > 0:
            await self._connection.link.pause(seconds)

    async def wait_for_close(self) -> None:
        """Read until the client closes, which ends the exchange; if early, do not even read."""
        if self.early:
            await self._connection.link.pause(None)
        await self._connection.read_nothing_more()

    async def reset(self) -> None:
        """End the connection with a TCP reset, once what was sent had time to arrive."""
        await self.pause(SETTLE)
        self._connection.link.reset()

    async def half_close(self) -> None:
        """Send no more, and read until the client closes as well."""
        self._connection.link.half_close()
        await self._connection.read_nothing_more()

    def close(self) -> None:
        """End the connection in good order."""
        self._connection.link.close()


class Behaviour(ABC):
    """Something to do about one request.

    Behaviours do not change and may be shared between routes. Write one of your own by
    deriving from :class:`AnsweringBehaviour`.
    """

    __slots__ = ()

    @abstractmethod
    async def play(self, exchange: ServedExchange) -> None:
        """Do it. The connection serves the next request unless it was ended."""


class AnsweringBehaviour(Behaviour):
    """A behaviour that answers by itself: it is what the records name.

    Example::

        class Teapot(AnsweringBehaviour):
            async def act(self, exchange: ServedExchange) -> None:
                await exchange.send(b"HTTP/1.1 418 I'm a teapot\\r\\ncontent-length: 0\\r\\n\\r\\n")
    """

    __slots__ = ()

    async def play(self, exchange: ServedExchange) -> None:
        exchange.note(type(self).__name__)
        await exchange.receive()
        await self.act(exchange)

    @abstractmethod
    async def act(self, exchange: ServedExchange) -> None:
        """Answer. The request is read, unless the answer is to be early."""
