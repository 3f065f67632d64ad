"""A service as its callers feel it: some workers, one queue, and no idea who still waits."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Any

from pyfly.cli.drill.scenario import Scenario
from pyfly.client import AttemptTimeoutException, ConnectException, Headers, Response
from pyfly.client.message import Request

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
