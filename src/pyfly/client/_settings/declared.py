"""What the decorators say about settings, in the words of the configuration.

A whole policy is read as the settings that it holds, so that the configuration can beat each of
them; its other parts, such as ``retry_on``, are kept with it (:attr:`Setting.instance`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from pyfly.client._settings.config import Setting
from pyfly.client._settings.schema import SECTIONS, figures_of
from pyfly.kernel.record import Record
from pyfly.resilience import (
    AdaptiveLimiter,
    CircuitBreaker,
    CountWindow,
    Gradient2Policy,
    TimeoutPolicy,
)
from pyfly.resilience.retry_budget.policy import RetryBudgetPolicy

__all__ = ["said_of_client", "said_of_method"]

Said = Mapping[str, Any]


def said_of_client(resilience: Mapping[str, Any]) -> dict[str, Setting]:
    """What the class decorator's parameters say about settings."""
    # True is their default there, and says nothing.
    silent = {name for name in ("retry", "circuit_breaker") if resilience[name] is True}
    given = {name: value for name, value in resilience.items() if name not in silent}
    return _said(given, "the decorator")


def said_of_method(resilience: Mapping[str, Any]) -> dict[str, Setting]:
    """What ``@resilience`` says about settings."""
    return _said(resilience, "@resilience")


def _said(given: Mapping[str, Any], where: str) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    for parameter, value in given.items():
        if value is None:
            continue
        instance = None if isinstance(value, _PLAIN) else value
        origin = f"{parameter}={_shown(value)} in {where}"
        for key, said in _READERS[parameter](value).items():
            settings[key] = Setting(said, origin, instance)
    return settings


_PLAIN = (bool, int, float, str, tuple, timedelta)


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, _PLAIN) else f"{type(value).__name__}(…)"


# One reader for each parameter: from what was given to settings by their keys


def _retry(value: Any) -> Said:
    if isinstance(value, bool):
        return {"retry.enabled": value}
    if isinstance(value, int):
        return {"retry.enabled": True, "retry.max-attempts": value}
    names = (
        "max_attempts",
        "base_delay",
        "max_delay",
        "multiplier",
        "jitter",
        "max_retry_after",
    )
    return _whole("retry", _fields(value, *names))


def _retry_budget(value: Any) -> Said:
    if isinstance(value, bool):
        return {"retry.budget": value}
    policy = value.policy
    if isinstance(policy, RetryBudgetPolicy):
        figures: Said = {"form": "token", **_fields(policy, "ratio", "max_tokens", "per_second")}
    else:
        figures = {
            "form": "ratio",
            "ratio": policy.percent,
            "per-second": policy.min_per_second,
            "window": policy.window,
        }
    return {"retry.budget": True, **_whole("retry-budget", figures)}


def _circuit_breaker(value: Any) -> Said:
    if isinstance(value, bool):
        return {"circuit-breaker.enabled": value}
    policy = value.policy if isinstance(value, CircuitBreaker) else value
    names = [name for name in policy.__match_args__ if name != "window"]
    return _whole("circuit-breaker", {**_fields(policy, *names), **_window(policy.window)})


def _window(window: Any) -> Said:
    if window is None:
        return {}
    kind = "count" if isinstance(window, CountWindow) else "time"
    fields = _fields(window, *window.__match_args__)
    return {"window.type": kind, **{f"window.{key}": said for key, said in fields.items()}}


def _timeout(value: Any) -> Said:
    if isinstance(value, TimeoutPolicy):
        return {"timeout": value.attempt, "total-timeout": value.total}
    return {"timeout": _span(value)}


def _bulkhead(value: Any) -> Said:
    return _limit("bulkhead", "max-concurrent", value, "max_concurrent", "max_queue", "max_wait")


def _rate_limiter(value: Any) -> Said:
    return _limit("rate-limiter", "rate", value, "rate", "per", "burst", "max_wait")


def _throttle(value: Any) -> Said:
    return _limit("throttle", "k", value, "k", "window")


def _adaptive_limit(value: Any) -> Said:
    if isinstance(value, bool):
        return {"adaptive-limit.enabled": value}
    policy = value.policy if isinstance(value, AdaptiveLimiter) else value
    kind = "gradient2" if isinstance(policy, Gradient2Policy) else "aimd"
    figures = {"algorithm": kind, **_fields(policy, *policy.__match_args__)}
    return _whole("adaptive-limit", figures)


def _hedge(value: Any) -> Said:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"hedge.enabled": True, "hedge.delay": _span(value), "hedge.quantile": None}
    return _limit("hedge", "", value, "delay", "quantile", "max_hedges", "min_samples")


def _deadline_header(value: Any) -> Said:
    if value is False:
        return {"deadline-header.enabled": False}
    name, form = (value, "ms") if isinstance(value, str) else value
    return _whole("deadline-header", {"name": name, "format": form})


def _limit(section: str, figure: str, value: Any, *names: str) -> Said:
    """What a switch, a plain number, or a policy with an attribute ``policy`` says."""
    if isinstance(value, bool):
        return {f"{section}.enabled": value}
    if isinstance(value, (int, float)):
        return {f"{section}.enabled": True, f"{section}.{figure}": value}
    return _whole(section, _fields(value.policy, *names))


def _switch(section: str) -> Callable[[Any], Said]:
    return lambda value: {f"{section}.enabled": value is not False}


def _seconds(key: str) -> Callable[[Any], Said]:
    return lambda value: {key: _span(value)}


def _span(value: Any) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta(seconds=value)


def _fields(policy: Record, *names: str) -> Said:
    return {name.replace("_", "-"): getattr(policy, name) for name in names}


def _whole(section: str, figures: Said) -> Said:
    """All settings of a section, those too that a policy has no figure for: they are not
    looked for at wider levels.
    """
    none = {key: None for key in figures_of(SECTIONS[section]) if key != "budget"}
    switch = {"enabled": True} if "enabled" in none else {}
    return {f"{section}.{key}": said for key, said in {**none, **figures, **switch}.items()}


_READERS: dict[str, Callable[[Any], Said]] = {
    "retry": _retry,
    "retry_base_delay": _seconds("retry.base-delay"),
    "retry_budget": _retry_budget,
    "circuit_breaker": _circuit_breaker,
    "breaker": _circuit_breaker,
    "circuit_breaker_failure_threshold": lambda value: {"circuit-breaker.failure-threshold": value},
    "circuit_breaker_recovery_timeout": _seconds("circuit-breaker.recovery-timeout"),
    "timeout": _timeout,
    "total_timeout": _seconds("total-timeout"),
    "bulkhead": _bulkhead,
    "rate_limiter": _rate_limiter,
    "adaptive_limit": _adaptive_limit,
    "throttle": _throttle,
    "hedge": _hedge,
    "single_flight": _switch("single-flight"),
    "fallback": _switch("fallback"),
    "deadline_header": _deadline_header,
}
