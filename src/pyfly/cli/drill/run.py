"""One policy through one scenario, on a virtual-time loop."""

from __future__ import annotations

import asyncio
import random

from pyfly.cli.drill.policies import DrillClient, Policy, make_client
from pyfly.cli.drill.scenario import Scenario
from pyfly.cli.drill.service import Link, Service
from pyfly.cli.drill.settings import SettingsSet
from pyfly.cli.drill.tally import Tally
from pyfly.kernel.exceptions import PyFlyException
from pyfly.testing.virtual_time import run_virtual

__all__ = ["play"]


def play(policy: Policy, settings: SettingsSet, scenario: Scenario) -> Tally:
    """Play a scenario with one policy.

    Args:
        policy: What the clients do about failures.
        settings: Their timeouts and delays.
        scenario: The service, its load, the outage.
    """
    return run_virtual(_Run(policy, settings, scenario).play())


class _Run:
    def __init__(self, policy: Policy, settings: SettingsSet, scenario: Scenario) -> None:
        self._scenario = scenario
        self._random = random.Random(scenario.seed)
        self._policy = policy
        self._settings = settings
        self._tally = Tally(scenario, settings.timeout)
        self._calls: set[asyncio.Task[None]] = set()

    async def play(self) -> Tally:
        scenario, loop = self._scenario, asyncio.get_running_loop()
        self._tally.origin = loop.time()
        self._service = Service(scenario, random.Random(self._random.random()))
        clients = [self._client() for _ in range(scenario.clients)]
        loop.call_later(scenario.quiet, self._service.set_workers, scenario.workers_left)
        loop.call_later(scenario.outage_end, self._service.set_workers, scenario.workers)
        await self._make_calls(clients)
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        self._tally.attempts = [at - self._tally.origin for at in self._service.attempts]
        return self._tally

    def _client(self) -> DrillClient:
        return make_client(self._policy, self._settings, Link(self._service), self._tally)

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
