"""Events as log records, under ``pyfly.client``.

Attempts are at DEBUG, a circuit that probes or closes at INFO, a circuit that opens and a call
that gave up after several attempts at WARNING. The messages are constant; what differs is in
``extra``: ``operation``, ``attempt``, ``error`` (a class name), ``delay``, ``duration``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from pyfly.resilience.circuit_state import CircuitState
from pyfly.resilience.events import (
    AttemptFailed,
    CallFailed,
    CircuitTransition,
    Event,
    RetryScheduled,
    RetrySuppressed,
)

__all__ = ["LogListener"]

_attempts = logging.getLogger("pyfly.client.attempts")
_circuit = logging.getLogger("pyfly.client.circuit")
_calls = logging.getLogger("pyfly.client.calls")


class LogListener:
    """Writes events to the loggers ``pyfly.client.attempts``, ``.calls`` and ``.circuit``."""

    #: Successes are not logged, so that they cost nothing.
    only: tuple[type[Event], ...] = (
        AttemptFailed,
        CallFailed,
        CircuitTransition,
        RetryScheduled,
        RetrySuppressed,
    )

    def __call__(self, event: Event, /) -> None:
        """Write one event."""
        write = _WRITERS.get(type(event))
        if write is not None:
            write(event)


def _attempt_failed(event: Any) -> None:
    _attempts.debug(
        "An attempt failed",
        extra={
            "operation": event.operation,
            "attempt": event.attempt,
            "error": type(event.error).__name__,
            "duration": event.duration,
        },
    )


def _retry_scheduled(event: Any) -> None:
    _attempts.debug(
        "An attempt follows",
        extra={
            "operation": event.operation,
            "attempt": event.attempt + 1,
            "error": type(event.error).__name__,
            "delay": event.delay,
        },
    )


def _retry_suppressed(event: Any) -> None:
    _attempts.debug(
        "No further attempt is made",
        extra={
            "operation": event.operation,
            "attempt": event.attempt,
            "error": type(event.error).__name__,
            "reason": event.reason,
        },
    )


def _call_failed(event: Any) -> None:
    gave_up = event.attempts > 1 and isinstance(event.error, Exception)
    _calls.log(
        logging.WARNING if gave_up else logging.DEBUG,
        "A call gave up" if gave_up else "A call failed",
        extra={
            "operation": event.operation,
            "attempts": event.attempts,
            "error": type(event.error).__name__,
            "duration": event.duration,
        },
    )


_TRANSITIONS: dict[CircuitState, tuple[int, str]] = {
    CircuitState.OPEN: (logging.WARNING, "A circuit opened"),
    CircuitState.HALF_OPEN: (logging.INFO, "A circuit is half-open"),
    CircuitState.CLOSED: (logging.INFO, "A circuit closed"),
}


def _transition(event: Any) -> None:
    level, message = _TRANSITIONS[event.new]
    _circuit.log(
        level,
        message,
        extra={"circuit": event.name, "operation": event.operation, "reason": event.reason},
    )


_WRITERS: dict[type[Event], Callable[[Any], None]] = {
    AttemptFailed: _attempt_failed,
    CallFailed: _call_failed,
    CircuitTransition: _transition,
    RetryScheduled: _retry_scheduled,
    RetrySuppressed: _retry_suppressed,
}
