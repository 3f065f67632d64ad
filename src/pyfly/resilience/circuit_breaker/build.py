"""From settings to the rules of one circuit."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from pyfly.resilience.circuit_breaker.policy import CircuitBreakerPolicy, CountWindow, Window
from pyfly.resilience.circuit_breaker.state import CircuitRules
from pyfly.resilience.circuit_breaker.window import CountRing, TimeRing, WindowRules

__all__ = ["policy_of", "rules_of"]


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
    own = CircuitBreakerPolicy(
        failure_threshold, recovery_timeout, half_open_permits, window=window
    )
    if policy is None:
        return own
    if not isinstance(policy, CircuitBreakerPolicy):
        raise TypeError(
            f"CircuitBreaker: policy must be a CircuitBreakerPolicy, not {type(policy).__name__}"
        )
    if own != CircuitBreakerPolicy():
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
