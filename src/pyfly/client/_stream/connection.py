"""One response whose body is still to come, opened through the pipeline.

The attempt ends at the headers: up to there a stream is a call like any other. What the stages
hold for an attempt (``call.on_close``) is given back when the connection is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pyfly.client._call.lifecycle import Lifecycle
from pyfly.client._call.runtime import MethodRuntime
from pyfly.client._stream.in_flight import StreamInFlight
from pyfly.client._stream.stream_deadline import Pace
from pyfly.client.errors import (
    CallException,
    ClientStoppedException,
    ReadTimeoutException,
    ResponseException,
    raise_as,
)
from pyfly.client.message import Request, Response
from pyfly.client.ports import StreamedResponse, StreamPort, SyncStreamedResponse
from pyfly.resilience.call import Call

__all__ = [
    "Connection",
    "ConnectionBase",
    "OpenResponse",
    "Opener",
    "kept",
    "release",
    "stopped",
]


class OpenResponse(Response[Any]):
    """A response as interceptors see it while its body is still to come."""

    def __init__(self, body: Any) -> None:
        self.status_code = body.status_code
        self.headers = body.headers
        self.content_encoding = None
        self.value = None
        self.body = body

    @property
    def content(self) -> bytes:  # type: ignore[override]  # a value in the base
        """It is not there yet."""
        raise ResponseException(
            "the body of a stream is not there yet when its headers are: read it where the "
            "stream is read"
        )

    def __repr__(self) -> str:
        return f"<Response {self.status_code}, streamed>"


class ConnectionBase:
    """What both kinds share."""

    def __init__(self, steps: MethodRuntime, call: Call) -> None:
        self._steps = steps
        self._call: Call | None = call
        self._told = call

    def tell(self, error: CallException) -> None:
        """Note in an error which call it belongs to."""
        self._steps.attach_call(self._told, error)

    def _let_go(self) -> None:
        """Give back what the stages hold; once."""
        call, self._call = self._call, None
        if call is not None:
            release(call)


class Connection(ConnectionBase):
    """A body that is being read, asynchronously."""

    def __init__(
        self, steps: MethodRuntime, call: Call, response: StreamedResponse, flight: StreamInFlight
    ) -> None:
        super().__init__(steps, call)
        self.response = response
        self._flight = flight

    async def read(self, pace: Pace) -> bytes:
        """The next bytes, ``b""`` at the end.

        Raises:
            TransportException: The body broke off.
            DeadlineExceededException: The caller's deadline passed.
            StreamTimeoutException: ``stream-timeout`` passed.
            ClientStoppedException: The client was stopped.
        """
        flight = self._flight
        if flight.stopped:
            raise stopped()
        flight.enter()
        try:
            return await self.response.read(pace.until())
        except ReadTimeoutException as error:
            raise pace.meaning(error) from error.__cause__
        except asyncio.CancelledError as error:
            if flight.was_stopped():
                raise stopped() from error
            raise
        finally:
            flight.leave()

    async def aclose(self) -> None:
        """Close it, and give back what was held for it."""
        try:
            await self.response.aclose()
        finally:
            self._let_go()

    def abort(self) -> None:
        """Close it without waiting."""
        self.response.abort()
        self._let_go()


class Opener:
    """Opens the streams of one method, asynchronously.

    Args:
        steps: What its calls go through.
        port: Where they go.
        lifecycle: Of the client.
        idle: How long one read of a body may take, in seconds.
    """

    def __init__(
        self, steps: MethodRuntime, port: StreamPort, lifecycle: Lifecycle, idle: float
    ) -> None:
        self.steps = steps
        self._port = port
        self._lifecycle = lifecycle
        self._idle = idle
        self._run = steps.pipeline.build(self._attempt)

    async def begin(self) -> StreamInFlight:
        """Start the client if it is new, and note a stream in flight."""
        if not self._lifecycle.running:
            await self._lifecycle.start()
        flight = StreamInFlight()
        self._lifecycle.add(flight)
        return flight

    def end(self, flight: StreamInFlight) -> None:
        """Note that a stream has ended."""
        flight.on_stop = None
        self._lifecycle.remove(flight)

    async def open(
        self, request: Request, timeout: float | None, flight: StreamInFlight, end: float | None
    ) -> Connection:
        """Make a call that ends at the headers of the response.

        Args:
            request: What to send.
            timeout: That of each attempt, if the caller has given one.
            flight: The stream that it is for.
            end: When the stream has to be over, by the clock of the client.
        """
        steps = self.steps
        if flight.stopped or not self._lifecycle.running:
            raise stopped()
        call = steps.call(request, timeout)
        call.on_close = []
        call.deadline = end
        flight.enter()
        try:
            response = await self._run(call)
        except BaseException as error:
            release(call)
            if isinstance(error, asyncio.CancelledError) and flight.was_stopped():
                raise_as(steps.failed(call, stopped()), error)
            raise_as(steps.failed(call, error), error)
        finally:
            flight.leave()
            call.history.clear()  # its exceptions hold the frames that hold it
        steps.succeeded(call)
        connection = Connection(steps, call, response.body, flight)

        def cut() -> None:
            connection.abort()
            self.end(flight)

        flight.on_stop = cut
        return connection

    async def _attempt(self, call: Call) -> Response[Any]:
        release(call)  # what an attempt has left that failed after its headers
        request: Request = call.payload
        try:
            response = await self._response(call, request)
            if self.steps.redirects is not None:
                trail = self.steps.redirects.trail(request)
                while (onward := trail.next(response)) is not None:
                    response = await self._response(call, onward)
            return self.steps.receive(response)
        except CallException as error:
            self.steps.attach_call(call, error)
            raise

    async def _response(self, call: Call, request: Request) -> Response[Any]:
        opened = await self._port.open(request, call.attempt_deadline, self._idle)
        if 200 <= opened.status_code < 300:
            return kept(call, opened)
        return await opened.read_all()


def stopped() -> ClientStoppedException:
    """The error for a stream of a client that was stopped."""
    return ClientStoppedException(
        "the client was stopped while the stream was open (stop it after its last stream, or "
        "raise stop-timeout)"
    )


def kept(call: Call, opened: StreamedResponse | SyncStreamedResponse) -> OpenResponse:
    """An open response, which is closed with its call, whatever happens to it."""
    closing: list[Callable[[], None]] | None = call.on_close
    assert closing is not None  # by open
    closing.append(opened.abort)
    return OpenResponse(opened)


def release(call: Call) -> None:
    """Give back what was put into ``call.on_close``."""
    while call.on_close:
        call.on_close.pop()()
