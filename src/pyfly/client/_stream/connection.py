"""One response whose body is still to come, opened through the pipeline.

The attempt ends at the headers: up to there a stream is a call like any other. What the stages
hold for an attempt (``call.on_close``) is given back when the connection is closed.
"""

from __future__ import annotations

from typing import Any

from pyfly.client._call.lifecycle import Lifecycle
from pyfly.client._call.runtime import MethodRuntime
from pyfly.client._stream.in_flight import StreamInFlight, stopped
from pyfly.client._stream.open_response import OpenCall, kept, release
from pyfly.client._stream.stream_deadline import StreamDeadline
from pyfly.client.errors import CallException, ReadTimeoutException, raise_as
from pyfly.client.message import Request, Response
from pyfly.client.ports import StreamedResponse, StreamPort
from pyfly.resilience.call import Call


class Connection(OpenCall):
    """A body that is being read."""

    def __init__(
        self,
        steps: MethodRuntime,
        call: Call,
        response: StreamedResponse,
        in_flight: StreamInFlight,
    ) -> None:
        super().__init__(steps, call)
        self.response = response
        self._in_flight = in_flight

    async def read(self, deadline: StreamDeadline) -> bytes:
        """The next bytes, ``b""`` at the end.

        Raises:
            TransportException: The body broke off.
            DeadlineExceededException: The caller's deadline passed.
            StreamTimeoutException: ``stream-timeout`` passed.
            ClientStoppedException: The client was stopped.
        """
        with self._in_flight:
            try:
                return await self.response.read(deadline.until())
            except ReadTimeoutException as error:
                raise deadline.meaning(error) from error.__cause__

    async def aclose(self) -> None:
        """Close it, and give back what was held for it."""
        try:
            await self.response.aclose()
        finally:
            self.give_back()

    def abort(self) -> None:
        """Close it without waiting."""
        self.response.abort()
        self.give_back()


class Opener:
    """Opens the streams of one method.

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
        """Start the client if it is new, and note a stream in in_flight."""
        if not self._lifecycle.running:
            await self._lifecycle.start()
        in_flight = StreamInFlight()
        self._lifecycle.add(in_flight)
        return in_flight

    def end(self, in_flight: StreamInFlight) -> None:
        """Note that a stream has ended."""
        in_flight.on_stop = None
        self._lifecycle.remove(in_flight)

    async def open(
        self, request: Request, timeout: float | None, in_flight: StreamInFlight, end: float | None
    ) -> Connection:
        """Make a call that ends at the headers of the response.

        Args:
            request: What to send.
            timeout: That of each attempt, if the caller has given one.
            in_flight: The stream that it is for.
            end: When the stream has to be over, by the clock of the client.
        """
        steps = self.steps
        if in_flight.stopped or not self._lifecycle.running:
            raise stopped()
        call = steps.call(request, timeout)
        call.on_close = []
        call.deadline = end
        in_flight.enter()
        try:
            response = await self._run(call)
        except BaseException as error:
            release(call)
            raise_as(steps.failed(call, in_flight.meaning(error)), error)
        finally:
            in_flight.leave()
            call.history.clear()  # its exceptions hold the frames that hold it
        steps.succeeded(call)
        connection = Connection(steps, call, response.body, in_flight)
        in_flight.opened(connection, self)
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
