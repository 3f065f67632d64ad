"""The circuit breaker as a decorator and in ``with`` blocks."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from datetime import timedelta

import pytest

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import CircuitBreaker, CircuitState, CountWindow
from tests.resilience.support import ManualClock, outcome


def a_breaker(clock: ManualClock, threshold: int = 1, permits: int = 1) -> CircuitBreaker:
    return CircuitBreaker(threshold, timedelta(seconds=10), half_open_permits=permits, clock=clock)


# Decorator


async def test_a_coroutine_function_stays_one(clock: ManualClock) -> None:
    breaker = a_breaker(clock)

    @breaker
    async def get(number: int, *, fail: bool = False) -> int:
        """Gets it."""
        if fail:
            raise OSError
        return number

    assert inspect.iscoroutinefunction(get)
    assert (get.__name__, get.__doc__) == ("get", "Gets it.")
    assert await get(7) == 7
    with pytest.raises(OSError):  # noqa: PT011 - it has no text
        await get(7, fail=True)
    with pytest.raises(CircuitBreakerException):
        await get(7)


def test_a_plain_function_and_a_method_go_through_it_too(clock: ManualClock) -> None:
    breaker = a_breaker(clock)

    class Shop:
        @breaker
        def get(self, number: int) -> int:
            if number < 0:
                raise ValueError
            return number

    assert Shop().get(3) == 3
    with pytest.raises(ValueError, match=r"^$"):
        Shop().get(-1)
    with pytest.raises(CircuitBreakerException):
        Shop().get(3)


# Blocks


def test_a_block_that_raises_is_a_failure(clock: ManualClock) -> None:
    breaker = a_breaker(clock, 2)
    for _ in range(2):
        with pytest.raises(OSError, match="x"), breaker:
            raise OSError("x")
    assert breaker.state is CircuitState.OPEN
    with pytest.raises(CircuitBreakerException), breaker:
        pytest.fail("the block must not run")


def test_a_block_that_ends_well_is_a_success(clock: ManualClock) -> None:
    breaker = a_breaker(clock, 2)
    breaker.failed(breaker.admit(), OSError())
    with breaker:
        pass
    assert breaker.rules.fails == 0
    with breaker:
        pass
    assert breaker.state is CircuitState.CLOSED


async def test_tasks_each_have_their_own_block(clock: ManualClock) -> None:
    breaker = a_breaker(clock, permits=2)
    breaker.failed(breaker.admit(), OSError())
    clock.now += 10
    gates = [asyncio.Event(), asyncio.Event()]

    async def work(number: int) -> None:
        async with breaker:
            await gates[number].wait()
            if number == 0:
                raise OSError

    tasks = [asyncio.create_task(work(number)) for number in (0, 1)]
    await asyncio.sleep(0)
    assert breaker.snapshot().permits_held == 2
    tasks[1].cancel()
    await asyncio.wait([tasks[1]])
    assert (breaker.state, breaker.snapshot().permits_held) == (CircuitState.HALF_OPEN, 1)
    gates[0].set()
    await asyncio.wait(tasks)
    assert isinstance(tasks[0].exception(), OSError)
    assert breaker.state is CircuitState.OPEN


def test_blocks_nest_and_breakers_do_not_disturb_each_other(clock: ManualClock) -> None:
    outer, inner = a_breaker(clock, 5), a_breaker(clock, 5)
    with outer:
        with pytest.raises(KeyError), inner, inner:
            raise KeyError
        assert (outer.rules.fails, inner.rules.fails > 0) == (0, True)
    assert inner.snapshot().failures == 2


def test_a_block_left_before_one_that_was_entered_later_has_its_own_admission(
    clock: ManualClock,
) -> None:
    one, other = a_breaker(clock), a_breaker(clock)
    one.__enter__()
    other.__enter__()
    one.__exit__(OSError, OSError(), None)
    assert (one.state, other.state) == (CircuitState.OPEN, CircuitState.CLOSED)
    other.__exit__(None, None, None)
    with other:
        pass
    assert other.state is CircuitState.CLOSED


def test_a_block_left_in_another_context_gives_its_permit_back(clock: ManualClock) -> None:
    breaker = a_breaker(clock)
    breaker.failed(breaker.admit(), OSError())
    clock.now += 10
    entered = contextvars.copy_context()
    entered.run(breaker.__enter__)
    assert isinstance(outcome(breaker.admit), CircuitBreakerException)
    contextvars.copy_context().run(breaker.__exit__, None, None, None)
    assert breaker.rules.closed_admission is not None
    entered.run(breaker.__enter__)  # where the block that was left elsewhere still stands
    entered.run(breaker.__exit__, OSError, OSError(), None)
    assert breaker.state is CircuitState.OPEN


def test_threads_each_have_their_own_block(clock: ManualClock) -> None:
    breaker = CircuitBreaker(window=CountWindow(800, 1.0, 800), clock=clock)

    def work() -> None:
        for _ in range(100):
            try:
                with breaker:
                    raise OSError
            except OSError:
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert breaker.state is CircuitState.OPEN
