"""The policies, and one of them through one scenario, on a virtual-time loop.

The simulated service is one as its callers feel it: some workers, one queue, and no idea who
still waits.

A policy is the settings of one declared client, which is wired as any other is.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

from pyfly.cli.drill.scenario import Scenario
from pyfly.cli.drill.settings import CLIENTS, SettingsSet
from pyfly.cli.drill.tally import DrillTally
from pyfly.client import (
    AttemptTimeoutException,
    ConnectException,
    Headers,
    Response,
    get,
    service_client,
)
from pyfly.client.message import Request
from pyfly.core import Config
from pyfly.kernel.exceptions import PyFlyException
from pyfly.kernel.record import Record
from pyfly.resilience.events import Listener
from pyfly.testing.clients import client_for
from pyfly.testing.virtual_time import run_virtual

_OK, _UNAVAILABLE = 200, 503


class SimulatedService:
    """Works on requests in the order in which they came, on the running event loop.

    A request whose caller has left is worked on all the same: the service does not know.

    Args:
        scenario: How many workers, how fast, how reliable.
        chance: Where service times and errors come from.

    Attributes:
        workers: How many work now; none: it accepts no connections.
        attempts: When each attempt arrived.
        callers: The tasks that have sent something; whoever makes a call takes its task out.
    """

    def __init__(self, scenario: Scenario, chance: random.Random) -> None:
        self.workers = scenario.workers
        self.attempts: list[float] = []
        self.callers: set[asyncio.Task[Any] | None] = set()
        self._chance = chance
        self._speed = 1.0 / scenario.service_time
        self._errors = scenario.errors
        self._longest_queue = scenario.queue
        self._busy = 0
        self._queue: deque[asyncio.Future[int]] = deque()
        self._loop = asyncio.get_running_loop()

    def set_workers(self, workers: int) -> None:
        """Lose or regain workers; those that work finish what they are at."""
        self.workers = workers
        self._work()

    def take(self) -> asyncio.Future[int] | None:
        """Queue a request; its status comes later. None: there is nobody."""
        self.attempts.append(self._loop.time())
        self.callers.add(asyncio.current_task())
        if not self.workers:
            return None
        answer: asyncio.Future[int] = self._loop.create_future()
        if len(self._queue) >= self._longest_queue:
            answer.set_result(_UNAVAILABLE)
            return answer
        self._queue.append(answer)
        self._work()
        return answer

    def _work(self) -> None:
        while self._queue and self._busy < self.workers:
            self._busy += 1
            span = self._chance.expovariate(self._speed)
            self._loop.call_later(span, self._finish, self._queue.popleft())

    def _finish(self, answer: asyncio.Future[int]) -> None:
        self._busy -= 1
        failed = self._chance.random() < self._errors
        if not answer.done():
            answer.set_result(_UNAVAILABLE if failed else _OK)
        self._work()


class SimulatedPort:
    """The port of one client: it takes its requests to the service, and leaves at the deadline."""

    kind = "drill"
    base_url = "http://drill"
    takes_encoded = True
    bounds_deadline = True

    def __init__(self, service: SimulatedService) -> None:
        self._service = service
        self._headers = Headers()

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt; see :class:`pyfly.client.ports.WirePort`."""
        answer = self._service.take()
        if answer is None:
            raise ConnectException("connection refused")
        try:
            async with asyncio.timeout_at(deadline):
                return Response(await answer, self._headers)
        except TimeoutError:
            raise AttemptTimeoutException("no answer in time") from None

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""


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
