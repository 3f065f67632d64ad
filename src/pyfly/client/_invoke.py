"""The one place that lists all the steps of a call, in order.

::

    generated function   binds the arguments into a Request
    invoke               starts the client if it is new, notes the call under way
      pipeline             deadline, circuit breaker, retry, attempt timeout (see explain)
        attempt              port.send, decompression, redirects, status → exception
      decode               outside the pipeline: bad JSON never opens a circuit
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pyfly.client._codec.decode import Decoder
from pyfly.client._codec.decompress import inflate
from pyfly.client._compile.plan import MethodPlan
from pyfly.client._lifecycle import Lifecycle, SyncLifecycle
from pyfly.client._redirects import Redirects
from pyfly.client.error_mapping import ErrorMapping
from pyfly.client.errors import (
    CallException,
    ClientStoppedException,
    HttpStatusException,
    status_error,
)
from pyfly.client.message import Request, Response
from pyfly.client.observability.first_answers import FirstAnswers
from pyfly.client.ports import SyncWirePort, WirePort
from pyfly.kernel.record import Record
from pyfly.resilience.call import Call
from pyfly.resilience.clock import Clock
from pyfly.resilience.events import CallFailed, CallStarted, CallSucceeded, Events
from pyfly.resilience.pipeline import Pipeline

__all__ = ["Steps", "invoker", "sync_invoker"]


class Steps(Record):
    """What the calls of one method go through; made once, when the client is wired.

    Attributes:
        method: The plan.
        pipeline: The resilience stages.
        decode: From a response to the value.
        errors: What statuses raise instead of their own exceptions; None for nothing.
        accepts: Whether a status is no error, although it is no success.
        redirects: How redirects are followed; None if they are errors.
        max_response_size: The limit of a decompressed body, in bytes.
        first_answers: Watches whether the client finds anything at all.
        events: Who hears of calls.
        clock: Where the time comes from.
    """

    method: MethodPlan
    pipeline: Pipeline
    decode: Decoder
    errors: ErrorMapping | None
    accepts: Callable[[int], bool]
    redirects: Redirects | None
    max_response_size: int
    first_answers: FirstAnswers
    events: Events
    clock: Clock

    def call(self, request: Request, timeout: float | None) -> Call:
        """The facts of one call."""
        call = Call(
            self.method.operation,
            request,
            clock=self.clock,
            events=self.events,
            single_attempt=request.single_use,
        )
        call.attempt_timeout = timeout
        if self.events.on:
            self.events.emit(CallStarted(call.operation, call.started))
        return call

    def receive(self, call: Call, response: Response[Any]) -> Response[Any]:
        """Decompress a response, and turn its status into an exception if it is an error."""
        if response.is_plain_value:
            return response
        if response.content_encoding:
            response.content = inflate(
                response.content, response.content_encoding, self.max_response_size
            )
            response.content_encoding = None
        status = response.status_code
        if self.first_answers.watching:
            self.first_answers.note(status, self.method.template.text)
        if 200 <= status < 300 or self.accepts(status):
            return response
        raise status_error(status, response.headers, _error_body(response))

    def tell(self, call: Call, error: CallException) -> None:
        """Note in an error which call it belongs to."""
        method = self.method
        error.at_call(method.operation, method.http_method, method.template.text, call.attempt)

    def succeeded(self, call: Call) -> None:
        """Tell the listeners of a value."""
        if self.events.on and self.events.wants(CallSucceeded):
            now = self.clock.monotonic()
            self.events.emit(CallSucceeded(call.operation, now, call.attempt, now - call.started))

    def failed(self, call: Call, error: BaseException) -> BaseException:
        """Tell the listeners of an exception; the one that is to leave, which may be another."""
        if isinstance(error, CallException):
            self.tell(call, error)
            if self.errors is not None and isinstance(error, HttpStatusException):
                error = self.errors.translate(error)
        if self.events.on:
            now = self.clock.monotonic()
            self.events.emit(
                CallFailed(call.operation, now, error, call.attempt, now - call.started)
            )
        return error


def _error_body(response: Response[Any]) -> bytes:
    try:
        return response.content
    except Exception:  # a foreign response without bytes: the status is what matters
        return b""


def invoker(steps: Steps, port: WirePort, lifecycle: Lifecycle) -> Callable[..., Any]:
    """The function that makes a call out of a request."""
    send, receive, decode, redirects = port.send, steps.receive, steps.decode, steps.redirects

    async def attempt(call: Call) -> Response[Any]:
        request: Request = call.payload
        try:
            response = await send(request, call.attempt_deadline)
            if redirects is not None:
                trail = redirects.trail(request)
                while (onward := trail.next(response)) is not None:
                    response = await send(onward, call.attempt_deadline)
            return receive(call, response)
        except CallException as error:
            steps.tell(call, error)
            raise

    run = steps.pipeline.build(attempt)

    async def invoke(request: Request, timeout: float | None = None) -> Any:
        if not lifecycle.running:
            await lifecycle.start()
        flight = lifecycle.take_off()
        call = steps.call(request, timeout)
        try:
            value = decode(await run(call))
        except BaseException as error:
            raised = error
            if isinstance(error, asyncio.CancelledError) and flight.was_stopped():
                raised = ClientStoppedException("the client was stopped while the call ran")
            raised = steps.failed(call, raised)
            if raised is error:
                raise
            raise raised from error
        finally:
            call.history.clear()  # its exceptions hold the frames that hold it
            lifecycle.land(flight)
        steps.succeeded(call)
        return value

    return invoke


def sync_invoker(steps: Steps, port: SyncWirePort, lifecycle: SyncLifecycle) -> Callable[..., Any]:
    """The synchronous twin of :func:`invoker`."""
    send, receive, decode, redirects = port.send, steps.receive, steps.decode, steps.redirects

    def attempt(call: Call) -> Response[Any]:
        request: Request = call.payload
        try:
            response = send(request, call.attempt_deadline)
            if redirects is not None:
                trail = redirects.trail(request)
                while (onward := trail.next(response)) is not None:
                    response = send(onward, call.attempt_deadline)
            return receive(call, response)
        except CallException as error:
            steps.tell(call, error)
            raise

    run = steps.pipeline.build_sync(attempt)

    def invoke(request: Request, timeout: float | None = None) -> Any:
        if not lifecycle.running:
            lifecycle.start()
        lifecycle.take_off()
        call = steps.call(request, timeout)
        try:
            value = decode(run(call))
        except BaseException as error:
            raised = steps.failed(call, error)
            if raised is error:
                raise
            raise raised from error
        finally:
            call.history.clear()
            lifecycle.land()
        steps.succeeded(call)
        return value

    return invoke
