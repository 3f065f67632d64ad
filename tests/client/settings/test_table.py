"""The table of settings: what the decorators take, what policies take, and what is read back."""

from __future__ import annotations

import gc
import inspect
from datetime import timedelta
from typing import Any, get_type_hints

import pytest

from pyfly.client import resilience, service_client
from pyfly.client._declare.options import POLICY_OPTIONS, PolicyOptions
from pyfly.client._declare.service import declared_names
from pyfly.client._settings.config import ClientConfig
from pyfly.client._settings.declared import settings_from_resilience
from pyfly.client._settings.table import PARAMETERS, POLICIES
from pyfly.core import Choice, Config, Duration, Integer
from pyfly.resilience import SYSTEM_CLOCK

METHOD = {name for name in inspect.signature(resilience).parameters if name != "policies"}
CLASS = {name for name in inspect.signature(service_client).parameters if name in PARAMETERS}
MADE = [
    (table.section, key, form)
    for table in POLICIES.values()
    if table.make is not None
    for form in (table.form.fields if table.form is not None else (None,))
    for key in table.keys
    if table.form is None or (key != table.form.key and key not in table.unused(form))
    if form is not None or table.form is None or table.form.part  # else there is no such form
    if key != "on-status"  # which no policy holds: they know no HTTP
]

#: What a policy, or one of its settings, cannot do without.
NEEDED: dict[str, dict[str, Any]] = {
    "bulkhead": {"bulkhead.max-concurrent": 3},
    "bulkhead.max-wait": {"bulkhead.max-queue": 3},
    "rate-limiter": {"rate-limiter.rate": 3},
    "hedge": {"hedge.delay": "3s"},
    "circuit-breaker.recovery-multiplier": {"circuit-breaker.max-recovery-timeout": "9m"},
    "circuit-breaker.window.slow-rate": {"circuit-breaker.window.slow-duration": "1s"},
    "circuit-breaker.window.slow-duration": {"circuit-breaker.window.slow-rate": 0.5},
}


def test_the_parameters_of_the_table_are_those_that_checkers_see() -> None:
    assert METHOD | CLASS | set(POLICY_OPTIONS) == set(PARAMETERS)
    assert set(get_type_hints(PolicyOptions)) == set(POLICY_OPTIONS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_what_a_parameter_sets_is_a_setting(name: str) -> None:
    parameter, table = PARAMETERS[name]
    if table is not None:
        for key in filter(None, (parameter.sets, parameter.clears)):
            assert key in table.rows


@pytest.mark.parametrize(("section", "key", "form"), MADE)
def test_a_row_is_all_that_a_setting_needs(section: str, key: str, form: str | None) -> None:
    """From the file into the policy; from such a policy, given in code, back to the setting."""
    table = POLICIES[section]
    values = {f"{section}.{key}": another(section, key)}
    if form is not None and table.form is not None:
        values[f"{section}.{table.form.key}"] = form
    values = {**NEEDED.get(section, {}), **NEEDED.get(f"{section}.{key}", {}), **values}
    config = ClientConfig(Config({"pyfly": {"client": values}}, environ={}))
    settings = config.settings(None, {}, {"read": {}})
    assert table.make is not None
    policy = table.make(settings.policy(section, "read"), "name", SYSTEM_CLOCK)
    name = next(each.name for each in table.parameters if each.takes)
    expected = settings.value(f"{section}.{key}", "read")
    if (section, key, form) == ("circuit-breaker", "failure-threshold", None):
        assert expected == 2
    elif key == "failure-threshold":
        expected = 5  # a window judges by rates, whatever threshold holds elsewhere
    assert settings_from_resilience({name: policy})[f"{section}.{key}"].value == expected


def another(section: str, key: str) -> Any:
    """A value that is not the default."""
    kind = POLICIES[section].rows[key].kind
    if isinstance(kind, Choice):
        return kind.options[-1]
    if isinstance(kind, Duration):
        return timedelta(seconds=77)
    if isinstance(kind, Integer):
        return {"window.minimum-calls": 2, "failure-threshold": 2, "min-limit": 2}.get(key, 33)
    return 0.25 if getattr(kind, "maximum", None) == 1 else 7.5


def test_the_names_of_classes_that_are_gone_are_forgotten() -> None:
    def declare(name: str) -> None:
        @service_client(name=name)
        class Client: ...

    declare("gone-soon")
    gc.collect()
    assert "gone-soon" not in declared_names()
