"""What happens in a call of a method, and why: every effective setting with its origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from pyfly.client._declare.verbs import declaration_of
from pyfly.client._settings.config import Settings
from pyfly.client._settings.policy_settings import EffectiveSetting
from pyfly.client._settings.schema import CLIENT_SETTINGS
from pyfly.client._settings.table import POLICIES, TIMEOUTS
from pyfly.client.plan import MethodPlan, ParameterKind
from pyfly.client.wiring import wiring_of
from pyfly.kernel.secrets import redacted


def explain(method: Callable[..., Any]) -> str:
    """Describe a wired method: its request, its stages, its settings and where they come from.

    The stages are those that are executed, outermost first.

    Args:
        method: A method of a wired client, such as ``inventory.product``.

    Raises:
        TypeError: It is not a method of a wired client.
    """
    client = getattr(method, "__self__", None)
    wiring = wiring_of(client)
    stub = getattr(type(client), getattr(method, "__name__", ""), None)
    declaration = declaration_of(stub)
    if wiring is None or declaration is None or declaration not in wiring.steps:
        raise TypeError("explain takes a method of a wired client, such as inventory.product")
    steps = wiring.steps[declaration]
    plan = steps.method
    lines = [f"{plan.operation}: {plan.http_method} {plan.template.text}", "", "stages"]
    lines += [f"  {line}" for line in steps.pipeline.explain().splitlines()]
    left_out = wiring.protection.left_out(plan)
    if left_out:
        lines += ["", "left out, though the settings of the client ask for it"]
        lines += [f"  {line}" for line in left_out]
    if not plan.asynchronous and not wiring.port.bounds_deadline:
        lines += ["", "  the timeouts are not enforced: this synchronous port is unbounded"]
    lines += ["", "settings", *_settings(wiring.settings, plan)]
    return "\n".join(lines)


def _settings(settings: Settings, plan: MethodPlan) -> Iterator[str]:
    for key in TIMEOUTS:
        yield _line(key, settings.find(key, plan.name))
    for parameter in plan.of_kind(ParameterKind.TIMEOUT):
        yield f"    (a call that gives {parameter.name!r} has that timeout instead)"
    if plan.makes_key:
        yield "  idempotency-key = one for each call   (@idempotent(key=True))"
    for key, setting in settings.effective(plan.name):
        yield _line(key, setting)
    for key in CLIENT_SETTINGS:
        yield _line(key, settings.find(key))
    off = [name for name in POLICIES if _is_off(settings, name, plan.name)]
    if off:
        yield f"  off, since nobody asks for them: {', '.join(off)}"


def _is_off(settings: Settings, name: str, method: str) -> bool:
    switch = settings.switch(name, method)
    return switch.is_shipped and not switch.value


def _line(key: str, setting: EffectiveSetting) -> str:
    return f"  {key} = {_shown(key, setting)}   ({setting.origin})"


def _shown(key: str, setting: EffectiveSetting) -> str:
    value = setting.value
    if value is None:
        return "not set"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    if isinstance(value, float):
        return f"{value:g}"
    if key == "proxy":
        return "***" if "@" in str(value) else str(value)
    return redacted(key, str(value)) if isinstance(value, str) else str(value).lower()
