"""What the decorators say about settings, in the words of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pyfly.client.config import Setting

__all__ = ["said_of_client", "said_of_method"]


def said_of_client(resilience: Mapping[str, Any]) -> dict[str, Setting]:
    """What the class decorator's parameters say about settings; a None says nothing."""
    said = _Said(resilience, "the decorator")
    said.attempts("retry")
    if resilience["circuit_breaker"] is not True:
        enabled = resilience["circuit_breaker"] is not False
        said.note("circuit-breaker.enabled", enabled, "circuit_breaker")
    threshold = resilience["circuit_breaker_failure_threshold"]
    if threshold is not None:
        key = "circuit-breaker.failure-threshold"
        said.note(key, threshold, "circuit_breaker_failure_threshold")
    said.span("circuit-breaker.recovery-timeout", "circuit_breaker_recovery_timeout")
    said.span("retry.base-delay", "retry_base_delay")
    return said.settings


def said_of_method(resilience: Mapping[str, Any]) -> dict[str, Setting]:
    """What ``@resilience`` says about settings."""
    said = _Said(resilience, "@resilience")
    if "retry" in resilience:
        said.attempts("retry")
        if resilience["retry"] is True:
            said.note("retry.enabled", True, "retry")
    if "breaker" in resilience:
        said.note("circuit-breaker.enabled", resilience["breaker"], "breaker")
    said.span("timeout", "timeout")
    said.span("total-timeout", "total_timeout")
    return said.settings


class _Said:
    """Settings as parameters of a decorator say them."""

    def __init__(self, parameters: Mapping[str, Any], where: str) -> None:
        self.settings: dict[str, Setting] = {}
        self._parameters = parameters
        self._where = where

    def note(self, key: str, value: Any, parameter: str) -> None:
        origin = f"{parameter}={self._parameters[parameter]!r} in {self._where}"
        self.settings[key] = Setting(value, origin)

    def attempts(self, parameter: str) -> None:
        value = self._parameters[parameter]
        if value is not True:
            self.note("retry.enabled", value is not False, parameter)
        if type(value) is int:
            self.note("retry.max-attempts", value, parameter)

    def span(self, key: str, parameter: str) -> None:
        if self._parameters.get(parameter) is not None:
            self.note(key, timedelta(seconds=self._parameters[parameter]), parameter)
