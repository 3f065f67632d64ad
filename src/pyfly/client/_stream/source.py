"""Where the items of a stream come from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from pyfly.client._stream.body_reader import BodyFormat, BodyReader, EventFormat, UndecodedBody
from pyfly.client._stream.connection import Connection, Opener
from pyfly.client._stream.in_flight import StreamInFlight, stopped
from pyfly.client._stream.open_response import Head
from pyfly.client._stream.page_decoder import PageItems
from pyfly.client._stream.pages import Pages
from pyfly.client._stream.reconnection import Reconnection, can_continue
from pyfly.client._stream.server_sent_events import EventParser
from pyfly.client._stream.stream_deadline import StreamDeadline
from pyfly.client.errors import (
    CallException,
    ReadTimeoutException,
    ResponseDecodeException,
    StreamTimeoutException,
    TransportException,
)
from pyfly.client.message import Request
from pyfly.client.plan import MethodPlan
from pyfly.kernel.exceptions import DeadlineExceededException

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
        body_format: How it is read.
        request: What it is asked for with.
        timeout: That of each attempt, if the caller has given one.
        total: How long it may take as a whole, in seconds; None for ever.
    """

    def __init__(
        self,
        opener: Opener,
        body_format: BodyFormat,
        request: Request,
        timeout: float | None,
        total: float | None,
    ) -> None:
        self._opener = opener
        self._format = body_format
        self._request = request
        self._timeout = timeout
        self._total = total
        self._connection: Connection | None = None
        self._in_flight: StreamInFlight | None = None
        self._reader: BodyReader | None = None
        self._deadline = StreamDeadline("", opener.steps.clock, None)

    @property
    def head(self) -> Head | None:
        """The head of the response; None before there is one."""
        return None if self._connection is None else self._connection.response

    async def open(self) -> None:
        """Start the client if it is new, and make the call."""
        steps = self._opener.steps
        self._in_flight = await self._opener.begin()
        self._deadline = StreamDeadline(steps.method.operation, steps.clock, self._total)
        await self._connect(self._first_request())

    def _first_request(self) -> Request:
        return self._request

    async def _connect(self, request: Request) -> None:
        assert self._in_flight is not None  # by open
        try:
            connection = self._connection = await self._opener.open(
                request, self._timeout, self._in_flight, self._deadline.end
            )
        except DeadlineExceededException as error:
            meant = self._deadline.meaning(error)
            if meant is error:
                raise
            raise meant from error
        self._reader = self._begin(connection.response)

    def _begin(self, body: UndecodedBody) -> BodyReader | None:
        """What reads a body; None if there is nothing to read."""
        return self._format.reader(body)

    async def batch(self) -> Iterator[Any] | None:
        """The items in the next bytes."""
        reader, connection = self._reader, self._connection
        if reader is None or connection is None:
            return None
        data = await connection.read(self._deadline)
        if data:
            return reader.feed(data)
        self._reader = None
        return reader.end()

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
        in_flight, self._in_flight = self._in_flight, None
        if in_flight is not None:
            self._opener.end(in_flight)

    def interrupt(self) -> None:
        """Wake whoever reads."""
        if self._in_flight is not None:
            self._in_flight.cancel()

    def tell(self, error: CallException) -> None:
        """Note in an error which call it belongs to."""
        if self._connection is not None:
            self._connection.tell(error)


class EventSource(BodySource):
    """Server-sent events, continued on a new connection when one has ended."""

    def __init__(
        self,
        opener: Opener,
        body_format: EventFormat,
        request: Request,
        timeout: float | None,
        total: float | None,
    ) -> None:
        super().__init__(opener, body_format, request, timeout, total)
        self._events = body_format
        self._rules = Reconnection(request)
        self._continues = can_continue(opener.steps.method, request)
        self._parser = EventParser(body_format.limit)

    def _first_request(self) -> Request:
        return self._rules.request()

    def _begin(self, body: UndecodedBody) -> BodyReader | None:
        if body.status_code == 204:  # the service says that there will be no more
            return None
        self._parser = self._events.parser(body, self._rules.last_id)
        return BodyReader(body, self._parser)

    async def batch(self) -> Iterator[Any] | None:
        """The events in the next bytes, of this connection or another."""
        while (reader := self._reader) is not None and self._connection is not None:
            broken: Exception | None = None
            try:
                data = await self._connection.read(self._deadline)
                if data:
                    self._rules.received()
                    return reader.feed(data)
                for _ in reader.end():  # there are none, but it may have been cut off
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
        in_flight, steps = self._in_flight, self._opener.steps
        assert in_flight is not None  # by open
        _logger.info(
            "An event stream is continued",
            extra={
                "operation": steps.method.operation,
                "pause": seconds,
                "cause": type(broken).__name__ if broken is not None else None,
            },
        )
        with in_flight:
            await steps.clock.sleep(self._deadline.left(seconds))
        if in_flight.stopped:
            raise stopped()
        self._deadline.check()


class PageSource:
    """The pages of one pass.

    Args:
        invoke: Makes the call for one page.
        method: Whose pages they are.
        pages: What to ask for.
        timeout: That of each attempt, if the caller has given one.
    """

    def __init__(
        self,
        invoke: Callable[..., Any],
        method: MethodPlan,
        pages: Pages,
        timeout: float | None,
    ) -> None:
        self._invoke = invoke
        self._method = method
        self._pages = pages
        self._timeout = timeout
        self._last: PageItems | None = None

    @property
    def head(self) -> Head | None:
        """The latest page; None before there is one."""
        return None if self._last is None else self._last.response

    async def open(self) -> None:
        """Fetch nothing: the first page comes with the first batch."""

    async def batch(self) -> Iterator[Any] | None:
        """The items of the next page."""
        request: Request | None = self._pages.request
        if self._last is not None:
            request = self._pages.following(self._last)
        if request is None:
            return None
        page: PageItems = await self._invoke(request, self._timeout)
        self._last = page
        return iter(page.items)

    async def aclose(self) -> None:
        """Nothing is held between two pages."""

    def abandon(self) -> None:
        """Nothing is held between two pages."""

    def interrupt(self) -> None:
        """Let the page come; nobody will read it."""

    def tell(self, error: CallException) -> None:
        """Note in an error which method it belongs to."""
        method = self._method
        error.at_call(method.operation, method.http_method, method.template.text, 1)
