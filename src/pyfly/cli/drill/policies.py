"""The policies side by side: settings of one declared client, wired as any other is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pyfly.cli.drill.service import Link
from pyfly.cli.drill.settings import CLIENTS, SettingsSet
from pyfly.client import Response, get, service_client
from pyfly.client.message import Request
from pyfly.core import Config
from pyfly.kernel.record import Record
from pyfly.resilience import AdaptiveLimiter, AIMDPolicy
from pyfly.resilience.events import Listener
from pyfly.testing.clients import client_for

__all__ = ["POLICIES", "UNPROTECTED", "DrillClient", "Policy", "make_client"]


class Policy(Record):
    """What a client does about failures.

    Attributes:
        name: For people.
        settings: What is switched off for it.
        adaptive: Whether an adaptive limit stands around each attempt.
    """

    name: str
    settings: Mapping[str, Any]
    adaptive: bool = False


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
    Policy("adaptive", {}, adaptive=True),
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
    port = _Limited(link) if policy.adaptive else link
    return client_for(
        DrillClient, port=port, config=Config(below, environ={}), listeners=[listener]
    )


class _Limited:
    """A link that an adaptive limiter stands before."""

    kind = Link.kind
    base_url = Link.base_url
    takes_encoded = True
    bounds_deadline = True

    def __init__(self, link: Link) -> None:
        self._link = link
        self._limiter = AdaptiveLimiter(AIMDPolicy(min_limit=1))

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt, if the limit allows; see :class:`pyfly.client.ports.WirePort`."""
        response: Response[Any] = await self._limiter.call(self._link.send, request, deadline)
        return response

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""
