from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import AttemptTimeoutException
from pyfly.resilience import Call, History, Pipeline
from pyfly.resilience.chaos.chaos import Chaos
from pyfly.resilience.chaos.stage import ChaosInjected, ChaosStage
from tests.resilience.support import (
    Driver,
    LoopClock,
    ManualClock,
    Scripted,
    a_call,
    outcome,
    run_virtual,
)

TWO = timedelta(seconds=2)


def a_stage(**settings: Any) -> Pipeline:
    return Pipeline([ChaosStage(Chaos(1, **settings))])


def test_without_a_rate_it_is_not_there() -> None:
    async def send(call: Call) -> int:
        return 1

    assert a_stage().build(send) is send
    sync = Scripted(1)
    assert a_stage(fault=(0, OSError)).build_sync(sync) is sync


def test_a_fault_is_raised_in_place_of_the_attempt(driver: Driver, clock: ManualClock) -> None:
    send, history = Scripted("fine"), History()
    pipeline = a_stage(fault=(1, lambda: OSError("chaos")))
    errors = [
        outcome(lambda: driver.pipeline(pipeline, send, a_call(clock, history))) for _ in range(2)
    ]
    assert [str(error) for error in errors] == ["chaos", "chaos"]
    assert errors[0] is not errors[1]
    assert send.calls == 0
    assert history.events == [ChaosInjected("Shop.product", clock.now, 0, "fault")] * 2


def test_an_outcome_is_returned_in_place_of_the_attempt(driver: Driver, clock: ManualClock) -> None:
    send, history = Scripted("fine"), History()
    pipeline = a_stage(outcome=(1, "wrong"))
    assert driver.pipeline(pipeline, send, a_call(clock, history)) == "wrong"
    assert send.calls == 0
    assert [event.kind for event in history.of(ChaosInjected)] == ["outcome"]


def test_latency_is_waited_before_the_attempt(driver: Driver, clock: ManualClock) -> None:
    send, history = Scripted("fine"), History()
    assert driver.pipeline(a_stage(latency=(1, TWO)), send, a_call(clock, history)) == "fine"
    assert clock.sleeps == [2.0]
    assert [event.kind for event in history.of(ChaosInjected)] == ["latency"]


def test_latency_ends_with_the_attempt_it_is_done_to(driver: Driver, clock: ManualClock) -> None:
    send, call = Scripted("fine"), a_call(clock)
    call.attempt_deadline = clock.now + 0.5
    raised = outcome(lambda: driver.pipeline(a_stage(latency=(1, TWO)), send, call))
    assert type(raised) is AttemptTimeoutException
    assert str(raised) == (
        "Shop.product: attempt 1 took longer than 0.5 s (chaos made it wait 2 s)"
    )
    assert (clock.sleeps, send.calls) == ([0.5], 0)


def test_latency_that_the_attempt_has_time_for_is_waited(
    driver: Driver, clock: ManualClock
) -> None:
    call = a_call(clock)
    call.attempt_deadline = clock.now + 2.5
    assert driver.pipeline(a_stage(latency=(1, TWO)), Scripted("fine"), call) == "fine"


def test_a_behaviour_runs_before_the_attempt(driver: Driver, clock: ManualClock) -> None:
    seen: list[str] = []
    pipeline = a_stage(behaviour=(1, lambda call: seen.append(call.operation)))
    send, history = Scripted("fine"), History()
    assert driver.pipeline(pipeline, send, a_call(clock, history)) == "fine"
    assert seen == ["Shop.product"]
    assert [event.kind for event in history.of(ChaosInjected)] == ["behaviour"]


async def wait(_: Call) -> None:
    await asyncio.sleep(3)


def test_an_asynchronous_behaviour_is_awaited_and_refused_by_a_synchronous_pipeline() -> None:
    pipeline = a_stage(behaviour=(1, wait))

    async def send(call: Call) -> float:
        return call.clock.monotonic() - call.started

    async def main() -> Any:
        return await pipeline.build(send)(a_call(LoopClock()))

    assert run_virtual(main()) == 3.0
    with pytest.raises(TypeError, match="write it with `def`"):
        pipeline.build_sync(Scripted(1))
    hidden = a_stage(behaviour=(1, lambda call: wait(call))).build_sync(Scripted(1))
    with pytest.raises(TypeError, match="write it with `def`"):
        hidden(a_call(ManualClock()))


def test_all_of_them_happen_in_their_order(driver: Driver, clock: ManualClock) -> None:
    history = History()
    pipeline = a_stage(
        fault=(1, OSError), latency=(1, TWO), outcome=(1, 1), behaviour=(1, lambda call: None)
    )
    raised = outcome(lambda: driver.pipeline(pipeline, Scripted(1), a_call(clock, history)))
    assert type(raised) is OSError
    assert [event.kind for event in history.of(ChaosInjected)] == ["behaviour", "latency", "fault"]


def test_only_a_part_of_the_attempts_is_hit_and_the_same_part_each_time(
    driver: Driver, clock: ManualClock
) -> None:
    def run() -> list[Any]:
        pipeline = a_stage(outcome=(0.5, "wrong"))
        return [driver.pipeline(pipeline, Scripted("fine"), a_call(clock)) for _ in range(20)]

    first = run()
    assert set(first) == {"fine", "wrong"}
    assert run() == first


def test_a_fault_that_makes_no_exception_is_an_error_that_says_so(
    driver: Driver, clock: ManualClock
) -> None:
    pipeline = a_stage(fault=(1, lambda: None))
    raised = outcome(lambda: driver.pipeline(pipeline, Scripted(1), a_call(clock)))
    assert str(raised) == (
        "Chaos: the function of fault must return a new exception, and it returned NoneType"
    )


def test_cancellation_during_latency_leaves_at_once() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        handler = a_stage(latency=(1, TWO)).build(wait)
        task = asyncio.ensure_future(handler(a_call(LoopClock())))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return loop.time() - 1_000

    assert run_virtual(main()) == 0.5


def test_the_pipeline_tells_that_it_is_on() -> None:
    assert a_stage(fault=(0.5, OSError)).explain() == (
        "chaos: !!! CHAOS IS ON !!! fault in 50% of the attempts, seed 1"
    )
