from __future__ import annotations

from datetime import timedelta

import pytest

from pyfly.kernel.exceptions import RateLimitException
from pyfly.resilience import (
    Call,
    History,
    PermitRefused,
    RetryPolicy,
    RetryStage,
    assemble,
    deadline,
)
from pyfly.resilience.rate_limiter.limiter import RateLimiter
from pyfly.resilience.rate_limiter.stage import RateLimiterStage
from tests.resilience.limit_support import through
from tests.resilience.support import Driver, ManualClock, Scripted, a_call, outcome


def test_each_attempt_takes_a_token(driver: Driver, clock: ManualClock) -> None:
    limiter = RateLimiter(0.001, burst=5, clock=clock)
    pipeline = assemble(
        [RetryStage(RetryPolicy(3, timedelta(seconds=1))), RateLimiterStage(limiter)]
    )
    send = Scripted(ConnectionError(), ConnectionError(), "fine")
    assert driver.pipeline(pipeline, send, a_call(clock)) == "fine"
    assert limiter.snapshot().acquired == 3


def test_a_refusal_is_told_to_the_listeners_of_both(driver: Driver, clock: ManualClock) -> None:
    own, calls = History(), History()
    limiter = RateLimiter(2, burst=1, name="shop", clock=clock, listeners=[own])
    limiter.try_acquire()
    send = Scripted("fine")
    stage = RateLimiterStage(limiter)
    told = outcome(lambda: through(driver, stage, send, a_call(clock, calls)))
    assert isinstance(told, RateLimitException)
    assert told.retry_after == 0.5
    assert send.calls == 0
    event = PermitRefused("Shop.product", clock.now, "rate limiter", "shop", 0.5)
    assert own.events == calls.events == [event]


def test_a_refusal_is_not_retried(driver: Driver, clock: ManualClock) -> None:
    limiter = RateLimiter(1, clock=clock)
    limiter.try_acquire()
    retry = RetryStage(RetryPolicy(3, timedelta(seconds=1), retry_on=(Exception,)))
    pipeline = assemble([retry, RateLimiterStage(limiter)])
    told = outcome(lambda: driver.pipeline(pipeline, Scripted("fine"), a_call(clock)))
    assert isinstance(told, RateLimitException)
    assert clock.sleeps == []


def test_an_attempt_waits_if_its_deadline_allows_it(driver: Driver, clock: ManualClock) -> None:
    limiter = RateLimiter(1, max_wait=None, clock=clock)
    limiter.try_acquire()
    stage = RateLimiterStage(limiter)
    call = a_call(clock, deadline=clock.now + 1.5)
    assert through(driver, stage, Scripted("fine"), call) == "fine"
    assert clock.sleeps == [1.0]


def test_an_attempt_that_would_wait_past_its_deadline_is_refused_at_once(
    driver: Driver, clock: ManualClock
) -> None:
    limiter = RateLimiter(1, max_wait=None, clock=clock)
    limiter.try_acquire()
    stage = RateLimiterStage(limiter)
    call = a_call(clock, deadline=clock.now + 0.5)
    told = outcome(lambda: through(driver, stage, Scripted("fine"), call))
    assert isinstance(told, RateLimitException)
    with deadline(0.5, clock=clock):
        told = outcome(lambda: through(driver, stage, Scripted("fine"), a_call(clock)))
    assert isinstance(told, RateLimitException)
    assert clock.sleeps == []
    assert limiter.snapshot().tokens == 0


def test_a_call_may_weigh_more(driver: Driver, clock: ManualClock) -> None:
    def weight(call: Call) -> float:
        return len(str(call.payload))

    limiter = RateLimiter(10, clock=clock)
    stage = RateLimiterStage(limiter, weight)
    through(driver, stage, Scripted("fine"), a_call(clock))
    assert limiter.snapshot().tokens == pytest.approx(10 - len("payload"))


def test_a_refusal_further_inside_is_not_its_own(driver: Driver, clock: ManualClock) -> None:
    inner, history = RateLimitException(name="inner"), History()
    stage = RateLimiterStage(RateLimiter(10))
    told = outcome(lambda: through(driver, stage, Scripted(inner), a_call(clock, history)))
    assert told is inner
    assert history.events == []


def test_it_shows_the_settings_of_its_limiter() -> None:
    limiter = RateLimiter(10, burst=2)
    assert RateLimiterStage(limiter).describe() == "10 per 1 s, 2 at once, none waits"
    weighed = RateLimiterStage(limiter, lambda _: 2.0)
    assert weighed.describe() == "10 per 1 s, 2 at once, none waits, by weight"
