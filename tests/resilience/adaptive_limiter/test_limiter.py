from __future__ import annotations

import asyncio
import gc
import random
from typing import Any

import pytest

from pyfly.kernel.exceptions import (
    AttemptTimeoutException,
    BulkheadException,
    DeadlineExceededException,
    RateLimitException,
)
from pyfly.resilience import Call, History, PermitRefused, assemble
from pyfly.resilience.adaptive_limiter.limiter import AdaptiveLimiter
from pyfly.resilience.adaptive_limiter.policy import AIMDPolicy, Gradient2Policy
from pyfly.resilience.adaptive_limiter.stage import AdaptiveLimiterStage
from pyfly.resilience.adaptive_limiter.state import LimiterPermit, LimiterRules
from pyfly.resilience.events import LimitChanged
from tests.resilience.limit_support import (
    in_thread,
    joined,
    parked,
    run_under,
    step,
    through,
    turns,
)
from tests.resilience.support import (
    Driver,
    LoopClock,
    ManualClock,
    Scripted,
    a_call,
    outcome,
)


def balanced(limiter: AdaptiveLimiter, running: int = 0) -> bool:
    shot = limiter.snapshot()
    return shot.acquired == shot.released + shot.in_flight and shot.in_flight == running


def small(clock: ManualClock | LoopClock, **kwargs: Any) -> AdaptiveLimiter:
    """One at a time, one more after each success, half after each drop."""
    policy = AIMDPolicy(4, 1, 100, backoff_ratio=0.5)
    return AdaptiveLimiter(policy, name="shop", clock=clock, **kwargs)


# Settings


@pytest.mark.parametrize(
    ("kind", "settings", "problem"),
    [
        (Gradient2Policy, {"min_limit": 0}, "min_limit must be at least 1, not 0"),
        (Gradient2Policy, {"max_limit": 10}, r"initial_limit \(20\) must lie between min_limit"),
        (Gradient2Policy, {"initial_limit": 10}, r"initial_limit \(10\) must lie between"),
        (Gradient2Policy, {"initial_limit": 2.5}, "initial_limit must be a whole number"),
        (Gradient2Policy, {"smoothing": 0}, "smoothing must be more than 0"),
        (Gradient2Policy, {"smoothing": 1.5}, "smoothing must be at most 1, not 1.5"),
        (Gradient2Policy, {"long_window": 0}, "long_window must be at least 1"),
        (Gradient2Policy, {"rtt_tolerance": 0.9}, "rtt_tolerance must be at least 1, not 0.9"),
        (Gradient2Policy, {"queue_size": -1}, "queue_size must be at least 0"),
        (Gradient2Policy, {"window": 1}, "window must be a timedelta, not int 1"),
        (AIMDPolicy, {"backoff_ratio": 1}, "backoff_ratio must be less than 1"),
        (AIMDPolicy, {"backoff_ratio": 0}, "backoff_ratio must be more than 0"),
        (AIMDPolicy, {"timeout": 5}, "timeout must be a timedelta, not int 5"),
        (AIMDPolicy, {"max_limit": 3}, r"initial_limit \(20\) must lie between min_limit"),
    ],
)
def test_a_wrong_setting_is_named(kind: Any, settings: dict[str, Any], problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{kind.__name__}: {problem}"):
        kind(**settings)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"policy": 20}, "policy must be a Gradient2Policy or an AIMDPolicy, not int"),
        ({"is_drop": TimeoutError()}, "is_drop must be a function .*, not TimeoutError"),
        ({"clock": 5}, "clock must have the methods"),
    ],
)
def test_a_wrong_argument_is_named(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=f"^AdaptiveLimiter: {problem}"):
        AdaptiveLimiter(**settings)


def test_it_describes_itself(clock: ManualClock) -> None:
    gradient = "20 to 200 at once, 20 at first, by the gradient of the round-trip time"
    assert AdaptiveLimiter().describe() == gradient
    aimd = "shop: 1 to 100 at once, 4 at first, one more after a success, × 0.5 after a drop"
    assert small(clock).describe() == aimd
    assert AdaptiveLimiterStage(small(clock)).describe() == aimd
    assert repr(small(clock)) == "<AdaptiveLimiter 'shop' 0 of 4>"
    assert repr(AdaptiveLimiter()) == "<AdaptiveLimiter 0 of 20>"


def test_a_stage_tells_what_a_drop_is_where_the_limiter_does_not(
    driver: Driver, clock: ManualClock
) -> None:
    for own, limit in ((None, 2), (lambda _: False, 4)):
        limiter = small(clock, is_drop=own)
        stage = AdaptiveLimiterStage(limiter, lambda error: isinstance(error, LookupError))
        outcome(lambda stage=stage: through(driver, stage, Scripted(KeyError()), a_call(clock)))
        assert limiter.limit == limit


# Calls


def test_as_many_as_the_limit_run_and_the_next_is_refused(clock: ManualClock) -> None:
    history = History()
    limiter = small(clock, listeners=[history])
    permits = [limiter.admit() for _ in range(4)]
    with pytest.raises(BulkheadException) as refusal:
        limiter.admit()
    text = "Adaptive limit reached: shop (4 calls under way, 4 allowed for now)"
    assert str(refusal.value) == text
    assert refusal.value.name == "shop"
    assert history.events == [PermitRefused("", clock.now, "adaptive limit", "shop", None)]
    limiter.released(permits[0])
    again = limiter.admit()
    assert again.held
    assert limiter.snapshot().refused == 1
    assert balanced(limiter, running=4)


def test_a_refusal_of_a_limiter_without_a_name_names_none() -> None:
    limiter = AdaptiveLimiter(Gradient2Policy(1, 1))
    _held = limiter.admit()
    with pytest.raises(BulkheadException, match=r"^Adaptive limit reached \(1 calls"):
        limiter.admit()


@pytest.mark.parametrize(
    ("ending", "limit"),
    [
        (None, 5),
        (TimeoutError(), 2),
        (AttemptTimeoutException(), 2),
        (DeadlineExceededException(), 4),
        (BulkheadException(), 4),
        (ValueError(), 4),
        (ConnectionError(), 4),
        (KeyboardInterrupt(), 4),
        (GeneratorExit(), 4),
    ],
)
def test_successes_and_drops_move_the_limit_and_nothing_else_does(
    driver: Driver, clock: ManualClock, ending: BaseException | None, limit: int
) -> None:
    limiter = small(clock)
    held = [limiter.admit() for _ in range(2)]  # so that more than half is in use

    def body() -> str:
        if ending is not None:
            raise ending
        return "fine"

    told = outcome(lambda: run_under(driver, limiter, body))
    assert told == "fine" if ending is None else isinstance(told, type(ending))
    assert limiter.limit == limit
    assert balanced(limiter, running=len(held))


def test_what_a_drop_is_can_be_told(driver: Driver, clock: ManualClock) -> None:
    asked: list[BaseException] = []

    def is_drop(error: BaseException) -> bool:
        asked.append(error)
        return isinstance(error, LookupError)

    limiter = small(clock, is_drop=is_drop)
    errors = [TimeoutError(), KeyError(), RateLimitException(), KeyboardInterrupt()]
    for error in errors:
        outcome(lambda error=error: run_under(driver, limiter, Scripted(error)))  # type: ignore[misc] # error is one
    assert limiter.limit == 2
    assert asked == errors[:2]


def test_a_predicate_that_raises_keeps_no_permit(driver: Driver, clock: ManualClock) -> None:
    def is_drop(error: BaseException) -> bool:
        raise RuntimeError("broken")

    limiter = small(clock, is_drop=is_drop)
    told = outcome(lambda: run_under(driver, limiter, Scripted(ValueError())))
    assert isinstance(told, RuntimeError)
    assert balanced(limiter)


def test_a_change_of_the_limit_is_an_event(clock: ManualClock) -> None:
    history = History()
    limiter = small(clock, listeners=[history])
    permits = [limiter.admit() for _ in range(3)]
    clock.now += 1
    limiter.failed(permits[0], TimeoutError(), operation="Shop.product")
    limiter.succeeded(permits[2], operation="Shop.order")
    limiter.succeeded(permits[1])
    limiter.succeeded(permits[1])
    at = clock.now
    assert history.events == [
        LimitChanged("Shop.product", at, "shop", 4, 2),
        LimitChanged("Shop.order", at, "shop", 2, 3),
        LimitChanged("", at, "shop", 3, 4),
    ]


def test_a_change_that_nobody_hears_of_still_is_one(clock: ManualClock) -> None:
    limiter = small(clock)
    limiter.failed(limiter.admit(), TimeoutError())
    assert limiter.limit == 2


async def test_a_cancelled_call_gives_its_permit_back_and_teaches_nothing(
    clock: ManualClock,
) -> None:
    limiter = small(clock)
    task = asyncio.create_task(limiter.call(asyncio.sleep, 3600))
    await turns()
    assert balanced(limiter, running=1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert balanced(limiter)
    assert limiter.limit == 4


def test_it_finds_out_how_much_the_other_side_can_take(clock: ManualClock) -> None:
    """A server that works on 30 at once, half a second each: more only queue there."""
    limiter = AdaptiveLimiter(Gradient2Policy(10, 1, 500), clock=clock)
    limits = []
    for _ in range(300):
        permits = [limiter.admit() for _ in range(limiter.limit)]
        clock.now += 0.5 * max(1.0, len(permits) / 30)
        for permit in permits:
            limiter.succeeded(permit)
        limits.append(limiter.limit)
    # It settles where 1.5 × 30 run (the tolerance) and four more queue, and moves on from
    # there as slowly as the long average takes the queueing for normal.
    assert limits[20] < 30
    assert 48 <= limits[110] <= 52
    assert limits[-1] <= 60


# In a pipeline


@pytest.mark.parametrize(
    ("ending", "limit"), [("fine", 5), (TimeoutError(), 2), (ValueError(), 4), (SystemExit(), 4)]
)
def test_an_attempt_is_a_sample(
    driver: Driver, clock: ManualClock, ending: object, limit: int
) -> None:
    history = History()
    limiter = small(clock, listeners=[history])
    held = [limiter.admit(), limiter.admit()]
    script = Scripted(ending)

    def send(call: Call) -> Any:
        assert balanced(limiter, running=3)
        return script(call)

    stage = AdaptiveLimiterStage(limiter)
    assert outcome(lambda: through(driver, stage, send, a_call(clock))) is ending
    assert limiter.limit == limit
    assert balanced(limiter, running=len(held))
    assert [event.operation for event in history] == ["Shop.product"] * (limit != 4)


def test_a_refusal_is_told_to_the_listeners_of_both(driver: Driver, clock: ManualClock) -> None:
    own, calls = History(), History()
    limiter = small(clock, listeners=[own])
    _held = [limiter.admit() for _ in range(4)]
    pipeline, send = assemble([AdaptiveLimiterStage(limiter)]), Scripted("fine")
    told = outcome(lambda: driver.pipeline(pipeline, send, a_call(clock, calls)))
    assert isinstance(told, BulkheadException)
    assert send.calls == 0
    event = PermitRefused("Shop.product", clock.now, "adaptive limit", "shop", None)
    assert own.events == calls.events == [event]


# Threads and the garbage collector


def test_8_threads_conserve_permits_under_stress(clock: ManualClock) -> None:
    limiter = small(clock)
    refused = [0] * 8

    def work(number: int) -> None:
        chance = random.Random(number)
        endings: list[object] = ["fine", TimeoutError(), ValueError(), GeneratorExit()]
        for _ in range(500):
            told = outcome(lambda: limiter.call_sync(Scripted(chance.choice(endings))))
            refused[number] += isinstance(told, BulkheadException)

    threads = [in_thread(lambda n=n: work(n)) for n in range(8)]  # type: ignore[misc] # n is an int
    assert joined(*threads)
    assert balanced(limiter)
    shot = limiter.snapshot()
    assert (shot.refused, shot.acquired) == (sum(refused), 8 * 500 - sum(refused))
    assert 1 <= shot.limit <= 100


class _CollectingRules(LimiterRules):
    """Runs the collector in the locked part, where any allocation might."""

    __slots__ = ()

    def admit_needs_lock(self, permit: LimiterPermit, now: float) -> bool:
        gc.collect()
        return super().admit_needs_lock(permit, now)


def test_a_suspended_call_collected_inside_the_lock_gives_its_permit_back() -> None:
    limiter = AdaptiveLimiter(Gradient2Policy(1, 1))
    gc.disable()
    try:
        call = limiter.call(parked)
        step(call)
        cycle: list[object] = [call]
        cycle.append(cycle)
        del call, cycle
        limiter.rules.__class__ = _CollectingRules
        got: list[LimiterPermit] = []
        assert joined(in_thread(lambda: got.append(limiter.admit()))), "a deadlock"
        assert got[0].held
        assert balanced(limiter, running=1)
    finally:
        gc.enable()
