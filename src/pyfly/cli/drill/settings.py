"""The settings that are drilled: what pyfly ships with, what is published, or a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pyfly.client._settings.config import ClientConfig, Settings
from pyfly.client._settings.schema import CALL_SETTINGS, CLIENT_SETTINGS
from pyfly.client._settings.table import POLICIES
from pyfly.core import Config
from pyfly.kernel.record import Record

CLIENTS = "pyfly.client.clients"

_TIMEOUTS = ("timeout", "total-timeout")
_ALWAYS_ON = ("circuit-breaker", "retry", "retry-budget")
#: The calls of a drill are all alike, and would be one; and a fallback would hide its failures.
_MERGING = ("single-flight", "fallback")

_PUBLISHED = {
    "timeout": "1s",
    "circuit-breaker.recovery-timeout": "5s",
    "retry.base-delay": "100ms",
}


class SettingsSet(Record):
    """What all policies of one drill share.

    Attributes:
        name: For people.
        values: The settings that somebody has set, of those that decide what a client does
            about failures, spelt as in pyfly.yaml: ``{"retry.max-attempts": 3}``.
        shown: The same with those that are shipped.
        timeout: The attempt timeout, in seconds.
        open_time: How long a circuit stays open, in seconds.
        attempts: The most attempts of a call.
    """

    name: str
    values: Mapping[str, Any]
    shown: Mapping[str, Any]
    timeout: float
    open_time: float
    attempts: int

    @property
    def recovery_bound(self) -> float:
        """The seconds after an outage within which a protected client is back.

        A probe may fail right before the end of the outage: it takes up to the attempt timeout,
        and the circuit is open once more. One second is for the queue that the service has left.
        """
        return self.open_time + self.timeout + 1.0


def shipped() -> SettingsSet:
    """What pyfly ships with."""
    return _read("shipped", Config(environ={}), "drill")


def published() -> SettingsSet:
    """The times that publications on metastable failures use, and else what pyfly ships with."""
    below = {f"{CLIENTS}.drill.{key}": value for key, value in _PUBLISHED.items()}
    return _read("published", Config(below, environ={}), "drill")


def users(config: Config, client: str) -> SettingsSet:
    """The settings of a user's client.

    Args:
        config: Where they stand.
        client: The name below ``pyfly.client.clients``.

    Raises:
        ConfigException: Something in the configuration is unknown or malformed.
    """
    return _read(client, config, client)


def clients_in(config: Config) -> list[str]:
    """The names of the clients that a configuration has settings for, sorted."""
    section = config.get(CLIENTS)
    return sorted(section) if isinstance(section, Mapping) else []


def _read(name: str, config: Config, client: str) -> SettingsSet:
    settings = ClientConfig(config).settings(client, {}, {})
    values: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    for key in (*CALL_SETTINGS, *CLIENT_SETTINGS):
        section, dot, rest = key.partition(".")
        setting = settings.find(key)
        if setting.value is None or section in _MERGING or not (dot or key in _TIMEOUTS):
            continue
        told = _spelt(setting.value)
        if not setting.is_shipped:
            values[key] = shown[key] = told
        elif section in _TIMEOUTS or (
            section in _ALWAYS_ON and rest not in _idle(section, settings)
        ):
            shown[key] = told
    return SettingsSet(
        name=name,
        values=values,
        shown=shown,
        timeout=settings.seconds("timeout") or 0.0,
        open_time=settings.seconds("circuit-breaker.recovery-timeout") or 0.0,
        attempts=settings.value("retry.max-attempts"),
    )


def _idle(section: str, settings: Settings) -> tuple[str, ...]:
    """The settings of a policy that say nothing in the form that it has."""
    table = POLICIES[section]
    if table.form is None:
        return ()
    return table.unused(settings.value(f"{section}.{table.form.key}"))


def _spelt(value: Any) -> Any:
    return f"{value.total_seconds():g}s" if isinstance(value, timedelta) else value
