"""The settings of a circuit breaker."""

from __future__ import annotations

from datetime import timedelta

from pyfly.kernel.record import Record
from pyfly.resilience._checks import span, whole_number

__all__ = ["CircuitBreakerPolicy"]

_OWNER = "CircuitBreaker"


class CircuitBreakerPolicy(Record):
    """When a circuit opens, and how it closes again. Immutable.

    Args:
        failure_threshold: Consecutive failures that open the circuit; at least 1.
        recovery_timeout: How long it stays open before a call may probe; zero is a value:
            the next call probes.
        half_open_permits: How many probes may run at once; at least 1.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range.
    """

    failure_threshold: int
    recovery_timeout: timedelta
    half_open_permits: int

    def __init__(
        self,
        failure_threshold: int = 5,
        recovery_timeout: timedelta = timedelta(seconds=30),
        half_open_permits: int = 1,
    ) -> None:
        super().__init__(
            failure_threshold=whole_number(_OWNER, "failure_threshold", failure_threshold, 1),
            recovery_timeout=span(_OWNER, "recovery_timeout", recovery_timeout, zero=True),
            half_open_permits=whole_number(_OWNER, "half_open_permits", half_open_permits, 1),
        )
