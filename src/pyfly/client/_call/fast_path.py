"""The first attempt of a call, in line: the stages of most calls in a few statements.

Most calls succeed at once, and most clients use nothing but the circuit breaker, retries and
an attempt timeout that the port keeps. For those, what the stages do until the first attempt
has succeeded is written out here, with nothing made that only a failure needs::

    circuit breaker   the generation is read; the success is told if it changes anything
    retry             the budget notes the call
    attempt timeout   the port gets its end, or that of a deadline around the call
    lifecycle         the call is in flight

Whatever is not like that takes the pipeline: a call in a half-open circuit, under a deadline that
has passed, with a timeout of its own, or with a listener to successes. An open circuit refuses at
once, for it is asked often. And whatever fails goes on in the pipeline, which gets the error as if
it had made the attempt itself, so there is one code for failures.
"""

from __future__ import annotations

import time
from asyncio import _get_running_loop as running_loop  # pyright: ignore[reportPrivateUsage]
from collections.abc import Callable
from typing import Any

from pyfly.client._call.decode_stage import DecodeStage
from pyfly.client._call.lifecycle import Lifecycle, SyncLifecycle
from pyfly.client._call.runtime import BegunCall, MethodRuntime
from pyfly.client.message import Request, Response
from pyfly.client.ports import SyncWirePort, WirePort
from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience.call import Call
from pyfly.resilience.circuit_breaker.circuit_breaker import CircuitBreaker
from pyfly.resilience.circuit_breaker.stage import (
    CircuitBreakerEvidenceStage,
    CircuitBreakerStage,
)
from pyfly.resilience.circuit_breaker.state import Admission, CircuitRules
from pyfly.resilience.clock import SYSTEM_CLOCK
from pyfly.resilience.deadlines import enclosing_deadline
from pyfly.resilience.retry.stage import RetryStage
from pyfly.resilience.retry_budget.budget import RetryBudget
from pyfly.resilience.timeout.stage import AttemptTimeoutStage, TotalTimeoutStage


class _NoCircuit:
    """The rules of a circuit breaker that is not there: it is closed, and wants nothing."""

    __slots__ = ()

    closed_admission = None
    wants_success = False


class Guards:
    """What guards the first attempts of one method.

    Attributes:
        breaker: The circuit breaker; None if it is off.
        budget: What notes each call; None without retries.
        span: What each attempt may take, in seconds; None for ever.
    """

    __slots__ = ("breaker", "budget", "span")

    def __init__(
        self, breaker: CircuitBreaker | None, budget: RetryBudget | None, span: float | None
    ) -> None:
        self.breaker = breaker
        self.budget = budget
        self.span = span

    @property
    def rules(self) -> CircuitRules | _NoCircuit:
        """What tells whether the circuit is closed."""
        return _NoCircuit() if self.breaker is None else self.breaker.rules

    def refuse(self, steps: MethodRuntime) -> None:
        """Raise a refusal at once if the circuit is open, and time alone can change that."""
        breaker = self.breaker
        if breaker is None or steps.clock.monotonic() >= breaker.rules.refuses_until:
            return
        asked = breaker.ask(steps.method.operation)
        if not isinstance(asked, CircuitBreakerException):  # it has changed at this very moment
            breaker.released(asked)
            return
        try:
            steps.refused(asked)
        finally:
            del asked  # it holds this frame

    def succeeded(self, admission: Admission | None, response: Response[Any], name: str) -> None:
        """Tell the circuit breaker of a success that matters to it.

        Args:
            admission: What the call was let pass with.
            response: What came back.
            name: The operation.
        """
        if self.breaker is not None and admission is not None:
            self.breaker.returned(admission, response, operation=name)


def guards_of(steps: MethodRuntime, port_bounds: bool) -> Guards | None:
    """Returns what guards first attempts, if it is no more than can be done in line; else None.

    Args:
        steps: What the calls of the method go through.
        port_bounds: Whether the port keeps the attempt timeout.
    """
    guards = Guards(None, None, None)
    for stage in steps.pipeline.stages:
        match stage:
            case CircuitBreakerStage():
                guards.breaker = stage.breaker
            case RetryStage(policy=policy, budget=RetryBudget() | None as budget):
                guards.budget = budget
                if policy.retry_if_result is not None:
                    return None
            case AttemptTimeoutStage() if port_bounds or stage.seconds is None:
                guards.span = stage.seconds
            case DecodeStage() | CircuitBreakerEvidenceStage() | TotalTimeoutStage(seconds=None):
                pass
            case _:
                return None
    return None if steps.redirects is not None else guards


def in_line(
    steps: MethodRuntime,
    guards: Guards,
    port: WirePort,
    lifecycle: Lifecycle,
    invoke: Callable[..., Any],
    carry_out: Callable[[Call], Any],
) -> Callable[..., Any]:
    """Returns the function that makes a call out of a request, its first attempt in line.

    Args:
        steps: What the calls of the method go through.
        guards: Those of its first attempts.
        port: Where they go.
        lifecycle: Of the client.
        invoke: Makes a call by the pipeline.
        carry_out: Goes on with a call whose first attempt has failed.
    """
    send, receive, decode, events = port.send, steps.receive, steps.decode, steps.events
    rules, budget, span, unguarded = guards.rules, guards.budget, guards.span, not guards.breaker
    first_answers, calls, note_task = steps.first_answers, lifecycle.calls, lifecycle.note_task
    ends_calls = getattr(port, "ends_calls", False)
    operation, clock = steps.method.operation, steps.clock
    by_system, bounds = clock is SYSTEM_CLOCK, port.bounds_deadline

    async def call(request: Request, timeout: float | None = None) -> Any:
        admission, around = rules.closed_admission, enclosing_deadline()
        if (
            (admission is None and not unguarded)
            or timeout is not None
            or events.hears_successes
            or not lifecycle.running
            or request.single_use is not None
        ):
            if admission is None and around is None and lifecycle.running:
                guards.refuse(steps)
            return await invoke(request, timeout)
        started = time.monotonic() if by_system else clock.monotonic()  # a call saved
        until = None if span is None else started + span
        if around is not None:
            end = around.on(clock)
            if end <= started or not bounds:
                return await invoke(request, timeout)
            if until is None or end < until:
                until = end
        try:
            if ends_calls:
                calls[request] = running_loop()  # to know the task costs more than all this
            else:
                note_task(request)
            if budget is not None and not budget.rules.full:
                budget.deposit()
            try:
                response = await send(request, until)
                if (
                    response.__class__ is not Response
                    or response.content_encoding is not None
                    or not 200 <= response.status_code < 300
                    or first_answers.watching
                ):
                    response = receive(response)
            except BaseException as error:
                if isinstance(error, Exception):  # else nothing follows, perhaps not even a loop
                    note_task(request)
                going_on = carry_out(BegunCall(steps, request, admission, started, until, error))
            else:
                if rules.wants_success:
                    guards.succeeded(admission, response, operation)
                try:
                    return decode(response)
                except BaseException as error:
                    steps.raise_to_caller(steps.after_first(request, started), error, error)
            return await going_on
        finally:
            calls.pop(request, None)
            if lifecycle.draining:
                lifecycle.ended(request)

    return call


def in_line_sync(
    steps: MethodRuntime,
    guards: Guards,
    port: SyncWirePort,
    lifecycle: SyncLifecycle,
    invoke: Callable[..., Any],
    carry_out: Callable[[Call], Any],
) -> Callable[..., Any]:
    """The synchronous twin of :func:`in_line`."""
    send, receive, decode, events = port.send, steps.receive, steps.decode, steps.events
    rules, budget, span, unguarded = guards.rules, guards.budget, guards.span, not guards.breaker
    first_answers, calls = steps.first_answers, lifecycle.calls
    operation, clock = steps.method.operation, steps.clock
    by_system, bounds = clock is SYSTEM_CLOCK, port.bounds_deadline

    def call(request: Request, timeout: float | None = None) -> Any:
        admission, around = rules.closed_admission, enclosing_deadline()
        if (admission is None and not unguarded) or timeout is not None or events.hears_successes:
            if admission is None and around is None and lifecycle.running:
                guards.refuse(steps)
            return invoke(request, timeout)
        started = time.monotonic() if by_system else clock.monotonic()
        until = None if span is None else started + span
        if around is not None:
            end = around.on(clock)
            if end <= started or not bounds:
                return invoke(request, timeout)
            if until is None or end < until:
                until = end
        try:
            calls.add(request)
            if not lifecycle.running:
                return invoke(request, timeout)
            if budget is not None and not budget.rules.full:
                budget.deposit()
            try:
                response = send(request, until)
                if (
                    response.__class__ is not Response
                    or response.content_encoding is not None
                    or not 200 <= response.status_code < 300
                    or first_answers.watching
                ):
                    response = receive(response)
            except BaseException as error:
                failed = BegunCall(steps, request, admission, started, until, error)
            else:
                if rules.wants_success:
                    guards.succeeded(admission, response, operation)
                try:
                    return decode(response)
                except BaseException as error:
                    steps.raise_to_caller(steps.after_first(request, started), error, error)
            return carry_out(failed)
        finally:
            calls.discard(request)
            if lifecycle.draining:
                lifecycle.ended()

    return call
