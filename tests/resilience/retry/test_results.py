"""Results that lead to another attempt, and the policy as a decorator."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

import pytest

from pyfly.resilience import (
    AttemptFailed,
    History,
    Pipeline,
    RetryBudget,
    RetryPolicy,
    RetryStage,
    RetrySuppressed,
    UnwantedResultException,
)
from tests.resilience.support import Driver, ManualClock, Scripted, a_call, outcome


def is_pending(result: object) -> bool:
    return result == "pending"


def a_policy(clock: ManualClock, attempts: int = 3, **settings: Any) -> RetryPolicy:
    return RetryPolicy(
        attempts, timedelta(seconds=1), retry_if_result=is_pending, clock=clock, **settings
    )


def test_an_unwanted_result_leads_to_another_attempt(driver: Driver, clock: ManualClock) -> None:
    body = Scripted("pending", "pending", "done")
    assert driver.retry(a_policy(clock), body) == "done"
    assert clock.sleeps == [1.0, 2.0]


def test_after_the_last_attempt_the_last_result_is_returned(
    driver: Driver, clock: ManualClock
) -> None:
    body = Scripted("pending")
    assert driver.retry(a_policy(clock), body) == "pending"
    assert (body.calls, clock.sleeps) == (3, [1.0, 2.0])


def test_errors_and_results_share_the_attempts_and_the_history(
    driver: Driver, clock: ManualClock
) -> None:
    error: Any = OSError()
    body = Scripted("pending", error)
    assert outcome(lambda: driver.retry(a_policy(clock, 2), body)) is error
    assert [one.error for one in error.retry_history] == [
        "UnwantedResultException: retry_if_result asked for another attempt",
        "OSError",
    ]
    body = Scripted(OSError(), "pending")
    assert driver.retry(a_policy(clock, 2), body) == "pending"


def test_results_are_retried_whatever_retry_on_names(driver: Driver, clock: ManualClock) -> None:
    assert driver.retry(a_policy(clock, retry_on=()), Scripted("pending", "done")) == "done"


def test_a_predicate_that_raises_is_the_callers_problem(driver: Driver, clock: ManualClock) -> None:
    def broken(result: object) -> bool:
        raise ZeroDivisionError

    policy = RetryPolicy(retry_if_result=broken, clock=clock)
    body = Scripted(1)
    assert isinstance(outcome(lambda: driver.retry(policy, body)), ZeroDivisionError)
    assert body.calls == 1


def test_something_else_than_a_function_is_refused() -> None:
    wrong: Any = "pending"
    with pytest.raises(TypeError, match=r"^RetryPolicy: retry_if_result must be a function"):
        RetryPolicy(retry_if_result=wrong)


# In a pipeline


def a_stage(**settings: Any) -> Pipeline:
    policy = RetryPolicy(3, timedelta(seconds=1), retry_if_result=is_pending)
    return Pipeline([RetryStage(policy, **settings)])


def test_in_a_pipeline_an_unwanted_result_is_a_failed_attempt(
    driver: Driver, clock: ManualClock
) -> None:
    history = History()
    call = a_call(clock, history)
    send = Scripted("pending", OSError(), "done")
    assert driver.pipeline(a_stage(), send, call) == "done"
    assert [type(e.error) for e in history.of(AttemptFailed)] == [UnwantedResultException, OSError]
    assert [record.number for record in call.history] == [1, 2, 3]
    assert clock.sleeps == [1.0, 2.0]


def test_in_a_pipeline_the_last_result_is_returned(driver: Driver, clock: ManualClock) -> None:
    send = Scripted("pending")
    assert driver.pipeline(a_stage(), send, a_call(clock)) == "pending"
    assert send.calls == 3


def test_what_speaks_against_a_retry_speaks_against_one_of_a_result(
    driver: Driver, clock: ManualClock
) -> None:
    empty = RetryBudget(ratio=0.0, max_tokens=1.0, per_second=0.0, clock=clock)
    empty.withdraw()
    asked: list[Exception] = []

    def may_retry(call: object, error: Exception) -> str:
        asked.append(error)
        return "it is a POST"

    cases: list[tuple[dict[str, Any], str]] = [
        ({"budget": empty}, "the retry budget is empty"),
        ({"may_retry": may_retry}, "it is a POST"),
    ]
    for settings, reason in cases:
        history, send = History(RetrySuppressed), Scripted("pending")
        pipeline = a_stage(**settings)
        result = driver.pipeline(pipeline, send, a_call(clock, history))
        assert (result, send.calls) == ("pending", 1)
        assert [event.reason for event in history.of(RetrySuppressed)] == [reason]
    assert {type(error) for error in asked} == {UnwantedResultException}


def test_a_circuit_that_changed_during_the_pause_ends_it_with_the_result(
    driver: Driver, clock: ManualClock
) -> None:
    class Leave:
        stands = True
        probe = False

    call, leave = a_call(clock), Leave()
    call.admission = leave
    clock.on_sleep = lambda: setattr(leave, "stands", False)
    send = Scripted("pending")
    assert driver.pipeline(a_stage(), send, call) == "pending"
    assert send.calls == 1


# Decorator


async def test_a_decorated_coroutine_function_is_retried(clock: ManualClock) -> None:
    script = Scripted(OSError(), "fine")

    @a_policy(clock)
    async def get() -> Any:
        """Gets it."""
        return script()

    assert inspect.iscoroutinefunction(get)
    assert get.__doc__ == "Gets it."
    assert await get() == "fine"


def test_a_decorated_plain_function_is_retried(clock: ManualClock) -> None:
    script = Scripted(OSError(), "pending", "fine")

    @a_policy(clock)
    def get(one: int, *, two: int) -> Any:
        assert (one, two) == (1, 2)
        return script()

    assert get(1, two=2) == "fine"
