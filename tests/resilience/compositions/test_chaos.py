"""Chaos under what has to cope with it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import AttemptTimeoutException, DeadlineExceededException
from pyfly.resilience import (
    AttemptTimeoutStage,
    Call,
    CircuitBreaker,
    CircuitBreakerStage,
    CircuitState,
    History,
    RetryPolicy,
    RetryStage,
    Stage,
    TotalTimeoutStage,
    assemble,
)
from pyfly.resilience.chaos.chaos import Chaos
from pyfly.resilience.chaos.stage import ChaosInjected, ChaosStage
from pyfly.resilience.fallback.fallback import Fallback
from pyfly.resilience.fallback.stage import FallbackStage
from pyfly.resilience.hedge.hedge import Hedge
from pyfly.resilience.hedge.stage import HedgeStage
from tests.resilience.support import (
    Driver,
    LoopClock,
    ManualClock,
    Scripted,
    a_call,
    outcome,
    run_virtual,
)


def test_a_retry_copes_with_faults_and_sees_each_as_an_attempt(
    driver: Driver, clock: ManualClock
) -> None:
    chaos = Chaos(4, fault=(0.5, OSError))
    stages: list[Stage] = [ChaosStage(chaos), RetryStage(RetryPolicy(20))]
    history, send = History(ChaosInjected), Scripted("fine")
    calls = [a_call(clock, history) for _ in range(30)]
    pipeline = assemble(stages)
    assert [driver.pipeline(pipeline, send, call) for call in calls] == ["fine"] * 30
    assert send.calls == 30
    assert sum(call.attempt for call in calls) == 30 + len(history)
    assert 15 < len(history) < 60
    assert {event.attempt for event in history.of(ChaosInjected)} >= {1, 2}


def test_the_same_seed_hits_the_same_attempts_again(driver: Driver, clock: ManualClock) -> None:
    def run() -> list[int]:
        pipeline = assemble(
            [ChaosStage(Chaos(9, fault=(0.5, OSError))), RetryStage(RetryPolicy(20))]
        )
        calls = [a_call(clock) for _ in range(20)]
        for call in calls:
            driver.pipeline(pipeline, Scripted("fine"), call)
        return [call.attempt for call in calls]

    assert run() == run()


def test_faults_open_the_circuit_and_the_fallback_answers(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = CircuitBreaker(2, clock=clock)
    pipeline = assemble(
        [
            ChaosStage(Chaos(1, fault=(1, OSError))),
            CircuitBreakerStage(breaker, lambda error: True),
            FallbackStage(Fallback(value="other")),
        ]
    )
    history = History(ChaosInjected)
    for _ in range(5):
        assert driver.pipeline(pipeline, Scripted("fine"), a_call(clock, history)) == "other"
    assert breaker.state is CircuitState.OPEN
    assert len(history) == 2, "an open circuit lets nothing through, not even chaos"


@pytest.mark.parametrize("port_bounds", [True, False])
@pytest.mark.parametrize(
    ("total", "kind", "seconds"),
    [(None, AttemptTimeoutException, 1.0), (0.5, DeadlineExceededException, 0.5)],
)
def test_latency_runs_into_the_timeouts_whoever_keeps_them(
    port_bounds: bool, total: float | None, kind: type[Exception], seconds: float
) -> None:
    async def main() -> tuple[Any, float]:
        clock = LoopClock()
        pipeline = assemble(
            [
                TotalTimeoutStage(total),
                AttemptTimeoutStage(None if total else 1.0, port_bounds),
                ChaosStage(Chaos(1, latency=(1, timedelta(seconds=60)))),
            ]
        )

        async def send(call: Call) -> str:
            return "fine"

        call = a_call(clock)
        try:
            result: Any = await pipeline.build(send)(call)
        except Exception as error:
            result = error
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return type(result), clock.monotonic() - call.started

    assert run_virtual(main()) == (kind, seconds)


def test_latency_in_synchronous_code_runs_into_the_attempt_timeout(clock: ManualClock) -> None:
    pipeline = assemble(
        [
            RetryStage(RetryPolicy(2, timedelta(seconds=1))),
            AttemptTimeoutStage(3.0),
            ChaosStage(Chaos(1, latency=(1, timedelta(seconds=60)))),
        ]
    )
    raised = outcome(lambda: pipeline.build_sync(Scripted("fine"))(a_call(clock)))
    assert type(raised) is AttemptTimeoutException
    assert clock.sleeps == [3.0, 1.0, 3.0]


def test_hedges_cope_with_latency() -> None:
    async def main() -> tuple[Any, int]:
        hedge = Hedge(timedelta(seconds=1), max_hedges=5, clock=LoopClock())
        history = History(ChaosInjected)
        pipeline = assemble(
            [
                HedgeStage(hedge, lambda call: None),
                ChaosStage(Chaos(2, latency=(0.4, timedelta(seconds=600)))),
            ]
        )

        async def send(call: Call) -> str:
            return "fine"

        handler = pipeline.build(send)
        started = asyncio.get_running_loop().time()
        results = [await handler(a_call(LoopClock(), history)) for _ in range(20)]
        assert results == ["fine"] * 20
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return asyncio.get_running_loop().time() - started < 60, len(history)

    fast, injected = run_virtual(main())
    assert fast
    assert injected > 5
