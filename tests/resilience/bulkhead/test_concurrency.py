"""Permits are conserved: cancellation at each step, loops, threads, and the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from pyfly.kernel.exceptions import BulkheadException
from pyfly.resilience.bulkhead.bulkhead import Bulkhead
from pyfly.resilience.bulkhead.state import BulkheadRules, Permit
from tests.resilience.bulkhead.test_bulkhead import balanced, worker
from tests.resilience.limit_support import in_thread, joined, parked, step, turns, until
from tests.resilience.support import run_virtual

# Cancelled, dropped, handed over


def test_a_call_cancelled_while_it_waits_leaves_the_queue() -> None:
    async def main() -> list[str]:
        bulkhead, log = Bulkhead(1, 5), list[str]()
        permit = await bulkhead.acquire()
        tasks = [asyncio.create_task(worker(bulkhead, name, log)) for name in "abc"]
        await turns()
        tasks[1].cancel()
        await turns()
        assert balanced(bulkhead, running=1, waiting=2)
        bulkhead.release(permit)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert balanced(bulkhead)
        return log

    assert run_virtual(main()) == ["a", "c"]


@pytest.mark.parametrize("cancel_first", [True, False])
def test_a_call_cancelled_in_the_moment_it_is_granted_passes_the_permit_on(
    cancel_first: bool,
) -> None:
    async def main() -> list[str]:
        bulkhead, log = Bulkhead(1, 5), list[str]()
        permit = await bulkhead.acquire()
        first, second = (asyncio.create_task(worker(bulkhead, n, log)) for n in ("1", "2"))
        await turns()
        if cancel_first:
            first.cancel()
            bulkhead.release(permit)
        else:
            bulkhead.release(permit)
            first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert first.cancelled()
        assert balanced(bulkhead)
        return log

    assert run_virtual(main()) == ["2"]


def test_whoever_is_cancelled_at_whichever_step_the_others_run_and_no_permit_is_lost() -> None:
    """All of: 4 callers, 1 or 2 permits, any two cancelled after any two numbers of turns."""

    async def main(permits: int, victims: tuple[int, ...], after: tuple[int, ...]) -> None:
        bulkhead = Bulkhead(permits, 4)
        done: list[int] = []
        running = 0

        async def body(number: int) -> None:
            nonlocal running
            running += 1
            assert running <= permits
            try:
                await asyncio.sleep(0)
                done.append(number)
            finally:
                running -= 1

        tasks = [asyncio.create_task(bulkhead.call(body, number)) for number in range(4)]
        for turn in range(14):
            for victim, when in zip(victims, after, strict=True):
                if turn == when:
                    tasks[victim].cancel()
            await asyncio.sleep(0)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert balanced(bulkhead)
        assert bulkhead.snapshot().refused == 0
        spared = [n for n in range(4) if n not in victims]
        assert [n for n in done if n in spared] == spared  # in order, too
        assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ends)

    schedules = 0
    with asyncio.Runner() as runner:
        for permits in (1, 2):
            for victims in itertools.combinations(range(4), 2):
                for after in itertools.product(range(12), repeat=2):
                    runner.run(main(permits, victims, after))
                    schedules += 1
    assert schedules == 1728


async def test_a_suspended_call_that_is_dropped_gives_its_permit_or_place_back() -> None:
    bulkhead = Bulkhead(1, 5)
    running, waiting, granted = (bulkhead.call(parked) for _ in range(3))
    for call in (running, waiting, granted):
        step(call)
    assert balanced(bulkhead, running=1, waiting=2)
    waiting.close()
    assert balanced(bulkhead, running=1, waiting=1)
    running.close()
    assert balanced(bulkhead, running=1)  # handed to the third, which has not run since
    granted.close()
    assert balanced(bulkhead)


async def test_an_exception_thrown_into_a_waiting_call_leaves_the_queue() -> None:
    bulkhead = Bulkhead(1, 1)
    permit = bulkhead.acquire_sync()
    call = bulkhead.call(parked)
    step(call)
    with pytest.raises(SystemExit):
        call.throw(SystemExit())
    assert balanced(bulkhead, running=1)
    bulkhead.release(permit)


# Loops


def waiting_are(bulkhead: Bulkhead, count: int) -> bool:
    return bulkhead.rules.waiting == count


def test_event_loops_and_threads_stand_in_one_queue() -> None:
    bulkhead = Bulkhead(1, 10)
    permit = bulkhead.acquire_sync()
    order: list[int] = []

    async def in_a_loop(number: int) -> None:
        async with bulkhead:
            order.append(number)

    def in_no_loop(number: int) -> None:
        with bulkhead.sync():
            order.append(number)

    threads = []
    for number in range(6):
        if number % 2:
            threads.append(in_thread(partial(in_no_loop, number)))
        else:
            threads.append(in_thread(partial(lambda n: asyncio.run(in_a_loop(n)), number)))
        until(partial(waiting_are, bulkhead, number + 1))
    bulkhead.release(permit)
    assert joined(*threads)
    assert order == [0, 1, 2, 3, 4, 5]
    assert balanced(bulkhead)


def test_a_permit_for_a_call_whose_loop_is_closed_goes_to_the_next() -> None:
    bulkhead = Bulkhead(1, 10)
    permit = bulkhead.acquire_sync()
    loop = asyncio.new_event_loop()

    async def start() -> Any:
        call = bulkhead.call(parked)
        step(call)
        return call

    stranded = loop.run_until_complete(start())
    got: list[Permit] = []
    thread = in_thread(lambda: got.append(bulkhead.acquire_sync()))
    until(lambda: bulkhead.rules.waiting == 2)
    loop.close()
    bulkhead.release(permit)
    assert joined(thread)
    bulkhead.release(got[0])
    assert balanced(bulkhead)
    stranded.close()
    assert balanced(bulkhead)


def test_a_permit_that_nobody_alive_waits_for_is_free() -> None:
    bulkhead = Bulkhead(1, 10)
    permit = bulkhead.acquire_sync()
    loop = asyncio.new_event_loop()

    async def start() -> Any:
        call = bulkhead.call(parked)
        step(call)
        return call

    stranded = loop.run_until_complete(start())
    loop.close()
    bulkhead.release(permit)
    assert balanced(bulkhead)
    stranded.close()


# Threads


class _Peak:
    """Counts who is inside."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = 0

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1


def test_8_threads_half_of_them_with_loops_conserve_permits_under_stress() -> None:
    bulkhead = Bulkhead(3, 6, timedelta(seconds=30))
    peak = _Peak()
    refused, done = [0] * 8, [0] * 8

    def thread_main(number: int) -> None:
        chance = random.Random(number)
        for _ in range(300):
            try:
                with bulkhead.sync(), peak:
                    if chance.random() < 0.3:
                        raise GeneratorExit
                done[number] += 1
            except BulkheadException:
                refused[number] += 1
            except GeneratorExit:
                done[number] += 1

    async def one(number: int, chance: random.Random) -> None:
        async def body() -> None:
            with peak:
                await asyncio.sleep(0)
                if chance.random() < 0.3:
                    raise LookupError

        task = asyncio.ensure_future(bulkhead.call(body))
        if chance.random() < 0.3:
            asyncio.get_running_loop().call_soon(task.cancel)
        try:
            await task
            done[number] += 1
        except BulkheadException:
            refused[number] += 1
        except (LookupError, asyncio.CancelledError):
            done[number] += 1

    async def loop_main(number: int) -> None:
        chance = random.Random(number)
        for _ in range(100):
            await asyncio.gather(*(one(number, chance) for _ in range(3)))

    def run(number: int) -> None:
        if number % 2:
            thread_main(number)
        else:
            asyncio.run(loop_main(number))

    threads = [in_thread(partial(run, number)) for number in range(8)]
    assert joined(*threads)
    assert sum(done) + sum(refused) == 8 * 300
    assert bulkhead.snapshot().refused == sum(refused)
    assert peak.most <= 3
    assert peak.inside == 0
    assert balanced(bulkhead)


# The garbage collector inside the lock


class _CollectingRules(BulkheadRules):
    """Runs the collector in the locked part, where any allocation might."""

    collecting = True

    def enter_needs_lock(self, permit: Permit, may_wait: bool) -> bool:
        if self.collecting:
            gc.collect()
        return super().enter_needs_lock(permit, may_wait)

    def leave_needs_lock(self, permit: Permit) -> Permit | None:
        if self.collecting:
            gc.collect()
        return super().leave_needs_lock(permit)


def _abandon(bulkhead: Bulkhead) -> None:
    """Leave a suspended call in a cycle, for the collector to find."""
    call = bulkhead.call(parked)
    step(call)
    cycle: list[object] = [call]
    cycle.append(cycle)


def test_a_suspended_call_collected_inside_the_lock_gives_its_permit_back() -> None:
    bulkhead = Bulkhead(1)
    bulkhead.rules = _CollectingRules(1, 0)
    gc.disable()
    try:
        _abandon(bulkhead)
        assert balanced(bulkhead, running=1)
        got: list[Permit] = []
        assert joined(in_thread(lambda: got.append(bulkhead.acquire_sync()))), "a deadlock"
        assert got[0].held
        assert balanced(bulkhead, running=1)
    finally:
        gc.enable()


def test_a_call_collected_while_another_gives_its_permit_back_wakes_a_thread() -> None:
    bulkhead = Bulkhead(2, 2)
    bulkhead.rules = rules = _CollectingRules(2, 2)
    rules.collecting = False  # the waiting threads do not
    gc.disable()
    try:
        permit = bulkhead.acquire_sync()
        _abandon(bulkhead)
        got: list[Permit] = []
        threads = [in_thread(lambda: got.append(bulkhead.acquire_sync())) for _ in range(2)]
        until(lambda: bulkhead.rules.waiting == 2)
        rules.collecting = True
        bulkhead.release(permit)
        assert joined(*threads)
        assert balanced(bulkhead, running=2)
    finally:
        gc.enable()
