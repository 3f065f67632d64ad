"""A thousand callers at a half-open breaker: one runs, 999 are refused."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from pyfly.client import (
    CircuitBreaker,
    CircuitBreakerException,
    CircuitState,
    get,
    service_client,
)
from pyfly.testing import client_for
from tests.guide.clocks import Monotonic
from tests.rules.support import GatedPort, over, settings

CALLERS = 1000


async def half_open(running: Monotonic) -> CircuitBreaker:
    breaker = CircuitBreaker(failure_threshold=1, recovery_timeout=timedelta(seconds=30))

    async def fail() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await breaker.call(fail)
    running.advance(30)
    assert breaker.state is CircuitState.HALF_OPEN
    return breaker


def client_over(port: Any, breaker: CircuitBreaker) -> Any:
    @service_client(base_url="http://x", circuit_breaker=breaker, retry=3)
    class Client:
        @get("/x")
        async def read(self) -> dict: ...

    return over(port, Client)


class Probe:
    """A function that waits, and counts how often it was called."""

    def __init__(self) -> None:
        self.calls = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> dict[str, bool]:
        self.calls += 1
        await self.gate.wait()
        return {"ok": True}


async def crowd(call: Callable[[], Any]) -> list[asyncio.Task[Any]]:
    """A thousand callers, all of whom have had their turn; the first one is the probe."""
    tasks = [asyncio.create_task(call()) for _ in range(CALLERS)]
    for _ in range(10):
        await asyncio.sleep(0)
    return tasks


def refused(tasks: list[asyncio.Task[Any]]) -> int:
    return sum(
        task.done() and isinstance(task.exception(), CircuitBreakerException) for task in tasks
    )


@pytest.mark.survives(
    "Many callers at once", "a thousand callers at a half-open circuit", "one runs, 999 are refused"
)
@pytest.mark.parametrize("kind", ["standalone", "client"])
async def test_one_runs_and_999_are_refused(running: Monotonic, kind: str) -> None:
    breaker = await half_open(running)
    probe, port = Probe(), GatedPort()
    client = client_over(port, breaker)
    call = (lambda: breaker.call(probe)) if kind == "standalone" else client.read
    tasks = await crowd(call)
    assert refused(tasks) == CALLERS - 1
    probe.gate.set()
    port.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [one for one in results if not isinstance(one, BaseException)] == [{"ok": True}]
    assert probe.calls + len(port.requests) == 1
    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("kind", ["standalone", "client"])
async def test_the_same_after_the_probe_is_cancelled(running: Monotonic, kind: str) -> None:
    breaker = await half_open(running)
    probe, port = Probe(), GatedPort()
    client = client_over(port, breaker)
    call = (lambda: breaker.call(probe)) if kind == "standalone" else client.read
    for round_number in (1, 2):
        tasks = await crowd(call)
        assert refused(tasks) == CALLERS - 1
        (running_one,) = [task for task in tasks if not task.done()]
        assert probe.calls + port.cancelled + (kind == "client") == round_number
        running_one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running_one
        assert breaker.state is CircuitState.HALF_OPEN
    tasks = await crowd(call)
    probe.gate.set()
    port.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert Counter(type(one) for one in results) == {dict: 1, CircuitBreakerException: CALLERS - 1}
    assert breaker.state is CircuitState.CLOSED


@pytest.mark.survives("Many callers at once", "the same from threads", "one runs, 999 are refused")
@pytest.mark.parametrize("kind", ["standalone", "client"])
@pytest.mark.parametrize("ending", ["fails", "works", "exits"])
async def test_from_threads_one_runs_and_999_are_refused(
    running: Monotonic, kind: str, ending: str
) -> None:
    breaker = await half_open(running)
    gate, barrier = threading.Event(), threading.Barrier(20)
    lock, ran, counted = threading.Lock(), [], Counter()

    class Port:
        def request(self, method: str, url: str, **kwargs: Any) -> Any:
            return probe()

        def start(self) -> None: ...

        def stop(self) -> None: ...

    def probe() -> dict[str, bool]:
        ran.append(1)
        gate.wait(5)
        if ending == "fails":
            raise ConnectionError
        if ending == "exits":
            raise SystemExit
        return {"ok": True}

    @service_client(base_url="http://x", circuit_breaker=breaker, retry=3)
    class Client:
        @get("/x")
        def read(self) -> dict: ...

    client = client_for(Client, port=Port(), config=settings())
    call = (lambda: breaker.call_sync(probe)) if kind == "standalone" else client.read

    def caller() -> None:
        barrier.wait(5)
        for _ in range(CALLERS // 20):
            try:
                call()
                outcome = "worked"
            except CircuitBreakerException:
                outcome = "refused"
            except (ConnectionError, SystemExit):
                outcome = "failed"
            with lock:
                counted[outcome] += 1
                if counted["refused"] == CALLERS - CALLERS // 20:  # all but the probe's thread
                    gate.set()

    with ThreadPoolExecutor(20) as pool:
        for future in [pool.submit(caller) for _ in range(20)]:
            future.result(10)

    # The probe's thread comes back after the verdict, with the calls it had left.
    left = CALLERS // 20 - 1
    assert counted["refused"] >= CALLERS - CALLERS // 20
    if ending == "fails":
        assert (len(ran), counted["failed"], counted["refused"]) == (1, 1, CALLERS - 1)
        assert breaker.state is CircuitState.OPEN
    elif ending == "works":
        assert (len(ran), counted["worked"]) == (1 + left, 1 + left)
        assert breaker.state is CircuitState.CLOSED
    else:
        assert counted["failed"] == len(ran) == 1 + left, "each exit gave the permit back"
        assert breaker.state is CircuitState.HALF_OPEN
