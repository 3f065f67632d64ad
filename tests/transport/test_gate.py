"""Places at the gate: none lost, none made, first come first served."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from pyfly.transport.errors import PoolTimeout
from pyfly.transport.pools import AsyncGate, BlockingGate

LONG = 5.0


async def test_as_many_enter_as_there_are_places() -> None:
    gate = AsyncGate(2)
    await gate.enter(LONG)
    await gate.enter(0.0)
    with pytest.raises(PoolTimeout):
        await gate.enter(0.01)
    gate.leave()
    await gate.enter(LONG)


async def test_those_who_wait_enter_in_their_order() -> None:
    gate = AsyncGate(1)
    await gate.enter(LONG)
    order: list[int] = []

    async def one(number: int) -> None:
        await gate.enter(LONG)
        order.append(number)
        gate.leave()

    tasks = [asyncio.create_task(one(number)) for number in range(5)]
    await asyncio.sleep(0)
    gate.leave()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]
    await gate.enter(0.0)


async def test_a_place_given_to_one_who_is_cancelled_in_that_moment_is_passed_on() -> None:
    gate = AsyncGate(1)
    await gate.enter(LONG)
    first = asyncio.create_task(gate.enter(LONG))
    second = asyncio.create_task(gate.enter(LONG))
    await asyncio.sleep(0)
    gate.leave()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second


async def test_one_who_was_cancelled_is_passed_over() -> None:
    gate = AsyncGate(1)
    await gate.enter(LONG)
    first = asyncio.create_task(gate.enter(LONG))
    second = asyncio.create_task(gate.enter(LONG))
    await asyncio.sleep(0)
    first.cancel()
    gate.leave()  # before the first one has noticed
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    gate.leave()
    await gate.enter(0.0)


async def test_cancelled_at_any_moment_no_place_is_lost() -> None:
    gate = AsyncGate(2)

    async def one(turns: int) -> None:
        await gate.enter(LONG)
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
        finally:
            gate.leave()

    for turns in range(20):
        tasks = [asyncio.create_task(one(number % 3)) for number in range(7)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks[turns % 2 :: 2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await gate.enter(0.0)
    await gate.enter(0.0)
    with pytest.raises(PoolTimeout):
        await gate.enter(0.001)


def test_threads_wait_too() -> None:
    gate, got = BlockingGate(1), []
    place = gate.enter(LONG)
    with pytest.raises(PoolTimeout):
        gate.enter(0.01)
    thread = threading.Thread(target=lambda: got.append(gate.enter(LONG)))
    thread.start()
    gate.leave(place)
    thread.join(2)
    assert not thread.is_alive()
    assert gate.taken == len(got) == 1


def test_threads_come_in_the_order_in_which_they_wait() -> None:
    gate, got = BlockingGate(1), []
    place = gate.enter(LONG)

    def one(number: int) -> None:
        mine = gate.enter(LONG)
        got.append(number)
        gate.leave(mine)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(5)]
    for number, thread in enumerate(threads):
        thread.start()
        while len(gate._waiting) <= number:
            time.sleep(0.001)
    gate.leave(place)
    for thread in threads:
        thread.join(5)
    assert got == [0, 1, 2, 3, 4]
    assert gate.taken == 0


def test_a_place_that_nobody_holds_is_free_again_also_for_a_thread_that_waits() -> None:
    gate, got = BlockingGate(1), []
    lost = gate.enter(LONG)
    thread = threading.Thread(target=lambda: got.append(gate.enter(LONG)))
    thread.start()
    while not gate._waiting:
        time.sleep(0.001)
    del lost  # as if a signal handler's exception had come before leave()
    thread.join(10)
    assert not thread.is_alive()
    got.clear()
    assert gate.taken == 0


async def test_the_end_of_an_exchange_ends_the_wait() -> None:
    gate = AsyncGate(1)
    await gate.enter(LONG)
    with pytest.raises(PoolTimeout):
        await gate.enter(LONG, time.monotonic() + 0.01)
    blocking = BlockingGate(1)
    _place = blocking.enter(LONG)
    with pytest.raises(PoolTimeout):
        blocking.enter(LONG, time.monotonic() - 1)


def test_a_gate_whose_loop_has_ended_is_left_without_a_word() -> None:
    async def waiting() -> AsyncGate:
        gate = AsyncGate(1)
        await gate.enter(LONG)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter.add_done_callback(lambda _: None)  # as a task has, that waits for it
        gate._waiting.append(waiter)
        return gate

    gate = asyncio.run(waiting())
    gate.leave()
    gate.leave_from_any_thread()
    assert gate.taken == 0
