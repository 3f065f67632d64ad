"""What the decorators say about settings, in the words of the configuration.

A whole policy is read as the settings that it holds, so that the configuration can beat each of
them; its other parts, such as ``retry_on``, are kept with it
(:attr:`~.policy_settings.EffectiveSetting.instance`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pyfly.client._settings.policy_settings import EffectiveSetting
from pyfly.client._settings.rows import DecoratorParameter, PolicyTable
from pyfly.client._settings.table import PARAMETERS

_PLAIN = (bool, int, float, str, tuple, timedelta)


def settings_from_decorator(given: Mapping[str, Any]) -> dict[str, EffectiveSetting]:
    """Returns the settings that the class decorator's parameters say, by their keys."""
    # True is their default there, and says nothing.
    silent = {name for name in ("retry", "circuit_breaker") if given.get(name) is True}
    return _settings({n: v for n, v in given.items() if n not in silent}, "the decorator")


def settings_from_resilience(given: Mapping[str, Any]) -> dict[str, EffectiveSetting]:
    """Returns the settings that ``@resilience`` says, by their keys."""
    return _settings(given, "@resilience")


def _settings(given: Mapping[str, Any], decorator: str) -> dict[str, EffectiveSetting]:
    settings: dict[str, EffectiveSetting] = {}
    for name, value in given.items():
        if value is None:
            continue
        parameter, table = PARAMETERS[name]
        plain = isinstance(value, _PLAIN)
        shown = repr(value) if plain else f"{type(value).__name__}(…)"
        origin, instance = f"{name}={shown} in {decorator}", None if plain else value
        for key, each in _read(parameter, table, value).items():
            settings[key] = EffectiveSetting(each, origin, instance)
    return settings


def _read(parameter: DecoratorParameter, table: PolicyTable | None, value: Any) -> dict[str, Any]:
    """Returns the settings that one value says."""
    if table is None:  # a timeout, which no policy holds
        if isinstance(value, parameter.takes):
            return {"timeout": value.attempt, "total-timeout": value.total}
        return {parameter.sets: _span(value)}
    switch, section = table.switch[0], table.section
    if isinstance(value, bool):
        return {switch: value}
    if parameter.plain[0] == "header":
        name, form = (value, "ms") if isinstance(value, str) else value
        return {switch: True, f"{section}.name": name, f"{section}.format": form}
    if isinstance(value, (int, float, timedelta)):
        found: dict[str, Any] = {switch: True} if parameter.switches else {}
        found[f"{section}.{parameter.sets}"] = (
            _span(value) if parameter.plain[0] == "seconds" else value
        )
        return found | ({f"{section}.{parameter.clears}": None} if parameter.clears else {})
    policy = getattr(value, "policy", value)
    read = {f"{section}.{key}": each for key, each in table.read(policy).items()}
    return {**read, switch: True}


def _span(value: Any) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta(seconds=value)
