"""Places at the gate: none lost, none made, first come first served."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest

from pyfly.client.adapters._gate import AsyncGate, BlockingGate


class PoolTimeout(Exception):
    """As the cores have it."""


CORE = SimpleNamespace(PoolTimeout=PoolTimeout)


async def test_as_many_enter_as_there_are_places() -> None:
    gate = AsyncGate(2, CORE)
    await gate.enter(None)
    await gate.enter(0.0)
    with pytest.raises(PoolTimeout):
        await gate.enter(0.01)
    gate.leave()
    await gate.enter(None)


async def test_those_who_wait_enter_in_their_order() -> None:
    gate = AsyncGate(1, CORE)
    await gate.enter(None)
    order: list[int] = []

    async def one(number: int) -> None:
        await gate.enter(None)
        order.append(number)
        gate.leave()

    tasks = [asyncio.create_task(one(number)) for number in range(5)]
    await asyncio.sleep(0)
    gate.leave()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]
    await gate.enter(0.0)


async def test_a_place_given_to_one_who_is_cancelled_in_that_moment_is_passed_on() -> None:
    gate = AsyncGate(1, CORE)
    await gate.enter(None)
    first = asyncio.create_task(gate.enter(None))
    second = asyncio.create_task(gate.enter(None))
    await asyncio.sleep(0)
    gate.leave()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second


async def test_one_who_was_cancelled_is_passed_over() -> None:
    gate = AsyncGate(1, CORE)
    await gate.enter(None)
    first = asyncio.create_task(gate.enter(None))
    second = asyncio.create_task(gate.enter(None))
    await asyncio.sleep(0)
    first.cancel()
    gate.leave()  # before the first one has noticed
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    gate.leave()
    await gate.enter(0.0)


async def test_cancelled_at_any_moment_no_place_is_lost() -> None:
    gate = AsyncGate(2, CORE)

    async def one(turns: int) -> None:
        await gate.enter(None)
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
    gate = BlockingGate(1, CORE)
    gate.enter(None)
    with pytest.raises(PoolTimeout):
        gate.enter(0.01)
    thread = threading.Thread(target=gate.enter, args=(5,))
    thread.start()
    gate.leave()
    thread.join(2)
    assert not thread.is_alive()
