from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

from pyfly.kernel.exceptions import (
    AttemptTimeoutException,
    BulkheadException,
    CircuitBreakerException,
    DeadlineExceededException,
)
from pyfly.resilience import (
    AttemptTimeoutStage,
    Call,
    CircuitBreaker,
    CircuitBreakerStage,
    CircuitState,
    History,
    PermitRefused,
    Pipeline,
    RetryPolicy,
    RetryStage,
    assemble,
)
from pyfly.resilience.circuit_breaker.state import SCALE
from tests.resilience.support import Driver, ManualClock, Scripted, a_call, outcome


def is_failure(error: BaseException) -> bool:
    return not isinstance(error, LookupError)


def a_pipeline(breaker: CircuitBreaker, attempts: int | None = None, **retry: Any) -> Pipeline:
    stages: list[Any] = [CircuitBreakerStage(breaker, is_failure)]
    if attempts is not None:
        stages.append(RetryStage(RetryPolicy(attempts, timedelta(seconds=1)), **retry))
    return assemble(stages)


@pytest.fixture
def breaker(clock: ManualClock) -> CircuitBreaker:
    return CircuitBreaker(2, timedelta(seconds=10), name="shop", clock=clock)


@pytest.fixture
def half_open(clock: ManualClock, breaker: CircuitBreaker) -> CircuitBreaker:
    for _ in range(2):
        breaker.failed(breaker.admit(), ValueError())
    clock.now += 10
    return breaker


def test_without_retries_a_failed_call_is_one_failure(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    pipeline = a_pipeline(breaker)
    for _ in range(2):
        assert breaker.state is CircuitState.CLOSED
        outcome(lambda: driver.pipeline(pipeline, Scripted(OSError()), a_call(clock)))
    assert breaker.state is CircuitState.OPEN


def test_with_retries_the_attempts_of_a_call_make_one_failure(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    pipeline = a_pipeline(breaker, 3)
    for _ in range(2):
        assert breaker.state is CircuitState.CLOSED
        send = Scripted(OSError())
        outcome(partial(driver.pipeline, pipeline, send, a_call(clock)))
        assert send.calls == 3
    assert breaker.state is CircuitState.OPEN


def test_a_call_whose_error_is_never_retried_is_one_failure_all_the_same(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    pipeline = a_pipeline(breaker, 3, may_retry=lambda call, error: "POST is not idempotent")
    for _ in range(2):
        assert breaker.state is CircuitState.CLOSED
        send = Scripted(OSError())
        outcome(partial(driver.pipeline, pipeline, send, a_call(clock)))
        assert send.calls == 1
        clock.now += 3  # as long as the pauses of a call that is retried
    assert breaker.rules.fails == 2 * SCALE
    outcome(lambda: driver.pipeline(pipeline, Scripted(OSError()), a_call(clock)))
    assert breaker.state is CircuitState.OPEN


def test_failures_open_the_circuit_when_they_have_lasted_as_long_as_the_pauses_of_a_call(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    pipeline = a_pipeline(breaker, 3, may_retry=lambda call, error: "POST is not idempotent")
    breaker.retries_until = inf  # those of other calls are due
    for late in (0.0, 2.9, 0.1):
        assert breaker.state is CircuitState.CLOSED
        clock.now += late
        outcome(lambda: driver.pipeline(pipeline, Scripted(OSError()), a_call(clock)))
    assert breaker.state is CircuitState.OPEN


@pytest.mark.survives(
    "Retries, breakers and time",
    "a process that was stopped, or a machine that slept, with calls in flight",
    "they are tried again; timeouts that are told late open no circuit",
)
@pytest.mark.parametrize(("late", "state"), [(0.9, CircuitState.OPEN), (1.1, CircuitState.CLOSED)])
@pytest.mark.parametrize("kind", [AttemptTimeoutException, DeadlineExceededException])
def test_a_timeout_that_is_told_long_after_its_end_proves_nothing(
    driver: Driver, clock: ManualClock, late: float, state: CircuitState, kind: type[Exception]
) -> None:
    breaker = CircuitBreaker(1, clock=clock)

    def send(call: Call) -> None:
        assert call.attempt_deadline == clock.now + 4
        clock.now += 4 + late
        raise kind()

    stage = AttemptTimeoutStage(4.0, port_bounds=True)
    pipeline = assemble([CircuitBreakerStage(breaker, is_failure), stage])
    outcome(lambda: driver.pipeline(pipeline, send, a_call(clock)))
    assert breaker.state is state


def test_another_error_counts_however_late_it_comes(driver: Driver, clock: ManualClock) -> None:
    breaker = CircuitBreaker(1, clock=clock)

    def send(call: Call) -> None:  # a port that does not keep the time
        clock.now += 60
        raise ConnectionError

    stage = AttemptTimeoutStage(4.0, port_bounds=True)
    pipeline = assemble([CircuitBreakerStage(breaker, is_failure), stage])
    outcome(lambda: driver.pipeline(pipeline, send, a_call(clock)))
    assert breaker.state is CircuitState.OPEN


def test_a_success_starts_the_time_of_the_failures_again_too(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    pipeline = a_pipeline(breaker, 3, may_retry=lambda call, error: "POST is not idempotent")
    breaker.retries_until = inf  # those of other calls are due
    for step in (OSError(), "fine", OSError(), OSError()):
        outcome(lambda: driver.pipeline(pipeline, Scripted(step), a_call(clock)))  # noqa: B023
        clock.now += 2.9 if step == "fine" else 0.2
    assert breaker.state is CircuitState.CLOSED
    assert breaker.rules.fails == 2 * SCALE


def test_a_call_that_spent_all_its_attempts_opens_the_circuit_however_short_its_pauses_were(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = CircuitBreaker(1, clock=clock)
    draws = iter((0.0, 0.5, 1.0))
    policy = RetryPolicy(3, jitter="full", random=SimpleNamespace(random=lambda: next(draws)))
    pipeline = assemble([CircuitBreakerStage(breaker, is_failure), RetryStage(policy)])
    outcome(lambda: driver.pipeline(pipeline, Scripted(OSError()), a_call(clock)))
    assert clock.sleeps == [0.0, 1.0]  # of 1 s and 2 s
    assert breaker.state is CircuitState.OPEN


def test_the_last_attempt_of_a_call_whose_first_failed_before_a_success_has_to_wait_too(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    pipeline = a_pipeline(breaker, 3)

    def send(call: Call) -> None:
        if call.attempt == 2:  # others are answered, and fail, at this very moment
            breaker.succeeded(breaker.admit())
            breaker.failed(breaker.admit(), OSError(), span=9.0)
            breaker.failed(breaker.admit(), OSError(), span=9.0)
        raise OSError

    outcome(lambda: driver.pipeline(pipeline, send, a_call(clock)))
    assert breaker.state is CircuitState.CLOSED  # they began 2 s ago, and the pauses are 3 s
    clock.now += 1
    outcome(lambda: driver.pipeline(pipeline, Scripted(OSError()), a_call(clock)))
    assert breaker.state is CircuitState.OPEN


def test_a_retried_attempt_and_a_final_one_make_one_failure_together(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    pipeline = a_pipeline(
        breaker, 3, may_retry=lambda call, error: "final" if str(error) == "final" else None
    )
    send = Scripted(OSError("passing"), OSError("final"))
    outcome(lambda: driver.pipeline(pipeline, send, a_call(clock)))
    assert breaker.state is CircuitState.CLOSED
    assert breaker.rules.fails == 720_720


def test_one_success_among_the_attempts_starts_the_count_again(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    pipeline = a_pipeline(breaker, 3)
    send = Scripted(OSError(), OSError(), "fine")
    assert driver.pipeline(pipeline, send, a_call(clock)) == "fine"
    assert breaker.rules.fails == 0


@pytest.mark.parametrize("error", [KeyError(), BulkheadException(), CircuitBreakerException()])
def test_what_is_no_failure_and_what_we_refused_ourselves_counts_nothing(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker, error: Exception
) -> None:
    pipeline = a_pipeline(breaker)
    for _ in range(5):
        assert outcome(lambda: driver.pipeline(pipeline, Scripted(error), a_call(clock))) is error
    assert breaker.rules.fails == 0


def test_an_open_circuit_refuses_before_anything_is_sent_and_tells_the_calls_listeners(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    for _ in range(2):
        breaker.failed(breaker.admit(), ValueError())
    history, send = History(), Scripted("never")
    call = a_call(clock, history)
    refusal = outcome(lambda: driver.pipeline(a_pipeline(breaker, 3), send, call))
    assert isinstance(refusal, CircuitBreakerException)
    assert (send.calls, call.attempt) == (0, 0)
    assert history.events == [
        PermitRefused(call.operation, clock.now, "circuit breaker", "shop", 10.0)
    ]
    assert isinstance(
        outcome(lambda: driver.pipeline(a_pipeline(breaker), send, a_call(clock))),
        CircuitBreakerException,
    )


def test_a_half_open_call_makes_one_attempt(
    driver: Driver, clock: ManualClock, half_open: CircuitBreaker
) -> None:
    send, call = Scripted(OSError()), a_call(clock)
    call.attempts_allowed = 5
    outcome(lambda: driver.pipeline(a_pipeline(half_open, 3), send, call))
    assert send.calls == 1
    assert call.attempts_allowed == 1
    assert call.single_attempt == "the circuit is half-open"
    assert half_open.state is CircuitState.OPEN


def test_a_half_open_call_that_succeeds_closes(
    driver: Driver, clock: ManualClock, half_open: CircuitBreaker
) -> None:
    assert driver.pipeline(a_pipeline(half_open, 3), Scripted("fine"), a_call(clock)) == "fine"
    assert half_open.state is CircuitState.CLOSED


@pytest.mark.parametrize(
    "ending", [KeyError(), BulkheadException(), asyncio.CancelledError(), GeneratorExit()]
)
def test_a_half_open_call_that_proves_nothing_gives_its_permit_back_once(
    driver: Driver, clock: ManualClock, half_open: CircuitBreaker, ending: BaseException
) -> None:
    outcome(lambda: driver.pipeline(a_pipeline(half_open, 3), Scripted(ending), a_call(clock)))
    assert half_open.state is CircuitState.HALF_OPEN
    assert half_open.rules.permits == 1


def test_a_result_of_an_attempt_from_before_the_circuit_opened_is_ignored(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    def send(call: Call) -> str:
        for _ in range(2):
            breaker.failed(breaker.admit(), ValueError())
        return "late"

    assert driver.pipeline(a_pipeline(breaker), send, a_call(clock)) == "late"
    assert breaker.state is CircuitState.OPEN


def test_evidence_without_an_admission_judges_nothing(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    breaker.failed(breaker.admit(), ValueError())
    alone = Pipeline([CircuitBreakerStage(breaker, is_failure).evidence])
    outcome(lambda: driver.pipeline(alone, Scripted(OSError()), a_call(clock)))
    assert driver.pipeline(alone, Scripted("fine"), a_call(clock)) == "fine"
    assert breaker.rules.fails == 720_720


def test_a_clean_success_writes_nothing(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    admission = breaker.rules.closed_admission
    assert driver.pipeline(a_pipeline(breaker, 3), Scripted("fine"), a_call(clock)) == "fine"
    assert breaker.rules.closed_admission is admission
    assert breaker.rules.fails == 0


def test_the_rule_that_a_breaker_was_made_with_wins(driver: Driver, clock: ManualClock) -> None:
    breaker = CircuitBreaker(1, clock=clock, is_failure=lambda error: isinstance(error, KeyError))
    pipeline = a_pipeline(breaker)
    states: list[CircuitState] = []
    for error in (OSError(), KeyError()):
        outcome(partial(driver.pipeline, pipeline, Scripted(error), a_call(clock)))
        states.append(breaker.state)
    assert states == [CircuitState.CLOSED, CircuitState.OPEN]


# Answers that are errors


@pytest.mark.parametrize("answer", [True, False])
def test_an_answer_that_is_no_failure_closes_a_half_open_circuit(
    driver: Driver, clock: ManualClock, half_open: CircuitBreaker, answer: bool
) -> None:
    pipeline = assemble([CircuitBreakerStage(half_open, is_failure, lambda _: answer)])
    error = KeyError("no such product")
    assert outcome(lambda: driver.pipeline(pipeline, Scripted(error), a_call(clock))) is error
    assert half_open.state is (CircuitState.CLOSED if answer else CircuitState.HALF_OPEN)


def test_an_answer_that_is_no_failure_proves_nothing_in_a_closed_circuit(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    pipeline = assemble([CircuitBreakerStage(breaker, is_failure, lambda _: True)])
    for error in (OSError(), KeyError(), OSError()):
        outcome(lambda error=error: driver.pipeline(pipeline, Scripted(error), a_call(clock)))
    assert breaker.state is CircuitState.OPEN
