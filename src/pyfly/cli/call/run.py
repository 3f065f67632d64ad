"""One call, made or only shown, and what happens in it."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

import click

from pyfly.cli.call.dry_run import Shown, as_curl, as_http
from pyfly.cli.call.method import Method
from pyfly.cli.call.output import Output
from pyfly.cli.capture import Captured, CapturingPort, SyncCapturingPort
from pyfly.client import connect, connect_sync, deadline
from pyfly.client._settings.config import ClientConfig
from pyfly.client.wiring import ClientFactory
from pyfly.core import Config
from pyfly.kernel.record import Record
from pyfly.resilience import (
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    CallFailed,
    CallSucceeded,
    CircuitTransition,
    Event,
    RetryScheduled,
    RetrySuppressed,
)


def narrate(event: Event, /) -> None:
    """Print one event. What it says of an error shows no secret."""
    text = _text(event)
    if text is not None:
        click.echo(f"* {text}", err=True)


def _text(event: Event) -> str | None:
    match event:
        case AttemptStarted():
            return f"attempt {event.attempt}"
        case AttemptSucceeded():
            return f"attempt {event.attempt} succeeded after {_span(event.duration)}"
        case AttemptFailed():
            error = f"{type(event.error).__name__}: {event.error}"
            return f"attempt {event.attempt} failed after {_span(event.duration)}: {error}"
        case RetryScheduled():
            return f"the next attempt follows in {_span(event.delay)}"
        case RetrySuppressed():
            return f"no further attempt: {event.reason}"
        case CircuitTransition():
            return f"circuit {event.old.name} to {event.new.name}: {event.reason}"
        case CallSucceeded():
            return f"done: {_attempts(event.attempts)}, {_span(event.duration)}"
        case CallFailed():
            return f"failed: {_attempts(event.attempts)}, {_span(event.duration)}"
        case _:
            return None


def _attempts(number: int) -> str:
    return "1 attempt" if number == 1 else f"{number} attempts"


def _span(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


class Choices(Record):
    """What the options that all calls have ask for.

    Attributes:
        base_url: Instead of the declared one.
        config: Where settings are read.
        timeout: Seconds for the whole call; None for none.
        verbose: Tell what happens.
    """

    base_url: str | None
    config: Config
    timeout: float | None
    verbose: bool


def make_call(
    method: Method, arguments: dict[str, Any], choices: Choices, output: Output, port: Any = None
) -> None:
    """Call a method and print what comes."""
    within = nullcontext() if choices.timeout is None else deadline(choices.timeout)
    settings: dict[str, Any] = {
        "base_url": choices.base_url,
        "config": choices.config,
        "listeners": [narrate] if choices.verbose else [],
        "port": port,
    }
    if choices.verbose:
        plan = method.plan
        click.echo(f"* {plan.operation}: {plan.http_method} {plan.template.text}", err=True)
    with within:
        if method.client.asynchronous:
            asyncio.run(_call(method, arguments, settings, output))
        else:
            _call_sync(method, arguments, settings, output)


async def _call(
    method: Method, arguments: dict[str, Any], settings: dict[str, Any], output: Output
) -> None:
    async with connect(method.cls, **settings) as client:
        result = getattr(client, method.plan.name)(**arguments)
        if method.plan.stream is None:
            output.value(await result)
            return
        async with result as items:
            async for item in items:
                output.item(item)


def _call_sync(
    method: Method, arguments: dict[str, Any], settings: dict[str, Any], output: Output
) -> None:
    with connect_sync(method.cls, **settings) as client:
        result = getattr(client, method.plan.name)(**arguments)
        if method.plan.stream is None:
            output.value(result)
            return
        with result as items:
            for item in items:
                output.item(item)


def show_request(
    method: Method, arguments: dict[str, Any], choices: Choices, output: Output
) -> None:
    """Print the request that a call would send, after interceptors and ``auth=``."""
    factory = ClientFactory(ClientConfig(choices.config))
    base_url = factory.make(method.cls, base_url=choices.base_url)[1].base_url
    port = CapturingPort if method.client.asynchronous else SyncCapturingPort
    try:
        make_call(method, arguments, choices, output, port(base_url))
    except Captured as captured:
        shown = Shown(captured.request, base_url, output.show_secrets)
        click.echo(f"{as_http(shown)}\n\n{as_curl(shown)}")
