"""The connections of one event loop, or of all threads, and the exchanges over them.

A connection is either with one exchange or idle, and the one that was used last is the next
to be used. An exchange holds a place at the gate and a connection until it is over, a stream
until it is closed. Whatever ends it, and whoever, they are given back once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pyfly.transport.connection import AsyncConnection
from pyfly.transport.connector import AsyncConnector
from pyfly.transport.deadline import Timeouts
from pyfly.transport.errors import ReadError
from pyfly.transport.http11 import IncomingResponse, OutgoingRequest
from pyfly.transport.network import Network
from pyfly.transport.pools import AsyncGate
from pyfly.transport.sockets import sockets_of_loop
from pyfly.transport.target import HttpOrigin


class AsyncPool:
    """The connections that exchanges share.

    Args:
        network: How connections are made.

    Attributes:
        sockets: All that are open.
        gate: Where an exchange enters.
    """

    def __init__(self, network: Network) -> None:
        self.sockets = sockets_of_loop()
        self.gate = AsyncGate(network.max_connections)
        self._connector = AsyncConnector(network, self.sockets)
        self._limit = network.max_connections
        self._lock = threading.Lock()
        self._idle: list[AsyncConnection] = []  # the one used last comes last

    async def exchange(
        self,
        origin: HttpOrigin,
        request: OutgoingRequest,
        timeouts: Timeouts,
        end: float,
        limit: int,
    ) -> IncomingResponse:
        """Send a request to ``origin`` and read the whole response.

        Raises:
            TransportError: No complete response came back.
            BodyTooLarge: Its body has more than ``limit`` bytes.
        """
        place = await self.gate.enter(timeouts.place, end)
        try:
            connection = self._take(origin)
            if connection is None:
                connection = await self._connector.connect(origin, timeouts, end)
            try:
                incoming = await connection.exchange(request, timeouts, end, limit)
            except BaseException:
                connection.close()
                raise
            self._put(connection, incoming)
        finally:
            self.gate.leave(place)
        return incoming

    async def open(
        self, origin: HttpOrigin, request: OutgoingRequest, timeouts: Timeouts, end: float
    ) -> AsyncExchange:
        """Send a request to ``origin`` and read the response up to the end of its head."""
        place = await self.gate.enter(timeouts.place, end)
        try:
            connection = self._take(origin)
            if connection is None:
                connection = await self._connector.connect(origin, timeouts, end)
            try:
                incoming = await connection.exchange(request, timeouts, end, None)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            self.gate.leave(place)
            raise
        return AsyncExchange(connection, incoming, timeouts, end, self._put, self.gate, place)

    def _take(self, origin: HttpOrigin) -> AsyncConnection | None:
        """An idle connection to ``origin``; None if one has to be made."""
        with self._lock:
            idle = self._idle
            for position in range(len(idle) - 1, -1, -1):
                if idle[position].origin == origin:
                    connection = idle.pop(position)
                    if not connection.has_expired():
                        return connection
                    connection.close()
            # A new one: those that lie idle count for the limit, too.
            while idle and len(idle) + self.gate.taken > self._limit:
                idle.pop(0).close()
        return None

    def _put(self, connection: AsyncConnection, incoming: IncomingResponse) -> None:
        """Take a connection back after an exchange."""
        if self.sockets.closed or not connection.finish(incoming):
            connection.close()
            return
        with self._lock:
            idle = self._idle
            idle.append(connection)
            # A look at the oldest each time keeps those that are not used any more from
            # lying about; the rest is looked at when it is used.
            if len(idle) > 1 and idle[0].has_expired():
                idle.pop(0).close()


class AsyncExchange:
    """A response whose body is still to come.

    Attributes:
        incoming: The response.
        timeouts: How long each read may take; to be changed between two.
        end: When the exchange has to be over; likewise.
    """

    __slots__ = (
        "_connection", "_gate", "_lease", "_place", "_put", "aborted",
        "end", "incoming", "timeouts",
    )  # fmt: skip

    def __init__(
        self,
        connection: AsyncConnection,
        incoming: IncomingResponse,
        timeouts: Timeouts,
        end: float,
        put: Callable[[AsyncConnection, IncomingResponse], None],
        gate: AsyncGate,
        place: Any,
    ) -> None:
        self._lease = [True]  # whoever pops it gives back place and connection; popping is atomic
        self._connection = connection
        self._put = put
        self._gate = gate
        self._place = place
        self.aborted = False
        self.incoming = incoming
        self.timeouts = timeouts
        self.end = end

    async def read(self) -> bytes:
        """The next bytes of the body; ``b""`` at its end, when everything is given back.

        Raises:
            TransportError: The body broke off, or breaks HTTP.
        """
        if self.aborted:
            raise ReadError("the connection was closed while the body was read")
        incoming = self.incoming
        try:
            while not incoming.body and not incoming.ended:
                await self._connection.read_more(incoming, self.timeouts, self.end)
        except BaseException:
            self.close()
            raise
        data = incoming.take_piece()
        if not data:
            self.close()
        return data

    def close(self) -> None:
        """Give the connection back if the body was read, else close it. Harmless twice."""
        if self._ends():
            try:
                self._put(self._connection, self.incoming)
            except BaseException:
                self._connection.stream.raw.close()
                raise
            finally:
                self._gate.leave(self._place)

    def abort(self) -> None:
        """Close the connection at once, from any thread; whoever waits for it gives it back."""
        if not self._lease:
            return
        self.aborted = True
        raw = self._connection.stream.raw
        if raw.busy:
            raw.close()
        elif self._ends():
            raw.close()
            self._gate.leave_from_any_thread(self._place)

    def _ends(self) -> bool:
        """Whether it is for the caller to give everything back: True once."""
        try:
            return self._lease.pop()
        except IndexError:
            return False

    def __del__(self) -> None:
        self.abort()
