"""From settings to the rules of one circuit."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from pyfly.resilience.circuit_breaker.policy import CircuitBreakerPolicy, CountWindow, Window
from pyfly.resilience.circuit_breaker.state import CircuitRules
from pyfly.resilience.circuit_breaker.window import CountRing, TimeRing, WindowRules

__all__ = [
    "FAILURE_THRESHOLD",
    "HALF_OPEN_PERMITS",
    "RECOVERY_TIMEOUT",
    "policy_of",
    "rules_of",
]


class _Default(int):
    """A number that nobody gave: another object than the same number that somebody gives."""


FAILURE_THRESHOLD: int = _Default(5)
HALF_OPEN_PERMITS: int = _Default(1)
RECOVERY_TIMEOUT = timedelta(seconds=30)


def policy_of(
    policy: CircuitBreakerPolicy | None,
    failure_threshold: int,
    recovery_timeout: timedelta,
    half_open_permits: int,
    window: Window | None,
) -> CircuitBreakerPolicy:
    """The settings, which come as one or one by one.

    Raises:
        TypeError: They come both ways, or one is of the wrong type.
        ValueError: A value out of range.
    """
    given: dict[str, Any] = {
        name: value
        for name, value, default in (
            ("failure_threshold", failure_threshold, FAILURE_THRESHOLD),
            ("recovery_timeout", recovery_timeout, RECOVERY_TIMEOUT),
            ("half_open_permits", half_open_permits, HALF_OPEN_PERMITS),
            ("window", window, None),
        )
        if value is not default
    }
    if policy is None:
        return CircuitBreakerPolicy(**given)
    if not isinstance(policy, CircuitBreakerPolicy):
        raise TypeError(
            f"CircuitBreaker: policy must be a CircuitBreakerPolicy, not {type(policy).__name__}"
        )
    if given:
        raise TypeError(
            "CircuitBreaker: policy holds all settings: give failure_threshold, "
            "recovery_timeout, half_open_permits and window to CircuitBreakerPolicy(…)"
        )
    return policy


def rules_of(policy: CircuitBreakerPolicy, *, every: bool) -> CircuitRules:
    """New rules, of a closed circuit.

    Args:
        policy: The settings.
        every: Whether each success has to be told, whatever the settings.
    """
    window = policy.window
    wait, longest = policy.half_open_timeout, policy.max_recovery_timeout
    further: dict[str, Any] = {
        "half_open_timeout": math.inf if wait is None else wait.total_seconds(),
        "growth": policy.recovery_multiplier,
        "longest_recovery": math.inf if longest is None else longest.total_seconds(),
    }
    recovery, permits = policy.recovery_timeout.total_seconds(), policy.half_open_permits
    if window is None:
        return CircuitRules(policy.failure_threshold, recovery, permits, every=every, **further)
    if isinstance(window, CountWindow):
        ring: CountRing | TimeRing = CountRing(window.size)
    else:
        ring = TimeRing(window.span.total_seconds())
    return WindowRules(
        ring,
        window.failure_rate,
        window.minimum_calls,
        window.slow_rate,
        recovery,
        permits,
        timed=window.slow_duration is not None,
        **further,
    )
