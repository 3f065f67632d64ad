"""A retry whose turn comes while the attempts of other calls fail is not made then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pyfly.resilience import (
    BudgetEmpty,
    CircuitBreaker,
    CircuitBreakerStage,
    CountWindow,
    History,
    Pipeline,
    RetryBudget,
    RetryPolicy,
    RetryScheduled,
    RetryStage,
    RetrySuppressed,
    TotalTimeoutStage,
    assemble,
)
from tests.resilience.support import Driver, ManualClock, Scripted, a_call, outcome


def protected(
    breaker: CircuitBreaker, budget: RetryBudget | None = None, total: float | None = None
) -> Pipeline:
    """Retries after 1 and 2 s."""
    return assemble(
        [
            TotalTimeoutStage(total),
            CircuitBreakerStage(breaker, lambda error: True),
            RetryStage(RetryPolicy(3, timedelta(seconds=1)), budget=budget),
        ]
    )


@pytest.fixture
def breaker(clock: ManualClock) -> CircuitBreaker:
    return CircuitBreaker(5, clock=clock)


def others_fail(breaker: CircuitBreaker, times: int) -> None:
    """First attempts of other calls, of three each."""
    for _ in range(times):
        breaker.failed(breaker.admit(), ConnectionError(), 3)


def in_pauses(clock: ManualClock, *what: Callable[[], object], before: float = 0.0) -> None:
    """Let something happen in each of the pauses, so long before their ends."""
    left = iter(what)

    def happen() -> None:
        clock.now -= before
        next(left, lambda: None)()
        clock.now += before

    clock.on_sleep = happen


def test_an_attempt_is_skipped_while_others_fail_and_made_at_the_next_turn(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    in_pauses(
        clock,
        lambda: others_fail(breaker, 4),
        lambda: breaker.succeeded(breaker.admit()),
    )
    send = Scripted(OSError(), "fine")
    assert driver.pipeline(protected(breaker), send, a_call(clock)) == "fine"
    assert (send.calls, clock.sleeps) == (2, [1.0, 2.0])


def test_a_call_whose_last_turn_is_skipped_raises_its_own_error(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    in_pauses(clock, lambda: others_fail(breaker, 4), lambda: others_fail(breaker, 1))
    history, error = History(RetryScheduled, RetrySuppressed), OSError("real")
    send, call = Scripted(error), a_call(clock, history)
    assert outcome(lambda: driver.pipeline(protected(breaker), send, call)) is error
    assert (send.calls, clock.sleeps) == (1, [1.0, 2.0])
    (suppressed,) = history.of(RetrySuppressed)
    assert (suppressed.attempt, suppressed.reason) == (1, "other calls fail too")
    assert history.names() == ["RetryScheduled", "RetrySuppressed"]
    assert not hasattr(error, "__notes__")


def test_the_story_of_the_attempts_tells_those_that_were_made(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    in_pauses(clock, lambda: None, lambda: others_fail(breaker, 3))
    send = Scripted(OSError())
    raised: Any = outcome(lambda: driver.pipeline(protected(breaker), send, a_call(clock)))
    assert [each.number for each in raised.retry_history] == [1, 2]
    assert send.calls == 2


def test_a_skipped_turn_keeps_its_token(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    budget = RetryBudget(ratio=0.0, max_tokens=1.0, per_second=0.0, clock=clock)
    in_pauses(clock, lambda: others_fail(breaker, 4), lambda: breaker.succeeded(breaker.admit()))
    history, send = History(BudgetEmpty), Scripted(OSError(), "fine")
    assert driver.pipeline(protected(breaker, budget), send, a_call(clock, history)) == "fine"
    assert budget.tokens == 0
    assert len(history) == 0


def test_a_further_wait_past_the_deadline_is_not_begun(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    in_pauses(clock, lambda: others_fail(breaker, 4))
    history, error = History(RetrySuppressed), OSError("real")
    pipeline = protected(breaker, total=2.5)
    assert outcome(lambda: driver.pipeline(pipeline, Scripted(error), a_call(clock, history))) is (
        error
    )
    assert clock.sleeps == [1.0]
    (suppressed,) = history.of(RetrySuppressed)
    assert suppressed.reason == "the wait of 2 s would pass the deadline, which is 1.5 s away"


def test_a_call_alone_makes_all_its_attempts(driver: Driver, clock: ManualClock) -> None:
    breaker = CircuitBreaker(2, clock=clock)
    send = Scripted(OSError())
    outcome(lambda: driver.pipeline(protected(breaker), send, a_call(clock)))
    outcome(lambda: driver.pipeline(protected(breaker), send, a_call(clock)))
    assert send.calls == 6
    assert clock.sleeps == [1.0, 2.0] * 2


def test_fewer_failures_in_a_row_than_the_threshold_hold_nothing_back(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    in_pauses(clock, lambda: others_fail(breaker, 3))
    send = Scripted(OSError(), "fine")
    assert driver.pipeline(protected(breaker), send, a_call(clock)) == "fine"
    assert clock.sleeps == [1.0]


@pytest.mark.parametrize(("before", "sleeps"), [(0.74, [1.0, 2.0]), (0.75, [1.0])])
def test_calls_that_failed_together_retry_together(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker, before: float, sleeps: list[float]
) -> None:
    clock.now = 0.0
    in_pauses(clock, lambda: others_fail(breaker, 4), before=before)
    send = Scripted(OSError(), "fine")
    assert driver.pipeline(protected(breaker), send, a_call(clock)) == "fine"
    assert clock.sleeps == sleeps


def test_a_success_among_the_failures_of_others_makes_the_attempt_due(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    def some_succeed() -> None:
        others_fail(breaker, 9)
        breaker.succeeded(breaker.admit())
        others_fail(breaker, 4)

    in_pauses(clock, some_succeed)
    send = Scripted(OSError(), "fine")
    assert driver.pipeline(protected(breaker), send, a_call(clock)) == "fine"
    assert clock.sleeps == [1.0]


@pytest.mark.parametrize("by_hand", ["force_closed", "disable", "observe_only"])
def test_a_circuit_that_decides_nothing_holds_nothing_back(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker, by_hand: str
) -> None:
    getattr(breaker, by_hand)()
    in_pauses(clock, lambda: others_fail(breaker, 9))
    send = Scripted(OSError(), "fine")
    assert driver.pipeline(protected(breaker), send, a_call(clock)) == "fine"
    assert clock.sleeps == [1.0]


def test_a_circuit_that_judges_by_rates_holds_nothing_back(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = CircuitBreaker(window=CountWindow(100), clock=clock)
    in_pauses(clock, lambda: others_fail(breaker, 9))
    send = Scripted(OSError(), "fine")
    assert driver.pipeline(protected(breaker), send, a_call(clock)) == "fine"
    assert clock.sleeps == [1.0]


def test_a_poor_result_is_returned_when_the_last_turn_is_skipped(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    in_pauses(clock, lambda: others_fail(breaker, 5), lambda: others_fail(breaker, 1))
    policy = RetryPolicy(3, retry_if_result=lambda value: value == "pending")
    pipeline = assemble([CircuitBreakerStage(breaker, lambda e: True), RetryStage(policy)])
    send = Scripted("pending")
    assert driver.pipeline(pipeline, send, a_call(clock)) == "pending"
    assert send.calls == 1
