"""What happens in a call of a method, and why: every effective setting with its origin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pyfly.client._declare.verbs import declaration_of
from pyfly.client._wiring import wiring_of
from pyfly.client.config import CALL_SETTINGS, CLIENT_SETTINGS, Setting
from pyfly.client.message import redacted

__all__ = ["explain"]


def explain(method: Callable[..., Any]) -> str:
    """Describe a wired method: its request, its stages, its settings and where they come from.

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
    if not plan.asynchronous and not wiring.port.bounds_deadline:
        lines += ["", "  the timeouts are not enforced: this synchronous port is unbounded"]
    lines += ["", "settings"]
    for key in (*CALL_SETTINGS, *CLIENT_SETTINGS):
        setting = wiring.settings.find(key, plan.name if key in CALL_SETTINGS else None)
        lines.append(f"  {key} = {_shown(key, setting)}   ({setting.origin})")
    return "\n".join(lines)


def _shown(key: str, setting: Setting) -> str:
    value = setting.value
    if value is None:
        return "not set"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    if key == "proxy":
        return "***" if "@" in str(value) else str(value)
    return redacted(key, str(value)) if isinstance(value, str) else str(value).lower()
