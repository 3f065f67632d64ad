"""The policies, and one of them through one scenario, on a virtual-time loop.

A policy is the settings of one declared client, which is wired as any other is.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any, Protocol

from pyfly.cli.drill.scenario import Scenario
from pyfly.cli.drill.service import SimulatedPort, SimulatedService
from pyfly.cli.drill.settings import CLIENTS, SettingsSet
from pyfly.cli.drill.tally import DrillTally
from pyfly.client import get, service_client
from pyfly.core import Config
from pyfly.kernel.exceptions import PyFlyException
from pyfly.kernel.record import Record
from pyfly.resilience.events import Listener
from pyfly.testing.clients import client_for
from pyfly.testing.virtual_time import run_virtual


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
    policy: Policy, settings: SettingsSet, port: SimulatedPort, listener: Listener
) -> DrillClient:
    """One client process.

    Args:
        policy: What it does about failures.
        settings: The settings that it shares with the other policies.
        port: Where its requests go.
        listener: Hears its events.
    """
    values = {**settings.values, **policy.settings}
    below = {f"{CLIENTS}.drill.{key}": value for key, value in values.items()}
    config = Config(below, environ={})
    return client_for(DrillClient, port=port, config=config, listeners=[listener])


def play(policy: Policy, settings: SettingsSet, scenario: Scenario) -> DrillTally:
    """Play a scenario with one policy.

    Args:
        policy: What the clients do about failures.
        settings: Their timeouts and delays.
        scenario: The service, its load, the outage.
    """
    return run_virtual(_DrillRun(policy, settings, scenario).play())


class _DrillRun:
    def __init__(self, policy: Policy, settings: SettingsSet, scenario: Scenario) -> None:
        self._scenario = scenario
        self._random = random.Random(scenario.seed)
        self._policy = policy
        self._settings = settings
        self._tally = DrillTally(scenario, settings.timeout)
        self._calls: set[asyncio.Task[None]] = set()

    async def play(self) -> DrillTally:
        scenario, loop = self._scenario, asyncio.get_running_loop()
        self._tally.origin = loop.time()
        self._service = SimulatedService(scenario, random.Random(self._random.random()))
        port = SimulatedPort(self._service)
        clients = [
            make_client(self._policy, self._settings, port, self._tally)
            for _ in range(scenario.clients)
        ]
        loop.call_later(scenario.quiet, self._service.set_workers, scenario.workers_left)
        loop.call_later(scenario.outage_end, self._service.set_workers, scenario.workers)
        await self._make_calls(clients)
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        self._tally.attempts = [at - self._tally.origin for at in self._service.attempts]
        return self._tally

    async def _make_calls(self, clients: list[DrillClient]) -> None:
        """Calls come by chance, whoever makes them, and whatever became of those before."""
        scenario, loop, chance = self._scenario, asyncio.get_running_loop(), self._random
        at = self._tally.origin
        end = at + scenario.end
        while True:
            at += chance.expovariate(scenario.rate)
            if at >= end:
                break
            if at > loop.time():
                await asyncio.sleep(at - loop.time())
            call = loop.create_task(self._call(chance.choice(clients)))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
        await asyncio.sleep(max(end - loop.time(), 0.0))

    async def _call(self, client: DrillClient) -> None:
        """One call. It was admitted if anything of it was sent, whatever came later."""
        loop, tally, callers = asyncio.get_running_loop(), self._tally, self._service.callers
        task, started = asyncio.current_task(), loop.time()
        tally.made(started)
        try:
            await client.work()
        except PyFlyException:
            tally.failed(started, loop.time(), sent=task in callers)
        else:
            tally.succeeded(started, loop.time())
        finally:
            callers.discard(task)
