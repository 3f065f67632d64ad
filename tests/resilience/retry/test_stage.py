from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import BulkheadException
from pyfly.resilience import (
    AttemptFailed,
    BudgetEmpty,
    Call,
    History,
    Pipeline,
    RetryBudget,
    RetryPolicy,
    RetryScheduled,
    RetryStage,
    RetrySuppressed,
)
from tests.resilience.support import Driver, ManualClock, Scripted, a_call, outcome


class Leave:
    """An admission whose standing the test decides."""

    def __init__(self) -> None:
        self.stands = True
        self.probe = False


def a_stage(attempts: int = 3, **settings: Any) -> Pipeline:
    policy = RetryPolicy(attempts, timedelta(seconds=1), settings.pop("retry_on", (Exception,)))
    return Pipeline([RetryStage(policy, **settings)])


def suppressed(history: History) -> list[str]:
    return [event.reason for event in history.of(RetrySuppressed)]


def test_a_success_at_once_leaves_no_history(driver: Driver, clock: ManualClock) -> None:
    history = History()
    call = a_call(clock, history)
    assert driver.pipeline(a_stage(), Scripted("fine"), call) == "fine"
    assert (call.attempt, call.attempts_allowed, call.history) == (1, 3, [])
    assert history.names() == ["AttemptStarted", "AttemptSucceeded"]


def test_attempts_are_numbered_recorded_and_told(driver: Driver, clock: ManualClock) -> None:
    history = History()
    call = a_call(clock, history)
    first, second = OSError(1), OSError(2)
    seen: list[int] = []

    script = Scripted(first, second, "fine")

    def send(call: Call) -> Any:
        seen.append(call.attempt)
        clock.now += 0.5
        return script()

    assert driver.pipeline(a_stage(), send, call) == "fine"
    assert seen == [1, 2, 3]
    assert [(r.number, r.error, r.duration, r.delay_before) for r in call.history] == [
        (1, first, 0.5, 0.0),
        (2, second, 0.5, 1.0),
        (3, None, 0.5, 2.0),
    ]
    assert history.names() == [
        *("AttemptStarted", "AttemptFailed", "RetryScheduled") * 2,
        "AttemptStarted",
        "AttemptSucceeded",
    ]
    assert [(e.attempt, e.delay, e.error) for e in history.of(RetryScheduled)] == [
        (1, 1.0, first),
        (2, 2.0, second),
    ]


def test_without_listeners_the_record_is_the_same(driver: Driver, clock: ManualClock) -> None:
    call = a_call(clock)
    assert driver.pipeline(a_stage(), Scripted(OSError(), "fine"), call) == "fine"
    assert [record.number for record in call.history] == [1, 2]


def test_the_last_attempts_exception_leaves_with_the_story(
    driver: Driver, clock: ManualClock
) -> None:
    history = History()
    call = a_call(clock, history)
    error: Any = OSError()
    raised = outcome(lambda: driver.pipeline(a_stage(), Scripted(error), call))
    assert raised is error
    assert len(raised.retry_history) == 3
    assert raised.__notes__[0].startswith("Retried: attempt 1 failed")
    assert suppressed(history) == []


def test_an_exception_that_is_not_named_is_raised_without_an_event(
    driver: Driver, clock: ManualClock
) -> None:
    history = History()
    pipeline = a_stage(retry_on=(OSError,))
    outcome(lambda: driver.pipeline(pipeline, Scripted(KeyError()), a_call(clock, history)))
    assert history.names() == ["AttemptStarted", "AttemptFailed"]


def test_our_own_refusal_is_not_retried(driver: Driver, clock: ManualClock) -> None:
    send = Scripted(BulkheadException())
    outcome(lambda: driver.pipeline(a_stage(), send, a_call(clock)))
    assert send.calls == 1


def test_who_knows_the_protocol_can_say_why_not(driver: Driver, clock: ManualClock) -> None:
    history = History()
    pipeline = a_stage(may_retry=lambda call, error: f"{call.operation} is a POST")
    send = Scripted(OSError())
    outcome(lambda: driver.pipeline(pipeline, send, a_call(clock, history)))
    assert send.calls == 1
    assert suppressed(history) == ["Shop.product is a POST"]


def test_who_says_nothing_against_it_lets_it_be_retried(driver: Driver, clock: ManualClock) -> None:
    pipeline = a_stage(may_retry=lambda call, error: None)
    assert driver.pipeline(pipeline, Scripted(OSError(), "fine"), a_call(clock)) == "fine"


def test_a_call_that_may_be_made_once_is_made_once(driver: Driver, clock: ManualClock) -> None:
    history = History()
    call = a_call(clock, history, single_attempt="the body cannot be sent twice")
    send = Scripted(OSError())
    outcome(lambda: driver.pipeline(a_stage(), send, call))
    assert (send.calls, call.attempts_allowed) == (1, 1)
    assert suppressed(history) == ["the body cannot be sent twice"]


def test_the_last_attempt_is_not_suppressed_it_is_the_last(
    driver: Driver, clock: ManualClock
) -> None:
    history = History()
    call = a_call(clock, history, single_attempt="once")
    outcome(lambda: driver.pipeline(a_stage(1), Scripted(OSError()), call))
    assert suppressed(history) == []


def test_it_never_waits_past_the_calls_deadline(driver: Driver, clock: ManualClock) -> None:
    history = History()
    call = a_call(clock, history, deadline=clock.now + 2.5)
    error = OSError()
    assert outcome(lambda: driver.pipeline(a_stage(9), Scripted(error), call)) is error
    assert clock.sleeps == [1.0]
    assert suppressed(history) == ["the wait of 2 s would pass the deadline, which is 1.5 s away"]


def test_a_wait_that_the_other_side_asks_for_can_be_too_long(
    driver: Driver, clock: ManualClock
) -> None:
    class Told(Exception):
        retry_after = 60

    history = History()
    outcome(lambda: driver.pipeline(a_stage(), Scripted(Told()), a_call(clock, history)))
    assert suppressed(history) == ["the other side asked for 60 s, and 30 s is the longest wait"]


def test_it_does_not_wait_when_the_admission_no_longer_stands(
    driver: Driver, clock: ManualClock
) -> None:
    history = History()
    call, leave = a_call(clock, history), Leave()
    call.admission = leave
    leave.stands = False
    send, error = Scripted(OSError()), OSError()
    send.steps = [error]
    assert outcome(lambda: driver.pipeline(a_stage(), send, call)) is error
    assert (send.calls, clock.sleeps) == (1, [])
    assert suppressed(history) == ["the circuit has opened since this call was admitted"]


def test_it_makes_no_attempt_when_the_circuit_changed_during_the_pause(
    driver: Driver, clock: ManualClock
) -> None:
    history = History()
    call, leave = a_call(clock, history), Leave()
    call.admission = leave
    error: Any = OSError()

    def change_in_the_second_pause() -> None:
        leave.stands = len(clock.sleeps) < 2

    clock.on_sleep = change_in_the_second_pause
    send = Scripted(error)
    raised = outcome(lambda: driver.pipeline(a_stage(5), send, call))
    assert raised is error
    assert send.calls == 2
    assert len(raised.retry_history) == 2
    assert suppressed(history) == ["the circuit has opened since this call was admitted"]


@pytest.mark.parametrize("ending", [asyncio.CancelledError(), GeneratorExit()])
def test_a_cancelled_attempt_is_told_and_never_retried(
    driver: Driver, clock: ManualClock, ending: BaseException
) -> None:
    history = History()
    call = a_call(clock, history)
    raised = outcome(lambda: driver.pipeline(a_stage(), Scripted(ending), call))
    assert type(raised) is type(ending)
    assert type(history.of(AttemptFailed)[0].error) is type(ending)
    assert (len(call.history), clock.sleeps) == (1, [])


# Budget


def test_a_retry_takes_a_token_and_a_call_adds_its_part(driver: Driver, clock: ManualClock) -> None:
    budget = RetryBudget(ratio=0.25, max_tokens=4.0, per_second=0.0, clock=clock)
    pipeline = a_stage(3, budget=budget)
    outcome(lambda: driver.pipeline(pipeline, Scripted(OSError()), a_call(clock)))
    assert budget.tokens == 2.0
    driver.pipeline(pipeline, Scripted("fine"), a_call(clock))
    assert budget.tokens == 2.25


def test_an_empty_budget_raises_the_real_error_and_tells(
    driver: Driver, clock: ManualClock
) -> None:
    history = History()
    budget = RetryBudget(ratio=0.0, max_tokens=1.0, per_second=0.0, clock=clock)
    call, error = a_call(clock, history), OSError()
    send = Scripted(error)
    assert outcome(lambda: driver.pipeline(a_stage(5, budget=budget), send, call)) is error
    assert send.calls == 2
    assert suppressed(history) == ["the retry budget is empty"]
    assert len(history.of(BudgetEmpty)) == 1


def test_an_empty_budget_needs_no_listener(driver: Driver, clock: ManualClock) -> None:
    budget = RetryBudget(ratio=0.0, max_tokens=1.0, per_second=0.0, clock=clock)
    send = Scripted(OSError())
    outcome(lambda: driver.pipeline(a_stage(5, budget=budget), send, a_call(clock)))
    assert send.calls == 2


def test_a_retry_refused_for_another_reason_takes_no_token(
    driver: Driver, clock: ManualClock
) -> None:
    budget = RetryBudget(per_second=0.0, clock=clock)
    pipeline = a_stage(budget=budget, may_retry=lambda call, error: "no")
    outcome(lambda: driver.pipeline(pipeline, Scripted(OSError()), a_call(clock)))
    assert budget.tokens == 100.0


def test_it_answers_other_stages_what_speaks_against_another_attempt(
    driver: Driver, clock: ManualClock
) -> None:
    def send(call: Call) -> list[str | None]:
        assert call.against_retry is not None
        return [call.against_retry(call, error) for error in (OSError(), KeyError(), ValueError())]

    pipeline = a_stage(
        retry_on=(OSError, ValueError),
        may_retry=lambda call, error: "no" if isinstance(error, ValueError) else None,
    )
    assert driver.pipeline(pipeline, send, a_call(clock)) == [
        None,
        "KeyError is not retried",
        "no",
    ]


def test_listeners_of_other_events_cost_no_event_of_attempts(
    driver: Driver, clock: ManualClock
) -> None:
    history = History(BudgetEmpty)
    driver.pipeline(a_stage(), Scripted("fine"), a_call(clock, history))
    assert history.events == []
