from __future__ import annotations

import asyncio
import contextvars
import gc
from typing import Any

import pytest

from pyfly.resilience import BudgetEmpty, Call, History, Pipeline, RetryBudget, deadline
from pyfly.resilience.events import HedgeFailed, HedgeSent, HedgeSuppressed, HedgeWon
from pyfly.resilience.hedge.hedge import Hedge
from pyfly.resilience.hedge.stage import HedgeStage
from tests.resilience.hedge.runs import Attempts, alone, may, run_stage, seconds, timed
from tests.resilience.support import LoopClock, ManualClock, Scripted, a_call, run_virtual


def one_second(max_hedges: int = 1, **settings: Any) -> Hedge:
    return Hedge(seconds(1), max_hedges=max_hedges, clock=LoopClock(), **settings)


# Who wins


def test_an_attempt_that_answers_in_time_is_not_hedged() -> None:
    send, history = Attempts((0.9, "fine")), History()
    result, took, _ = run_stage(one_second, send, history)
    assert (result, took, send.seen) == ("fine", 0.9, [(1, 0)])
    assert history.events == []


def test_a_slow_attempt_is_hedged_and_the_faster_hedge_wins() -> None:
    send, history = Attempts((100, "slow"), (0.5, "fast")), History()
    result, took, call = run_stage(one_second, send, history)
    assert (result, took) == ("fast", 1.5)
    assert send.seen == [(1, 0), (1, 1)]
    assert send.cancelled == [0]
    sent, won = history.events
    assert sent == HedgeSent(call.operation, call.started + 1, 1, 1, 1.0)
    assert won == HedgeWon(call.operation, call.started + 1.5, 1, 1, 0.5)


def test_the_attempt_itself_may_still_win_against_its_hedge() -> None:
    send, history = Attempts((1.5, "first"), (100, "hedge")), History()
    result, took, _ = run_stage(one_second, send, history)
    assert (result, took, send.cancelled) == ("first", 1.5, [1])
    assert history.names() == ["HedgeSent"]


def test_of_two_answers_at_one_moment_the_attempts_own_is_taken() -> None:
    assert run_stage(one_second, Attempts((2, "first"), (1, "hedge")))[0] == "first"


def test_hedges_follow_each_other_at_the_delay_up_to_their_number() -> None:
    send = Attempts((10, "first"), (100, None), (100, None), (100, None))
    result, took, _ = run_stage(lambda: one_second(2), send)
    assert (result, took) == ("first", 10.0)
    assert [at - send.started[0] for at in send.started] == [0.0, 1.0, 2.0]
    assert send.cancelled == [1, 2]


def test_a_delay_of_zero_sends_all_at_once() -> None:
    send = Attempts((9, "first"), (5, "second"), (3, "third"))
    result, took, _ = run_stage(lambda: Hedge(seconds(0), max_hedges=2), send)
    assert (result, took, send.cancelled) == ("third", 3.0, [0, 1])


def test_each_attempt_has_its_own_copy_of_the_call() -> None:
    calls: list[Call] = []

    class Mine(Attempts):
        async def __call__(self, call: Call) -> Any:
            calls.append(call)
            call.payload = f"for {call.hedge}"
            call.attempt_deadline = 7.0
            return await super().__call__(call)

    _, _, call = run_stage(one_second, Mine((100, None), (1, "fast")))
    assert [each.payload for each in calls] == ["for 0", "for 1"]
    assert (call.payload, call.attempt_deadline, call.hedge) == ("payload", None, 0)
    assert [each.attempts_allowed for each in calls] == [2, 2], "together they weigh as one"
    assert call.attempts_allowed == 1


def test_attempts_see_the_context_of_the_caller() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    seen: list[str] = []

    async def send(call: Call) -> None:
        seen.append(variable.get())
        await asyncio.sleep(3)

    async def main() -> None:
        variable.set("set by the caller")
        await Pipeline([HedgeStage(one_second(), may)]).build(send)(a_call(LoopClock()))

    run_virtual(main())
    assert seen == ["set by the caller"] * 2


# Failures


def test_an_attempt_that_fails_while_it_is_alone_fails_at_once() -> None:
    error, send = OSError(), Attempts((0.5, OSError()))
    send.script = ((0.5, error),)
    result, took, _ = run_stage(one_second, send)
    assert (result, took, len(send.seen)) == (error, 0.5, 1)


def test_a_failed_hedge_leaves_the_attempt_alone() -> None:
    error = OSError()
    send, history = Attempts((5, "first"), (1, error)), History()
    result, took, call = run_stage(one_second, send, history)
    assert (result, took) == ("first", 5.0)
    assert history.events[1] == HedgeFailed(call.operation, call.started + 2, 1, 1, error, 1.0)


def test_a_failed_attempt_waits_for_its_hedge() -> None:
    result, took, _ = run_stage(one_second, Attempts((2, OSError()), (4, "hedge")))
    assert (result, took) == ("hedge", 5.0)


def test_the_next_hedge_is_sent_in_its_time_when_one_has_failed() -> None:
    send = Attempts((100, None), (0.5, OSError()), (1, "second"))
    result, took, _ = run_stage(lambda: one_second(2), send)
    assert (result, took) == ("second", 3.0)


def test_if_all_fail_the_attempts_own_exception_is_raised() -> None:
    first, second = OSError("first"), OSError("second")
    assert run_stage(one_second, Attempts((2, first), (4, second)))[0] is first
    assert run_stage(one_second, Attempts((4, first), (1, second)))[0] is first


@pytest.mark.parametrize("number", [0, 1])
def test_what_is_no_exception_ends_the_race_at_once(number: int) -> None:
    class Stop(BaseException):
        pass

    script: list[tuple[float, Any]] = [(100, None), (100, None)]
    script[number] = (2, Stop())
    send = Attempts(*script)

    async def main() -> None:
        handler = Pipeline([HedgeStage(one_second(), may)]).build(send)
        with pytest.raises(Stop):
            await handler(a_call(LoopClock()))
        assert alone()

    run_virtual(main())
    assert send.cancelled == [1 - number]


def test_an_attempt_that_is_cancelled_from_inside_ends_the_race() -> None:
    send = Attempts((2, asyncio.CancelledError()), (100, None))

    async def main() -> None:
        handler = Pipeline([HedgeStage(one_second(), may)]).build(send)
        with pytest.raises(asyncio.CancelledError):
            await handler(a_call(LoopClock()))
        assert alone()

    run_virtual(main())
    assert send.cancelled == [1]


# Who may be hedged


def run_plain(hedge: Hedge, call: Call, reason: str | None = None) -> int:
    """How often a call that takes 100 s is sent."""
    send = Attempts((100, "fine"))

    async def main() -> None:
        handler = Pipeline([HedgeStage(hedge, lambda call: reason)]).build(send)
        assert await handler(call) == "fine"

    run_virtual(main())
    return len(send.seen)


def test_only_what_may_be_sent_twice_is_hedged() -> None:
    clock = ManualClock()
    assert run_plain(one_second(), a_call(clock)) == 2
    assert run_plain(one_second(), a_call(clock), "a POST must not be sent twice") == 1
    assert run_plain(one_second(), a_call(clock, single_attempt="half-open")) == 1


def test_a_reason_that_an_attempt_finds_out_stops_its_hedges() -> None:
    class Streams(Attempts):
        async def __call__(self, call: Call) -> Any:
            call.single_attempt = "the body is a stream"
            return await super().__call__(call)

    send, history = Streams((5, "fine")), History()
    _, _, call = run_stage(one_second, send, history)
    assert len(send.seen) == 1
    assert [e.reason for e in history.of(HedgeSuppressed)] == ["the body is a stream"]
    assert call.single_attempt == "the body is a stream", "the retry has to know"


class Leave:
    probe = False

    def __init__(self, stands: bool) -> None:
        self.stands = stands


def test_no_hedge_is_sent_into_a_circuit_that_has_changed() -> None:
    send, history = Attempts((5, "fine")), History()
    run_stage(one_second, send, history, admission=Leave(False))
    assert len(send.seen) == 1
    assert history.of(HedgeSuppressed)[0].reason.startswith("the circuit has opened")
    run_stage(one_second, send := Attempts((5, "fine")), admission=Leave(True))
    assert len(send.seen) == 2


def test_hedges_take_tokens_and_none_is_sent_without() -> None:
    budget = RetryBudget(0.0, 1.0, 0.0, clock=ManualClock())
    hedge = one_second(budget=budget)
    send, history = Attempts((5, "fine")), History()
    run_stage(lambda: hedge, send, history)
    run_stage(lambda: hedge, send, history)
    assert len(send.seen) == 3
    assert history.names() == ["HedgeSent", "BudgetEmpty", "HedgeSuppressed"]
    assert history.of(HedgeSuppressed)[0].reason == "the retry budget is empty"
    assert history.of(BudgetEmpty)[0].operation == "Shop.product"


def test_calls_are_noted_in_the_budget_where_no_retry_stage_does() -> None:
    budget = RetryBudget(0.5, 10.0, 0.0, clock=ManualClock())
    for _ in range(4):
        budget.withdraw()
    hedge = one_second(budget=budget)
    run_stage(lambda: hedge, Attempts((0.1, "fine")))
    assert budget.tokens == 6.5
    run_stage(lambda: hedge, Attempts((0.1, "fine")), against_retry=lambda call, error: None)
    assert budget.tokens == 6.5


def test_no_hedge_is_sent_that_would_start_after_the_deadline() -> None:
    async def main() -> int:
        send = Attempts((3, "fine"))
        clock = LoopClock()
        handler = Pipeline([HedgeStage(one_second(3), may)]).build(send)
        with deadline(2.5, clock=clock):
            await handler(a_call(clock))
        with deadline(1, clock=clock):
            await handler(a_call(clock))
        return len(send.seen)

    assert run_virtual(main()) == 3 + 1


def test_a_hedge_whose_time_comes_after_the_deadline_is_not_sent() -> None:
    async def main() -> tuple[int, list[str]]:
        send, clock, history = Attempts((5, "fine")), LoopClock(), History(HedgeSuppressed)
        handler = Pipeline([HedgeStage(one_second(3), may)]).build(send)
        with deadline(2.5, clock=clock):
            await handler(a_call(clock, history))
        return len(send.seen), [event.reason for event in history.of(HedgeSuppressed)]

    assert run_virtual(main()) == (3, ["the deadline of the call has come"])


# The quantile


def test_the_delay_is_learnt_from_the_latest_attempts() -> None:
    async def main() -> list[Any]:
        hedge = Hedge(quantile=0.5, min_samples=3, clock=LoopClock())
        send = Attempts(*[(span, "fine") for span in (1, 2, 3)], (100, None), (1, "hedge"))
        handler = Pipeline([HedgeStage(hedge, may)]).build(send)
        told: list[Any] = [hedge.delay]
        for _ in range(4):
            told.append(await timed(handler(a_call(LoopClock()))))
        told.append(hedge.delay)
        return told

    # The hedge took 1 s; the attempt that was given up after 3 s counts as 3 s at least.
    assert run_virtual(main()) == [
        None,
        ("fine", 1.0),
        ("fine", 2.0),
        ("fine", 3.0),
        ("hedge", 3.0),
        2.0,
    ]


def test_a_fixed_delay_holds_until_there_are_enough_samples() -> None:
    async def main() -> tuple[float | None, float | None]:
        hedge = Hedge(seconds(9), 0.5, min_samples=1, clock=LoopClock())
        before = hedge.delay
        handler = Pipeline([HedgeStage(hedge, may)]).build(Attempts((2, "fine")))
        await handler(a_call(LoopClock()))
        return before, hedge.delay

    assert run_virtual(main()) == (9.0, 2.0)


def test_failures_teach_nothing() -> None:
    async def main() -> float | None:
        hedge = Hedge(quantile=0.5, min_samples=1, clock=LoopClock())
        handler = Pipeline([HedgeStage(hedge, may)]).build(Attempts((2, OSError())))
        with pytest.raises(OSError):  # noqa: PT011 - it has no text
            await handler(a_call(LoopClock()))
        return hedge.delay

    assert run_virtual(main()) is None


# Cancellation


async def cancelled_at(at: float, send: Attempts, hedge: Hedge) -> float:
    """Cancel a call; how long it then took to end."""
    loop = asyncio.get_running_loop()
    handler = Pipeline([HedgeStage(hedge, may)]).build(send)
    task = asyncio.ensure_future(handler(a_call(LoopClock())))
    await asyncio.sleep(at)
    task.cancel()
    started = loop.time()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert alone(), "a task was left"
    return loop.time() - started


@pytest.mark.parametrize(("at", "sent"), [(0, 0), (0.5, 1), (1.0, 1), (1.5, 2), (2.5, 3)])
def test_cancelling_the_caller_cancels_all_attempts(at: float, sent: int) -> None:
    send = Attempts((100, None))
    run_virtual(cancelled_at(at, send, one_second(2)))
    assert len(send.cancelled) == len(send.seen)
    assert len(send.seen) >= sent


def test_a_cancelled_caller_waits_until_its_attempts_have_ended() -> None:
    send = Attempts((100, None))
    send.cleanup = 5.0
    assert run_virtual(cancelled_at(1.5, send, one_second())) == 5.0


def test_a_caller_that_is_cancelled_again_passes_it_on() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        send = Attempts((100, None))
        send.cleanup = 50.0
        handler = Pipeline([HedgeStage(one_second(), may)]).build(send)
        task = asyncio.ensure_future(handler(a_call(LoopClock())))
        await asyncio.sleep(1.5)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(1)
        assert task.cancelled()
        assert alone()
        return loop.time()

    assert run_virtual(main()) == 1_003.5


# Losers


@pytest.mark.survives(
    "Retries, breakers and time", "the loser of a hedge is slow to end", "the answer is not held up"
)
def test_a_slow_loser_does_not_hold_up_the_answer_and_is_waited_for_by_drain() -> None:
    async def main() -> tuple[Any, float, bool, bool]:
        hedge = one_second()
        send = Attempts((100, None), (1, "fast"))
        send.cleanup = 30.0
        handler = Pipeline([HedgeStage(hedge, may)]).build(send)
        result, took = await timed(handler(a_call(LoopClock())))
        before = alone()
        await hedge.drain()
        await hedge.drain()
        return result, took, before, alone()

    assert run_virtual(main()) == ("fast", 2.1, False, True)


def test_a_loser_whose_cleanup_fails_is_not_reported_as_an_exception_nobody_saw() -> None:
    complaints: list[Any] = []

    class Rude(Attempts):
        async def __call__(self, call: Call) -> Any:
            try:
                return await super().__call__(call)
            except asyncio.CancelledError:
                raise OSError("while closing") from None

    async def main() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
        handler = Pipeline([HedgeStage(one_second(), may)]).build(Rude((100, None), (1, "fast")))
        result = await handler(a_call(LoopClock()))
        gc.collect()
        assert alone()
        return result

    assert run_virtual(main()) == "fast"
    assert complaints == []


def test_cancelling_the_caller_while_a_loser_ends_is_not_swallowed() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        send = Attempts((100, None), (1, "fast"))
        send.cleanup = 0.08
        handler = Pipeline([HedgeStage(one_second(), may)]).build(send)
        task = asyncio.ensure_future(handler(a_call(LoopClock())))
        await asyncio.sleep(2.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert alone()
        return round(loop.time() - 1_000, 6)

    assert run_virtual(main()) == 2.05  # the second cancellation cuts the cleanup short


@pytest.mark.parametrize("at", [0.5, 1.5, 2.05])
def test_a_caller_that_is_closed_cancels_its_attempts(at: float) -> None:
    async def main() -> bool:
        hedge = one_second()
        send = Attempts((100, None), (1, "fast"))
        send.cleanup = 5.0
        coroutine: Any = Pipeline([HedgeStage(hedge, may)]).build(send)(a_call(LoopClock()))
        started = asyncio.get_running_loop().time()
        pending: list[Any] = []
        while asyncio.get_running_loop().time() < started + at:
            if not pending or pending[-1].done():
                pending.append(coroutine.send(None))
                pending[-1]._asyncio_future_blocking = False
            await asyncio.sleep(0.05)
        coroutine.close()
        await hedge.drain()
        return alone()

    assert run_virtual(main())


def test_a_cancelled_caller_that_is_closed_while_it_waits_leaves_its_attempts_to_drain() -> None:
    async def main() -> bool:
        hedge, send = one_second(), Attempts((100, None))
        send.cleanup = 5.0
        coroutine: Any = Pipeline([HedgeStage(hedge, may)]).build(send)(a_call(LoopClock()))
        coroutine.send(None)._asyncio_future_blocking = False
        await asyncio.sleep(0)
        coroutine.throw(asyncio.CancelledError())._asyncio_future_blocking = False
        await asyncio.sleep(1)
        coroutine.close()
        await hedge.drain()
        return alone()

    assert run_virtual(main())


# Where it cannot be


def test_a_synchronous_pipeline_refuses_it_when_it_is_built() -> None:
    with pytest.raises(TypeError, match="a synchronous pipeline cannot hedge"):
        Pipeline([HedgeStage(one_second(), may)]).build_sync(Scripted("fine"))


def test_may_hedge_has_to_be_a_function() -> None:
    with pytest.raises(TypeError, match="may_hedge must be a function from a call to None"):
        HedgeStage(one_second(), True)  # type: ignore[arg-type] # that is the point


def test_its_settings_are_told_by_the_pipeline() -> None:
    assert Pipeline([HedgeStage(one_second(), may)]).explain() == (
        "hedge: 1 hedge, 1 s after the attempt"
    )
