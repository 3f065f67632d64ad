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

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from pyfly.client._settings.policy_settings import SHIPPED, EffectiveSetting, PolicySettings
from pyfly.client._settings.schema import ROWS, SCHEMA, schema_of
from pyfly.client._settings.table import BASE_URL, POLICIES
from pyfly.core import Config, Values

_PREFIX = "pyfly.client"

Level = Callable[[str], EffectiveSetting | None]
"""Returns what one level says about a setting; None if it says nothing."""

Declared = Mapping[str, EffectiveSetting]
"""What code says, by the keys of settings."""


@cache
def _shipped(key: str) -> EffectiveSetting:
    """Returns what a setting is where nobody sets it."""
    return EffectiveSetting(ROWS[key].kind.default, SHIPPED)


_OFF = EffectiveSetting(False, SHIPPED)


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
        # The name of a client tells where the path of a variable ends; a file says it itself.
        self._names_matter = bool(config.variables(f"{_PREFIX}.clients"))
        self.code_defaults = {
            **_checked("default_retry", "retry", default_retry),
            **_checked("default_circuit_breaker", "circuit-breaker", default_circuit_breaker),
        }

    def settings(
        self, client: str | None, code: Declared, methods: Mapping[str, Declared]
    ) -> Settings:
        """Returns the settings of one client.

        Args:
            client: Its name; None if it has none, and so no section of its own.
            code: What its decorator says.
            methods: What ``@resilience`` says of each method, by name.
        """
        values = self.values
        if client is not None and self._names_matter:
            names = {"clients": [client], f"clients.{client}.methods": list(methods)}
            values = self.config.read(_PREFIX, SCHEMA, names=names)
        return Settings(values, self.code_defaults, client, code, methods)


def _checked(argument: str, section: str, given: Mapping[str, Any] | None) -> Declared:
    """Settings given as a dictionary in code, converted as if they stood in a file."""
    if not given:
        return {}
    rows = {key: row for key, row in ROWS.items() if key.startswith(f"{section}.")}
    values = Config({section: dict(given)}, environ={}).read("", schema_of(rows))
    return {
        key: EffectiveSetting(values.get(key), f"{argument}=…")
        for key in rows
        if values.is_set(key)
    }


class Settings:
    """The effective settings of one client and its methods.

    Args:
        values: What is configured.
        code_defaults: What code says for all clients.
        client: The name of the client; None if it has none.
        code: What its decorator says.
        methods: What ``@resilience`` says of each method, by name.
    """

    def __init__(
        self,
        values: Values,
        code_defaults: Declared,
        client: str | None,
        code: Declared,
        methods: Mapping[str, Declared],
    ) -> None:
        self._code = code
        self._methods = methods
        # A client is asked for some hundred settings when it is made, and most are set nowhere.
        # What is configured counts by each part of its path: too much, never too little.
        self._set = {part for path in values for part in path.split(".")}.union(
            key.partition(".")[0]
            for declared in (code_defaults, code, *methods.values())
            for key in declared
        )
        section = f"clients.{client}."
        named = values if client is not None else None
        self._of_method: Mapping[str, Sequence[Level]] = {
            name: (*_configured(named, f"{section}methods.{name}."), declared.get)
            for name, declared in methods.items()
        }
        self._of_client: Sequence[Level] = (
            *_configured(named, section),
            code.get,
            *_configured(values, ""),
            code_defaults.get,
        )

    def find(self, key: str, method: str | None = None) -> EffectiveSetting:
        """Returns one setting, and where it comes from: what the nearest level says.

        Args:
            key: Such as ``timeout`` or ``retry.max-attempts``.
            method: The method's name; None for the client as a whole.
        """
        if key.partition(".")[0] not in self._set:
            return _shipped(key)
        own = self._at_method(key, method)
        return own or _first(self._of_client, key) or _shipped(key)

    def value(self, key: str, method: str | None = None) -> Any:
        """Returns the value of :meth:`find`."""
        return self.find(key, method).value

    def seconds(self, key: str, method: str | None = None) -> float | None:
        """Returns a duration in seconds; None where there is none."""
        value: timedelta | None = self.value(key, method)
        return None if value is None else value.total_seconds()

    def effective(self, method: str | None = None) -> Iterator[tuple[str, EffectiveSetting]]:
        """Yields the settings of the policies that are on, and the switches that somebody has set.

        What says nothing in the form that a policy has is left out.

        Args:
            method: The method's name; None for the client as a whole.
        """
        for name, table in POLICIES.items():
            switch = self.switch(name, method)
            if switch.value or not switch.is_shipped:
                yield table.switch[0], switch
            if not switch.value:
                continue
            found = self.section(name, method)
            unused = () if table.form is None else table.unused(found[table.form.key].value)
            for key, setting in found.items():
                if setting.value is not None and key not in unused:
                    yield f"{name}.{key}", setting

    def section(self, name: str, method: str | None = None) -> dict[str, EffectiveSetting]:
        """Returns the settings of one policy for a method, apart from its switch.

        Args:
            name: Such as ``bulkhead``.
            method: The method's name; None for the client as a whole.
        """
        return {key: self.find(f"{name}.{key}", method) for key in POLICIES[name].keys}

    def policy(self, name: str, method: str) -> PolicySettings:
        """Returns what a policy of a method is made from."""
        table = POLICIES[name]
        return PolicySettings(table, self.section(name, method), self.instance(name, method))

    def switch(self, name: str, method: str | None = None) -> EffectiveSetting:
        """Returns whether a policy is on for a method, and what says so.

        Its switch decides. If that is not set and ships without a value, any other setting of
        the section switches it on.
        """
        switch = self.find(POLICIES[name].switch[0], method)
        if switch.value is not None:
            return switch
        if name not in self._set:
            return _OFF
        for setting in self.section(name, method).values():
            if not setting.is_shipped:
                return EffectiveSetting(True, setting.origin)
        return _OFF

    def asks(self, name: str, method: str) -> bool:
        """Returns whether the method itself, and no wider level, asks for a policy."""
        switch = self._at_method(POLICIES[name].switch[0], method)
        return bool(switch.value) if switch is not None else self.is_own(name, method)

    def instance(self, name: str, method: str) -> Any:
        """Returns the policy that code gave for a method, or for the client; None if none.

        It has what no setting can say, so the configuration does not beat it.
        """
        key = POLICIES[name].switch[0]
        declared = (self._methods.get(method, {}).get(key), self._code.get(key))
        found = (each.instance for each in declared if each is not None)
        return next((instance for instance in found if instance is not None), None)

    def is_own(self, name: str, method: str) -> bool:
        """Returns whether a method has settings of its own for a policy, apart from the switch."""
        return name in self._set and any(
            self._at_method(f"{name}.{key}", method) for key in POLICIES[name].keys
        )

    def _at_method(self, key: str, method: str | None) -> EffectiveSetting | None:
        return _first(self._of_method.get(method or "", ()), key)


def _first(levels: Sequence[Level], key: str) -> EffectiveSetting | None:
    """Returns what the first of some levels says that says anything."""
    return next((found for level in levels if (found := level(key)) is not None), None)


def _configured(values: Values | None, section: str) -> Sequence[Level]:
    """Returns a level in the configuration; none if nothing at all is configured.

    Args:
        values: What is configured.
        section: The path of its section, with a dot at its end; ``""`` for the default.
    """
    if not values:
        return ()

    def level(key: str) -> EffectiveSetting | None:
        path = section + key
        if not section and "." not in key:
            if key in BASE_URL:  # which no two clients share
                return None
            path = f"default.{key}"
        found = values.lookup(path)
        return None if found is None else EffectiveSetting(found.value, str(found.origin))

    return (level,)
