"""Shared calls on an event loop."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import traceback
from collections.abc import Awaitable
from typing import Any

import pytest

from pyfly.kernel.exceptions import DeadlineExceededException
from pyfly.resilience import Call, DeadlineExceeded, Event, History, Pipeline, deadline, detached
from pyfly.resilience.deadlines import deadline_on
from pyfly.resilience.single_flight.single_flight import SingleFlight
from pyfly.resilience.single_flight.stage import SingleFlightStage
from pyfly.resilience.single_flight.table import FlightJoined
from tests.resilience.support import LoopClock, VirtualLoop, a_call, run_virtual


class Service:
    """Takes its time, then raises or returns what it was made with."""

    def __init__(self, seconds: float = 1.0, result: Any = None) -> None:
        self.seconds = seconds
        self.result = result
        self.calls = 0
        self.cancelled = 0
        self.cleanup = 0.0

    async def fetch(self, what: str = "page") -> Any:
        self.calls += 1
        number = self.calls
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            await asyncio.sleep(self.cleanup)
            raise
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result or f"{what} {number}"


def flights() -> SingleFlight:
    return SingleFlight(clock=LoopClock())


def alone() -> bool:
    return asyncio.all_tasks() == {asyncio.current_task()}


def start(awaitable: Awaitable[Any]) -> asyncio.Future[Any]:
    return asyncio.ensure_future(awaitable)


# Sharing


def test_calls_with_one_key_at_one_time_share_one_call() -> None:
    async def main() -> tuple[list[Any], int, int]:
        single, service = flights(), Service()
        results = await asyncio.gather(*(single.call("a", service.fetch) for _ in range(50)))
        assert alone()
        return results, service.calls, len(single)

    assert run_virtual(main()) == (["page 1"] * 50, 1, 0)


def test_a_call_that_comes_later_joins_the_one_under_way() -> None:
    async def main() -> tuple[Any, Any, int]:
        single, service = flights(), Service()
        first = start(single.call("a", service.fetch))
        await asyncio.sleep(0.9)
        second = await single.call("a", service.fetch)
        return await first, second, service.calls

    assert run_virtual(main()) == ("page 1", "page 1", 1)


def test_nothing_is_kept_after_the_call() -> None:
    async def main() -> list[Any]:
        single, service = flights(), Service()
        return [await single.call("a", service.fetch) for _ in range(3)]

    assert run_virtual(main()) == ["page 1", "page 2", "page 3"]


def test_other_keys_and_no_key_share_nothing() -> None:
    async def main() -> list[Any]:
        single, service = flights(), Service()
        keys: list[Any] = ["a", "b", ("a", 1), None, None]
        return await asyncio.gather(*(single.call(key, service.fetch) for key in keys))

    assert sorted(run_virtual(main())) == [f"page {number}" for number in range(1, 6)]


def test_two_event_loops_share_nothing() -> None:
    single, calls = SingleFlight(), []
    barrier = threading.Barrier(2, timeout=10)

    async def fetch() -> str:
        calls.append(1)
        await asyncio.to_thread(barrier.wait)  # both loops are in here at once
        return "page"

    def run() -> None:
        assert asyncio.run(single.call("a", fetch)) == "page"

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 2
    assert len(single) == 0


def test_a_call_that_asks_for_its_own_key_is_made_as_if_alone() -> None:
    async def main() -> Any:
        single = flights()

        async def fetch(depth: int) -> str:
            await asyncio.sleep(1)
            if not depth:
                return "bottom"
            inner = await asyncio.gather(*(single.call("a", fetch, depth - 1) for _ in range(2)))
            return f"over {inner[0]}"

        return await asyncio.gather(single.call("a", fetch, 2), single.call("a", fetch, 9))

    assert run_virtual(main()) == ["over over bottom"] * 2


def test_a_key_of_another_flight_may_be_asked_for_inside_one() -> None:
    async def main() -> Any:
        single, service = flights(), Service()

        async def fetch() -> Any:
            return await single.call("b", service.fetch)

        return await asyncio.gather(single.call("a", fetch), single.call("b", service.fetch))

    assert run_virtual(main()) == ["page 1", "page 1"]


def test_joining_is_told() -> None:
    history = History()

    async def main() -> None:
        single = SingleFlight(clock=LoopClock(), listeners=[history])
        await asyncio.gather(*(single.call("a", Service().fetch) for _ in range(3)))

    run_virtual(main())
    assert [type(event) for event in history] == [FlightJoined, FlightJoined]


def test_a_listener_that_raises_harms_nobody() -> None:
    def broken(event: Event) -> None:
        raise RuntimeError

    async def main() -> Any:
        single = SingleFlight(clock=LoopClock(), listeners=[broken])
        return await asyncio.gather(*(single.call("a", Service().fetch) for _ in range(2)))

    assert run_virtual(main()) == ["page 1"] * 2


# Exceptions


def test_each_caller_gets_an_exception_of_its_own() -> None:
    async def main() -> list[Any]:
        single, service = flights(), Service(1, ValueError("bad"))
        return await asyncio.gather(
            *(single.call("a", service.fetch) for _ in range(3)), return_exceptions=True
        )

    errors = run_virtual(main())
    assert [str(error) for error in errors] == ["bad"] * 3
    assert len({id(error) for error in errors}) == 3
    lengths = {len(traceback.extract_tb(error.__traceback__)) for error in errors}
    assert len(lengths) == 1, "no traceback grows"
    assert "fetch" in {frame.name for frame in traceback.extract_tb(errors[2].__traceback__)}


def test_a_caller_who_was_alone_gets_the_exception_itself() -> None:
    async def main() -> bool:
        error = ValueError()
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - it has no text
            await flights().call("a", Service(1, error).fetch)
        return caught.value is error

    assert run_virtual(main())


def test_an_exception_that_nobody_waits_for_any_more_is_not_reported() -> None:
    complaints: list[Any] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))

        async def rude() -> None:
            try:
                await asyncio.sleep(9)
            except asyncio.CancelledError:
                raise OSError from None

        task = start(flights().call("a", rude))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        gc.collect()
        assert alone()

    run_virtual(main())
    assert complaints == []


def test_a_flight_that_is_cancelled_from_inside_cancels_who_waits() -> None:
    async def main() -> list[Any]:
        single, service = flights(), Service(1, asyncio.CancelledError())
        tasks = [start(single.call("a", service.fetch)) for _ in range(2)]
        await asyncio.wait(tasks)
        return [task.cancelled() for task in tasks]

    assert run_virtual(main()) == [True, True]


# Cancellation


@pytest.mark.parametrize("who", [0, 1, 2])
@pytest.mark.parametrize("at", [0.0, 0.5])
def test_cancelling_one_caller_leaves_the_others_alone(who: int, at: float) -> None:
    async def main() -> tuple[list[Any], int]:
        single, service = flights(), Service()
        tasks = [start(single.call("a", service.fetch)) for _ in range(3)]
        await asyncio.sleep(at)
        tasks[who].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert alone()
        assert type(results.pop(who)) is asyncio.CancelledError
        return results, service.calls + len(single)

    assert run_virtual(main()) == (["page 1"] * 2, 1)


@pytest.mark.parametrize("at", [0.0, 0.5])
def test_the_last_caller_who_leaves_cancels_the_call(at: float) -> None:
    async def main() -> tuple[int, int, int]:
        single, service = flights(), Service()
        tasks = [start(single.call("a", service.fetch)) for _ in range(3)]
        await asyncio.sleep(at)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} == {asyncio.CancelledError}
        assert alone()
        return service.calls, service.cancelled, len(single)

    calls, cancelled, left = run_virtual(main())
    assert calls == cancelled
    assert left == 0


def test_the_last_caller_waits_for_the_end_of_the_call() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        single, service = flights(), Service(100)
        service.cleanup = 5.0
        task = start(single.call("a", service.fetch))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert alone()
        return loop.time() - 1_000

    assert run_virtual(main()) == 6.0


def test_a_caller_who_is_cancelled_again_passes_it_on() -> None:
    async def main() -> float:
        single, service = flights(), Service(100)
        service.cleanup = 50.0
        task = start(single.call("a", service.fetch))
        for _ in range(2):
            await asyncio.sleep(1)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert alone()
        return asyncio.get_running_loop().time() - 1_000

    assert run_virtual(main()) == 2.0


def test_a_call_that_is_given_up_is_not_joined_any_more() -> None:
    async def main() -> tuple[Any, int]:
        single, service = flights(), Service(10)
        service.cleanup = 5.0
        task = start(single.call("a", service.fetch))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.sleep(1)
        assert not task.done()
        result = await single.call("a", service.fetch)
        assert len(single) == 0
        return result, service.calls

    assert run_virtual(main()) == ("page 2", 2)


def test_a_caller_that_is_closed_leaves_and_the_last_one_cancels_the_call() -> None:
    async def main() -> tuple[int, int, int]:
        single, service = flights(), Service(10)
        coroutines: list[Any] = [single.call("a", service.fetch) for _ in range(2)]
        for coroutine in coroutines:
            coroutine.send(None)._asyncio_future_blocking = False
        await asyncio.sleep(1)
        coroutines[0].close()
        await asyncio.sleep(1)
        before = service.cancelled
        coroutines[1].close()
        await asyncio.sleep(1)
        assert alone()
        return before, service.cancelled, len(single)

    assert run_virtual(main()) == (0, 1, 0)


def test_a_loop_that_is_closed_under_its_calls_leaves_no_key() -> None:
    single, service = SingleFlight(clock=LoopClock()), Service(100)
    loop = VirtualLoop()

    async def main() -> None:
        task = start(single.call("a", service.fetch))
        await asyncio.sleep(1)
        assert len(single) == 1
        task._log_destroy_pending = False  # type: ignore[attr-defined] # asyncio's own complaint
        for other in asyncio.all_tasks():
            other._log_destroy_pending = False  # type: ignore[attr-defined] # the same

    loop.run_until_complete(main())
    loop.close()
    del loop
    gc.collect()
    assert len(single) == 0
    assert run_virtual(single.call("a", Service().fetch)) == "page 1"


# Deadlines and contexts


def test_a_caller_who_is_out_of_time_leaves_the_others_alone() -> None:
    history = History(DeadlineExceeded)

    async def main() -> tuple[Any, Any, float, int]:
        clock = LoopClock()
        single, service = SingleFlight(clock=clock, listeners=[history]), Service(5)

        async def hasty() -> Any:
            with deadline(2, clock=clock):
                return await single.call("a", service.fetch)

        hurried, patient = start(hasty()), start(single.call("a", service.fetch))
        await asyncio.wait([hurried])
        return hurried.exception(), await patient, clock.monotonic(), service.calls

    error, result, now, calls = run_virtual(main())
    assert type(error) is DeadlineExceededException
    assert str(error) == (
        "Service.fetch: not done within 2 s, the caller's deadline (while it waited for an answer "
        "that calls with its key share)"
    )
    assert (result, now, calls) == ("page 1", 505.0, 1)
    assert len(history) == 1


def test_the_last_caller_who_is_out_of_time_cancels_the_call() -> None:
    async def main() -> tuple[int, float, int]:
        clock = LoopClock()
        single, service = SingleFlight(clock=clock), Service(50)
        with deadline(2, clock=clock), pytest.raises(DeadlineExceededException):
            await single.call("a", service.fetch)
        assert alone()
        return service.cancelled, clock.monotonic(), len(single)

    assert run_virtual(main()) == (1, 502.0, 0)


def test_who_comes_too_late_starts_nothing() -> None:
    async def main() -> int:
        clock, service = LoopClock(), Service()
        with deadline(0, clock=clock), pytest.raises(DeadlineExceededException):
            await SingleFlight(clock=clock).call("a", service.fetch)
        return service.calls

    assert run_virtual(main()) == 0


def test_the_call_itself_is_free_of_the_first_callers_deadline_but_has_its_context() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    seen: list[Any] = []

    async def main() -> None:
        clock = LoopClock()

        async def fetch() -> None:
            seen.extend([variable.get(), deadline_on(clock)])

        variable.set("set by the first")
        with deadline(2, clock=clock):
            await SingleFlight(clock=clock).call("a", fetch)
            assert deadline_on(clock) is not None

    run_virtual(main())
    assert seen == ["set by the first", None]


# Misuse


def test_misuse_is_an_error_that_says_what_to_write() -> None:
    single, service = flights(), Service()
    coroutine: Any = service.fetch()
    with pytest.raises(TypeError, match="takes a function and its arguments, not the coroutine"):
        run_virtual(single.call("a", coroutine))
    with pytest.raises(TypeError, match=r"<lambda> returned int: make it `async def`, or use Sin"):
        run_virtual(single.call("a", lambda: 1))  # type: ignore[arg-type, return-value] # the point
    with pytest.raises(TypeError, match=r"key must be hashable, or None .* and is a list: build a"):
        run_virtual(single.call([], service.fetch))  # type: ignore[arg-type] # that is the point
    with pytest.raises(TypeError, match="SingleFlight: clock must have the methods"):
        SingleFlight(clock=3)  # type: ignore[arg-type] # that is the point
    assert service.calls == 0


def test_it_is_true_though_nothing_is_under_way() -> None:
    assert SingleFlight()
    assert repr(SingleFlight()) == "<SingleFlight 0 under way>"


# As a stage


def a_stage(single: SingleFlight, key: Any = lambda call: call.payload) -> Pipeline:
    return Pipeline([SingleFlightStage(single, key)])


def test_as_a_stage_it_shares_what_is_inside_and_what_it_went_through() -> None:
    async def main() -> tuple[list[Any], list[Call]]:
        async def send(call: Call) -> str:
            call.attempt = 3
            await asyncio.sleep(1)
            return f"for {call.payload}"

        handler = a_stage(flights()).build(send)
        calls = [a_call(LoopClock()) for _ in range(2)]
        return await asyncio.gather(*(handler(call) for call in calls)), calls

    results, calls = run_virtual(main())
    assert results == ["for payload"] * 2
    assert [call.attempt for call in calls] == [3, 3]


def test_as_a_stage_each_call_waits_no_longer_than_its_own_deadline() -> None:
    async def main() -> list[Any]:
        ends: list[Any] = []

        async def send(call: Call) -> str:
            ends.append(call.deadline)
            await asyncio.sleep(5)
            return "fine"

        clock = LoopClock()
        handler = a_stage(flights()).build(send)
        calls = [a_call(clock, deadline=clock.monotonic() + span) for span in (2, 9)]
        results = await asyncio.gather(*(handler(call) for call in calls), return_exceptions=True)
        return [*ends, *results]

    end, hasty, patient = run_virtual(main())
    assert (end, patient) == (None, "fine")
    assert type(hasty) is DeadlineExceededException


def test_as_a_stage_it_leaves_calls_without_a_key_alone() -> None:
    async def main() -> list[Any]:
        async def send(call: Call) -> Call:
            await asyncio.sleep(1)
            return call

        handler = a_stage(flights(), lambda call: None).build(send)
        calls = [a_call(LoopClock()) for _ in range(2)]
        with detached():
            results = await asyncio.gather(*(handler(call) for call in calls))
        return [result is call for result, call in zip(results, calls, strict=True)]

    assert run_virtual(main()) == [True, True]


def test_a_stage_says_what_is_wrong_with_its_key() -> None:
    with pytest.raises(TypeError, match="key must be a function from a call to a hashable"):
        a_stage(flights(), "a")

    async def send(call: Call) -> None:
        raise AssertionError

    handler = a_stage(flights(), lambda call: [call.payload]).build(send)

    async def main() -> None:
        await handler(a_call(LoopClock()))

    with pytest.raises(TypeError, match="single-flight: the key must be hashable"):
        run_virtual(main())


def test_the_pipeline_tells_what_it_does() -> None:
    assert a_stage(flights()).explain() == (
        "single-flight: calls with the same key share one call while it is under way"
    )
