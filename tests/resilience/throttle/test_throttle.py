from __future__ import annotations

import asyncio
import pickle
import random
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import (
    BulkheadException,
    DeadlineExceededException,
    RefusedException,
)
from pyfly.resilience import History, PermitRefused, RetryPolicy, RetryStage, assemble
from pyfly.resilience.throttle.policy import ThrottledException
from pyfly.resilience.throttle.stage import ThrottleStage
from pyfly.resilience.throttle.state import BUCKETS, ThrottleRules
from pyfly.resilience.throttle.throttle import Throttle
from tests.resilience.limit_support import in_thread, joined, parked, run_under, step, through
from tests.resilience.support import Driver, ManualClock, Scripted, a_call, outcome


class Dice:
    """Draws what it is told."""

    def __init__(self, *draws: float) -> None:
        self.draws = list(draws)

    def random(self) -> float:
        return self.draws.pop(0)


def counted(throttle: Throttle) -> tuple[int, int]:
    shot = throttle.snapshot()
    return shot.requests, shot.accepts


def rejected(throttle: Throttle, times: int) -> None:
    for _ in range(times):
        throttle.failed(ConnectionError())


def accepted(throttle: Throttle, times: int) -> None:
    for _ in range(times):
        throttle.succeeded()


# Settings


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"k": 0.5}, "k must be at least 1, not 0.5"),
        ({"k": "2"}, "k must be a number, not str '2'"),
        ({"window": 120}, r"window must be a timedelta, not int 120: write timedelta\("),
        ({"window": timedelta(0)}, "window must be longer than zero"),
        ({"is_rejection": (OSError,)}, "is_rejection must be a function .*, not tuple"),
        ({"random": 7}, r"random must have a method random\(\), .*; int has none"),
        ({"clock": 5}, "clock must have the methods"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^Throttle: {problem}"):
        Throttle(**settings)


def test_it_describes_itself(clock: ManualClock) -> None:
    text = "holds calls back when fewer than 1 in 2 is accepted over 120 s"
    assert Throttle().describe() == text
    throttle = Throttle(1.5, timedelta(seconds=30), name="shop", clock=clock)
    text = "shop: holds calls back when fewer than 1 in 1.5 is accepted over 30 s"
    assert throttle.describe() == text
    assert ThrottleStage(throttle).describe() == text
    accepted(throttle, 2)
    rejected(throttle, 1)
    assert repr(throttle) == "<Throttle 'shop' 2 of 3 accepted>"
    assert repr(Throttle()) == "<Throttle 0 of 0 accepted>"


# The probability


@pytest.mark.parametrize(
    ("k", "requests", "accepts", "probability"),
    [
        (2.0, 0, 0, 0.0),
        (2.0, 10, 10, 0.0),
        (2.0, 10, 5, 0.0),
        (2.0, 10, 4, 2 / 11),
        (2.0, 10, 0, 10 / 11),
        (2.0, 1, 0, 1 / 2),
        (1.0, 10, 9, 1 / 11),
        (1.1, 110, 100, 0.0),
    ],
)
def test_calls_are_refused_with_the_published_probability(
    clock: ManualClock, k: float, requests: int, accepts: int, probability: float
) -> None:
    throttle = Throttle(k, clock=clock)
    accepted(throttle, accepts)
    rejected(throttle, requests - accepts)
    assert counted(throttle) == (requests, accepts)
    assert throttle.snapshot().probability == pytest.approx(probability, abs=1e-12)


def test_the_draw_decides_and_is_made_only_if_there_is_something_to_decide(
    clock: ManualClock,
) -> None:
    dice = Dice()
    throttle = Throttle(clock=clock, random=dice)
    throttle.admit()
    accepted(throttle, 4)
    rejected(throttle, 6)  # 2 / 11 = 0.1818…
    dice.draws = [2 / 11, 0.1818]
    throttle.admit()
    with pytest.raises(ThrottledException):
        throttle.admit()
    assert dice.draws == []


def test_a_refusal_counts_as_a_request(clock: ManualClock) -> None:
    history = History()
    throttle = Throttle(name="shop", clock=clock, random=Dice(0.0, 0.0), listeners=[history])
    accepted(throttle, 3)
    rejected(throttle, 37)
    with pytest.raises(ThrottledException) as refusal:
        throttle.admit()
    text = "Throttled: shop (the other side accepted 3 of 40 calls in the last 120 s)"
    assert str(refusal.value) == text
    assert (refusal.value.name, refusal.value.retry_after) == ("shop", None)
    assert counted(throttle) == (41, 3)
    assert history.events == [PermitRefused("", clock.now, "throttle", "shop", None)]
    with pytest.raises(ThrottledException, match="3 of 41"):
        throttle.admit()
    assert throttle.snapshot().refused == 2


def test_its_refusal_is_one_of_ours_and_survives_pickling() -> None:
    refusal = ThrottledException(name="shop")
    assert isinstance(refusal, RefusedException)
    assert str(refusal) == "Throttled: the other side turns calls away: shop"
    copy = pickle.loads(pickle.dumps(refusal))
    assert (type(copy), str(copy), copy.name) == (ThrottledException, str(refusal), "shop")


# What counts


@pytest.mark.parametrize(
    ("ending", "counts"),
    [
        ("fine", (1, 1)),
        (ConnectionError(), (1, 0)),
        (TimeoutError(), (1, 0)),
        (ValueError(), (1, 1)),  # an answer
        (DeadlineExceededException(), (0, 0)),
        (BulkheadException(), (0, 0)),
        (KeyboardInterrupt(), (0, 0)),
        (GeneratorExit(), (0, 0)),
    ],
)
def test_a_call_counts_by_what_it_proves(
    driver: Driver, clock: ManualClock, ending: object, counts: tuple[int, int]
) -> None:
    throttle = Throttle(clock=clock)
    assert outcome(lambda: run_under(driver, throttle, Scripted(ending))) is ending
    assert counted(throttle) == counts
    throttle = Throttle(clock=clock)
    stage = ThrottleStage(throttle)
    assert outcome(lambda: through(driver, stage, Scripted(ending), a_call(clock))) is ending
    assert counted(throttle) == counts


def test_a_stage_tells_what_a_rejection_is_where_the_throttle_does_not(
    driver: Driver, clock: ManualClock
) -> None:
    def a_lookup(error: Exception) -> bool:
        return isinstance(error, LookupError)

    for own, counts in ((None, (1, 0)), (lambda _: False, (1, 1))):
        throttle = Throttle(clock=clock, is_rejection=own)
        stage = ThrottleStage(throttle, a_lookup)
        outcome(lambda stage=stage: through(driver, stage, Scripted(KeyError()), a_call(clock)))
        assert counted(throttle) == counts


def test_what_a_rejection_is_can_be_told(driver: Driver, clock: ManualClock) -> None:
    throttle = Throttle(
        clock=clock,
        is_rejection=lambda error: isinstance(error, LookupError),
        random=Dice(0.9),
    )
    for error in (KeyError(), ConnectionError()):
        outcome(lambda error=error: run_under(driver, throttle, Scripted(error)))  # type: ignore[misc] # error is one
    assert counted(throttle) == (2, 1)


def test_a_deadline_may_be_told_to_be_a_rejection(driver: Driver, clock: ManualClock) -> None:
    throttle = Throttle(clock=clock, is_rejection=lambda error: isinstance(error, TimeoutError))
    outcome(lambda: run_under(driver, throttle, Scripted(DeadlineExceededException())))
    assert counted(throttle) == (1, 0)


async def test_a_burst_of_slow_calls_is_not_taken_for_rejected_ones(clock: ManualClock) -> None:
    throttle = Throttle(clock=clock, random=Dice())
    calls = [throttle.call(parked) for _ in range(100)]
    for call in calls:
        step(call)
    for call in calls:
        assert step(call) == ("done", None)
    assert counted(throttle) == (100, 100)


async def test_a_cancelled_call_does_not_count(clock: ManualClock) -> None:
    throttle = Throttle(clock=clock)
    call = throttle.call(parked)
    step(call)
    with pytest.raises(asyncio.CancelledError):
        call.throw(asyncio.CancelledError())
    assert counted(throttle) == (0, 0)


# The window


def test_what_is_older_than_the_window_is_forgotten_bucket_by_bucket() -> None:
    clock = ManualClock(0.0)
    throttle = Throttle(window=timedelta(seconds=BUCKETS), clock=clock)
    for _ in range(BUCKETS):
        accepted(throttle, 1)
        rejected(throttle, 1)
        clock.now += 1
    assert counted(throttle) == (2 * (BUCKETS - 1), BUCKETS - 1)  # the first has just gone
    clock.now += 10
    assert counted(throttle) == (2 * (BUCKETS - 11), BUCKETS - 11)
    clock.now += BUCKETS
    assert counted(throttle) == (0, 0)


def test_what_is_within_23_parts_of_the_window_counts() -> None:
    clock = ManualClock(0.999)
    throttle = Throttle(window=timedelta(seconds=BUCKETS), clock=clock)
    rejected(throttle, 1)
    clock.now = 23.999
    assert counted(throttle) == (1, 0)
    clock.now = 24.0
    assert counted(throttle) == (0, 0)


def test_the_window_is_as_long_around_the_zero_of_the_clock() -> None:
    clock = ManualClock(-0.5)
    throttle = Throttle(window=timedelta(seconds=BUCKETS), clock=clock)
    rejected(throttle, 1)
    clock.now = 22.9
    assert counted(throttle) == (1, 0)
    clock.now = 23.0
    assert counted(throttle) == (0, 0)


def test_a_clock_that_two_threads_read_out_of_order_does_no_harm() -> None:
    rules = ThrottleRules(2.0, float(BUCKETS))
    rules.count_needs_lock(5.1, False)
    rules.count_needs_lock(4.9, False)
    rules.count_needs_lock(5.2, True)
    assert (rules.requests, rules.accepts) == (3, 1)
    rules.advance_needs_lock(5.0 + BUCKETS)
    assert (rules.requests, rules.accepts) == (0, 0)


def test_the_counts_are_always_those_of_the_last_24_buckets() -> None:
    chance = random.Random(3)
    rules = ThrottleRules(2.0, float(BUCKETS))
    log: list[tuple[int, bool]] = []
    now = 50.0
    for _ in range(2_000):
        now += chance.choice([0.0, 0.0, 0.4, 1.0, 3.3, 26.0])
        ok = chance.random() < 0.5
        rules.count_needs_lock(now, ok)
        log.append((int(now), ok))
        recent = [ok for at, ok in log if at > int(now) - BUCKETS]
        assert (rules.requests, rules.accepts) == (len(recent), sum(recent))


# Over time


def sent_of(throttle: Throttle, clock: ManualClock, calls: int, capacity: int) -> int:
    """Calls of one second that got through to a server that accepts so many of them."""
    sent = 0
    for _ in range(calls):
        clock.now += 1 / calls
        try:
            throttle.admit()
        except ThrottledException:
            continue
        sent += 1
        if sent <= capacity:
            throttle.succeeded()
        else:
            throttle.failed(ConnectionError())
    return sent


def test_an_overloaded_server_gets_about_k_times_what_it_accepts(clock: ManualClock) -> None:
    throttle = Throttle(clock=clock, random=random.Random(1))
    per_second = [sent_of(throttle, clock, 100, 20) for _ in range(300)]
    assert sum(per_second[-100:]) / 100 == pytest.approx(40, abs=3)


@pytest.mark.survives(
    "Many callers at once", "a throttled service recovers", "a few calls go on and find it"
)
def test_in_an_outage_a_few_calls_go_on_and_find_the_recovery(clock: ManualClock) -> None:
    throttle = Throttle(clock=clock, random=random.Random(1))
    for _ in range(120):
        sent_of(throttle, clock, 10, 10)
    outage = [sent_of(throttle, clock, 10, 0) for _ in range(1_320)]
    assert 1 <= sum(outage[-1_200:]) <= 30  # about one in each window
    recovered = [sent_of(throttle, clock, 10, 10) for _ in range(600)]
    assert recovered[-60:] == [10] * 60


# In a pipeline


def test_a_refusal_is_told_to_the_listeners_of_both_and_not_retried(
    driver: Driver, clock: ManualClock
) -> None:
    own, calls = History(), History(PermitRefused)
    throttle = Throttle(name="shop", clock=clock, random=Dice(0.0), listeners=[own])
    rejected(throttle, 5)
    retry = RetryStage(RetryPolicy(3, timedelta(seconds=1), retry_on=(Exception,)))
    pipeline, send = assemble([retry, ThrottleStage(throttle)]), Scripted("fine")
    told = outcome(lambda: driver.pipeline(pipeline, send, a_call(clock, calls)))
    assert isinstance(told, ThrottledException)
    assert send.calls == 0
    event = PermitRefused("Shop.product", clock.now, "throttle", "shop", None)
    assert own.events == calls.events == [event]


def test_each_attempt_counts(driver: Driver, clock: ManualClock) -> None:
    throttle = Throttle(clock=clock, random=Dice(0.9, 0.9))
    pipeline = assemble([RetryStage(RetryPolicy(3, timedelta(seconds=1))), ThrottleStage(throttle)])
    send = Scripted(ConnectionError(), ConnectionError(), "fine")
    assert driver.pipeline(pipeline, send, a_call(clock)) == "fine"
    assert counted(throttle) == (3, 1)


def test_8_threads_lose_no_count(clock: ManualClock) -> None:
    throttle = Throttle(clock=clock, random=random.Random(1))

    def work() -> None:
        for number in range(500):
            outcome(lambda: throttle.call_sync(Scripted("fine" if number % 4 else OSError())))  # noqa: B023 - called at once
            outcome(lambda: throttle.call_sync(Scripted(ConnectionError())))

    assert joined(*(in_thread(work) for _ in range(8)))
    shot = throttle.snapshot()
    assert shot.requests == 8 * 1000
    assert shot.accepts + shot.refused < shot.requests


def test_the_default_chance_is_fair_enough(clock: ManualClock) -> None:
    throttle = Throttle(clock=clock)
    rejected(throttle, 9)
    refused = sum(isinstance(outcome(throttle.admit), ThrottledException) for _ in range(200))
    assert refused > 100
