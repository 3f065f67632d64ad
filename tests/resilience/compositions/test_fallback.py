"""A fallback answers after each kind of refusal and failure of what stands inside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from pyfly.kernel.exceptions import (
    AttemptTimeoutException,
    BulkheadException,
    CircuitBreakerException,
    DeadlineExceededException,
    RateLimitException,
    RefusedException,
)
from pyfly.resilience import (
    AttemptTimeoutStage,
    Call,
    CircuitBreaker,
    CircuitBreakerStage,
    History,
    RetryBudget,
    RetryPolicy,
    RetryStage,
    Stage,
    TotalTimeoutStage,
    assemble,
    deadline,
)
from pyfly.resilience.adaptive_limiter.limiter import AdaptiveLimiter
from pyfly.resilience.adaptive_limiter.policy import AIMDPolicy
from pyfly.resilience.adaptive_limiter.stage import AdaptiveLimiterStage
from pyfly.resilience.bulkhead.bulkhead import Bulkhead
from pyfly.resilience.bulkhead.stage import BulkheadStage
from pyfly.resilience.fallback.fallback import Fallback, FallbackUsed
from pyfly.resilience.fallback.stage import FallbackStage
from pyfly.resilience.rate_limiter.limiter import RateLimiter
from pyfly.resilience.rate_limiter.stage import RateLimiterStage
from pyfly.resilience.throttle.policy import ThrottledException
from tests.resilience.support import (
    Driver,
    LoopClock,
    ManualClock,
    Scripted,
    a_call,
    outcome,
    run_virtual,
)

KEPT: list[object] = []


def open_circuit() -> Stage:
    breaker = CircuitBreaker(1)
    breaker.failed(breaker.admit(), OSError())
    return CircuitBreakerStage(breaker, lambda error: True)


def probed_circuit() -> Stage:
    breaker = CircuitBreaker(1, timedelta(0))
    breaker.failed(breaker.admit(), OSError())
    stage = CircuitBreakerStage(breaker, lambda error: True)
    stage.probe = breaker.admit()  # type: ignore[attr-defined] # held for as long as the stage
    return stage


def full_bulkhead() -> Stage:
    bulkhead = Bulkhead(1)
    KEPT.append(bulkhead.try_acquire())
    return BulkheadStage(bulkhead)


def spent_rate_limiter() -> Stage:
    limiter = RateLimiter(1, timedelta(hours=1), 1)
    assert limiter.try_acquire()
    return RateLimiterStage(limiter)


def full_adaptive_limiter() -> Stage:
    limiter = AdaptiveLimiter(AIMDPolicy(1, 1))
    KEPT.append(limiter.admit())
    return AdaptiveLimiterStage(limiter)


@pytest.mark.parametrize(
    ("refusing", "kind"),
    [
        (open_circuit, CircuitBreakerException),
        (probed_circuit, CircuitBreakerException),
        (full_bulkhead, BulkheadException),
        (spent_rate_limiter, RateLimitException),
        (full_adaptive_limiter, BulkheadException),
    ],
)
def test_a_fallback_answers_after_each_refusal(
    driver: Driver, clock: ManualClock, refusing: Callable[[], Stage], kind: type[RefusedException]
) -> None:
    history, send = History(FallbackUsed), Scripted("sent")
    fallback = FallbackStage(Fallback(value="from the cache", on=(kind,)))
    stages = [refusing(), fallback, RetryStage(RetryPolicy(3))]
    assert driver.pipeline(assemble(stages), send, a_call(clock, history)) == "from the cache"
    assert send.calls == 0
    assert [type(event.error) for event in history.of(FallbackUsed)] == [kind]
    assert clock.sleeps == [], "a refusal is not retried first"


def test_a_fallback_answers_what_a_throttle_holds_back(driver: Driver, clock: ManualClock) -> None:
    stages: list[Stage] = [
        FallbackStage(Fallback(value="other", on=(RefusedException,))),
        RetryStage(RetryPolicy(3)),
    ]
    held_back = Scripted(ThrottledException(name="shop"))
    assert driver.pipeline(assemble(stages), held_back, a_call(clock)) == "other"
    assert held_back.calls == 1


def test_a_fallback_answers_once_all_retries_have_failed(
    driver: Driver, clock: ManualClock
) -> None:
    send, history = Scripted(OSError("a"), OSError("b"), OSError("c")), History(FallbackUsed)
    stages: list[Stage] = [FallbackStage(Fallback(handler=str)), RetryStage(RetryPolicy(3))]
    assert driver.pipeline(assemble(stages), send, a_call(clock, history)) == "c"
    assert send.calls == 3
    assert len(history) == 1


def test_a_fallback_answers_the_real_error_when_the_budget_is_empty(
    driver: Driver, clock: ManualClock
) -> None:
    budget = RetryBudget(0.0, 1.0, 0.0, clock=clock)
    assert budget.withdraw()
    send = Scripted(OSError("real"))
    stages: list[Stage] = [
        FallbackStage(Fallback(handler=str)),
        RetryStage(RetryPolicy(3), budget=budget),
    ]
    assert driver.pipeline(assemble(stages), send, a_call(clock)) == "real"


def test_a_fallback_does_not_hide_a_failure_from_the_circuit_breaker(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = CircuitBreaker(2, clock=clock)
    send, history = Scripted(OSError()), History(FallbackUsed)
    stages: list[Stage] = [
        FallbackStage(Fallback(value="other")),
        CircuitBreakerStage(breaker, lambda error: True),
    ]
    for _ in range(4):
        assert driver.pipeline(assemble(stages), send, a_call(clock, history)) == "other"
    assert send.calls == 2
    assert [type(event.error) for event in history.of(FallbackUsed)] == [
        OSError,
        OSError,
        CircuitBreakerException,
        CircuitBreakerException,
    ]


@pytest.mark.parametrize(
    ("total", "attempt", "kind"),
    [
        (2.0, None, DeadlineExceededException),
        (None, 2.0, AttemptTimeoutException),
        (9.0, 2.0, AttemptTimeoutException),
    ],
)
def test_a_fallback_answers_after_a_timeout(
    total: float | None, attempt: float | None, kind: type[Exception]
) -> None:
    async def main() -> tuple[object, float]:
        async def hang(call: Call) -> None:
            await asyncio.sleep(1_000)

        stages: list[Stage] = [
            FallbackStage(Fallback(value="other", on=(kind,))),
            TotalTimeoutStage(total),
            AttemptTimeoutStage(attempt),
        ]
        call = a_call(LoopClock())
        result = await assemble(stages).build(hang)(call)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return result, call.clock.monotonic() - call.started

    assert run_virtual(main()) == ("other", 2.0)


def test_a_fallback_answers_a_call_whose_deadline_had_passed_before(
    driver: Driver, clock: ManualClock
) -> None:
    stages: list[Stage] = [FallbackStage(Fallback(value="other")), TotalTimeoutStage(None)]
    send = Scripted("sent")
    with deadline(0, clock=clock):
        assert driver.pipeline(assemble(stages), send, a_call(clock)) == "other"
    assert send.calls == 0


@pytest.mark.survives(
    "Retries, breakers and time", "a fallback fails", "its own error, the first one as its context"
)
def test_a_fallback_that_fails_shows_the_refusal_it_was_asked_about(
    driver: Driver, clock: ManualClock
) -> None:
    def handle(error: Exception) -> None:
        raise KeyError("not in the cache")

    stages: list[Stage] = [open_circuit(), FallbackStage(Fallback(handler=handle))]
    raised = outcome(lambda: driver.pipeline(assemble(stages), Scripted(1), a_call(clock)))
    assert type(raised) is KeyError
    assert type(raised.__context__) is CircuitBreakerException
