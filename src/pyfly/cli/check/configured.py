"""A configuration, checked against the clients that are declared."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pyfly.cli.capture import CapturingPort, SyncCapturingPort
from pyfly.cli.check.finding import ERROR, WARNING, Finding
from pyfly.client._declare.service import implementation_of
from pyfly.client._settings.config import ClientConfig, Settings
from pyfly.client._settings.policy_settings import EffectiveSetting
from pyfly.client._settings.strangers import unknown_clients, unknown_methods
from pyfly.client.errors import ClientDeclarationException
from pyfly.client.plan import ClientPlan, MethodPlan
from pyfly.client.wiring import ClientFactory
from pyfly.core import Config, ConfigException

T = TypeVar("T")


class Configured:
    """The settings that the clients would have.

    Args:
        path: The configuration file; None for the environment alone.

    Attributes:
        given: Whether there is a file, so that what is missing is a mistake.
        findings: What is wrong with the configuration by itself.
    """

    def __init__(self, path: Path | None) -> None:
        self.given = path is not None
        self.findings: list[Finding] = []
        config = None if path is None else self._noted(lambda: Config.from_file(path))
        self.config = config if config is not None else Config()
        clients = self._noted(lambda: ClientConfig(self.config))
        self._clients = clients if clients is not None else ClientConfig(Config(environ={}))

    def settings(
        self,
        client: str | None,
        code: Mapping[str, EffectiveSetting],
        methods: Mapping[str, Mapping[str, EffectiveSetting]],
    ) -> Settings | None:
        """The settings of a client; None if they cannot be told."""
        return self._noted(lambda: self._clients.settings(client, code, methods))

    def constants(self, method: MethodPlan) -> Iterator[str]:
        """Which placeholders in the constants of a method have no value."""
        if not self.given:
            return
        auth = method.options.get("auth")
        constants: dict[str, Any] = {
            **{f"header {name}": value for name, value in method.headers.items()},
            **{f"query parameter {name}": value for name, value in method.params.items()},
            "auth": auth,
        }
        for what, value in constants.items():
            if isinstance(value, str) and "${" in value:
                try:
                    self.config.resolve(value, where=f"{method.operation}: {what}")
                except ConfigException as error:
                    yield str(error)

    def wiring_mistakes(self, plan: ClientPlan) -> tuple[str, ...]:
        """What the policies of a class cannot be, and what else is found when it is wired."""
        implementation = implementation_of(plan.cls)
        client = implementation.__new__(implementation)  # its own __init__ may want arguments
        port = CapturingPort if plan.asynchronous else SyncCapturingPort
        try:
            ClientFactory(self._clients).wire(client, port=port("http://service"))
        except ClientDeclarationException as error:
            return error.problems
        except ConfigException:  # a placeholder without a value: told by itself
            return ()
        return ()

    def strangers(self, declared: Mapping[str, list[str]]) -> Iterator[Finding]:
        """Sections of clients and methods that are not declared.

        Args:
            declared: The methods of each named client that was checked.
        """
        if not self.given:
            return
        for place, name, close in unknown_clients(self._clients, declared):
            known = ", ".join(declared) or "none has a name"
            hint = f"did you mean {close}?" if close else f"checked were: {known}"
            text = f"{place}: no client that was checked is named {name!r} ({hint})"
            yield Finding(ERROR if close else WARNING, text)
        for client, methods in declared.items():
            for place, name, close in unknown_methods(self._clients, client, methods):
                hint = f"did you mean {close}?" if close else f"it has {', '.join(methods)}"
                text = f"{place}: the client {client!r} has no method {name!r} ({hint})"
                yield Finding(ERROR, text)

    def impossible(self) -> Iterator[Finding]:
        """Sections in which an attempt may take longer than the whole call."""
        values = self._clients.values
        sections = ["default"]
        for client in values.names("clients"):
            sections.append(f"clients.{client}")
            methods = values.names(f"clients.{client}.methods")
            sections += [f"clients.{client}.methods.{method}" for method in methods]
        for section in sections:
            attempt, total = f"{section}.timeout", f"{section}.total-timeout"
            if not (values.is_set(attempt) and values.is_set(total)):
                continue
            if values.get(total) is not None and values.get(attempt) > values.get(total):
                text = (
                    f"{values.origin(attempt)}: {values.key(attempt)}: one attempt may take "
                    f"{values.get(attempt).total_seconds():g} s, and the whole call only "
                    f"{values.get(total).total_seconds():g} s (raise total-timeout, or lower this)"
                )
                yield Finding(ERROR, text)

    def _noted(self, read: Callable[[], T]) -> T | None:
        """Read something, and note what is wrong and what was warned of."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = read()
            except ConfigException as error:
                self._note(ERROR, error.problems)
                found = None
        self._note(WARNING, (str(warning.message) for warning in caught))
        return found

    def _note(self, severity: str, texts: Any) -> None:
        for text in texts:
            finding = Finding(severity, text)
            if finding not in self.findings:
                self.findings.append(finding)
