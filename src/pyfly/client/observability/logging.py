"""Events as log records, under ``pyfly.client``.

Attempts are at DEBUG, a circuit that probes or closes at INFO, a circuit that opens and a call
that gave up after several attempts at WARNING. A message says which operation, which error and
what next, as arguments, so that records of one kind have one ``msg``; ``extra`` has the same as
fields: ``operation``, ``attempt``, ``error`` (a class name), ``delay``, ``duration``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from pyfly.kernel.exceptions import PyFlyException
from pyfly.resilience.events import (
    AttemptFailed,
    CallFailed,
    CircuitState,
    CircuitTransition,
    Event,
    RetryScheduled,
    RetrySuppressed,
)

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


class _Told:
    """An error as a log line tells it; made into text only if the line is written.

    The text of a foreign exception may hold secrets, so of those the class is told.
    """

    __slots__ = ("_error", "_operation")

    def __init__(self, error: BaseException, operation: str) -> None:
        self._error = error
        self._operation = operation

    def __str__(self) -> str:
        name = type(self._error).__name__
        if not isinstance(self._error, PyFlyException):
            return name
        return f"{name}: {self._error}".replace(f" {self._operation}:", "", 1)


def _attempt_failed(event: Any) -> None:
    _attempts.debug(
        "%s: attempt %d failed after %.3g s: %s",
        event.operation,
        event.attempt,
        event.duration,
        _Told(event.error, event.operation),
        extra={
            "operation": event.operation,
            "attempt": event.attempt,
            "error": type(event.error).__name__,
            "duration": event.duration,
        },
    )


def _retry_scheduled(event: Any) -> None:
    _attempts.debug(
        "%s: attempt %d follows in %.3g s",
        event.operation,
        event.attempt + 1,
        event.delay,
        extra={
            "operation": event.operation,
            "attempt": event.attempt + 1,
            "error": type(event.error).__name__,
            "delay": event.delay,
        },
    )


def _retry_suppressed(event: Any) -> None:
    _attempts.debug(
        "%s: no attempt follows attempt %d: %s",
        event.operation,
        event.attempt,
        event.reason,
        extra={
            "operation": event.operation,
            "attempt": event.attempt,
            "error": type(event.error).__name__,
            "reason": event.reason,
        },
    )


def _call_failed(event: Any) -> None:
    attempts, gave_up = event.attempts, event.attempts > 1 and isinstance(event.error, Exception)
    level = logging.WARNING if gave_up else logging.DEBUG
    if not _calls.isEnabledFor(level):  # most refused calls: they have to cost little
        return
    told = _Told(event.error, event.operation)
    extra = {
        "operation": event.operation,
        "attempts": attempts,
        "error": type(event.error).__name__,
        "duration": event.duration,
    }
    if gave_up:
        text = "%s gave up after %d attempts in %.3g s: %s"
        _calls.warning(text, event.operation, attempts, event.duration, told, extra=extra)
    else:
        _calls.debug(
            "%s failed after %.3g s: %s", event.operation, event.duration, told, extra=extra
        )


_TRANSITIONS: dict[CircuitState, tuple[int, str]] = {
    CircuitState.OPEN: (logging.WARNING, "The circuit %s opened, so calls are refused: %s"),
    CircuitState.HALF_OPEN: (logging.INFO, "The circuit %s is half-open, so a call may probe: %s"),
    CircuitState.CLOSED: (logging.INFO, "The circuit %s closed, so calls pass: %s"),
}


def _transition(event: Any) -> None:
    level, message = _TRANSITIONS[event.new]
    _circuit.log(
        level,
        message,
        event.name or event.operation,
        event.reason,
        extra={"circuit": event.name, "operation": event.operation, "reason": event.reason},
    )


_WRITERS: dict[type[Event], Callable[[Any], None]] = {
    AttemptFailed: _attempt_failed,
    CallFailed: _call_failed,
    CircuitTransition: _transition,
    RetryScheduled: _retry_scheduled,
    RetrySuppressed: _retry_suppressed,
}
