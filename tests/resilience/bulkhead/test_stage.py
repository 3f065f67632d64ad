from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import (
    BulkheadException,
    DeadlineExceededException,
    RateLimitException,
)
from pyfly.resilience import (
    Call,
    CircuitBreaker,
    CircuitBreakerStage,
    History,
    PermitRefused,
    Pipeline,
    RetryPolicy,
    RetryStage,
    TotalTimeoutStage,
    assemble,
    deadline,
)
from pyfly.resilience.bulkhead.bulkhead import Bulkhead
from pyfly.resilience.bulkhead.stage import BulkheadStage
from tests.resilience.bulkhead.test_bulkhead import balanced
from tests.resilience.limit_support import in_thread, joined, through, turns, until
from tests.resilience.support import (
    Driver,
    LoopClock,
    ManualClock,
    Scripted,
    a_call,
    outcome,
    run_virtual,
)


@pytest.mark.parametrize("ending", ["fine", ValueError(), KeyboardInterrupt()])
def test_an_attempt_holds_a_permit_while_it_runs(
    driver: Driver, clock: ManualClock, ending: object
) -> None:
    bulkhead = Bulkhead(1)
    script = Scripted(ending)

    def send(call: Call) -> Any:
        assert balanced(bulkhead, running=1)
        return script(call)

    told = outcome(lambda: through(driver, BulkheadStage(bulkhead), send, a_call(clock)))
    assert told is ending
    assert balanced(bulkhead)


def test_a_refusal_is_told_to_the_listeners_of_both(driver: Driver, clock: ManualClock) -> None:
    own, calls = History(), History()
    bulkhead = Bulkhead(1, name="shop", clock=clock, listeners=[own])
    _held = bulkhead.acquire_sync()
    stage, send = BulkheadStage(bulkhead), Scripted("fine")
    told = outcome(lambda: through(driver, stage, send, a_call(clock, calls)))
    assert isinstance(told, BulkheadException)
    assert send.calls == 0
    event = PermitRefused("Shop.product", clock.now, "bulkhead", "shop", None)
    assert own.events == calls.events == [event]


def test_it_shows_the_settings_of_its_bulkhead() -> None:
    pipeline = assemble([BulkheadStage(Bulkhead(3, 2))])
    assert pipeline.explain() == "bulkhead: 3 at once, 2 may wait"


def test_no_permit_is_held_between_attempts(driver: Driver, clock: ManualClock) -> None:
    bulkhead = Bulkhead(1)
    held: list[bool] = []
    clock.on_sleep = lambda: held.append(balanced(bulkhead, running=0))
    pipeline = assemble([RetryStage(RetryPolicy(3, timedelta(seconds=1))), BulkheadStage(bulkhead)])
    send = Scripted(ConnectionError(), ConnectionError(), "fine")
    assert driver.pipeline(pipeline, send, a_call(clock)) == "fine"
    assert held == [True, True]
    assert bulkhead.snapshot().acquired == 3


def test_a_refusal_is_neither_retried_nor_held_against_the_other_side(
    driver: Driver, clock: ManualClock
) -> None:
    bulkhead = Bulkhead(1)
    _held = bulkhead.acquire_sync()
    breaker = CircuitBreaker(1, clock=clock)
    retry = RetryStage(RetryPolicy(3, timedelta(seconds=1), retry_on=(Exception,)))
    pipeline = assemble(
        [CircuitBreakerStage(breaker, lambda _: True), retry, BulkheadStage(bulkhead)]
    )
    told = outcome(lambda: driver.pipeline(pipeline, Scripted("fine"), a_call(clock)))
    assert isinstance(told, BulkheadException)
    assert clock.sleeps == []
    assert breaker.state.name == "CLOSED"


# Waiting


async def ended_after(pipeline: Pipeline, call: Call) -> tuple[type[BaseException], float]:
    """What the call raised, and after how many seconds."""
    start = call.clock.monotonic()

    async def send(call: Call) -> None:
        pytest.fail("it was sent")

    try:
        await pipeline.build(send)(call)
    except Exception as error:
        return type(error), call.clock.monotonic() - start
    pytest.fail("it succeeded")


def test_an_attempt_waits_as_long_as_the_bulkhead_says() -> None:
    async def main() -> None:
        bulkhead = Bulkhead(1, 1, timedelta(seconds=2), clock=LoopClock())
        _held = bulkhead.acquire_sync()
        pipeline = assemble([BulkheadStage(bulkhead)])
        assert await ended_after(pipeline, a_call(LoopClock())) == (BulkheadException, 2.0)

    run_virtual(main())


def test_no_attempt_waits_past_the_deadline_of_its_call() -> None:
    async def main() -> None:
        clock = LoopClock()
        bulkhead = Bulkhead(1, 1, timedelta(seconds=20), clock=clock)
        _held = bulkhead.acquire_sync()
        pipeline = assemble([BulkheadStage(bulkhead)])
        call = a_call(clock, deadline=clock.monotonic() + 3)
        assert await ended_after(pipeline, call) == (BulkheadException, 3.0)
        with deadline(1.5, clock=clock):
            assert await ended_after(pipeline, a_call(clock)) == (BulkheadException, 1.5)
        assert balanced(bulkhead, running=1)

    run_virtual(main())


def test_the_timer_of_the_whole_call_ends_the_wait_as_well() -> None:
    async def main() -> None:
        clock = LoopClock()
        bulkhead = Bulkhead(1, 1, clock=clock)
        _held = bulkhead.acquire_sync()
        pipeline = assemble([TotalTimeoutStage(3.0), BulkheadStage(bulkhead)])
        assert await ended_after(pipeline, a_call(clock)) == (DeadlineExceededException, 3.0)
        assert balanced(bulkhead, running=1)

    run_virtual(main())


def test_an_attempt_that_waited_runs_and_gives_its_permit_back() -> None:
    async def main() -> None:
        bulkhead = Bulkhead(1, 1)
        permit = bulkhead.acquire_sync()

        async def send(call: Call) -> str:
            assert balanced(bulkhead, running=1)
            return "fine"

        handler = assemble([BulkheadStage(bulkhead)]).build(send)
        task = asyncio.ensure_future(handler(a_call(LoopClock())))
        await turns()
        assert balanced(bulkhead, running=1, waiting=1)
        bulkhead.release(permit)
        assert await task == "fine"
        assert balanced(bulkhead)

    run_virtual(main())


def test_a_thread_waits_no_longer_than_the_deadline_of_its_call(clock: ManualClock) -> None:
    bulkhead = Bulkhead(1, 1, clock=clock)
    _held = bulkhead.acquire_sync()
    handler = assemble([BulkheadStage(bulkhead)]).build_sync(Scripted("fine"))
    call = a_call(clock, deadline=clock.now + 10)
    told: list[Any] = []
    thread = in_thread(lambda: told.append(outcome(lambda: handler(call))))
    until(lambda: bulkhead.rules.waiting == 1)
    clock.now += 10
    assert joined(thread)
    assert isinstance(told[0], BulkheadException)


def test_a_thread_that_waited_runs_and_gives_its_permit_back(clock: ManualClock) -> None:
    bulkhead = Bulkhead(1, 1)
    permit = bulkhead.acquire_sync()
    handler = assemble([BulkheadStage(bulkhead)]).build_sync(Scripted("fine"))
    told: list[Any] = []
    thread = in_thread(lambda: told.append(outcome(lambda: handler(a_call(clock)))))
    until(lambda: bulkhead.rules.waiting == 1)
    bulkhead.release(permit)
    assert joined(thread)
    assert told == ["fine"]
    assert balanced(bulkhead)


def test_a_refusal_further_inside_keeps_its_own_kind(driver: Driver, clock: ManualClock) -> None:
    bulkhead = Bulkhead(1)
    inner = RateLimitException(name="inner")
    history = History()
    told = outcome(
        lambda: through(driver, BulkheadStage(bulkhead), Scripted(inner), a_call(clock, history))
    )
    assert told is inner
    assert history.events == []
    assert balanced(bulkhead)
