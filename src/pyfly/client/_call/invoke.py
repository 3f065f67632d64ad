"""The one place that lists all the steps of a call, in order.

::

    generated function   binds the arguments into a Request
    invoke               starts the client if it is new, notes the call in flight
      pipeline             decode, deadline, circuit breaker, retry, attempt timeout (see explain)
        attempt              port.send, decompression, redirects, status → exception

Where nothing else is on, the first attempt takes a short way through the same steps: see
:mod:`.fast_path`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pyfly.client._call.fast_path import guards_of, in_line, in_line_sync
from pyfly.client._call.lifecycle import Lifecycle, SyncLifecycle
from pyfly.client._call.runtime import BegunCall, MethodRuntime
from pyfly.client.errors import CallException, ClientStoppedException
from pyfly.client.message import Request, Response
from pyfly.client.ports import SyncWirePort, WirePort
from pyfly.resilience.call import Call


def invoker(steps: MethodRuntime, port: WirePort, lifecycle: Lifecycle) -> Callable[..., Any]:
    """Returns the function that makes a call out of a request."""
    send, receive, redirects = port.send, steps.receive, steps.redirects
    calls = lifecycle.calls

    async def attempt(call: Call) -> Response[Any]:
        request: Request = call.payload
        try:
            if isinstance(call, BegunCall):
                call.raise_error()
            response = await send(request, call.attempt_deadline)
            if redirects is not None:
                trail = redirects.trail(request)
                while (onward := trail.next(response)) is not None:
                    response = await send(onward, call.attempt_deadline)
            return receive(response)
        except CallException as error:
            steps.attach_call(call, error)
            raise

    run = steps.pipeline.build(attempt)

    async def carry_out(call: Call) -> Any:
        try:
            value = await run(call)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and lifecycle.was_stopped(call.payload):
                steps.raise_to_caller(call, error, _stopped())
            steps.raise_to_caller(call, error, error)
        finally:
            call.history.clear()  # its exceptions hold the frames that hold it
        steps.succeeded(call)
        return value

    async def invoke(request: Request, timeout: float | None = None) -> Any:
        if not lifecycle.running:
            await lifecycle.start()
        try:
            lifecycle.begin(request)
            return await carry_out(steps.call(request, timeout))
        finally:
            calls.pop(request, None)  # in one step of C, as no signal handler can interrupt it
            if lifecycle.draining:
                lifecycle.ended(request)

    guards = guards_of(steps, port.bounds_deadline)
    if guards is None:
        return invoke
    return in_line(steps, guards, port, lifecycle, invoke, carry_out)


def sync_invoker(
    steps: MethodRuntime, port: SyncWirePort, lifecycle: SyncLifecycle
) -> Callable[..., Any]:
    """The synchronous twin of :func:`invoker`."""
    send, receive, redirects = port.send, steps.receive, steps.redirects
    calls = lifecycle.calls

    def attempt(call: Call) -> Response[Any]:
        request: Request = call.payload
        try:
            if isinstance(call, BegunCall):
                call.raise_error()
            response = send(request, call.attempt_deadline)
            if redirects is not None:
                trail = redirects.trail(request)
                while (onward := trail.next(response)) is not None:
                    response = send(onward, call.attempt_deadline)
            return receive(response)
        except CallException as error:
            steps.attach_call(call, error)
            raise

    run = steps.pipeline.build_sync(attempt)

    def carry_out(call: Call) -> Any:
        try:
            value = run(call)
        except BaseException as error:
            steps.raise_to_caller(call, error, error)
        finally:
            call.history.clear()
        steps.succeeded(call)
        return value

    def invoke(request: Request, timeout: float | None = None) -> Any:
        if not lifecycle.running:
            lifecycle.start()
        try:
            lifecycle.begin(request)
            return carry_out(steps.call(request, timeout))
        finally:
            calls.discard(request)
            if lifecycle.draining:
                lifecycle.ended()

    guards = guards_of(steps, port.bounds_deadline)
    if guards is None:
        return invoke
    return in_line_sync(steps, guards, port, lifecycle, invoke, carry_out)


def _stopped() -> ClientStoppedException:
    return ClientStoppedException(
        "the client was stopped while the call ran (stop it after its last call, or raise "
        "stop-timeout)"
    )
