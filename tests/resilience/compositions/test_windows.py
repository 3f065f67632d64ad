"""Circuits that judge by rates, in a pipeline with retries, timeouts and budgets."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from pyfly.kernel.exceptions import AttemptTimeoutException, CircuitBreakerException
from pyfly.resilience import (
    AttemptTimeoutStage,
    Call,
    CircuitBreaker,
    CircuitBreakerPolicy,
    CircuitBreakerStage,
    CircuitState,
    CountWindow,
    FailureRule,
    Pipeline,
    RetryBudget,
    RetryPolicy,
    RetryStage,
    Stage,
    TotalTimeoutStage,
    assemble,
)
from tests.resilience.support import (
    Driver,
    LoopClock,
    ManualClock,
    Scripted,
    a_call,
    outcome,
    run_virtual,
)


def with_retries(breaker: CircuitBreaker, attempts: int = 3, **settings: Any) -> Pipeline:
    policy = RetryPolicy(attempts, timedelta(0), **settings)
    return assemble([CircuitBreakerStage(breaker, lambda error: True), RetryStage(policy)])


@pytest.mark.parametrize(
    ("script", "failures"),
    [
        (["fine"], 0),
        ([OSError(), "fine"], 1 / 3),
        ([OSError(), OSError(), "fine"], 2 / 3),
        ([OSError(), OSError(), OSError()], 1),
    ],
)
def test_a_call_weighs_one_however_many_attempts_it_makes(
    driver: Driver, clock: ManualClock, script: list[Any], failures: float
) -> None:
    breaker = CircuitBreaker(window=CountWindow(10), clock=clock)
    outcome(lambda: driver.pipeline(with_retries(breaker), Scripted(*script), a_call(clock)))
    seen = breaker.snapshot()
    assert seen.calls_in_window == 1.0
    assert seen.failures == pytest.approx(failures)


def test_errors_that_retries_mend_count_their_part_only(driver: Driver, clock: ManualClock) -> None:
    breaker = CircuitBreaker(window=CountWindow(10, 0.5, 4), clock=clock)
    for _ in range(8):
        driver.pipeline(with_retries(breaker), Scripted(OSError(), "fine"), a_call(clock))
    assert breaker.state is CircuitState.CLOSED
    assert breaker.snapshot().failure_rate == pytest.approx(1 / 3)


def test_slow_attempts_are_timed_one_by_one_without_the_pauses_between_them() -> None:
    async def main() -> list[float | None]:
        clock = LoopClock()
        window = CountWindow(10, 1.0, 1, slow_rate=0.9, slow_duration=timedelta(seconds=2))
        breaker = CircuitBreaker(window=window, clock=clock)
        policy = RetryPolicy(2, timedelta(seconds=60))
        stages: list[Stage] = [CircuitBreakerStage(breaker, lambda error: True), RetryStage(policy)]
        seconds = iter([1.5, 1.5, 3.0, 1.5])

        async def send(call: Call) -> str:
            await asyncio.sleep(next(seconds))
            if call.attempt == 1:
                raise OSError
            return "fine"

        handler = assemble(stages).build(send)
        rates: list[float | None] = []
        for _ in range(2):
            await handler(a_call(clock))
            rates.append(breaker.snapshot().slow_rate)
        return rates

    assert run_virtual(main()) == [0.0, 0.25]


def test_an_attempt_that_times_out_is_slow_and_failed() -> None:
    async def main() -> CircuitState:
        clock = LoopClock()
        window = CountWindow(10, 1.0, 2, slow_rate=1.0, slow_duration=timedelta(seconds=2))
        breaker = CircuitBreaker(window=window, clock=clock)
        stages: list[Stage] = [
            CircuitBreakerStage(breaker, lambda error: True),
            RetryStage(RetryPolicy(1)),
            AttemptTimeoutStage(3.0),
        ]

        async def hang(call: Call) -> None:
            await asyncio.sleep(1_000)

        handler = assemble(stages).build(hang)
        for _ in range(2):
            with pytest.raises(AttemptTimeoutException):
                await handler(a_call(clock))
        assert breaker.snapshot().slow_rate == 1.0
        return breaker.state

    assert run_virtual(main()) is CircuitState.OPEN


def test_a_half_open_window_takes_one_attempt_of_each_permitted_call(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = CircuitBreaker(window=CountWindow(4, 0.5, 1), half_open_permits=3, clock=clock)
    breaker.failed(breaker.admit(), OSError())
    clock.now += 30
    send = Scripted("fine", OSError(), "fine", "fine")
    for _ in range(3):
        outcome(lambda: driver.pipeline(with_retries(breaker), send, a_call(clock)))
    assert send.calls == 3
    assert breaker.state is CircuitState.CLOSED


def test_a_probe_that_hangs_past_the_half_open_timeout_makes_room_for_the_next() -> None:
    async def main() -> list[Any]:
        clock = LoopClock()
        policy = CircuitBreakerPolicy(
            1, timedelta(seconds=1), half_open_timeout=timedelta(seconds=5)
        )
        breaker = CircuitBreaker(policy=policy, clock=clock)
        breaker.failed(breaker.admit(), OSError())
        await asyncio.sleep(1)
        stages: list[Stage] = [
            CircuitBreakerStage(breaker, lambda error: True),
            TotalTimeoutStage(None),
        ]
        hangs = iter([True, False])

        async def send(call: Call) -> str:
            if next(hangs):
                await asyncio.sleep(1_000)
            return "fine"

        handler = assemble(stages).build(send)
        hung = asyncio.ensure_future(handler(a_call(clock)))
        await asyncio.sleep(5)
        refused = await asyncio.gather(handler(a_call(clock)), return_exceptions=True)
        await asyncio.sleep(1)
        answer = await handler(a_call(clock))
        late = await hung
        return [type(refused[0]), answer, late, breaker.state]

    assert run_virtual(main()) == [
        CircuitBreakerException,
        "fine",
        "fine",
        CircuitState.CLOSED,
    ]


def test_a_result_that_counts_as_failure_can_be_retried_as_well(
    driver: Driver, clock: ManualClock
) -> None:
    rule = FailureRule(record_result=lambda result: result == "busy")
    breaker = CircuitBreaker(1, clock=clock, is_failure=rule)
    pipeline = with_retries(breaker, 4, retry_if_result=lambda result: result == "busy")
    send = Scripted("busy", "busy", "fine")
    assert driver.pipeline(pipeline, send, a_call(clock)) == "fine"
    assert breaker.rules.fails == 0
    send = Scripted("busy")
    assert driver.pipeline(pipeline, send, a_call(clock)) == "busy"
    assert breaker.state is CircuitState.OPEN


@pytest.mark.parametrize(
    ("allowed", "sent", "failures"), [(True, 3, 1.0), (False, 1, 1.0)], ids=["GET", "POST"]
)
def test_bad_results_weigh_one_call_in_all_whether_they_are_retried_or_not(
    driver: Driver, clock: ManualClock, allowed: bool, sent: int, failures: float
) -> None:
    rule = FailureRule(record_result=lambda result: result == "busy")
    breaker = CircuitBreaker(window=CountWindow(10), clock=clock, is_failure=rule)
    policy = RetryPolicy(3, timedelta(0), retry_if_result=lambda result: result == "busy")
    retry = RetryStage(policy, may_retry=lambda call, error: None if allowed else "a POST")
    pipeline = assemble([CircuitBreakerStage(breaker, lambda error: True), retry])
    send = Scripted("busy")
    driver.pipeline(pipeline, send, a_call(clock))
    seen = breaker.snapshot()
    assert (send.calls, seen.calls_in_window, seen.failures) == (sent, 1.0, failures)


def test_a_ratio_budget_shared_by_two_methods_bounds_both(
    driver: Driver, clock: ManualClock
) -> None:
    budget = RetryBudget.ratio(0.5, timedelta(seconds=10), 0.2, clock=clock)
    stage = partial(RetryStage, RetryPolicy(3, timedelta(0)), budget=budget)
    sends = [Scripted(OSError()), Scripted(OSError())]
    for send in sends:
        outcome(partial(driver.pipeline, assemble([stage()]), send, a_call(clock)))
    assert [send.calls for send in sends] == [3, 2]  # 0.5 × 1 + 2 retries, then 0.5 × 2 + 2


def test_a_decorated_function_may_have_both(clock: ManualClock) -> None:
    breaker = CircuitBreaker(2, clock=clock)
    script = Scripted(OSError(), OSError(), "fine")

    @RetryPolicy(5, timedelta(0), clock=clock)
    @breaker
    def get() -> Any:
        return script()

    assert isinstance(outcome(get), CircuitBreakerException)
    assert script.calls == 2
