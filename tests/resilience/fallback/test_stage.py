from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyfly.resilience import Event, History, Pipeline
from pyfly.resilience.fallback.fallback import Fallback, FallbackUsed
from pyfly.resilience.fallback.stage import FallbackStage
from tests.resilience.support import Driver, ManualClock, Scripted, a_call, outcome


def a_stage(fallback: Fallback[Any]) -> Pipeline:
    return Pipeline([FallbackStage(fallback)])


async def handle(error: Exception) -> str:
    return f"made of {type(error).__name__}"


def test_a_success_passes(driver: Driver, clock: ManualClock) -> None:
    pipeline = a_stage(Fallback(value="other"))
    assert driver.pipeline(pipeline, Scripted("fine"), a_call(clock)) == "fine"


def test_a_failure_is_answered_and_told_to_both_kinds_of_listeners(
    driver: Driver, clock: ManualClock
) -> None:
    own, calls, error = History(), History(), OSError()
    fallback = Fallback(value="other", name="cache", clock=clock, listeners=[own])
    call = a_call(clock, calls)
    assert driver.pipeline(a_stage(fallback), Scripted(error), call) == "other"
    assert own.events == calls.events
    assert own.events == [FallbackUsed("Shop.product", clock.now, "cache", error)]


def test_nobody_needs_to_listen(driver: Driver, clock: ManualClock) -> None:
    assert driver.pipeline(a_stage(Fallback(value=1)), Scripted(OSError()), a_call(clock)) == 1


def test_what_is_not_named_passes(driver: Driver, clock: ManualClock) -> None:
    history, error = History(), OSError()
    pipeline = a_stage(Fallback(value=1, on=(KeyError,)))
    assert outcome(lambda: driver.pipeline(pipeline, Scripted(error), a_call(clock, history))) is (
        error
    )
    assert history.events == []


def test_cancellation_passes(clock: ManualClock) -> None:
    async def hang(call: object) -> None:
        await asyncio.sleep(1_000)

    async def main() -> None:
        task = asyncio.ensure_future(a_stage(Fallback(value=1)).build(hang)(a_call(clock)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_listener_that_raises_does_not_take_the_answer(
    driver: Driver, clock: ManualClock
) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError

    call = a_call(clock)
    call.events.subscribe(broken)
    assert driver.pipeline(a_stage(Fallback(value=1)), Scripted(OSError()), call) == 1


def test_an_asynchronous_handler_is_awaited_and_refused_by_a_synchronous_pipeline(
    clock: ManualClock,
) -> None:
    pipeline = a_stage(Fallback(handler=handle))

    async def fail(call: object) -> None:
        raise OSError

    async def main() -> object:
        return await pipeline.build(fail)(a_call(clock))

    assert asyncio.run(main()) == "made of OSError"
    with pytest.raises(TypeError, match="handler handle has to be awaited"):
        pipeline.build_sync(Scripted(1))


def test_its_settings_are_told_by_the_pipeline() -> None:
    assert a_stage(Fallback(value=1, name="cache")).explain() == (
        "fallback: cache: a fixed value (int), for Exception"
    )
    assert a_stage(Fallback(value=1)).explain() == "fallback: a fixed value (int), for Exception"
