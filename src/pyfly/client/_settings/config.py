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

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from pyfly.client._settings.schema import (
    CALL_SETTINGS,
    CLIENT_SETTINGS,
    FIGURES,
    SCHEMA,
    SECTIONS,
    figures_of,
    form_of,
    grouped,
    unused_in,
)
from pyfly.core import Config, Values
from pyfly.kernel.record import Record

__all__ = ["ClientConfig", "Setting", "Settings"]

_PREFIX = "pyfly.client"
_SHIPPED = "pyfly's default"


class Setting(Record):
    """An effective setting.

    Attributes:
        value: The value; None where nothing is set and pyfly ships with none.
        origin: Where it comes from, for a person: a file and line, a variable, the code.
        instance: The policy that it was read from, if code gave a whole one.
    """

    value: Any
    origin: str
    instance: Any = None

    @property
    def is_shipped(self) -> bool:
        """Whether nobody set it."""
        return self.origin is _SHIPPED


_OFF = Setting(False, _SHIPPED)


@cache
def _shipped(key: str) -> Setting:
    """What a setting is where nobody sets it."""
    leaf = CALL_SETTINGS.get(key) or CLIENT_SETTINGS.get(key)
    return Setting(leaf.default if leaf is not None else None, _SHIPPED)


def _given(values: Values, *said: Mapping[str, Setting]) -> frozenset[str]:
    """What is set at any level: sections, and settings outside of sections.

    A client is asked for some hundred settings when it is made, and most say nothing. What
    stands in the configuration counts by each part of its path: too much, never too little.
    """
    configured = {part for path in values for part in path.split(".")}
    return frozenset(configured | {key.partition(".")[0] for level in said for key in level})


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
            **_checked("default_retry", "retry", default_retry),
            **_checked("default_circuit_breaker", "circuit-breaker", default_circuit_breaker),
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


def _checked(argument: str, section: str, given: Mapping[str, Any] | None) -> dict[str, Setting]:
    """Settings given as a dictionary in code, converted as if they stood in a file."""
    if not given:
        return {}
    config = Config({section: dict(given)}, environ={})
    values = config.read(section, grouped(SECTIONS[section]))
    return {
        f"{section}.{key}": Setting(values.get(key), f"{argument}=…")
        for key in figures_of(SECTIONS[section])
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
        self._is_configured = bool(values)
        self._given = _given(values, code_defaults, code, *methods.values())
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
        if key.partition(".")[0] not in self._given:
            return _shipped(key)
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
        return _shipped(key)

    def value(self, key: str, method: str | None = None) -> Any:
        """The value of :meth:`find`."""
        return self.find(key, method).value

    def seconds(self, key: str, method: str | None = None) -> float | None:
        """A duration in seconds; None where there is none."""
        value: timedelta | None = self.value(key, method)
        return None if value is None else value.total_seconds()

    def effective(self, method: str | None = None) -> Iterator[tuple[str, Setting]]:
        """The settings of the policies that are on, and the switches that somebody has set.

        What says nothing in the form that a policy has is left out.

        Args:
            method: The method's name; None for the client as a whole.
        """
        for name in SECTIONS:
            if name == "retry-budget":
                on = bool(self.value("retry.budget", method))
            else:
                switch = self.switch(name, method)
                on = bool(switch.value)
                if on or not switch.is_shipped:
                    yield f"{name}.enabled", switch
            if not on:
                continue
            found, form = self.section(name, method), form_of(name)
            unused = () if form is None else unused_in(name, found[form].value)
            for key, setting in found.items():
                if setting.value is not None and key not in unused:
                    yield f"{name}.{key}", setting

    def section(self, name: str, method: str | None = None) -> dict[str, Setting]:
        """The settings of one policy for a method, apart from its switch.

        Args:
            name: Such as ``bulkhead``.
            method: The method's name; None for the client as a whole.
        """
        return {key: self.find(f"{name}.{key}", method) for key in FIGURES[name]}

    def switch(self, name: str, method: str | None = None) -> Setting:
        """Whether a policy is on for a method, and what says so.

        Its ``enabled`` decides. If that is not set and ships without a value, any other
        setting of the section switches it on.
        """
        enabled = self.find(f"{name}.enabled", method)
        if enabled.value is not None:
            return enabled
        if name not in self._given:
            return _OFF
        for setting in self.section(name, method).values():
            if not setting.is_shipped:
                return Setting(True, setting.origin)
        return _OFF

    def asks(self, name: str, method: str) -> bool:
        """Whether the method itself, and no wider level, asks for a policy."""
        switch = self._at_method(f"{name}.enabled", method)
        return bool(switch.value) if switch is not None else self.is_own(name, method)

    def instance(self, name: str, method: str) -> Any:
        """The policy that code gave for a method, or for the client; None if it gave none.

        It has what no setting can say, so the configuration does not beat it.
        """
        key = f"{name}.enabled"
        for said in (self._methods.get(method, {}).get(key), self._code.get(key)):
            if said is not None and said.instance is not None:
                return said.instance
        return None

    def is_own(self, name: str, method: str) -> bool:
        """Whether a method has settings of its own for a policy, apart from the switch."""
        return name in self._given and any(
            self._at_method(f"{name}.{key}", method) is not None for key in FIGURES[name]
        )

    def _at_method(self, key: str, method: str) -> Setting | None:
        if self._client is not None:
            found = self._configured(f"{self._client}.methods.{method}.{key}")
            if found is not None:
                return found
        return self._methods.get(method, {}).get(key)

    def _configured(self, path: str) -> Setting | None:
        if not self._is_configured or not self._values.is_set(path):
            return None
        return Setting(self._values.get(path), str(self._values.origin(path)))
