"""A declared client and a service that fails by chance, driven event by event.

The client is the real one, down to the port: its generated function, its circuit breaker, its
retries and its budget. Its calls are coroutines that a heap of times drives by ``send()``, within
one task of asyncio: several times as fast as a task and a timer for each would be.
"""

from __future__ import annotations

import asyncio
import random
import types
from collections.abc import Coroutine, Generator, Mapping
from heapq import heappop, heappush
from typing import Any, Protocol

from pyfly.client import (
    CircuitBreakerException,
    Headers,
    Response,
    ServerErrorException,
    get,
    service_client,
)
from pyfly.client.message import Request
from pyfly.core import Config
from pyfly.resilience import BudgetEmpty, CircuitState, CircuitTransition
from pyfly.resilience.events import Event
from pyfly.testing import client_for

__all__ = ["Counts", "World"]

#: What an attempt takes until it succeeds or fails, in seconds.
LATENCY = 0.02


@service_client(name="inventory", base_url="http://inventory")
class Inventory(Protocol):
    @get("/products/{product_id}")
    async def product(self, product_id: str) -> bytes: ...


class Clock:
    """Tells the time of a world; sleeping is left to whoever drives the coroutines."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await pause(seconds)

    def sleep_sync(self, seconds: float) -> None:
        raise AssertionError("nothing here is synchronous")


@types.coroutine
def pause(seconds: float) -> Generator[float, None, None]:
    """Tell the driver how long to wait."""
    yield seconds


class Counts:
    """What happened to the calls of one phase.

    Attributes:
        calls: Calls made.
        succeeded: Those that returned.
        refused: Those that the open circuit refused.
        attempts: Attempts of all of them.
        denied: Retries that the budget did not allow.
        opened: When the circuit opened.
        failures: When the first attempts failed, up to five.
        first_success: When a call returned first; None for never.
    """

    def __init__(self) -> None:
        self.calls = self.succeeded = self.refused = self.attempts = self.denied = 0
        self.opened: list[float] = []
        self.failures: list[float] = []
        self.first_success: float | None = None

    @property
    def success(self) -> float:
        """The part of the calls that returned."""
        return self.succeeded / self.calls

    @property
    def amplification(self) -> float:
        """Attempts for each call that the circuit admitted."""
        return self.attempts / (self.calls - self.refused)


class World:
    """One client that calls a service which fails by chance. It is the client's port as well.

    Args:
        settings: Of the client, as below ``pyfly.client.clients.inventory``.
        rate: Calls per second, on average; they come independently of each other.
        seed: Of the chance.

    Attributes:
        failing: How likely an attempt fails.
        counts: Of the phase that runs, or ran last.
    """

    base_url = "http://inventory"
    takes_encoded = True
    bounds_deadline = True

    def __init__(self, settings: Mapping[str, Any], rate: float, seed: int) -> None:
        self.failing = 0.0
        self.clock = Clock()
        self.counts = Counts()
        self._rate = rate
        self._random = random.Random(seed)
        self._client = client_for(
            Inventory,
            port=self,
            config=Config({"pyfly": {"client": {"clients": {"inventory": settings}}}}, environ={}),
            listeners=[self],
            clock=self.clock,
        )

    only = (BudgetEmpty, CircuitTransition)

    def __call__(self, event: Event, /) -> None:
        """Hear of what the client did."""
        if isinstance(event, BudgetEmpty):
            self.counts.denied += 1
        elif isinstance(event, CircuitTransition) and event.new is CircuitState.OPEN:
            self.counts.opened.append(event.at)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, request: Request, deadline: float | None) -> Response[bytes]:
        counts, clock = self.counts, self.clock
        counts.attempts += 1
        fails = self._random.random() < self.failing
        await pause(LATENCY)
        if not fails:
            return Response(200, Headers(), b"")
        if len(counts.failures) < 5:
            counts.failures.append(clock.now)
        return Response(503, Headers(), b"")

    def run(self, seconds: float, failing: float, counts: Counts | None = None) -> Counts:
        """Make calls for so long, which fail as likely as that, and see them through.

        Args:
            seconds: How long.
            failing: How likely.
            counts: Those of the phase that this one goes on with; default: new ones.
        """
        self.failing = failing
        self.counts = counts or Counts()
        return asyncio.run(self._run(self.clock.now + seconds))

    async def _run(self, until: float) -> Counts:
        clock, counts, draw = self.clock, self.counts, self._random.expovariate
        waiting: list[tuple[float, int, Coroutine[Any, Any, Any]]] = []
        number = 0
        arrival = clock.now + draw(self._rate)
        while True:
            if waiting and (waiting[0][0] < arrival or arrival >= until):
                clock.now, _, call = heappop(waiting)
            elif arrival < until:
                clock.now = arrival
                arrival += draw(self._rate)
                counts.calls += 1
                call = self._client.product("42")
            else:
                return counts
            try:
                seconds = call.send(None)
            except StopIteration:
                counts.succeeded += 1
                if counts.first_success is None:
                    counts.first_success = clock.now
            except CircuitBreakerException:
                counts.refused += 1
            except ServerErrorException:
                pass
            else:
                number += 1
                heappush(waiting, (clock.now + seconds, number, call))
