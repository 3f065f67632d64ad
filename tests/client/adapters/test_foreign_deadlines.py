"""A deadline over a user's port is kept by pyfly's own timer: the rules of ``asyncio.timeout``."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import ref

import pytest

from pyfly.client.adapters.foreign import ForeignPort
from pyfly.client.message import Request, Response
from pyfly.kernel.exceptions import AttemptTimeoutException
from tests.support.patience import at_most

GET = Request("GET", "/things", {})
SPAN = 0.03


class Port:
    """Does with each request what a test says."""

    def __init__(self, act: Callable[[], Awaitable[Any]]) -> None:
        self.act = act

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        return await self.act()

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


async def by_us(act: Callable[[], Awaitable[Any]]) -> Any:
    """What the port bounds itself."""
    port = ForeignPort(Port(act), "Things")
    return (await port.send(GET, time.monotonic() + SPAN)).json()


async def by_asyncio(act: Callable[[], Awaitable[Any]]) -> Any:
    """The same, by the standard library."""
    scope = asyncio.timeout(SPAN)
    try:
        async with scope:
            return await act()
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise AttemptTimeoutException("too late", timeout=SPAN) from error


async def at_once() -> str:
    return "value"


async def for_ever() -> str:
    await asyncio.Event().wait()
    raise AssertionError


async def swallows() -> str:
    try:
        return await for_ever()
    except asyncio.CancelledError:
        return "value all the same"


async def swallows_and_goes_on() -> str:
    await swallows()
    await asyncio.sleep(0.01)
    return "later"


async def fails() -> str:
    await asyncio.sleep(0)
    raise ValueError("a bug")


async def cancels_itself() -> str:
    raise asyncio.CancelledError


async def is_cancelled_by_another() -> str:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_later(0.005, task.cancel)
    return await for_ever()


async def is_cancelled_at_the_same_moment() -> str:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    loop.call_later(SPAN / 3, time.sleep, 2 * SPAN)  # then both timers are due in one turn
    loop.call_later(SPAN, task.cancel)
    return await for_ever()


async def has_a_timeout_of_its_own() -> str:
    async with asyncio.timeout(0.005):
        return await for_ever()


ACTS = [
    at_once, for_ever, swallows, swallows_and_goes_on, fails, cancels_itself,
    is_cancelled_by_another, is_cancelled_at_the_same_moment, has_a_timeout_of_its_own,
]  # fmt: skip


async def outcome(way: Callable[..., Awaitable[Any]], act: Any, earlier: int) -> tuple[Any, ...]:
    """What a task gets, and what it has been asked to do afterwards."""

    async def run() -> tuple[Any, ...]:
        task = asyncio.current_task()
        assert task is not None
        for _ in range(earlier):  # somebody had asked before, and the task went on
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        try:
            return "value", await way(act), task.cancelling()
        except BaseException as error:
            return "raised", type(error), task.cancelling()

    return await asyncio.create_task(run())


@pytest.mark.parametrize("earlier", [0, 1])
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_it_ends_as_by_the_standard_library(act: Any, earlier: int) -> None:
    assert await outcome(by_us, act, earlier) == await outcome(by_asyncio, act, earlier)


async def test_the_error_tells_the_port_the_span_and_the_cancellation() -> None:
    with pytest.raises(AttemptTimeoutException, match=r"by Port took longer than 0\.0") as caught:
        await by_us(for_ever)
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    port = ForeignPort(Port(at_once), "Things")
    with pytest.raises(AttemptTimeoutException):
        await port.send(GET, time.monotonic() - 1)


async def test_what_a_port_makes_of_its_cancellation_is_a_timeout() -> None:
    async def wraps() -> str:
        try:
            return await for_ever()
        except asyncio.CancelledError as error:
            raise RuntimeError("a library's own") from error

    with pytest.raises(AttemptTimeoutException) as caught:
        await by_us(wraps)
    assert isinstance(caught.value.__cause__, RuntimeError)


async def test_many_at_once_end_each_at_its_own_time() -> None:
    port = ForeignPort(Port(for_ever), "Things")

    async def one(span: float) -> float:
        began = time.monotonic()
        with pytest.raises(AttemptTimeoutException):
            await port.send(GET, began + span)
        return time.monotonic() - began - span

    spans = [0.05 + 0.0005 * (number % 100) for number in range(300)]
    late = await asyncio.gather(*map(one, spans))
    assert min(late) > -0.002
    assert max(late) < at_most(0.3)


def test_each_loop_has_a_timer_and_a_loop_that_is_closed_is_let_go() -> None:
    port = ForeignPort(Port(at_once), "Things")

    async def once() -> ref[asyncio.AbstractEventLoop]:
        response: Response[Any] = await port.send(GET, time.monotonic() + 60)
        assert response.json() == "value"
        return ref(asyncio.get_running_loop())

    loops = [asyncio.run(once()) for _ in range(20)]
    gc.collect()
    assert sum(loop() is not None for loop in loops) <= 1
