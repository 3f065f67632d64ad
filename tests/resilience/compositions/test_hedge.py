"""Hedging together with deadline, timeouts, retry, circuit breaker and bulkhead."""

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
    DeadlineExceeded,
    History,
    RetryBudget,
    RetryPolicy,
    RetryStage,
    Stage,
    TotalTimeoutStage,
    assemble,
    deadline,
)
from pyfly.resilience.bulkhead.bulkhead import Bulkhead
from pyfly.resilience.bulkhead.stage import BulkheadStage
from pyfly.resilience.events import HedgeSent
from pyfly.resilience.hedge.hedge import Hedge
from pyfly.resilience.hedge.stage import HedgeStage
from tests.resilience.hedge.runs import Attempts, alone, may, seconds, timed
from tests.resilience.support import LoopClock, a_call, run_virtual


def hedging(max_hedges: int = 1, **settings: Any) -> HedgeStage:
    return HedgeStage(Hedge(seconds(1), max_hedges=max_hedges, clock=LoopClock(), **settings), may)


def retrying(attempts: int = 3, **settings: Any) -> RetryStage:
    return RetryStage(RetryPolicy(attempts, timedelta(seconds=1)), **settings)


def protected(breaker: CircuitBreaker) -> CircuitBreakerStage:
    return CircuitBreakerStage(breaker, lambda error: True)


def run(
    stages: list[Stage], send: Attempts, history: History | None = None
) -> tuple[Any, float, Call]:
    async def main() -> tuple[Any, float, Call]:
        call = a_call(LoopClock(), history)
        result, took = await timed(assemble(stages).build(send)(call))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0, "a cancellation leaked"
        assert alone(), "a task was left"
        await asyncio.sleep(0)
        return result, took, call

    return run_virtual(main())


# The deadline


def test_a_race_ends_at_the_deadline_and_every_attempt_is_judged() -> None:
    breaker = CircuitBreaker(1, clock=LoopClock())
    send, history = Attempts((100, None)), History(DeadlineExceeded)
    stages: list[Stage] = [
        TotalTimeoutStage(3.0),
        protected(breaker),
        hedging(),
        AttemptTimeoutStage(None),
    ]
    result, took, _ = run(stages, send, history)
    assert type(result) is DeadlineExceededException
    assert str(result).startswith("Shop.product: not done within 3 s, its total timeout")
    assert (took, sorted(send.cancelled)) == (3.0, [0, 1])
    assert len(history) == 2, "each of the two attempts ran into it"
    assert breaker.rules.state is CircuitState.OPEN, "two halves of a failure"


@pytest.mark.parametrize("attempt_timeout", [True, False])
@pytest.mark.parametrize("own_deadline", [True, False])
def test_a_race_at_the_deadline_raises_the_same_error_in_any_pipeline(
    attempt_timeout: bool, own_deadline: bool
) -> None:
    stages: list[Stage] = [TotalTimeoutStage(2.5 if own_deadline else None), hedging(2)]
    if attempt_timeout:
        stages.append(AttemptTimeoutStage(None))
    send, history = Attempts((100, None)), History(DeadlineExceeded)

    async def main() -> tuple[Any, float]:
        clock = LoopClock()
        with deadline(2.5 if not own_deadline else 50, clock=clock):
            answer = await timed(assemble(stages).build(send)(a_call(clock, history)))
        assert alone()
        return answer

    result, took = run_virtual(main())
    assert type(result) is DeadlineExceededException
    assert result.context == {"deadline_source": "total timeout" if own_deadline else "caller"}
    assert result.timeout == pytest.approx(2.5)
    whose = "its total timeout" if own_deadline else "the caller's deadline"
    assert str(result).startswith(f"Shop.product: not done within 2.5 s, {whose} (")
    assert (took, len(send.cancelled)) == (2.5, 3)
    assert history.events


def test_a_deadline_that_comes_while_a_loser_ends_does_not_take_the_answer() -> None:
    async def main() -> tuple[Any, float]:
        send = Attempts((100, None), (1, "fast"))
        send.cleanup = 0.08
        stage = hedging()
        handler = assemble([TotalTimeoutStage(2.05), stage, AttemptTimeoutStage(None)]).build(send)
        answer = await timed(handler(a_call(LoopClock())))
        await stage.hedge.drain()
        assert alone()
        return answer

    assert run_virtual(main()) == ("fast", 2.05)


def test_an_answer_that_an_attempt_gives_in_spite_of_the_deadline_is_taken() -> None:
    class Stubborn(Attempts):
        async def __call__(self, call: Call) -> Any:
            try:
                return await super().__call__(call)
            except asyncio.CancelledError:
                return "in hand"

    assert run([TotalTimeoutStage(2.0), hedging()], Stubborn((100, None)))[0] == "in hand"


def test_a_caller_that_is_cancelled_after_the_deadline_is_cancelled() -> None:
    async def main() -> float:
        send = Attempts((100, None))
        send.cleanup = 50.0
        handler = assemble([TotalTimeoutStage(2.0), hedging()]).build(send)
        task = asyncio.ensure_future(handler(a_call(LoopClock())))
        await asyncio.sleep(3.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert alone()
        return asyncio.get_running_loop().time() - 1_000

    assert run_virtual(main()) == 3.0


def test_a_cancelled_caller_with_a_deadline_ahead_is_cancelled() -> None:
    async def main() -> None:
        handler = assemble([TotalTimeoutStage(9.0), hedging(), AttemptTimeoutStage(None)])
        task = asyncio.ensure_future(handler.build(Attempts((100, None)))(a_call(LoopClock())))
        await asyncio.sleep(1.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert alone()

    run_virtual(main())


def test_no_hedge_is_sent_when_the_deadline_is_nearer_than_its_delay() -> None:
    send = Attempts((0.7, "fine"))
    result, _, _ = run([TotalTimeoutStage(0.9), hedging(), AttemptTimeoutStage(None)], send)
    assert (result, len(send.seen)) == ("fine", 1)


# The attempt timeout


def test_each_attempt_in_a_race_has_the_whole_attempt_timeout() -> None:
    send = Attempts((100, None), (2.5, "hedge"))
    result, took, _ = run([retrying(), hedging(), AttemptTimeoutStage(3.0)], send)
    assert (result, took) == ("hedge", 3.5)


def test_an_attempt_that_times_out_leaves_its_hedge_time() -> None:
    send = Attempts((100, None))
    result, took, _ = run([retrying(1), hedging(), AttemptTimeoutStage(3.0)], send)
    assert type(result) is AttemptTimeoutException
    assert (took, send.cancelled) == (4.0, [0, 1])


# The retry


def test_each_attempt_of_a_retry_may_be_hedged() -> None:
    send = Attempts((2, OSError("a")), (2, OSError("b")), (100, None), (1, "fine"))
    history = History()
    result, took, call = run([retrying(2), hedging(), AttemptTimeoutStage(None)], send, history)
    assert send.seen == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert (result, took) == ("fine", 3 + 1 + 2)
    assert history.names() == [
        "AttemptStarted",
        "HedgeSent",
        "HedgeFailed",
        "AttemptFailed",
        "RetryScheduled",
        "AttemptStarted",
        "HedgeSent",
        "HedgeWon",
        "AttemptSucceeded",
    ]
    assert [(r.number, str(r.error)) for r in call.history] == [(1, "a"), (2, "None")]


def test_hedges_do_not_count_among_the_attempts_of_a_retry() -> None:
    send = Attempts((2, OSError()))
    result, _, call = run([retrying(3), hedging(), AttemptTimeoutStage(None)], send)
    assert isinstance(result, OSError)
    assert (len(send.seen), call.attempt) == (6, 3)


def test_an_attempt_that_fails_before_its_hedge_is_left_to_the_retry() -> None:
    send = Attempts((0.5, OSError()), (0.5, "fine"))
    result, took, _ = run([retrying(), hedging(), AttemptTimeoutStage(None)], send)
    assert (result, took, send.seen) == ("fine", 2.0, [(1, 0), (2, 0)])


def test_retries_and_hedges_share_one_budget() -> None:
    async def main() -> int:
        clock = LoopClock()
        budget = RetryBudget(0.0, 2.0, 0.0, clock=clock)
        stages: list[Stage] = [
            retrying(9, budget=budget),
            hedging(budget=budget),
            AttemptTimeoutStage(None),
        ]
        send = Attempts((2, OSError()))
        await timed(assemble(stages).build(send)(a_call(clock)))
        return len(send.seen)

    # One token went to the first hedge, one to the first retry, and none was left.
    assert run_virtual(main()) == 3


# The circuit breaker


def test_a_hedged_attempt_weighs_as_much_as_any_other() -> None:
    async def main() -> list[CircuitState]:
        breaker = CircuitBreaker(2, clock=LoopClock())
        stages: list[Stage] = [
            protected(breaker),
            retrying(1),
            hedging(),
            AttemptTimeoutStage(None),
        ]
        states = []
        for _ in range(2):
            await timed(assemble(stages).build(Attempts((2, OSError())))(a_call(LoopClock())))
            states.append(breaker.state)
        return states

    assert run_virtual(main()) == [CircuitState.CLOSED, CircuitState.OPEN]


def test_a_success_of_the_hedge_resets_what_its_attempt_counted() -> None:
    async def main() -> int:
        breaker = CircuitBreaker(9, clock=LoopClock())
        stages: list[Stage] = [
            protected(breaker),
            retrying(1),
            hedging(),
            AttemptTimeoutStage(None),
        ]
        send = Attempts((2, OSError()), (5, "fine"))
        assert await assemble(stages).build(send)(a_call(LoopClock())) == "fine"
        return breaker.rules.fails

    assert run_virtual(main()) == 0


def test_a_call_in_a_half_open_circuit_is_never_hedged() -> None:
    async def main() -> tuple[int, CircuitState]:
        breaker = CircuitBreaker(1, timedelta(seconds=1), clock=LoopClock())
        breaker.failed(breaker.admit(), OSError())
        await asyncio.sleep(1)
        send = Attempts((9, "fine"))
        stages: list[Stage] = [protected(breaker), retrying(), hedging(), AttemptTimeoutStage(None)]
        assert await assemble(stages).build(send)(a_call(LoopClock())) == "fine"
        return len(send.seen), breaker.state

    assert run_virtual(main()) == (1, CircuitState.CLOSED)


def test_a_circuit_that_opens_during_an_attempt_gets_no_hedge_and_no_retry() -> None:
    async def main() -> int:
        breaker = CircuitBreaker(1, clock=LoopClock())
        send = Attempts((5, OSError()))
        stages: list[Stage] = [protected(breaker), retrying(), hedging(), AttemptTimeoutStage(None)]
        task = asyncio.ensure_future(assemble(stages).build(send)(a_call(LoopClock())))
        await asyncio.sleep(0.5)
        breaker.failed(breaker.admit(), OSError())
        with pytest.raises(OSError):  # noqa: PT011 - it has no text
            await task
        return len(send.seen)

    assert run_virtual(main()) == 1


def test_losers_say_nothing_to_the_circuit_breaker() -> None:
    async def main() -> int:
        breaker = CircuitBreaker(1, clock=LoopClock())
        stages: list[Stage] = [
            protected(breaker),
            retrying(),
            hedging(3),
            AttemptTimeoutStage(None),
        ]
        send = Attempts((100, None), (100, None), (100, None), (0.5, "fast"))
        assert await assemble(stages).build(send)(a_call(LoopClock())) == "fast"
        assert alone()
        return breaker.rules.fails

    assert run_virtual(main()) == 0


# The bulkhead


def test_a_hedge_that_finds_no_permit_leaves_its_attempt_alone() -> None:
    history = History(HedgeSent)
    bulkhead = Bulkhead(1)
    send = Attempts((5, "fine"))
    stages: list[Stage] = [
        retrying(),
        hedging(),
        BulkheadStage(bulkhead),
        AttemptTimeoutStage(None),
    ]
    result, took, _ = run(stages, send, history)
    assert (result, took, len(send.seen), len(history)) == ("fine", 5.0, 1, 1)


def test_losers_give_their_permits_back() -> None:
    bulkhead = Bulkhead(2, 9)
    send = Attempts((100, None), (1, "fast"))
    stages: list[Stage] = [
        retrying(),
        hedging(3),
        BulkheadStage(bulkhead),
        AttemptTimeoutStage(None),
    ]
    assert run(stages, send)[0] == "fast"
    snapshot = bulkhead.snapshot()
    assert (snapshot.running, snapshot.waiting) == (0, 0)
    assert snapshot.acquired == snapshot.released
