"""The settings that are drilled: what pyfly ships with, what is published, or a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pyfly.client.config import ClientConfig
from pyfly.core import Config
from pyfly.kernel.record import Record

__all__ = ["CLIENTS", "SettingsSet", "clients_in", "published", "shipped", "users"]

CLIENTS = "pyfly.client.clients"

_PUBLISHED = {
    "timeout": "1s",
    "circuit-breaker.recovery-timeout": "5s",
    "retry.base-delay": "100ms",
}


class SettingsSet(Record):
    """What all policies of one drill share.

    Attributes:
        name: For people.
        values: Every setting that decides what a client does about failures, by its key, spelt
            as in pyfly.yaml: ``{"retry.max-attempts": 3}``.
        timeout: The attempt timeout, in seconds.
        open_time: How long a circuit stays open, in seconds.
        attempts: The most attempts of a call.
    """

    name: str
    values: Mapping[str, Any]
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
    keys = ("timeout", "total-timeout", "circuit-breaker.per")
    found = {**{key: settings.find(key) for key in keys}, **dict(settings.effective())}
    found.pop("fallback.enabled", None)  # what it answers stands in code, which is not drilled
    values: dict[str, Any] = {}
    for key, setting in found.items():
        value = setting.value
        if value is not None:
            values[key] = f"{value.total_seconds():g}s" if isinstance(value, timedelta) else value
    return SettingsSet(
        name=name,
        values=values,
        timeout=settings.seconds("timeout") or 0.0,
        open_time=settings.seconds("circuit-breaker.recovery-timeout") or 0.0,
        attempts=settings.value("retry.max-attempts"),
    )
