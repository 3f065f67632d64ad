"""What the calls of one method go through, and what is told of each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from pyfly.client._call.redirects import Redirects
from pyfly.client._codec.decode import Decoder
from pyfly.client._codec.inflater import inflate
from pyfly.client.error_mapping import ErrorMapping
from pyfly.client.errors import (
    CallException,
    HttpStatusException,
    ResponseException,
    raise_as,
    status_error,
    timeout_text,
)
from pyfly.client.message import Headers, Request, Response
from pyfly.client.observability.first_answers import FirstAnswers
from pyfly.client.plan import MethodPlan
from pyfly.kernel.exceptions import CircuitBreakerException, OperationTimeoutException
from pyfly.kernel.record import Record
from pyfly.resilience.call import Call
from pyfly.resilience.circuit_breaker.stage import CircuitBreakerStage
from pyfly.resilience.clock import Clock
from pyfly.resilience.events import (
    CallFailed,
    CallStarted,
    CallSucceeded,
    Events,
    PermitRefused,
)
from pyfly.resilience.pipeline import Pipeline


class BegunCall(Call):
    """A call whose first attempt was made in line, and failed.

    Attributes:
        error: What that attempt raised, which the pipeline meets as if it had sent it; None once
            it has.
    """

    __slots__ = ("error",)

    def __init__(
        self,
        runtime: MethodRuntime,
        request: Request,
        admission: Any,
        started: float,
        until: float | None,
        error: BaseException,
    ) -> None:
        super().__init__(
            runtime.method.operation,
            request,
            clock=runtime.clock,
            events=runtime.events,
            single_attempt=request.single_use,
        )
        self.admission = admission
        self.started = self.attempt_started = started
        self.attempt_deadline = until
        self.error: BaseException | None = error

    def raise_error(self) -> None:
        """Raise the error, the first time."""
        error, self.error = self.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # it holds this frame


class MethodRuntime(Record):
    """What the calls of one method go through; made once, when the client is wired.

    Attributes:
        method: The plan.
        pipeline: The resilience stages.
        decode: From a response to the value, or what reads the body of a stream.
        errors: What statuses raise instead of their own exceptions, for a stream; None for
            nothing. Where a value is returned, the decode stage sees to it.
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
        """Returns the facts of one call."""
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

    def refused(self, refusal: CircuitBreakerException) -> NoReturn:
        """Raise the refusal of an open circuit, and tell what the pipeline would have told."""
        events, operation = self.events, self.method.operation
        if events.on:
            now = self.clock.monotonic()
            if events.wants(CallStarted):
                events.emit(CallStarted(operation, now))
            if events.wants(PermitRefused):
                left = refusal.retry_after
                events.emit(
                    PermitRefused(operation, now, CircuitBreakerStage.name, refusal.name, left)
                )
            events.emit(CallFailed(operation, now, refusal, 0, 0.0))
        try:
            raise refusal
        finally:
            del refusal  # it holds this frame

    def after_first(self, request: Request, started: float) -> Call:
        """Returns the facts of a call whose first attempt was made in line, and has succeeded."""
        call = Call(self.method.operation, request, clock=self.clock, events=self.events)
        call.started, call.attempt = started, 1
        return call

    def receive(self, response: Response[Any]) -> Response[Any]:
        """Decompress a response, and turn its status into an exception if it is an error."""
        if response.is_plain_value:
            return response
        status = response.status_code
        wanted = 200 <= status < 300 or self.accepts(status)
        if response.content_encoding:
            response.content = self._inflated(response.content, response.content_encoding, wanted)
            response.content_encoding = None
        if self.first_answers.watching:
            self.first_answers.note(status, self.method.template.text)
        if wanted:
            return response
        raise status_error(status, *_error_parts(response))

    def _inflated(self, content: bytes, encoding: str, wanted: bool) -> bytes:
        try:
            return inflate(content, encoding, self.max_response_size)
        except ResponseException:
            if wanted:
                raise
            return b""  # a 503 stays one, whatever has become of its body

    def attach_call(self, call: Call, error: CallException) -> None:
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
            self.attach_call(call, error)
            if self.errors is not None and isinstance(error, HttpStatusException):
                error = self.errors.translate(error)
        elif isinstance(error, OperationTimeoutException) and error.told is None:
            method = self.method
            called = f"{method.http_method} {method.template.text}"
            error.told = timeout_text(error, method.operation, called, call.attempt)
        if self.events.on:
            now = self.clock.monotonic()
            self.events.emit(
                CallFailed(call.operation, now, error, call.attempt, now - call.started)
            )
        return error

    def raise_to_caller(self, call: Call, error: BaseException, raised: BaseException) -> NoReturn:
        """Raise what the caller gets.

        Args:
            call: The call.
            error: What was raised.
            raised: What it means.
        """
        try:
            raise_as(self.failed(call, raised), error)
        finally:
            del error, raised  # they hold the frame that holds them


def _error_parts(response: Response[Any]) -> tuple[Headers, bytes]:
    """Header fields and body, as far as a port's own response has them: the status matters."""
    headers, body = Headers([]), b""
    with suppress(Exception):
        headers = response.headers
    with suppress(Exception):
        body = response.content
    return headers, body
