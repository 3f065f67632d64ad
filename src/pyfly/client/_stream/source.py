"""Where the items of a stream come from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Protocol

from pyfly.client._stream.body_reader import Body, EventReader, Intake, Reader
from pyfly.client._stream.connection import Connection, Opener
from pyfly.client._stream.in_flight import StreamInFlight, stopped
from pyfly.client._stream.open_response import Head
from pyfly.client._stream.reconnection import Reconnection, can_continue
from pyfly.client._stream.server_sent_events import EventParser
from pyfly.client._stream.stream_deadline import Pace
from pyfly.client.errors import (
    CallException,
    ReadTimeoutException,
    ResponseDecodeException,
    StreamTimeoutException,
    TransportException,
)
from pyfly.client.message import Request
from pyfly.kernel.exceptions import DeadlineExceededException

__all__ = ["BodySource", "EventSource", "Source"]

_logger = logging.getLogger("pyfly.client.streams")


class Source(Protocol):
    """What a :class:`~pyfly.client._stream.stream.Stream` reads. Used by one task at a time."""

    @property
    def head(self) -> Head | None:
        """The head of the response that is being read; None before there is one."""
        ...

    async def open(self) -> None:
        """Make ready for :meth:`batch`; called once."""
        ...

    async def batch(self) -> Iterator[Any] | None:
        """The next items, perhaps none; None at the end. The last ones have to be used up."""
        ...

    async def aclose(self) -> None:
        """Give everything back; harmless twice."""
        ...

    def abandon(self) -> None:
        """The same without waiting, from any thread; harmless twice."""
        ...

    def interrupt(self) -> None:
        """Wake whoever reads, who gets an exception."""
        ...

    def tell(self, error: CallException) -> None:
        """Note in an error which call it belongs to."""
        ...


class BodySource:
    """The body of one response.

    Args:
        opener: Opens it.
        reader: Reads it.
        request: What it is asked for with.
        timeout: That of each attempt, if the caller has given one.
        total: How long it may take as a whole, in seconds; None for ever.
    """

    def __init__(
        self,
        opener: Opener,
        reader: Reader,
        request: Request,
        timeout: float | None,
        total: float | None,
    ) -> None:
        self._opener = opener
        self._reader = reader
        self._request = request
        self._timeout = timeout
        self._total = total
        self._connection: Connection | None = None
        self._flight: StreamInFlight | None = None
        self._intake: Intake | None = None
        self._pace = Pace("", opener.steps.clock, None)

    @property
    def head(self) -> Head | None:
        """The head of the response; None before there is one."""
        return None if self._connection is None else self._connection.response

    async def open(self) -> None:
        """Start the client if it is new, and make the call."""
        steps = self._opener.steps
        self._flight = await self._opener.begin()
        self._pace = Pace(steps.method.operation, steps.clock, self._total)
        await self._connect(self._first_request())

    def _first_request(self) -> Request:
        return self._request

    async def _connect(self, request: Request) -> None:
        assert self._flight is not None  # by open
        try:
            connection = self._connection = await self._opener.open(
                request, self._timeout, self._flight, self._pace.end
            )
        except DeadlineExceededException as error:
            meant = self._pace.meaning(error)
            if meant is error:
                raise
            raise meant from error
        self._intake = self._begin(connection.response)

    def _begin(self, body: Body) -> Intake | None:
        """What reads a body; None if there is nothing to read."""
        return self._reader.intake(body)

    async def batch(self) -> Iterator[Any] | None:
        """The items in the next bytes."""
        intake, connection = self._intake, self._connection
        if intake is None or connection is None:
            return None
        data = await connection.read(self._pace)
        if data:
            return intake.feed(data)
        self._intake = None
        return intake.end()

    async def aclose(self) -> None:
        """Close the connection, or give it back if the body was read."""
        try:
            if self._connection is not None:
                await self._connection.aclose()
        finally:
            self._end()

    def abandon(self) -> None:
        """Close the connection without waiting."""
        if self._connection is not None:
            self._connection.abort()
        self._end()

    def _end(self) -> None:
        flight, self._flight = self._flight, None
        if flight is not None:
            self._opener.end(flight)

    def interrupt(self) -> None:
        """Wake whoever reads."""
        if self._flight is not None:
            self._flight.cancel()

    def tell(self, error: CallException) -> None:
        """Note in an error which call it belongs to."""
        if self._connection is not None:
            self._connection.tell(error)


class EventSource(BodySource):
    """Server-sent events, continued on a new connection when one has ended."""

    def __init__(
        self,
        opener: Opener,
        reader: EventReader,
        request: Request,
        timeout: float | None,
        total: float | None,
    ) -> None:
        super().__init__(opener, reader, request, timeout, total)
        self._events = reader
        self._rules = Reconnection(request)
        self._continues = can_continue(opener.steps.method, request)
        self._parser = EventParser(reader.limit)

    def _first_request(self) -> Request:
        return self._rules.request()

    def _begin(self, body: Body) -> Intake | None:
        if body.status_code == 204:  # the service says that there will be no more
            return None
        self._parser = self._events.parser(body, self._rules.last_id)
        return Intake(body, self._parser)

    async def batch(self) -> Iterator[Any] | None:
        """The events in the next bytes, of this connection or another."""
        while (intake := self._intake) is not None and self._connection is not None:
            broken: Exception | None = None
            try:
                data = await self._connection.read(self._pace)
                if data:
                    self._rules.received()
                    return intake.feed(data)
                for _ in intake.end():  # there are none, but it may have been cut off
                    pass
            except StreamTimeoutException:
                raise
            except (TransportException, ResponseDecodeException) as error:
                if not self._continues:
                    raise
                if isinstance(error, ReadTimeoutException):  # it has lasted, at least
                    self._rules.received()
                broken = error
            if not self._continues:
                return None
            await self._continue(broken)
        return None

    async def _continue(self, broken: Exception | None) -> None:
        """Make connections until one is there."""
        assert self._connection is not None  # by batch
        self._rules.ended(self._parser)
        await self._connection.aclose()
        request = self._rules.request()
        while True:
            await self._sleep(self._rules.pause(), broken)
            try:
                await self._connect(request)
            except Exception as error:
                if not self._rules.failed(error):
                    raise
                broken = error
            else:
                return

    async def _sleep(self, seconds: float, broken: Exception | None) -> None:
        flight, steps = self._flight, self._opener.steps
        assert flight is not None  # by open
        _logger.info(
            "An event stream is continued",
            extra={
                "operation": steps.method.operation,
                "pause": seconds,
                "cause": type(broken).__name__ if broken is not None else None,
            },
        )
        with flight:
            await steps.clock.sleep(self._pace.left(seconds))
        if flight.stopped:
            raise stopped()
        self._pace.check()
