from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from pyfly.kernel.exceptions import AttemptTimeoutException, DeadlineExceededException
from pyfly.resilience import (
    AttemptTimeoutStage,
    Call,
    DeadlineExceeded,
    History,
    TotalTimeoutStage,
    assemble,
    deadline,
    detached,
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

Send = Callable[[Call], Awaitable[Any]]


def stages(total: float | None, attempt: float | None, port_bounds: bool = False) -> Any:
    return assemble([TotalTimeoutStage(total), AttemptTimeoutStage(attempt, port_bounds)])


def lasting(seconds: float, result: Any = "fine") -> Send:
    async def send(call: Call) -> Any:
        await asyncio.sleep(seconds)
        return result

    return send


async def timed(awaitable: Awaitable[Any]) -> tuple[Any, float]:
    """The result or exception, and how long it took."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        result = await awaitable
    except Exception as error:
        result = error
    return result, round(loop.time() - started, 6)


def run(
    send: Send, total: float | None, attempt: float | None, port_bounds: bool = False
) -> tuple[Any, float, Call, History]:
    history = History()

    async def main() -> tuple[Any, float, Call, History]:
        call = a_call(LoopClock(), history)
        call.attempt = 1
        result, seconds = await timed(stages(total, attempt, port_bounds).build(send)(call))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0, "a cancellation leaked"
        await asyncio.sleep(0)
        return result, seconds, call, history

    return run_virtual(main())


# In time


def test_a_call_in_time_returns_its_value_and_knows_its_ends() -> None:
    result, seconds, call, history = run(lasting(1), 10.0, 2.0)
    assert (result, seconds) == ("fine", 1.0)
    assert call.deadline == call.started + 10
    assert call.deadline_source == "total timeout"
    assert call.attempt_deadline == call.started + 2
    assert history.events == []


def test_without_any_end_nothing_is_set() -> None:
    result, _, call, _ = run(lasting(1_000), None, None)
    assert result == "fine"
    assert (call.deadline, call.attempt_deadline, call.expiry) == (None, None, None)


def test_the_exception_of_the_call_passes() -> None:
    error = KeyError()

    async def send(call: Call) -> None:
        raise error

    assert run(send, 10.0, 2.0)[0] is error


# Too late


def test_an_attempt_that_takes_too_long_ends_with_its_own_exception() -> None:
    result, seconds, _, history = run(lasting(100), 10.0, 2.0)
    assert type(result) is AttemptTimeoutException
    assert str(result) == "Shop.product: attempt 1 took longer than 2 s"
    assert (result.timeout, seconds) == (2.0, 2.0)
    assert isinstance(result, TimeoutError)
    assert history.events == []


def test_a_call_may_bring_a_timeout_of_its_own_for_its_attempts() -> None:
    async def main() -> tuple[Any, float]:
        call = a_call(LoopClock())
        call.attempt_timeout = 3.0
        return await timed(stages(None, 30.0).build(lasting(100))(call))

    result, seconds = run_virtual(main())
    assert type(result) is AttemptTimeoutException
    assert str(result) == "Shop.product: attempt 1 took longer than 3 s"
    assert (result.timeout, seconds) == (3.0, 3.0)


def test_when_the_deadline_is_nearer_the_attempt_ends_with_the_deadline() -> None:
    result, seconds, call, history = run(lasting(100), 2.0, 2.0)
    assert type(result) is DeadlineExceededException
    assert str(result) == (
        "Shop.product: not done within 2 s, its total timeout (during attempt 1)"
    )
    assert (result.timeout, seconds) == (2.0, 2.0)
    assert result.context == {"deadline_source": "total timeout"}
    assert history.events == [DeadlineExceeded(call.operation, call.started + 2)]


def test_the_deadline_is_seen_inside_the_attempt_so_that_a_breaker_can_judge_it() -> None:
    seen: list[BaseException] = []

    async def main() -> None:
        attempt = AttemptTimeoutStage(30.0).wrap(lasting(100))

        async def evidence(call: Call) -> Any:
            try:
                return await attempt(call)
            except BaseException as error:
                seen.append(error)
                raise

        await TotalTimeoutStage(2.0).wrap(evidence)(a_call(LoopClock()))

    with pytest.raises(DeadlineExceededException):
        run_virtual(main())
    assert [type(error) for error in seen] == [DeadlineExceededException]


def test_the_total_timeout_bounds_what_stands_outside_the_attempts_too() -> None:
    history = History()

    async def main() -> tuple[Any, float]:
        handler = TotalTimeoutStage(3.0).wrap(lasting(100))
        return await timed(handler(a_call(LoopClock(), history)))

    result, seconds = run_virtual(main())
    assert type(result) is DeadlineExceededException
    assert "(before the first attempt)" in str(result)
    assert seconds == 3.0
    assert history.names() == ["DeadlineExceeded"]


def test_an_attempt_timeout_works_without_a_total_stage() -> None:
    async def main() -> tuple[Any, float]:
        return await timed(AttemptTimeoutStage(2.0).wrap(lasting(9))(a_call(LoopClock())))

    result, seconds = run_virtual(main())
    assert type(result) is AttemptTimeoutException
    assert seconds == 2.0


@pytest.mark.parametrize("own", [None, 5.0, 1.0])
def test_a_deadline_that_the_call_was_made_with_is_kept_without_a_total_stage(
    own: float | None,
) -> None:
    async def main() -> tuple[Any, float]:
        clock = LoopClock()
        call = a_call(clock, deadline=clock.monotonic() + 1)
        return await timed(AttemptTimeoutStage(own).wrap(lasting(9))(call))

    result, seconds = run_virtual(main())
    assert type(result) is DeadlineExceededException
    assert "the caller's deadline" in str(result)
    assert seconds == 1.0


# The deadline of the code around


def test_the_nearest_of_all_deadlines_wins() -> None:
    async def main(around: float, given: float | None, total: float | None) -> tuple[float, Any]:
        clock = LoopClock()
        now = clock.monotonic()
        call = a_call(clock, deadline=None if given is None else now + given)
        with deadline(around, clock=clock):
            await stages(total, None).build(lasting(0))(call)
        assert call.deadline is not None
        return call.deadline - now, call.deadline_source

    assert run_virtual(main(3, None, None)) == (3, "caller")
    assert run_virtual(main(3, None, 5)) == (3, "caller")
    assert run_virtual(main(3, 2, 5)) == (2, "caller")
    assert run_virtual(main(3, 2, 1)) == (1, "total timeout")
    assert run_virtual(main(3, None, 3)) == (3, "caller")
    assert run_virtual(main(3, 4, 5)) == (3, "caller")


def test_the_end_of_the_code_around_is_the_callers() -> None:
    async def main() -> tuple[Any, float]:
        clock = LoopClock()
        with deadline(2, clock=clock):
            return await timed(stages(None, 30.0).build(lasting(9))(a_call(clock)))

    result, seconds = run_virtual(main())
    assert type(result) is DeadlineExceededException
    assert result.context == {"deadline_source": "caller"}
    assert seconds == 2.0


def test_detached_calls_are_not_held_to_it() -> None:
    async def main() -> Any:
        clock = LoopClock()
        with deadline(2, clock=clock), detached():
            return await stages(None, None).build(lasting(9))(a_call(clock))

    assert run_virtual(main()) == "fine"


def test_a_deadline_that_has_passed_lets_nothing_be_tried(
    driver: Driver, clock: ManualClock
) -> None:
    history, send = History(), Scripted("never")
    with deadline(0, clock=clock):
        error = outcome(lambda: driver.pipeline(stages(5.0, 5.0), send, a_call(clock, history)))
    assert type(error) is DeadlineExceededException
    assert send.calls == 0
    assert history.names() == ["DeadlineExceeded"]


def test_an_attempt_that_would_start_after_the_deadline_is_not_made(
    driver: Driver, clock: ManualClock
) -> None:
    send, call = Scripted("never"), a_call(clock, deadline=clock.now + 1)
    clock.now += 1
    attempt = assemble([AttemptTimeoutStage(5.0)])
    error = outcome(lambda: driver.pipeline(attempt, send, call))
    assert type(error) is DeadlineExceededException
    assert send.calls == 0


# Cancellation


@pytest.mark.parametrize(("total", "attempt"), [(10.0, 5.0), (5.0, 5.0), (None, 5.0), (5.0, None)])
def test_a_real_cancellation_passes(total: float | None, attempt: float | None) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(stages(total, attempt).build(lasting(9))(a_call(LoopClock())))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    run_virtual(main())


@pytest.mark.survives(
    "Retries, breakers and time", "a cancellation in the moment of the timeout", "the cancellation"
)
@pytest.mark.parametrize(("total", "attempt"), [(10.0, 5.0), (5.0, 5.0), (None, 5.0), (5.0, None)])
def test_a_real_cancellation_in_the_moment_of_the_timeout_is_not_swallowed(
    total: float | None, attempt: float | None
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(stages(total, attempt).build(lasting(9))(a_call(LoopClock())))
        loop.call_later(5.0, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    run_virtual(main())


@pytest.mark.parametrize(("total", "attempt"), [(10.0, 2.0), (2.0, 2.0)])
def test_a_cancellation_that_the_task_survived_earlier_is_not_taken_for_a_new_one(
    total: float, attempt: float
) -> None:
    async def survivor() -> Any:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(9)
        return await timed(stages(total, attempt).build(lasting(9))(a_call(LoopClock())))

    async def main() -> Any:
        task = asyncio.ensure_future(survivor())
        await asyncio.sleep(1)
        task.cancel()
        return await task, task.cancelling()

    (result, seconds), cancelling = run_virtual(main())
    assert isinstance(result, TimeoutError)
    assert (seconds, cancelling) == (2.0, 1)


def test_both_timers_in_one_moment_end_the_call_once() -> None:
    async def send(call: Call) -> None:
        assert call.attempt_deadline is not None
        await asyncio.sleep(0.5)
        loop = asyncio.get_running_loop()
        loop.now += 60  # type: ignore[attr-defined] # the loop was held up: both are due
        await asyncio.sleep(100)

    result, _, _, history = run(send, 5.0, 4.0)
    assert type(result) is DeadlineExceededException
    assert history.names() == ["DeadlineExceeded"]


def test_an_exception_in_answer_to_the_timeout_passes_and_no_cancellation_leaks() -> None:
    async def send(call: Call) -> None:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            raise KeyError from None

    assert type(run(send, 10.0, 2.0)[0]) is KeyError
    assert type(run(send, 2.0, 2.0)[0]) is KeyError


@pytest.mark.survives(
    "Retries, breakers and time", "a value that comes with the timeout", "the value"
)
def test_a_value_in_answer_to_the_timeout_is_returned_and_no_cancellation_leaks() -> None:
    async def send(call: Call) -> str:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(100)
        return "late"

    assert run(send, 10.0, 2.0)[0] == "late"
    assert run(send, 2.0, 2.0)[0] == "late"


def test_the_timer_of_a_finished_call_never_fires() -> None:
    async def main() -> None:
        await stages(2.0, 1.0).build(lasting(0.5))(a_call(LoopClock()))
        await asyncio.sleep(100)

    run_virtual(main())


def test_nested_calls_end_at_their_own_deadlines() -> None:
    async def main() -> tuple[Any, float]:
        clock = LoopClock()

        async def nested(call: Call) -> Any:
            inner = a_call(clock)
            with suppress(DeadlineExceededException):
                await stages(1.0, None).build(lasting(50))(inner)
            await asyncio.sleep(100)

        return await timed(stages(3.0, None).build(nested)(a_call(clock)))

    result, seconds = run_virtual(main())
    assert type(result) is DeadlineExceededException
    assert seconds == 3.0


def test_the_timer_is_not_claimed_by_another_task() -> None:
    """A child that is cancelled at the deadline leaves the verdict to the task with the timer."""
    seen: list[BaseException] = []

    async def send(call: Call) -> Any:
        async def child() -> Any:
            try:
                return await AttemptTimeoutStage(30.0).wrap(lasting(100))(call)
            except BaseException as error:
                seen.append(error)
                raise

        return await asyncio.ensure_future(child())

    async def main() -> Any:
        return (await timed(TotalTimeoutStage(2.0).wrap(send)(a_call(LoopClock()))))[0]

    assert type(run_virtual(main())) is DeadlineExceededException
    assert [type(error) for error in seen] == [asyncio.CancelledError]


def test_a_timeout_outside_a_task_says_what_is_missing() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        call = a_call(LoopClock())
        errors: list[BaseException] = []

        def in_a_callback() -> None:
            coroutine: Any = AttemptTimeoutStage(2.0).wrap(lasting(1))(call)
            errors.append(outcome(lambda: coroutine.send(None)))

        loop.call_soon(in_a_callback)
        await asyncio.sleep(1)
        assert [str(e) for e in errors] == [
            "a timeout needs a task: start the call with asyncio.run()"
        ]

    run_virtual(main())


# Ports that keep the time themselves


def ending_at_the_attempts_deadline(call: Call) -> Any:
    error = AttemptTimeoutException("by the port")
    clock: Any = call.clock
    if call.attempt_deadline is not None:
        clock.now = call.attempt_deadline
    raise error


def test_a_port_that_keeps_the_attempt_timeout_is_left_alone(
    driver: Driver, clock: ManualClock
) -> None:
    call = a_call(clock)
    pipeline = stages(None, 2.0, port_bounds=True)
    error = outcome(lambda: driver.pipeline(pipeline, ending_at_the_attempts_deadline, call))
    assert str(error) == "by the port"
    assert clock.now == call.started + 2


def test_a_port_that_ends_at_the_deadline_has_exceeded_the_deadline(
    driver: Driver, clock: ManualClock
) -> None:
    call = a_call(clock, deadline=clock.now + 1)
    pipeline = assemble([AttemptTimeoutStage(2.0, port_bounds=True)])
    error = outcome(lambda: driver.pipeline(pipeline, ending_at_the_attempts_deadline, call))
    assert type(error) is DeadlineExceededException
    assert str(error.__cause__) == "by the port"


def test_a_port_that_ends_late_has_exceeded_the_deadline(
    driver: Driver, clock: ManualClock
) -> None:
    def late(call: Call) -> None:
        clock.now += 9
        raise AttemptTimeoutException

    call = a_call(clock, deadline=clock.now + 5)
    pipeline = assemble([AttemptTimeoutStage(2.0, port_bounds=True)])
    assert type(outcome(lambda: driver.pipeline(pipeline, late, call))) is DeadlineExceededException


def test_an_attempt_timeout_of_the_port_before_the_deadline_stays_one(
    driver: Driver, clock: ManualClock
) -> None:
    def early(call: Call) -> None:
        raise AttemptTimeoutException

    call = a_call(clock, deadline=clock.now + 5)
    pipeline = assemble([AttemptTimeoutStage(2.0, port_bounds=True)])
    assert type(outcome(lambda: driver.pipeline(pipeline, early, call))) is AttemptTimeoutException


def test_a_port_that_keeps_the_time_gets_no_timer_here() -> None:
    result, seconds, _, _ = run(lasting(100), None, 2.0, port_bounds=True)
    assert (result, seconds) == ("fine", 100.0)


def test_the_deadline_of_the_call_bounds_such_a_port_all_the_same() -> None:
    result, seconds, _, _ = run(lasting(100), 5.0, 2.0, port_bounds=True)
    assert type(result) is DeadlineExceededException
    assert seconds == 5.0


@pytest.mark.parametrize("stage", [TotalTimeoutStage, AttemptTimeoutStage])
def test_timeouts_have_to_be_longer_than_zero(stage: Any) -> None:
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ValueError, match=f"^{stage.__name__}: seconds must be"):
            stage(wrong)
    with pytest.raises(TypeError, match="seconds must be a number, not bool True"):
        stage(True)


def test_stages_describe_themselves() -> None:
    assert TotalTimeoutStage(5.0).describe() == "5 s, or the caller's deadline if that is nearer"
    assert AttemptTimeoutStage(None).describe() == "none of its own"
