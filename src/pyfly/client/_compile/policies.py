"""What protects calls, as ``@service_client`` and ``@resilience`` were told it, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, get_args

from pyfly.client._compile.signature import is_forbidden_header, is_token
from pyfly.resilience import (
    AdaptiveLimiter,
    AIMDPolicy,
    Bulkhead,
    CircuitBreaker,
    CircuitBreakerPolicy,
    DeadlineFormat,
    Fallback,
    Gradient2Policy,
    Hedge,
    RateLimiter,
    RetryBudget,
    RetryPolicy,
    Throttle,
    TimeoutPolicy,
)

__all__ = ["is_header_to_set", "policy_mistakes"]


def policy_mistakes(given: Mapping[str, Any], decorator: str = "") -> Iterator[str]:
    """What is wrong with the parameters of a decorator; a None says nothing.

    Args:
        given: The parameters by name.
        decorator: Its name, for a decorator of a method.
    """
    for name, value in given.items():
        if name not in _TAKEN:
            from difflib import get_close_matches  # only when something is wrong

            near = get_close_matches(name, _TAKEN, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_TAKEN)}"
            yield f"{name}=… is no argument of {decorator} ({hint})"
            continue
        takes, what = _TAKEN[name]
        says_nothing = value is None and name not in ("retry", "circuit_breaker")
        if not says_nothing and not takes(value):
            if name == "retry" and value == 0:
                what = f"it makes no attempt at all; {what}"
            said = f"{name}={value!r}"
            yield f"{decorator}({said}): {what}" if decorator else f"{said} ({what})"
    wrong = _timeout_mistake(given.get("timeout"), given.get("total_timeout"))
    if wrong is not None:
        yield f"{decorator}: {wrong}" if decorator else wrong


def _timeout_mistake(timeout: Any, total: Any) -> str | None:
    if isinstance(timeout, TimeoutPolicy):
        if total is not None and timeout.total is not None:
            return "total_timeout stands beside a TimeoutPolicy that says it (keep one)"
    elif _is_span(timeout) and _is_span(total) and _seconds(timeout) > _seconds(total):
        spans = f"timeout ({_seconds(timeout):g} s) is longer than total_timeout"
        return f"{spans} ({_seconds(total):g} s)"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_span(value: Any) -> bool:
    if isinstance(value, timedelta):
        return value > timedelta(0)
    return _is_number(value) and value > 0


def _seconds(value: Any) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def _is_pause(value: Any) -> bool:
    return _is_number(value) and value >= 0


def is_header_to_set(name: Any) -> bool:
    """Whether a header of this name can be set at all."""
    return isinstance(name, str) and is_token(name) and not is_forbidden_header(name)


def _is_deadline_header(value: Any) -> bool:
    if isinstance(value, tuple) and len(value) == 2:
        name, form = value
        return is_header_to_set(name) and form in get_args(DeadlineFormat)
    return value is False or is_header_to_set(value)


def _either(*tests: Callable[[Any], bool] | type) -> Callable[[Any], bool]:
    """Whether one of some tests is passed, where a class means an instance of it."""
    return lambda value: any(
        isinstance(value, test) if isinstance(test, type) else test(value) for test in tests
    )


#: For each parameter, whether it takes a value, and what to write instead.
_TAKEN: dict[str, tuple[Callable[[Any], bool], str]] = {
    "retry": (
        _either(bool, _is_count, RetryPolicy),
        "write the number of attempts, 1 or more, True, False or a RetryPolicy",
    ),
    "retry_base_delay": (_is_pause, "write seconds as a number, 0 or more"),
    "retry_budget": (_either(bool, RetryBudget), "write True, False or a RetryBudget"),
    "circuit_breaker": (
        _either(bool, CircuitBreaker, CircuitBreakerPolicy),
        "write True, False, a CircuitBreaker or a CircuitBreakerPolicy",
    ),
    "breaker": (
        _either(bool, CircuitBreaker, CircuitBreakerPolicy),
        "write True, False, a CircuitBreaker or a CircuitBreakerPolicy",
    ),
    "circuit_breaker_failure_threshold": (_is_count, "write an int, 1 or more"),
    "circuit_breaker_recovery_timeout": (_is_pause, "write seconds as a number, 0 or more"),
    "timeout": (
        _either(_is_span, TimeoutPolicy),
        "write seconds as a number above 0, or a TimeoutPolicy",
    ),
    "total_timeout": (_is_span, "write seconds as a number above 0"),
    "bulkhead": (
        _either(bool, _is_count, Bulkhead),
        "write the attempts at once, 1 or more, True, False or a Bulkhead",
    ),
    "rate_limiter": (
        _either(bool, lambda value: _is_number(value) and value > 0, RateLimiter),
        "write the attempts per second, more than 0, True, False or a RateLimiter",
    ),
    "adaptive_limit": (
        _either(bool, Gradient2Policy, AIMDPolicy, AdaptiveLimiter),
        "write True, False, a Gradient2Policy, an AIMDPolicy or an AdaptiveLimiter",
    ),
    "throttle": (_either(bool, Throttle), "write True, False or a Throttle"),
    "hedge": (
        _either(bool, _is_pause, Hedge),
        "write the seconds after which to hedge, True, False or a Hedge",
    ),
    "single_flight": (_either(bool), "write True or False"),
    "fallback": (
        _either(bool, Fallback),
        "write Fallback(value=…), Fallback(handler=…) or False",
    ),
    "deadline_header": (
        _is_deadline_header,
        "write the name of a header, a pair of it and 'ms', 'seconds' or 'grpc', or False",
    ),
}
