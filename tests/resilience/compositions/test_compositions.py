"""Policies together: each test is one thing that goes wrong where they are put together badly."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from pyfly.kernel.exceptions import (
    AttemptTimeoutException,
    CircuitBreakerException,
    DeadlineExceededException,
)
from pyfly.resilience import (
    AttemptTimeoutStage,
    Call,
    CircuitBreaker,
    CircuitBreakerStage,
    CircuitState,
    Event,
    History,
    Pipeline,
    RetryBudget,
    RetryPolicy,
    RetryStage,
    RetrySuppressed,
    TotalTimeoutStage,
    assemble,
    deadline,
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


def everything(
    breaker: CircuitBreaker,
    budget: RetryBudget | None = None,
    *,
    attempts: int = 3,
    total: float | None = None,
    attempt: float | None = None,
) -> Pipeline:
    return assemble(
        [
            TotalTimeoutStage(total),
            CircuitBreakerStage(breaker, lambda error: True),
            RetryStage(RetryPolicy(attempts, timedelta(seconds=1)), budget=budget),
            AttemptTimeoutStage(attempt),
        ]
    )


def test_a_retry_stops_when_its_own_attempts_open_the_circuit(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = CircuitBreaker(1, clock=clock)
    breaker.failed(breaker.admit(), OSError(), 3)  # a third of a failure is there already
    clock.now += 2
    history, error = History(RetrySuppressed), OSError("real")
    send = Scripted(error)
    raised = outcome(
        lambda: driver.pipeline(everything(breaker, attempts=3), send, a_call(clock, history))
    )
    assert raised is error
    assert send.calls == 2
    assert breaker.state is CircuitState.OPEN
    assert [e.reason for e in history.of(RetrySuppressed)] == [
        "the circuit has opened since this call was admitted"
    ]


def test_a_retry_around_a_standalone_breaker_does_not_retry_its_refusal(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = CircuitBreaker(2, clock=clock)
    policy = RetryPolicy(5, clock=clock)
    body = Scripted(OSError())
    raised = outcome(lambda: driver.retry(policy, partial(breaker.call_sync, body)))
    assert isinstance(raised, CircuitBreakerException)
    assert body.calls == 2
    assert clock.sleeps == [1.0, 2.0]


def test_a_retry_that_names_the_refusal_waits_for_the_circuit(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = CircuitBreaker(1, timedelta(seconds=20), clock=clock)
    policy = RetryPolicy(3, retry_on=(OSError, CircuitBreakerException), clock=clock)
    body = Scripted(OSError(), "fine")
    assert driver.retry(policy, partial(breaker.call_sync, body)) == "fine"
    assert clock.sleeps == [1.0, 19.0]


@pytest.mark.survives(
    "Retries, breakers and time", "the circuit opens during a back-off", "no further attempt"
)
def test_a_call_that_backs_off_makes_no_attempt_into_a_circuit_that_others_opened(
    clock: ManualClock,
) -> None:
    async def main() -> tuple[Any, int]:
        breaker = CircuitBreaker(1, clock=LoopClock())
        send = Scripted(OSError("real"))

        async def send_async(call: Call) -> Any:
            return send()

        task = asyncio.ensure_future(everything(breaker).build(send_async)(a_call(LoopClock())))
        await asyncio.sleep(0.5)
        breaker.failed(breaker.admit(), ValueError())
        await asyncio.sleep(60)
        return task.exception(), send.calls

    error, calls = run_virtual(main())
    assert str(error) == "real"
    assert calls == 1


def test_a_budget_shared_by_two_methods_bounds_both(driver: Driver, clock: ManualClock) -> None:
    budget = RetryBudget(ratio=0.0, max_tokens=3.0, per_second=0.0, clock=clock)
    sends = [Scripted(OSError()), Scripted(OSError())]
    for send in sends:
        pipeline = everything(CircuitBreaker(99, clock=clock), budget)
        outcome(partial(driver.pipeline, pipeline, send, a_call(clock)))
    assert [send.calls for send in sends] == [3, 2]


def test_a_spent_budget_does_not_make_the_circuit_open_sooner(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = CircuitBreaker(1, clock=clock)
    budget = RetryBudget(ratio=0.0, max_tokens=1.0, per_second=0.0, clock=clock)
    budget.withdraw()
    pipeline = everything(breaker, budget)
    for _ in range(2):
        outcome(lambda: driver.pipeline(pipeline, Scripted(OSError()), a_call(clock)))
        assert breaker.state is CircuitState.CLOSED
        clock.now += 1.5
    outcome(lambda: driver.pipeline(pipeline, Scripted(OSError()), a_call(clock)))
    assert breaker.state is CircuitState.OPEN


def test_an_open_circuit_costs_no_token(driver: Driver, clock: ManualClock) -> None:
    breaker, budget = CircuitBreaker(1, clock=clock), RetryBudget(per_second=0.0, clock=clock)
    breaker.failed(breaker.admit(), OSError())
    for _ in range(3):
        outcome(lambda: driver.pipeline(everything(breaker, budget), Scripted(1), a_call(clock)))
    assert budget.tokens == 100.0


@pytest.mark.survives("Retries, breakers and time", "a service that hangs", "the circuit opens")
@pytest.mark.parametrize(("total", "attempt"), [(2.0, None), (2.0, 2.0)])
def test_a_service_that_hangs_opens_the_circuit_though_the_total_timeout_is_the_nearest_end(
    total: float, attempt: float | None
) -> None:
    async def main() -> CircuitState:
        clock = LoopClock()
        breaker = CircuitBreaker(2, clock=clock)

        async def hang(call: Call) -> None:
            await asyncio.sleep(1_000)

        handler = everything(breaker, attempts=1, total=total, attempt=attempt).build(hang)
        for _ in range(2):
            with pytest.raises(DeadlineExceededException):
                await handler(a_call(clock))
        return breaker.state

    assert run_virtual(main()) is CircuitState.OPEN


def test_timed_out_attempts_are_retried_until_the_deadline_leaves_no_room() -> None:
    async def main() -> tuple[Any, float, list[int]]:
        clock = LoopClock()
        attempts: list[int] = []

        async def hang(call: Call) -> None:
            attempts.append(call.attempt)
            await asyncio.sleep(1_000)

        breaker = CircuitBreaker(99, clock=clock)
        handler = everything(breaker, attempts=9, total=10.0, attempt=2.0).build(hang)
        call = a_call(clock)
        with pytest.raises(AttemptTimeoutException) as caught:
            await handler(call)
        return caught.value, clock.monotonic() - call.started, attempts

    error, seconds, attempts = run_virtual(main())
    # 2 s, pause 1 s, 2 s, pause 2 s, 2 s: a pause of 4 s would pass the deadline at 10 s.
    assert (attempts, seconds) == ([1, 2, 3], 9.0)
    assert len(error.retry_history) == 3


def test_an_attempt_after_a_pause_gets_only_what_the_deadline_leaves() -> None:
    async def main() -> tuple[float, list[float]]:
        clock = LoopClock()
        given: list[float] = []

        async def hang(call: Call) -> None:
            assert call.attempt_deadline is not None
            given.append(call.attempt_deadline - clock.monotonic())
            await asyncio.sleep(1_000)

        breaker = CircuitBreaker(99, clock=clock)
        handler = everything(breaker, total=5.0, attempt=3.0).build(hang)
        call = a_call(clock)
        with pytest.raises(DeadlineExceededException):
            await handler(call)
        return clock.monotonic() - call.started, given

    assert run_virtual(main()) == (5.0, [3.0, 1.0])


def test_nested_deadlines_hold_a_nested_call_to_the_nearest() -> None:
    async def main() -> float:
        clock = LoopClock()
        started = clock.monotonic()

        async def hang(call: Call) -> None:
            await asyncio.sleep(1_000)

        handler = everything(CircuitBreaker(99, clock=clock), total=60.0).build(hang)
        with (
            deadline(9, clock=clock),
            deadline(4, clock=clock),
            deadline(7, clock=clock),
            pytest.raises(DeadlineExceededException, match="the caller's deadline"),
        ):
            await handler(a_call(clock))
        return clock.monotonic() - started

    assert run_virtual(main()) == 4.0


def test_cancelling_a_half_open_call_in_its_attempt_frees_the_permit() -> None:
    async def main() -> tuple[CircuitState, int]:
        clock = LoopClock()
        breaker = CircuitBreaker(1, timedelta(seconds=1), clock=clock)
        breaker.failed(breaker.admit(), OSError())
        await asyncio.sleep(1)

        async def hang(call: Call) -> None:
            await asyncio.sleep(1_000)

        handler = everything(breaker, total=60.0, attempt=30.0).build(hang)
        task = asyncio.ensure_future(handler(a_call(clock)))
        await asyncio.sleep(1)
        assert breaker.rules.permits == 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return breaker.state, breaker.rules.permits

    assert run_virtual(main()) == (CircuitState.HALF_OPEN, 1)


def test_a_thousand_pipelined_calls_at_a_half_open_circuit_make_one_attempt_in_all() -> None:
    async def main() -> tuple[int, int, CircuitState]:
        clock = LoopClock()
        breaker = CircuitBreaker(1, timedelta(seconds=1), clock=clock)
        breaker.failed(breaker.admit(), OSError())
        await asyncio.sleep(1)
        sent = 0

        async def send(call: Call) -> str:
            nonlocal sent
            sent += 1
            await asyncio.sleep(1)
            return "fine"

        handler = everything(breaker, RetryBudget(clock=clock)).build(send)
        results = await asyncio.gather(
            *(handler(a_call(clock)) for _ in range(1_000)), return_exceptions=True
        )
        refused = sum(isinstance(result, CircuitBreakerException) for result in results)
        return sent, refused, breaker.state

    assert run_virtual(main()) == (1, 999, CircuitState.CLOSED)


def test_a_listener_that_raises_changes_nothing_about_the_call(
    driver: Driver, clock: ManualClock
) -> None:
    heard: list[str] = []

    def broken(event: Event) -> None:
        heard.append(type(event).__name__)
        raise RuntimeError

    breaker = CircuitBreaker(1, clock=clock, listeners=[broken])
    call = a_call(clock)
    call.events.subscribe(broken)
    send = Scripted(OSError(), OSError(), "fine")
    assert driver.pipeline(everything(breaker), send, call) == "fine"
    assert heard.count("AttemptStarted") == 3
    assert breaker.state is CircuitState.CLOSED


def test_no_attempt_follows_the_deadline_even_if_its_timer_fired_a_moment_early() -> None:
    class SlowClock(LoopClock):
        """By it, the loop's timers come too early."""

        def monotonic(self) -> float:
            return super().monotonic() * 0.999

    async def main() -> int:
        clock, sent = SlowClock(), 0

        async def hang(call: Call) -> None:
            nonlocal sent
            sent += 1
            await asyncio.sleep(1_000)

        policy = RetryPolicy(5, timedelta(0))
        pipeline = assemble([TotalTimeoutStage(2.0), RetryStage(policy), AttemptTimeoutStage(None)])
        with pytest.raises(DeadlineExceededException):
            await pipeline.build(hang)(a_call(clock))
        return sent

    assert run_virtual(main()) == 1


@pytest.mark.parametrize("how", ["reset", "disable", "force_closed", "observe_only"])
def test_a_circuit_that_is_let_go_by_hand_during_a_pause_lets_the_call_go_on(
    driver: Driver, clock: ManualClock, how: str
) -> None:
    breaker = CircuitBreaker(clock=clock)
    clock.on_sleep = lambda: getattr(breaker, how)()
    send = Scripted(OSError(), "fine")
    assert driver.pipeline(everything(breaker), send, a_call(clock)) == "fine"


def test_a_circuit_that_opened_and_closed_again_during_a_pause_lets_the_call_go_on(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = CircuitBreaker(2, timedelta(seconds=1), clock=clock)

    def others() -> None:
        for _ in range(2):
            breaker.failed(breaker.admit(), OSError())
        clock.now += 1
        breaker.succeeded(breaker.admit())
        assert breaker.state is CircuitState.CLOSED

    clock.on_sleep = others
    send = Scripted(OSError(), "fine")
    assert driver.pipeline(everything(breaker), send, a_call(clock)) == "fine"


@pytest.mark.parametrize("then", ["force_open", "open again"])
def test_a_circuit_that_opens_again_after_a_reset_does_not(
    driver: Driver, clock: ManualClock, then: str
) -> None:
    breaker = CircuitBreaker(clock=clock)

    def others() -> None:
        breaker.reset()
        if then == "force_open":
            breaker.force_open()
        else:
            for _ in range(5):
                breaker.failed(breaker.admit(), OSError())

    clock.on_sleep = others
    error = OSError()
    send = Scripted(error, "fine")
    assert outcome(lambda: driver.pipeline(everything(breaker), send, a_call(clock))) is error
