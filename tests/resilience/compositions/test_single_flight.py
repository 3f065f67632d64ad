"""Single flight outside of deadline, circuit breaker, retry and hedge."""

from __future__ import annotations

import asyncio
from datetime import timedelta
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
    RetryPolicy,
    RetryStage,
    Stage,
    TotalTimeoutStage,
    assemble,
    deadline,
)
from pyfly.resilience.fallback.fallback import Fallback
from pyfly.resilience.fallback.stage import FallbackStage
from pyfly.resilience.hedge.hedge import Hedge
from pyfly.resilience.hedge.stage import HedgeStage
from pyfly.resilience.single_flight.single_flight import SingleFlight
from pyfly.resilience.single_flight.stage import SingleFlightStage
from tests.resilience.hedge.runs import Attempts, alone
from tests.resilience.support import LoopClock, a_call, run_virtual


def sharing() -> SingleFlightStage:
    return SingleFlightStage(SingleFlight(clock=LoopClock()), lambda call: call.payload)


def everything(
    breaker: CircuitBreaker, *, total: float | None = None, attempt: float | None = None
) -> list[Stage]:
    return [
        sharing(),
        TotalTimeoutStage(total),
        CircuitBreakerStage(breaker, lambda error: True),
        RetryStage(RetryPolicy(3, timedelta(seconds=1))),
        AttemptTimeoutStage(attempt),
    ]


@pytest.mark.survives(
    "Many callers at once",
    "the caller who leads a shared call is out of time",
    "the others get their answer",
)
def test_an_expired_leader_does_not_fail_the_followers() -> None:
    async def main() -> tuple[Any, Any, int, CircuitState]:
        clock, send = LoopClock(), Attempts((5, "fine"))
        breaker = CircuitBreaker(1, clock=clock)
        handler = assemble(everything(breaker, total=30.0)).build(send)

        async def leader() -> Any:
            with deadline(2, clock=clock):
                return await handler(a_call(clock))

        first = asyncio.ensure_future(leader())
        await asyncio.sleep(1)
        second = asyncio.ensure_future(handler(a_call(clock)))
        await asyncio.wait([first, second])
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return first.exception(), second.result(), len(send.seen), breaker.state

    error, result, sent, state = run_virtual(main())
    assert type(error) is DeadlineExceededException
    assert (result, sent, state) == ("fine", 1, CircuitState.CLOSED)


@pytest.mark.survives(
    "Many callers at once",
    "the caller who leads a shared call is cancelled",
    "the others get their answer",
)
def test_a_cancelled_leader_does_not_fail_the_followers() -> None:
    async def main() -> tuple[bool, Any, int]:
        clock, send = LoopClock(), Attempts((2, OSError()), (5, "fine"))
        handler = assemble(everything(CircuitBreaker(9, clock=clock))).build(send)
        first, second = (asyncio.ensure_future(handler(a_call(clock))) for _ in range(2))
        await asyncio.sleep(2.5)  # in the pause before the second attempt
        first.cancel()
        await asyncio.wait([first, second])
        assert alone()
        return first.cancelled(), second.result(), len(send.seen)

    assert run_virtual(main()) == (True, "fine", 2)


def test_when_all_have_left_a_shared_call_gives_everything_back() -> None:
    async def main() -> tuple[CircuitState, int]:
        clock = LoopClock()
        breaker = CircuitBreaker(1, timedelta(seconds=1), clock=clock)
        breaker.failed(breaker.admit(), OSError())
        await asyncio.sleep(1)
        handler = assemble(everything(breaker, total=60.0)).build(Attempts((100, None)))
        tasks = [asyncio.ensure_future(handler(a_call(clock))) for _ in range(3)]
        await asyncio.sleep(1)
        assert breaker.rules.permits == 0
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert alone()
        return breaker.state, breaker.rules.permits

    assert run_virtual(main()) == (CircuitState.HALF_OPEN, 1)


def test_the_total_timeout_ends_the_shared_call_for_all() -> None:
    async def main() -> tuple[list[Any], float]:
        clock = LoopClock()
        handler = assemble(everything(CircuitBreaker(9, clock=clock), total=3.0)).build(
            Attempts((100, None))
        )
        results = await asyncio.gather(
            *(handler(a_call(clock)) for _ in range(3)), return_exceptions=True
        )
        assert alone()
        return results, clock.monotonic()

    errors, now = run_virtual(main())
    assert [type(error) for error in errors] == [DeadlineExceededException] * 3
    assert len({id(error) for error in errors}) == 3
    assert now == 503.0


def test_callers_share_the_retries_and_their_history() -> None:
    async def main() -> tuple[list[Any], list[Call], int]:
        clock, send = LoopClock(), Attempts((100, None))
        handler = assemble(everything(CircuitBreaker(9, clock=clock), attempt=1.0)).build(send)
        calls = [a_call(clock) for _ in range(3)]
        results = await asyncio.gather(*(handler(c) for c in calls), return_exceptions=True)
        return results, calls, len(send.seen)

    errors, calls, sent = run_virtual(main())
    assert sent == 3
    assert [type(error) for error in errors] == [AttemptTimeoutException] * 3
    assert [len(error.retry_history) for error in errors] == [3, 3, 3]
    assert [len(call.history) for call in calls] == [3, 3, 3]
    assert [len(error.__notes__) for error in errors] == [1, 1, 1]


def test_a_shared_probe_of_a_half_open_circuit_answers_all() -> None:
    async def main() -> tuple[list[Any], CircuitState]:
        clock = LoopClock()
        breaker = CircuitBreaker(1, timedelta(seconds=1), clock=clock)
        breaker.failed(breaker.admit(), OSError())
        handler = assemble(everything(breaker)).build(Attempts((1, "fine")))
        with pytest.raises(CircuitBreakerException):
            await handler(a_call(clock))
        await asyncio.sleep(1)
        return await asyncio.gather(*(handler(a_call(clock)) for _ in range(9))), breaker.state

    assert run_virtual(main()) == (["fine"] * 9, CircuitState.CLOSED)


def test_a_shared_call_may_be_hedged_and_leaves_no_task_when_it_is_given_up() -> None:
    async def main() -> tuple[int, list[int]]:
        clock, send = LoopClock(), Attempts((100, None))
        hedge = HedgeStage(Hedge(timedelta(seconds=1), clock=clock), lambda call: None)
        stages = [*everything(CircuitBreaker(9, clock=clock), total=60.0), hedge]
        handler = assemble(stages).build(send)
        with deadline(3, clock=clock), pytest.raises(DeadlineExceededException):
            await handler(a_call(clock))
        assert alone()
        return len(send.seen), sorted(send.cancelled)

    assert run_virtual(main()) == (2, [0, 1])


def test_a_fallback_answers_the_caller_who_is_out_of_time_only() -> None:
    async def main() -> list[Any]:
        clock, send = LoopClock(), Attempts((5, "fine"))
        stages = [
            *everything(CircuitBreaker(9, clock=clock)),
            FallbackStage(Fallback(value="from the cache", on=(TimeoutError,))),
        ]
        handler = assemble(stages).build(send)

        async def hasty() -> Any:
            with deadline(2, clock=clock):
                return await handler(a_call(clock))

        return list(await asyncio.gather(hasty(), handler(a_call(clock)), hasty()))

    assert run_virtual(main()) == ["from the cache", "fine", "from the cache"]
