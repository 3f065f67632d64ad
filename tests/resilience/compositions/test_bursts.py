"""Many calls at once meet a service that fails for a moment: the retries that are due are heard."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import (
    Call,
    CircuitBreaker,
    CircuitBreakerStage,
    CircuitState,
    CountWindow,
    Handler,
    RetryBudget,
    RetryPolicy,
    RetryStage,
    assemble,
)
from tests.resilience.support import LoopClock, a_call, run_virtual

HAND = 100
"""Retries in hand."""


class Service:
    """Fails until a moment; an attempt takes 20 ms."""

    def __init__(self, until: float) -> None:
        self.clock = LoopClock()
        self.until = self.clock.monotonic() + until
        self.attempts = 0

    async def __call__(self, call: Call) -> str:
        self.attempts += 1
        await asyncio.sleep(0.02)
        if self.clock.monotonic() < self.until:
            raise ConnectionError("503")
        return "fine"


async def make(handler: Handler, clock: LoopClock) -> str:
    """How one call ends."""
    try:
        return str(await handler(a_call(clock)))
    except Exception as error:
        return type(error).__name__


def burst(calls: int, blip: float, **policy: Any) -> tuple[Counter[str], CircuitState]:
    """How so many calls at once end, and where the circuit stands then."""

    async def main() -> tuple[Counter[str], CircuitState]:
        service = Service(blip)
        clock = service.clock
        breaker = CircuitBreaker(clock=clock, **policy)
        stages = [
            CircuitBreakerStage(breaker, lambda error: True),
            RetryStage(RetryPolicy(), budget=RetryBudget(clock=clock)),
        ]
        handler = assemble(stages).build(service)
        return Counter(await asyncio.gather(*(make(handler, clock) for _ in range(calls)))), (
            breaker.state
        )

    return run_virtual(main())


@pytest.mark.survives(
    "Retries, breakers and time",
    "many calls at once that meet a moment of 503s",
    "each its retries, as far as the budget goes; the circuit stays closed",
)
@pytest.mark.parametrize("calls", [1, 2, 4, 5, 14, 15, 16, 50, 100, 101, 300, 1_000])
def test_calls_at_once_outlive_a_blip_shorter_than_the_first_pause(calls: int) -> None:
    ended, state = burst(calls, 0.9)
    assert state is CircuitState.CLOSED
    assert ended["fine"] == min(calls, HAND)
    assert ended["fine"] + ended["ConnectionError"] == calls


@pytest.mark.parametrize("calls", [1, 5, 15, 50, 100, 1_000])
def test_calls_at_once_outlive_a_blip_shorter_than_both_pauses(calls: int) -> None:
    ended, state = burst(calls, 1.2)
    assert state is CircuitState.CLOSED
    retried = min(calls, HAND)  # once; what is left, and a second's token, pays for the next
    assert ended["fine"] == min(retried, HAND - retried + 1)
    assert ended["fine"] + ended["ConnectionError"] == calls


def test_a_window_hears_the_retries_too() -> None:
    ended, state = burst(100, 0.9, window=CountWindow())
    assert (ended, state) == (Counter(fine=100), CircuitState.CLOSED)


@pytest.mark.parametrize("rate", [1, 5, 20, 100, 1_000])
def test_a_total_outage_opens_the_circuit_within_the_pauses_and_a_second(rate: int) -> None:
    async def main() -> tuple[float | None, int, Counter[str]]:
        service = Service(until=1e9)
        clock = service.clock
        breaker = CircuitBreaker(clock=clock, recovery_timeout=timedelta(seconds=30))
        stages = [
            CircuitBreakerStage(breaker, lambda error: True),
            RetryStage(RetryPolicy(), budget=RetryBudget(clock=clock)),
        ]
        handler = assemble(stages).build(service)
        began, opened = clock.monotonic(), None
        calls: list[asyncio.Task[str]] = []
        for _ in range(120 * rate):
            calls.append(asyncio.create_task(make(handler, clock)))
            await asyncio.sleep(1 / rate)
            if opened is None and breaker.state is CircuitState.OPEN:
                opened = clock.monotonic() - began
        return opened, service.attempts, Counter(await asyncio.gather(*calls))

    opened, attempts, ended = run_virtual(main())
    assert opened is not None
    assert opened <= (3.0 + 1.0 if rate >= 5 else 8.0)
    assert ended[CircuitBreakerException.__name__] > 0.9 * 120 * rate
    if rate >= 20:
        assert attempts <= 0.1 * 120 * rate


def test_calls_one_after_the_other_open_the_circuit_with_the_last_attempt_of_the_fifth() -> None:
    async def main() -> list[str]:
        service = Service(until=1e9)
        breaker = CircuitBreaker(clock=service.clock)
        stages = [CircuitBreakerStage(breaker, lambda error: True), RetryStage(RetryPolicy())]
        handler = assemble(stages).build(service)
        return [await make(handler, service.clock) for _ in range(6)]

    assert run_virtual(main()) == ["ConnectionError"] * 5 + ["CircuitBreakerException"]


@pytest.mark.survives(
    "Retries, breakers and time",
    "calls that may not be repeated meet an outage",
    "the fifth failure opens the circuit: no retry is waited for",
)
@pytest.mark.parametrize("base_delay", [1, 60])
@pytest.mark.parametrize("window", [None, CountWindow(20, minimum_calls=5)])
def test_a_circuit_waits_for_no_retry_where_none_is_due(
    base_delay: int, window: CountWindow | None
) -> None:
    async def main() -> Counter[str]:
        service = Service(until=1e9)
        breaker = CircuitBreaker(clock=service.clock, window=window)
        policy = RetryPolicy(base_delay=timedelta(seconds=base_delay), retry_on=(KeyError,))
        stages = [CircuitBreakerStage(breaker, lambda error: True), RetryStage(policy)]
        handler = assemble(stages).build(service)
        return Counter([await make(handler, service.clock) for _ in range(9)])

    assert run_virtual(main()) == Counter(ConnectionError=5, CircuitBreakerException=4)


def test_calls_that_may_not_be_repeated_leave_the_retries_of_others_their_time() -> None:
    async def main() -> tuple[Counter[str], CircuitState]:
        service = Service(until=0.5)
        clock = service.clock
        breaker = CircuitBreaker(clock=clock)
        circuit = CircuitBreakerStage(breaker, lambda error: True)
        once = assemble([circuit, RetryStage(RetryPolicy(retry_on=(KeyError,)))]).build(service)
        again = assemble([circuit, RetryStage(RetryPolicy())]).build(service)
        calls = [make(again, clock), *(make(once, clock) for _ in range(20))]
        return Counter(await asyncio.gather(*calls)), breaker.state

    assert run_virtual(main()) == (Counter(fine=1, ConnectionError=20), CircuitState.CLOSED)
