"""The typed shape of ``pyfly.client.*``, and where each effective setting comes from.

A setting is looked for at the method, at the client, and in the defaults; at each of these
levels the configuration beats the code::

    pyfly.client.clients.<name>.methods.<method>.timeout      the method, configured
    @resilience(timeout=…)                                    the method, in code
    pyfly.client.clients.<name>.timeout                       the client, configured
    @service_client(…)                                        the client, in code
    pyfly.client.default.timeout                              the default, configured
    HttpClientBeanPostProcessor(default_retry=…)              the default, in code
    30 s                                                      what pyfly ships with
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pyfly.client.adapters.choice import ADAPTERS
from pyfly.core import (
    Choice,
    Config,
    Duration,
    Flag,
    Group,
    Integer,
    Leaf,
    Named,
    Size,
    Text,
    Values,
)
from pyfly.kernel.record import Record

__all__ = ["CALL_SETTINGS", "CLIENT_SETTINGS", "SCHEMA", "ClientConfig", "Setting", "Settings"]

_PREFIX = "pyfly.client"

_TIMEOUTS: dict[str, Leaf] = {
    "timeout": Duration(default="30s", minimum="1ms"),
    "total-timeout": Duration(minimum="1ms"),
    "stream-idle-timeout": Duration(default="30s", minimum="1ms"),
    "stream-timeout": Duration(minimum="1ms"),
}
_CONNECTIONS: dict[str, Leaf] = {
    "adapter": Choice(*ADAPTERS, default="httpx2"),
    "connect-timeout": Duration(default="5s", minimum="1ms"),
    "pool-timeout": Duration(default="5s", minimum="1ms"),
    "stop-timeout": Duration(default="10s"),
    "max-connections": Integer(default=100, minimum=1),
    "keepalive-expiry": Duration(default="5s"),
    "max-response-size": Size(default="10MiB", minimum=1),
    "follow-redirects": Flag(default=False),
    "verify": Flag(default=True),
    "ca": Text(),
    "cert": Text(),
    "key": Text(),
    "proxy": Text(),
    "trust-env": Flag(default=False),
}
_BREAKER: dict[str, Leaf] = {
    "enabled": Flag(default=True),
    "failure-threshold": Integer(default=5, minimum=1),
    "recovery-timeout": Duration(default="30s"),
    "half-open-permits": Integer(default=1, minimum=1),
}
_RETRY: dict[str, Leaf] = {
    "enabled": Flag(default=True),
    "max-attempts": Integer(default=3, minimum=1),
    "base-delay": Duration(default="1s"),
    "max-retry-after": Duration(default="30s"),
    "budget": Flag(default=True),
}

_METHOD = Group(
    {
        **_TIMEOUTS,
        "retry": Group(_RETRY),
        "circuit-breaker": Group({"enabled": _BREAKER["enabled"]}),
    }
)
_CLIENT = Group(
    {
        "base-url": Text(),
        **_TIMEOUTS,
        **_CONNECTIONS,
        "circuit-breaker": Group(_BREAKER),
        "retry": Group(_RETRY),
        "methods": Named(_METHOD),
    }
)
SCHEMA = Group(
    {
        "default": Group({**_TIMEOUTS, **_CONNECTIONS}),
        "circuit-breaker": Group(_BREAKER),
        "retry": Group(_RETRY),
        "clients": Named(_CLIENT),
    }
)

#: The settings of one call, which a method can have for itself.
CALL_SETTINGS: dict[str, Leaf] = {
    **_TIMEOUTS,
    "circuit-breaker.enabled": _BREAKER["enabled"],
    **{f"retry.{key}": leaf for key, leaf in _RETRY.items()},
}
#: The settings of a client, which all its methods share.
CLIENT_SETTINGS: dict[str, Leaf] = {
    **{f"circuit-breaker.{key}": leaf for key, leaf in _BREAKER.items() if key != "enabled"},
    **_CONNECTIONS,
}


class Setting(Record):
    """An effective setting.

    Attributes:
        value: The value; None where nothing is set and pyfly ships with none.
        origin: Where it comes from, for a person: a file and line, a variable, the code.
    """

    value: Any
    origin: str


class ClientConfig:
    """The part of a configuration that is for clients, read and checked once.

    Args:
        config: The whole configuration.
        default_retry: ``{"max-attempts": 3, "base-delay": 1.0}``, whole or in part, in seconds;
            the configuration beats it.
        default_circuit_breaker: ``{"failure-threshold": 5, "recovery-timeout": 30}``, likewise.

    Raises:
        ConfigException: Something below ``pyfly.client`` is unknown or malformed; all of it.
    """

    def __init__(
        self,
        config: Config,
        default_retry: Mapping[str, Any] | None = None,
        default_circuit_breaker: Mapping[str, Any] | None = None,
    ) -> None:
        self.config = config
        self.values = config.read(_PREFIX, SCHEMA, names={})
        self.code_defaults = {
            **_checked("default_retry", "retry", _RETRY, default_retry),
            **_checked(
                "default_circuit_breaker", "circuit-breaker", _BREAKER, default_circuit_breaker
            ),
        }

    def settings(
        self,
        client: str | None,
        code: Mapping[str, Setting],
        methods: Mapping[str, Mapping[str, Setting]],
    ) -> Settings:
        """The settings of one client.

        Args:
            client: Its name; None if it has none, and so no section of its own.
            code: What its decorator says.
            methods: What ``@resilience`` says of each method, by name.
        """
        values = self.values
        if client is not None:  # its name tells where a variable's path ends
            names = {"clients": [client], f"clients.{client}.methods": list(methods)}
            values = self.config.read(_PREFIX, SCHEMA, names=names)
        return Settings(values, self.code_defaults, client, code, methods)


def _checked(
    argument: str, section: str, leaves: dict[str, Leaf], given: Mapping[str, Any] | None
) -> dict[str, Setting]:
    """Settings given as a dictionary in code, converted as if they stood in a file."""
    config = Config({section: dict(given or {})}, environ={})
    values = config.read(section, Group(leaves))
    return {
        f"{section}.{key}": Setting(values.get(key), f"{argument}=…")
        for key in leaves
        if values.is_set(key)
    }


class Settings:
    """The effective settings of one client and its methods."""

    def __init__(
        self,
        values: Values,
        code_defaults: Mapping[str, Setting],
        client: str | None,
        code: Mapping[str, Setting],
        methods: Mapping[str, Mapping[str, Setting]],
    ) -> None:
        self._values = values
        self._code = code
        self._methods = methods
        self._code_defaults = code_defaults
        self._client = f"clients.{client}" if client is not None else None

    def find(self, key: str, method: str | None = None) -> Setting:
        """One setting, and where it comes from.

        Args:
            key: Such as ``timeout`` or ``retry.max-attempts``.
            method: The method's name; None for the client as a whole.
        """
        if method is not None:
            found = self._at_method(key, method)
            if found is not None:
                return found
        if self._client is not None:
            found = self._configured(f"{self._client}.{key}")
            if found is not None:
                return found
        if key in self._code:
            return self._code[key]
        common = key if "." in key else f"default.{key}"
        found = self._configured(common) if key != "base-url" else None
        if found is not None:
            return found
        if key in self._code_defaults:
            return self._code_defaults[key]
        leaf = CALL_SETTINGS.get(key) or CLIENT_SETTINGS.get(key)
        return Setting(leaf.default if leaf is not None else None, "pyfly's default")

    def value(self, key: str, method: str | None = None) -> Any:
        """The value of :meth:`find`."""
        return self.find(key, method).value

    def seconds(self, key: str, method: str | None = None) -> float | None:
        """A duration in seconds; None where there is none."""
        value: timedelta | None = self.value(key, method)
        return None if value is None else value.total_seconds()

    def _at_method(self, key: str, method: str) -> Setting | None:
        if self._client is not None:
            found = self._configured(f"{self._client}.methods.{method}.{key}")
            if found is not None:
                return found
        return self._methods.get(method, {}).get(key)

    def _configured(self, path: str) -> Setting | None:
        if not self._values.is_set(path):
            return None
        return Setting(self._values.get(path), str(self._values.origin(path)))
