"""After a fork, policies start anew in the child: no lock and no permit of the parent's is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest

from pyfly.kernel.fork import ForkAware
from pyfly.resilience import (
    AdaptiveLimiter,
    AIMDPolicy,
    Bulkhead,
    CircuitBreaker,
    CircuitState,
    Hedge,
    RateLimiter,
    RetryBudget,
    SingleFlight,
    Throttle,
)
from pyfly.resilience.chaos.chaos import Chaos
from pyfly.resilience.events import Events
from pyfly.resilience.single_flight.table import Table
from tests.resilience.support import ManualClock

OWNERS: list[Callable[[], ForkAware]] = [
    lambda: AdaptiveLimiter(AIMDPolicy()),
    lambda: Bulkhead(1),
    lambda: Chaos(7),
    CircuitBreaker,
    Events,
    lambda: Hedge(quantile=0.9),
    lambda: RateLimiter(1),
    RetryBudget,
    RetryBudget.ratio,
    Table,
    Throttle,
]


@pytest.mark.parametrize("make", OWNERS)
def test_every_policy_has_a_lock_of_its_own_after_a_fork(make: Callable[[], ForkAware]) -> None:
    owner = make()
    before = owner._lock
    owner.after_fork()
    assert owner._lock is not before


@pytest.mark.survives(
    "Many callers at once",
    "a process forks while its calls hold permits",
    "the child begins with all permits; what it inherited gives back nothing of its own",
)
def test_a_child_has_all_permits_of_a_bulkhead_and_none_of_its_queue() -> None:
    bulkhead = Bulkhead(1, 1)
    inherited = bulkhead.acquire_sync()

    async def wait() -> None:
        waiting = asyncio.create_task(bulkhead.acquire())
        await asyncio.sleep(0)
        assert bulkhead.snapshot().waiting == 1
        bulkhead.after_fork()
        waiting.cancel()

    asyncio.run(wait())
    own = bulkhead.try_acquire()
    assert own is not None
    bulkhead.release(inherited)  # by a call of the thread that forked
    shot = bulkhead.snapshot()
    assert (shot.running, shot.waiting, shot.acquired, shot.released) == (1, 0, 1, 0)


def test_a_child_has_all_permits_of_an_adaptive_limiter() -> None:
    limiter = AdaptiveLimiter(AIMDPolicy(1, 1, 1))
    inherited = limiter.admit()
    limiter.after_fork()
    own = limiter.admit()
    limiter.succeeded(inherited)
    assert limiter.snapshot().in_flight == 1
    limiter.succeeded(own)
    assert limiter.snapshot().in_flight == 0


def test_a_child_has_a_bucket_of_its_own() -> None:
    limiter = RateLimiter(1, timedelta(hours=1))
    assert limiter.try_acquire()
    limiter.after_fork()
    assert limiter.snapshot().acquired == 0
    assert limiter.try_acquire()


def test_children_of_one_throttle_draw_numbers_of_their_own_unless_they_were_given() -> None:
    throttle, given = Throttle(), Throttle(random=Random(7))
    before, same = throttle._random, given._random
    throttle._count(False)
    throttle.after_fork()
    given.after_fork()
    assert throttle._random is not before
    assert given._random is same
    assert throttle.snapshot().requests == 0


def test_a_child_waits_for_no_shared_call_of_the_parent() -> None:
    single = SingleFlight()

    async def main() -> list[str]:
        begun, never = asyncio.Event(), asyncio.Event()

        async def parents() -> str:
            begun.set()
            await never.wait()
            return "of the parent"

        async def childs() -> str:
            return "of the child"

        first = asyncio.create_task(single.call("key", parents))
        await begun.wait()
        single._table.after_fork()
        answers = [await asyncio.wait_for(single.call("key", childs), 5)]
        never.set()
        return [*answers, await first]

    assert asyncio.run(main()) == ["of the child", "of the parent"]


def test_a_child_learns_the_delay_of_its_hedges_anew() -> None:
    hedge = Hedge(timedelta(seconds=9), 0.5, min_samples=1)
    hedge.learn(1.0)
    assert hedge.delay == 1.0
    hedge.after_fork()
    assert hedge.delay == 9.0


# The circuit breaker


def a_breaker(clock: ManualClock) -> CircuitBreaker:
    return CircuitBreaker(2, timedelta(seconds=30), clock=clock)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.failed(breaker.admit(), OSError())


def test_a_probe_of_the_parent_keeps_no_child_from_probing(clock: ManualClock) -> None:
    breaker = a_breaker(clock)
    fail(breaker, 2)
    clock.now += 30
    inherited = breaker.admit()
    assert inherited.probe
    breaker.after_fork()
    assert breaker.state is CircuitState.HALF_OPEN
    own = breaker.admit()
    assert own.probe
    breaker.succeeded(inherited)  # says nothing about this process
    assert breaker.state is CircuitState.HALF_OPEN
    breaker.succeeded(own)
    assert breaker.state is CircuitState.CLOSED


def test_an_open_circuit_stays_open_in_the_child_for_as_long(clock: ManualClock) -> None:
    breaker = a_breaker(clock)
    fail(breaker, 2)
    clock.now += 10
    breaker.after_fork()
    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().state is CircuitState.OPEN
    clock.now += 20
    breaker.succeeded(breaker.admit())
    assert breaker.state is CircuitState.CLOSED


def test_a_closed_circuit_counts_anew_in_the_child(clock: ManualClock) -> None:
    breaker = a_breaker(clock)
    fail(breaker, 1)
    inherited = breaker.admit()
    breaker.after_fork()
    breaker.failed(inherited, OSError())
    fail(breaker, 1)
    assert breaker.state is CircuitState.CLOSED
    fail(breaker, 1)
    assert breaker.state is CircuitState.OPEN


def test_what_was_switched_by_hand_stays_so_in_the_child(clock: ManualClock) -> None:
    forced, disabled = a_breaker(clock), a_breaker(clock)
    forced.force_open()
    disabled.disable()
    for breaker in (forced, disabled):
        breaker.after_fork()
    clock.now += 1000
    assert forced.state is CircuitState.OPEN
    fail(disabled, 5)
    assert disabled.state is CircuitState.CLOSED


def test_half_written_by_another_thread_a_circuit_is_whole_in_the_child(
    clock: ManualClock,
) -> None:
    breaker = a_breaker(clock)
    breaker.rules.closed_admission = None  # that thread was about to open it
    breaker.rules.wants_success = True
    breaker.after_fork()
    assert breaker.rules.closed_admission is not None
    fail(breaker, 2)
    assert breaker.state is CircuitState.OPEN
