"""What happens in a call, as it happens, on standard error."""

from __future__ import annotations

import click

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

__all__ = ["narrate"]


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
