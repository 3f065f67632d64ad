"""Many callers at once: tasks, threads, and the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import math
import random
import threading
import time
import types
from collections import Counter
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import CircuitBreaker, CircuitState
from pyfly.resilience.circuit_breaker.state import Admission, CircuitRules
from tests.resilience.support import ManualClock, outcome


def half_open(clock: ManualClock) -> CircuitBreaker:
    breaker = CircuitBreaker(1, timedelta(seconds=10), clock=clock)
    breaker.failed(breaker.admit(), ValueError())
    clock.now += 10
    return breaker


async def storm(breaker: CircuitBreaker, callers: int, end: str) -> Counter[str]:
    """All call at once; the call that gets through ends as told after the others are through."""
    gate = asyncio.Event()
    ran = 0

    async def body() -> str:
        nonlocal ran
        ran += 1
        await gate.wait()
        if end == "failure":
            raise ConnectionError
        return "fine"

    tasks = [asyncio.create_task(breaker.call(body)) for _ in range(callers)]
    await asyncio.sleep(0)
    assert ran <= 1
    waiting = [task for task in tasks if not task.done()]
    for task in waiting:
        if end == "cancelled":
            task.cancel()
    gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return Counter(r if isinstance(r, str) else type(r).__name__ for r in results)


@pytest.mark.parametrize(
    ("end", "told", "after"),
    [
        ("success", "fine", CircuitState.CLOSED),
        ("failure", "ConnectionError", CircuitState.OPEN),
        ("cancelled", "CancelledError", CircuitState.HALF_OPEN),
    ],
)
async def test_of_1000_callers_at_a_half_open_circuit_one_runs(
    clock: ManualClock, end: str, told: str, after: CircuitState
) -> None:
    breaker = half_open(clock)
    assert await storm(breaker, 1_000, end) == {told: 1, "CircuitBreakerException": 999}
    assert breaker.state is after


async def test_after_a_cancelled_probe_again_one_of_1000_runs(clock: ManualClock) -> None:
    breaker = half_open(clock)
    await storm(breaker, 1_000, "cancelled")
    assert await storm(breaker, 1_000, "success") == {"fine": 1, "CircuitBreakerException": 999}
    assert breaker.state is CircuitState.CLOSED


class _Rounds:
    """Eight threads meet at a half-open circuit again and again; one may run each time."""

    THREADS = 8

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.clock = ManualClock()
        self.breaker = CircuitBreaker(1, timedelta(seconds=10), clock=self.clock)
        self.start = threading.Barrier(self.THREADS, self.prepare)
        self.end = threading.Barrier(self.THREADS, self.check)
        self.gate = threading.Event()
        self.lock = threading.Lock()
        self.random = random.Random(7)
        self.ran = self.refused = 0
        self.kind = ""
        self.wrong: list[object] = []

    def prepare(self) -> None:
        self.ran = self.refused = 0
        self.gate.clear()
        self.kind = self.random.choice(["success", "failure", "ending"])
        self.breaker.reset()
        self.breaker.failed(self.breaker.admit(), ValueError())
        self.clock.now += 10

    def check(self) -> None:
        state = {
            "success": CircuitState.CLOSED,
            "failure": CircuitState.OPEN,
            "ending": CircuitState.HALF_OPEN,
        }[self.kind]
        if (self.ran, self.refused, self.breaker.state) != (1, self.THREADS - 1, state):
            self.wrong.append((self.kind, self.ran, self.refused, self.breaker.state))

    def body(self) -> None:
        with self.lock:
            self.ran += 1
        self.gate.wait(5)  # until all others have been refused: the permit is out
        if self.kind == "failure":
            raise ConnectionError
        if self.kind == "ending":
            raise GeneratorExit

    def run(self) -> None:
        for _ in range(self.rounds):
            self.start.wait(30)
            if isinstance(
                outcome(lambda: self.breaker.call_sync(self.body)), CircuitBreakerException
            ):
                with self.lock:
                    self.refused += 1
                    if self.refused == self.THREADS - 1:
                        self.gate.set()
            self.end.wait(30)


def test_of_8_threads_at_a_half_open_circuit_one_runs_round_after_round() -> None:
    rounds = _Rounds(300)
    threads = [threading.Thread(target=rounds.run, daemon=True) for _ in range(rounds.THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert not any(thread.is_alive() for thread in threads)
    assert rounds.wrong == []


class _InterruptedRules(CircuitRules):
    """Lets other threads run between what is read and what is written."""

    __slots__ = ("_threshold",)

    @property
    def _limit(self) -> int:  # looked at in between
        time.sleep(0.0001)
        return self._threshold

    @_limit.setter
    def _limit(self, limit: int) -> None:
        self._threshold = limit


@pytest.mark.survives("Many callers at once", "threads that fail at once", "no failure is lost")
def test_threads_that_fail_at_once_lose_no_failure(clock: ManualClock) -> None:
    breaker = CircuitBreaker(80, clock=clock)
    breaker.rules = _InterruptedRules(80, 10.0, 1)

    def work() -> None:
        for _ in range(10):
            breaker.failed(breaker.admit(), ValueError())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert breaker.state is CircuitState.OPEN


# The garbage collector inside the lock


@types.coroutine
def _park() -> Generator[None, None, None]:
    yield


class _CollectingRules(CircuitRules):
    """Runs the collector in the locked part, where any allocation might."""

    __slots__ = ()

    def fail_needs_lock(self, admission: Admission, *args: Any) -> None:
        gc.collect()
        super().fail_needs_lock(admission, *args)

    def admit_needs_lock(self, now: float, within: float = math.inf) -> Admission | None:
        gc.collect()
        return super().admit_needs_lock(now, within)


def _abandon_a_probe(breaker: CircuitBreaker) -> None:
    """Leave a suspended probe in a cycle, for the collector to find."""

    async def body() -> None:
        await _park()

    call = breaker.call(body)
    call.send(None)
    cycle: list[object] = [call]
    cycle.append(cycle)


@pytest.mark.survives(
    "Many callers at once",
    "a suspended call is collected inside the breaker's lock",
    "no deadlock; its permit comes back",
)
def test_a_suspended_call_collected_inside_the_lock_gives_its_permit_back(
    clock: ManualClock,
) -> None:
    breaker = CircuitBreaker(1, timedelta(seconds=10), half_open_permits=2, clock=clock)
    breaker.rules = rules = _CollectingRules(1, 10.0, 2)
    breaker.failed(breaker.admit(), ValueError())
    clock.now += 10
    gc.disable()
    try:
        _abandon_a_probe(breaker)
        assert rules.permits == 1
        probes: list[Admission] = []
        thread = threading.Thread(target=lambda: probes.append(breaker.admit()), daemon=True)
        thread.start()
        thread.join(10)
        assert not thread.is_alive(), "the finaliser waits for the lock that its thread holds"
    finally:
        gc.enable()
    assert rules.permits == 1  # one came back, one went out


def test_a_suspended_call_that_is_dropped_gives_its_permit_back(clock: ManualClock) -> None:
    breaker = half_open(clock)

    async def body() -> None:
        await _park()

    call = breaker.call(body)
    call.send(None)
    assert isinstance(outcome(breaker.admit), CircuitBreakerException)
    del call
    gc.collect()
    assert breaker.admit().probe


def test_two_event_loops_may_share_a_breaker(clock: ManualClock) -> None:
    breaker = CircuitBreaker(2, clock=clock)

    async def body() -> None:
        raise ConnectionError

    for _ in range(2):
        with pytest.raises(ConnectionError):
            asyncio.run(_call(breaker, body))
    assert breaker.state is CircuitState.OPEN


async def _call(breaker: CircuitBreaker, body: Any) -> None:
    await breaker.call(body)
