from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import (
    CircuitBreaker,
    CircuitBreakerStage,
    CircuitState,
    CircuitTransition,
    FailureRule,
    History,
    Pipeline,
)
from tests.resilience.support import Driver, ManualClock, Scripted, a_call, outcome


def is_late(error: BaseException) -> bool:
    return str(error) == "late"


@pytest.mark.parametrize(
    ("rule", "counted", "passed"),
    [
        (FailureRule(), [OSError(), KeyError()], []),
        (FailureRule(OSError), [ConnectionError()], [KeyError()]),
        (FailureRule((OSError, is_late)), [OSError(), ValueError("late")], [ValueError()]),
        (FailureRule(is_late), [ValueError("late")], [ValueError("early")]),
        (FailureRule(ignore=OSError), [KeyError()], [ConnectionError()]),
        (FailureRule(OSError, ignore=is_late), [OSError("early")], [OSError("late"), KeyError()]),
        (FailureRule(()), [], [OSError()]),
    ],
)
def test_errors_count_by_class_or_by_function_and_ignoring_wins(
    driver: Driver, clock: ManualClock, rule: FailureRule, counted: Any, passed: Any
) -> None:
    for error, state in [
        *((error, CircuitState.OPEN) for error in counted),
        *((error, CircuitState.CLOSED) for error in passed),
    ]:
        breaker = CircuitBreaker(1, clock=clock, is_failure=rule)
        assert outcome(partial(driver.breaker, breaker, Scripted(error))) is error
        assert breaker.state is state


def a_breaker(clock: ManualClock, **settings: Any) -> CircuitBreaker:
    rule = FailureRule(record_result=lambda result: result == "bad")
    return CircuitBreaker(2, timedelta(seconds=10), clock=clock, is_failure=rule, **settings)


def test_results_may_count_as_failures(driver: Driver, clock: ManualClock) -> None:
    history = History(CircuitTransition)
    breaker = a_breaker(clock, listeners=[history])
    states: list[CircuitState] = []
    for result in ("bad", "good", "bad", "bad"):
        assert driver.breaker(breaker, Scripted(result)) == result
        states.append(breaker.state)
    assert states == [*[CircuitState.CLOSED] * 3, CircuitState.OPEN]
    assert history.of(CircuitTransition)[0].reason == (
        "too many consecutive attempts failed: a result of type str"
    )


def test_a_bad_result_of_a_probe_opens_again(driver: Driver, clock: ManualClock) -> None:
    breaker = a_breaker(clock)
    for _ in range(2):
        driver.breaker(breaker, Scripted("bad"))
    clock.now += 10
    assert driver.breaker(breaker, Scripted("bad")) == "bad"
    assert isinstance(
        outcome(lambda: driver.breaker(breaker, Scripted(1))), CircuitBreakerException
    )


def test_a_rule_about_results_that_raises_gives_the_permit_back(clock: ManualClock) -> None:
    def judge(result: str) -> bool:
        raise ZeroDivisionError

    breaker = CircuitBreaker(
        1, timedelta(0), clock=clock, is_failure=FailureRule(record_result=judge)
    )
    breaker.failed(breaker.admit(), OSError())
    with pytest.raises(ZeroDivisionError):
        breaker.call_sync(lambda: "x")
    assert breaker.state is CircuitState.HALF_OPEN
    assert breaker.rules.permits == 1


def test_in_a_pipeline_the_rule_judges_the_result_of_each_attempt(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = a_breaker(clock)
    stage = CircuitBreakerStage(breaker, lambda error: False)
    pipeline = Pipeline([stage, stage.evidence])
    for _ in range(2):
        assert driver.pipeline(pipeline, Scripted("bad"), a_call(clock)) == "bad"
    assert breaker.state is CircuitState.OPEN


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"record": int}, "record names int, which is no exception class"),
        ({"record": (OSError, 3)}, "record must be an exception class, .* not int 3"),
        ({"ignore": "OSError"}, "ignore must be an exception class, .* not str 'OSError'"),
        ({"record_result": 3}, "record_result must be a function from a result to a bool, not int"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(settings: Any, text: str) -> None:
    with pytest.raises(TypeError, match=f"^FailureRule: {text}"):
        FailureRule(**settings)


def test_the_answer_is_a_bool_when_no_kind_fits() -> None:
    rule = FailureRule(record=ValueError)
    assert rule(KeyError()) is False
