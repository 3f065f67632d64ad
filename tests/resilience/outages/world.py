"""A declared client and a service that fails by chance, driven event by event.

The client is the real one, down to the port: its generated function, its circuit breaker, its
retries and its budget. Its calls are coroutines that a heap of times drives by ``send()``, within
one task of asyncio: several times as fast as a task and a timer for each would be.
"""

from __future__ import annotations

import asyncio
import math
import random
import types
from collections.abc import Coroutine, Generator, Iterator, Mapping
from heapq import heappop, heappush
from itertools import repeat
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
    def load(self) -> float:
        """Attempts for each call that was wanted, refused ones included."""
        return self.attempts / self.calls


class World:
    """One client that calls a service which fails by chance. It is the client's port as well.

    Args:
        settings: Of the client, as below ``pyfly.client.clients.inventory``.
        rate: Calls per second, on average; they come independently of each other.
        seed: Of the chance.

    Attributes:
        failing: How likely an attempt fails.
        blip_ends: Until when every attempt fails, on the clock.
        counts: Of the phase that runs, or ran last.
    """

    base_url = "http://inventory"
    takes_encoded = True
    bounds_deadline = True

    def __init__(self, settings: Mapping[str, Any], rate: float, seed: int) -> None:
        self.failing = 0.0
        self.blip_ends = 0.0
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
        fails = clock.now < self.blip_ends or self._random.random() < self.failing
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
        return asyncio.run(self._run(self._arrivals(self.clock.now + seconds)))

    def burst(self, calls: int, blip: float) -> Counts:
        """Make so many calls at once while every attempt fails for so many seconds."""
        self.blip_ends = self.clock.now + blip
        self.counts = Counts()
        return asyncio.run(self._run(repeat(self.clock.now, calls)))

    def _arrivals(self, until: float) -> Iterator[float]:
        arrival = self.clock.now
        while (arrival := arrival + self._random.expovariate(self._rate)) < until:
            yield arrival

    async def _run(self, arrivals: Iterator[float]) -> Counts:
        clock, counts = self.clock, self.counts
        waiting: list[tuple[float, int, Coroutine[Any, Any, Any]]] = []
        number = 0
        arrival = next(arrivals, math.inf)
        while True:
            if waiting and waiting[0][0] < arrival:
                clock.now, _, call = heappop(waiting)
            elif arrival < math.inf:
                clock.now = arrival
                arrival = next(arrivals, math.inf)
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
