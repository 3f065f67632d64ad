"""The policies side by side: settings of one declared client, wired as any other is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pyfly.cli.drill.service import Link
from pyfly.cli.drill.settings import CLIENTS, SettingsSet
from pyfly.client import get, service_client
from pyfly.core import Config
from pyfly.kernel.record import Record
from pyfly.resilience.events import Listener
from pyfly.testing.clients import client_for

__all__ = ["POLICIES", "UNPROTECTED", "DrillClient", "Policy", "make_client"]


class Policy(Record):
    """What a client does about failures.

    Attributes:
        name: For people.
        settings: What is set for it.
    """

    name: str
    settings: Mapping[str, Any]


UNPROTECTED = (
    Policy("none", {"retry.enabled": False, "circuit-breaker.enabled": False}),
    Policy("naive retry", {"retry.budget": False, "circuit-breaker.enabled": False}),
)
"""What everything else is compared with."""
POLICIES = (
    *UNPROTECTED,
    Policy("breaker", {"retry.budget": False}),
    Policy("budget", {"circuit-breaker.enabled": False}),
    Policy("defaults", {}),
    Policy("adaptive", {"adaptive-limit.algorithm": "aimd", "adaptive-limit.min-limit": 1}),
)
"""All of them. "breaker" and "budget" retry too, each with that one protection."""


@service_client(name="drill", base_url="http://drill")
class DrillClient(Protocol):
    """What the client processes of a drill call."""

    @get("/work")
    async def work(self) -> bytes:
        """One call."""
        ...


def make_client(
    policy: Policy, settings: SettingsSet, link: Link, listener: Listener
) -> DrillClient:
    """One client process.

    Args:
        policy: What it does about failures.
        settings: The settings that it shares with the other policies.
        link: Where its requests go.
        listener: Hears its events.
    """
    values = {**settings.values, **policy.settings}
    below = {f"{CLIENTS}.drill.{key}": value for key, value in values.items()}
    return client_for(
        DrillClient, port=link, config=Config(below, environ={}), listeners=[listener]
    )
