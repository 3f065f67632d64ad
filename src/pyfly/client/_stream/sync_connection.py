"""One response whose body is still to come, synchronously: the twin of :mod:`.connection`."""

from __future__ import annotations

from typing import Any

from pyfly.client._call.lifecycle import SyncLifecycle
from pyfly.client._call.runtime import MethodRuntime
from pyfly.client._stream.connection import ConnectionBase, kept, release, stopped
from pyfly.client._stream.in_flight import SyncStreamInFlight
from pyfly.client._stream.stream_deadline import Pace
from pyfly.client.errors import (
    CallException,
    ClientStoppedException,
    ReadTimeoutException,
    raise_as,
)
from pyfly.client.message import Request, Response
from pyfly.client.ports import SyncStreamedResponse, SyncStreamPort
from pyfly.resilience.call import Call

__all__ = ["SyncConnection", "SyncOpener"]


class SyncConnection(ConnectionBase):
    """A body that is being read, synchronously."""

    def __init__(
        self,
        steps: MethodRuntime,
        call: Call,
        response: SyncStreamedResponse,
        flight: SyncStreamInFlight,
    ) -> None:
        super().__init__(steps, call)
        self.response = response
        self._flight = flight
        flight.abort = response.abort

    def read(self, pace: Pace) -> bytes:
        """The next bytes; see :meth:`Connection.read`."""
        flight = self._flight
        if flight.stopped:
            raise stopped()
        flight.enter()
        try:
            return self.response.read(pace.until())
        except ReadTimeoutException as error:
            raise pace.meaning(error) from error.__cause__
        except CallException as error:
            if flight.stopped and not isinstance(error, ClientStoppedException):
                raise stopped() from error
            raise

    def close(self) -> None:
        """Close it, and give back what was held for it."""
        try:
            self.response.close()
        finally:
            self._let_go()

    def abort(self) -> None:
        """Close it without waiting for anybody."""
        self.response.abort()
        self._let_go()


class SyncOpener:
    """The synchronous twin of :class:`Opener`."""

    def __init__(
        self, steps: MethodRuntime, port: SyncStreamPort, lifecycle: SyncLifecycle, idle: float
    ) -> None:
        self.steps = steps
        self._port = port
        self._lifecycle = lifecycle
        self._idle = idle
        self._run = steps.pipeline.build_sync(self._attempt)

    def begin(self) -> SyncStreamInFlight:
        """Start the client if it is new, and note a stream in flight."""
        if not self._lifecycle.running:
            self._lifecycle.start()
        flight = SyncStreamInFlight()
        self._lifecycle.add(flight)
        return flight

    def end(self, flight: SyncStreamInFlight) -> None:
        """Note that a stream has ended."""
        flight.abort = None
        self._lifecycle.remove(flight)

    def open(
        self, request: Request, timeout: float | None, flight: SyncStreamInFlight, end: float | None
    ) -> SyncConnection:
        """Make a call that ends at the headers; see :meth:`Opener.open`."""
        steps = self.steps
        if flight.stopped or not self._lifecycle.running:
            raise stopped()
        call = steps.call(request, timeout)
        call.on_close = []
        call.deadline = end
        flight.enter()
        try:
            response = self._run(call)
        except BaseException as error:
            release(call)
            raise_as(steps.failed(call, error), error)
        finally:
            call.history.clear()
        steps.succeeded(call)
        return SyncConnection(steps, call, response.body, flight)

    def _attempt(self, call: Call) -> Response[Any]:
        release(call)
        request: Request = call.payload
        try:
            response = self._response(call, request)
            if self.steps.redirects is not None:
                trail = self.steps.redirects.trail(request)
                while (onward := trail.next(response)) is not None:
                    response = self._response(call, onward)
            return self.steps.receive(response)
        except CallException as error:
            self.steps.attach_call(call, error)
            raise

    def _response(self, call: Call, request: Request) -> Response[Any]:
        opened = self._port.open(request, call.attempt_deadline, self._idle)
        if 200 <= opened.status_code < 300:
            return kept(call, opened)
        return opened.read_all()
