from __future__ import annotations

import asyncio
from contextlib import nullcontext, suppress
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import BulkheadException
from pyfly.resilience import History, PermitRefused, deadline
from pyfly.resilience.bulkhead.bulkhead import Bulkhead
from pyfly.resilience.bulkhead.policy import BulkheadPolicy
from pyfly.resilience.bulkhead.state import Permit
from tests.resilience.limit_support import in_thread, joined, run_under, turns, until
from tests.resilience.support import Driver, LoopClock, ManualClock, outcome, run_virtual


def balanced(bulkhead: Bulkhead, running: int = 0, waiting: int = 0) -> bool:
    shot = bulkhead.snapshot()
    return (
        shot.acquired == shot.released + shot.running
        and shot.running == running
        and shot.waiting == waiting
    )


# Settings


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ((0,), "max_concurrent must be at least 1, not 0"),
        ((2.5,), "max_concurrent must be a whole number, not float 2.5"),
        ((1, -1), "max_queue must be at least 0, not -1"),
        ((1, True), "max_queue must be a whole number, not bool True"),
        ((1, 1, 5), r"max_wait must be a timedelta, not int 5: write timedelta\(seconds=5\)"),
        ((1, 1, timedelta(-1)), "max_wait must not be negative"),
        ((1, 0, timedelta(seconds=2)), "max_wait is 2 s, but max_queue is 0.*set max_queue"),
    ],
)
def test_a_wrong_setting_is_named(settings: Any, problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^Bulkhead: {problem}"):
        Bulkhead(*settings)


def test_a_wait_of_zero_is_a_value() -> None:
    assert BulkheadPolicy(1, 0, timedelta(0)).max_wait == timedelta(0)
    assert BulkheadPolicy(1, 3, timedelta(0)).max_queue == 3


@pytest.mark.parametrize(
    ("bulkhead", "text"),
    [
        (Bulkhead(3), "3 at once, none waits"),
        (Bulkhead(3, 2), "3 at once, 2 may wait"),
        (
            Bulkhead(3, 2, timedelta(seconds=0.5), name="shop"),
            "shop: 3 at once, 2 may wait up to 0.5 s",
        ),
    ],
)
def test_it_describes_itself(bulkhead: Bulkhead, text: str) -> None:
    assert bulkhead.describe() == text


def test_its_repr_tells_how_full_it_is() -> None:
    bulkhead = Bulkhead(2, name="shop")
    _held = bulkhead.try_acquire()
    assert repr(bulkhead) == "<Bulkhead 'shop' 1 of 2, 0 wait>"
    assert repr(Bulkhead(2)) == "<Bulkhead 0 of 2, 0 wait>"


def test_a_permit_tells_where_it_is() -> None:
    bulkhead = Bulkhead(1)
    permit = bulkhead.acquire_sync()
    assert repr(permit) == "<Permit held>"
    bulkhead.release(permit)
    assert repr(permit) == "<Permit not held>"


# Without a queue


def test_as_many_as_may_run_and_the_next_is_refused(clock: ManualClock) -> None:
    history = History()
    bulkhead = Bulkhead(2, name="shop", clock=clock, listeners=[history])
    first, second = bulkhead.acquire_sync(), bulkhead.acquire_sync()
    with pytest.raises(BulkheadException) as refusal:
        bulkhead.acquire_sync()
    assert str(refusal.value) == "Bulkhead is full: shop (2 of 2 calls under way)"
    assert (refusal.value.name, refusal.value.retry_after) == ("shop", None)
    assert history.events == [PermitRefused("", clock.now, "bulkhead", "shop", None)]
    bulkhead.release(first)
    third = bulkhead.try_acquire()
    assert third is not None
    assert bulkhead.try_acquire() is None
    bulkhead.release(second)
    assert bulkhead.snapshot().refused == 1
    assert balanced(bulkhead, running=1)


def test_a_permit_goes_back_once(driver: Driver) -> None:
    bulkhead = Bulkhead(2)
    permit, other = bulkhead.acquire_sync(), bulkhead.acquire_sync()
    for _ in range(3):
        bulkhead.release(permit)
    assert balanced(bulkhead, running=1)
    bulkhead.release(other)
    assert balanced(bulkhead)


@pytest.mark.parametrize(
    "ending", [None, ValueError(), KeyboardInterrupt(), GeneratorExit(), SystemExit(3)]
)
def test_however_a_call_ends_its_permit_comes_back(
    driver: Driver, ending: BaseException | None
) -> None:
    bulkhead = Bulkhead(1)

    def body() -> str:
        assert balanced(bulkhead, running=1)
        if ending is not None:
            raise ending
        return "fine"

    told = outcome(lambda: run_under(driver, bulkhead, body))
    assert told == "fine" if ending is None else isinstance(told, type(ending))
    assert balanced(bulkhead)


@pytest.mark.survives(
    "Many callers at once", "a caller with a permit is cancelled", "the permit comes back"
)
async def test_a_cancelled_call_gives_its_permit_back() -> None:
    bulkhead = Bulkhead(1)
    task = asyncio.create_task(bulkhead.call(asyncio.sleep, 3600))
    await turns()
    assert balanced(bulkhead, running=1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert balanced(bulkhead)


async def test_blocks_hold_a_permit_each() -> None:
    bulkhead = Bulkhead(2)
    async with bulkhead:
        with bulkhead.sync():
            assert balanced(bulkhead, running=2)
            with pytest.raises(BulkheadException):
                async with bulkhead:
                    pytest.fail("a third ran")
        assert balanced(bulkhead, running=1)
    assert balanced(bulkhead)


def test_a_synchronous_block_may_be_kept_and_nested() -> None:
    bulkhead = Bulkhead(2)
    block = bulkhead.sync()
    with block, block:
        assert balanced(bulkhead, running=2)
    with suppress(LookupError), block:
        raise LookupError
    with block:
        assert balanced(bulkhead, running=1)
    assert balanced(bulkhead)


# The queue, in virtual time


async def worker(bulkhead: Bulkhead, name: str, log: list[str], seconds: float = 1.0) -> None:
    async with bulkhead:
        log.append(name)
        await asyncio.sleep(seconds)


def test_who_waits_runs_in_the_order_of_arrival() -> None:
    async def main() -> tuple[list[str], float]:
        bulkhead, log = Bulkhead(2, 10), list[str]()
        start = asyncio.get_running_loop().time()
        await asyncio.gather(*(worker(bulkhead, str(n), log) for n in range(7)))
        assert balanced(bulkhead)
        return log, asyncio.get_running_loop().time() - start

    assert run_virtual(main()) == (list("0123456"), 4.0)


def test_a_newcomer_does_not_overtake_the_queue() -> None:
    async def main() -> list[str]:
        bulkhead, log = Bulkhead(1, 10), list[str]()
        first = await bulkhead.acquire()
        waiting = asyncio.create_task(worker(bulkhead, "waiting", log))
        await turns()
        bulkhead.release(first)  # the permit is the waiting one's, which has not yet run
        newcomer = asyncio.create_task(worker(bulkhead, "newcomer", log))
        assert bulkhead.try_acquire() is None
        await asyncio.gather(waiting, newcomer)
        return log

    assert run_virtual(main()) == ["waiting", "newcomer"]


@pytest.mark.survives(
    "Many callers at once", "more callers than permits and places", "`BulkheadException` at once"
)
def test_a_full_queue_refuses_at_once() -> None:
    async def main() -> None:
        bulkhead = Bulkhead(1, 1, name="shop")
        permit = await bulkhead.acquire()
        task = asyncio.create_task(bulkhead.acquire())
        await turns()
        with pytest.raises(BulkheadException) as refusal:
            await bulkhead.acquire()
        text = "Bulkhead is full: shop (1 of 1 calls under way, 1 of 1 waiting)"
        assert str(refusal.value) == text
        bulkhead.release(permit)
        bulkhead.release(await task)
        assert balanced(bulkhead)

    run_virtual(main())


@pytest.mark.parametrize(
    ("max_wait", "timeout", "within", "waited"),
    [(2.0, None, None, 2.0), (2.0, 0.5, None, 0.5), (None, 3.0, 1.5, 1.5), (2.0, 9.0, 9.0, 2.0)],
)
def test_the_wait_ends_at_the_nearest_limit(
    max_wait: float | None, timeout: float | None, within: float | None, waited: float
) -> None:
    async def main() -> None:
        clock = LoopClock()
        limit = None if max_wait is None else timedelta(seconds=max_wait)
        bulkhead = Bulkhead(1, 5, limit, clock=clock)
        permit = await bulkhead.acquire()
        start = clock.monotonic()
        around = nullcontext() if within is None else deadline(within, clock=clock)
        text = f"gave up after {waited:g} s in the queue"
        with around, pytest.raises(BulkheadException, match=text):
            await bulkhead.acquire(timeout=timeout)
        assert clock.monotonic() - start == waited
        assert balanced(bulkhead, running=1)
        assert bulkhead.snapshot().refused == 1
        bulkhead.release(permit)
        assert balanced(bulkhead)

    run_virtual(main())


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_with_no_time_left_it_refuses_without_a_wait(driver: Driver, seconds: float) -> None:
    bulkhead = Bulkhead(1, 5)
    _held = bulkhead.acquire_sync()
    if driver.name == "sync":
        refused = outcome(lambda: bulkhead.acquire_sync(timeout=seconds))
    else:
        refused = outcome(lambda: asyncio.run(_acquire(bulkhead, seconds)))
    assert isinstance(refused, BulkheadException)
    assert str(refused) == "Bulkhead is full (1 of 1 calls under way, 0 of 5 waiting)"


async def _acquire(bulkhead: Bulkhead, seconds: float) -> None:
    await bulkhead.acquire(timeout=seconds)


def test_a_free_permit_is_given_even_with_no_time_left() -> None:
    assert Bulkhead(1).acquire_sync(timeout=0).held


def test_a_permit_that_comes_at_the_very_end_of_the_wait_is_taken() -> None:
    async def main() -> None:
        bulkhead = Bulkhead(1, 1, timedelta(seconds=1), clock=LoopClock())
        permit = await bulkhead.acquire()
        asyncio.get_running_loop().call_later(1.0, bulkhead.release, permit)
        got = await bulkhead.acquire()
        assert got.held
        assert balanced(bulkhead, running=1)

    run_virtual(main())


def test_a_permit_freed_between_the_two_looks_is_taken_without_a_wait(driver: Driver) -> None:
    bulkhead = Bulkhead(1, 1)

    async def main() -> Permit:
        return await bulkhead.wait("", None)

    permit = asyncio.run(main()) if driver.name == "async" else bulkhead.wait_sync("", None)
    assert permit.held
    assert balanced(bulkhead, running=1)


# Threads that wait


def test_a_thread_waits_for_its_permit() -> None:
    bulkhead = Bulkhead(1, 1, timedelta(minutes=5))
    permit = bulkhead.acquire_sync()
    got: list[Permit] = []
    thread = in_thread(lambda: got.append(bulkhead.acquire_sync()))
    until(lambda: bulkhead.rules.waiting == 1)
    assert got == []
    bulkhead.release(permit)
    assert joined(thread)
    assert got[0].held
    assert balanced(bulkhead, running=1)


def test_a_thread_waits_no_longer_than_it_may_by_the_clock_it_was_given(
    clock: ManualClock,
) -> None:
    bulkhead = Bulkhead(1, 1, timedelta(minutes=5), clock=clock)
    _held = bulkhead.acquire_sync()
    told: list[Any] = []
    thread = in_thread(lambda: told.append(outcome(bulkhead.acquire_sync)))
    until(lambda: bulkhead.rules.waiting == 1)
    clock.now += 301
    assert joined(thread)
    assert isinstance(told[0], BulkheadException)
    assert "gave up after 301 s" in str(told[0])
    assert balanced(bulkhead, running=1)


def test_a_thread_waits_on_the_system_clock_too() -> None:
    bulkhead = Bulkhead(1, 1, timedelta(milliseconds=5))
    _held = bulkhead.acquire_sync()
    with pytest.raises(BulkheadException, match=r"gave up after 0\."):
        _held = bulkhead.acquire_sync()
    assert balanced(bulkhead, running=1)


def test_a_thread_interrupted_while_it_waits_leaves_the_queue(clock: ManualClock) -> None:
    class Interrupting(ManualClock):
        asked = 0

        def monotonic(self) -> float:
            self.asked += 1
            if self.asked == 3:  # the third is asked while it waits
                raise KeyboardInterrupt
            return self.now

    bulkhead = Bulkhead(1, 1, timedelta(seconds=5), clock=Interrupting())
    _held = bulkhead.acquire_sync()
    with pytest.raises(KeyboardInterrupt):
        _held = bulkhead.acquire_sync()
    assert balanced(bulkhead, running=1)
