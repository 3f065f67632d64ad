"""What all limits do alike around a function."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from pyfly.kernel.exceptions import BulkheadException
from pyfly.resilience import deadline
from pyfly.resilience._guard import Guard, least, time_for
from pyfly.resilience.adaptive_limiter.limiter import AdaptiveLimiter
from pyfly.resilience.bulkhead.bulkhead import Bulkhead
from pyfly.resilience.rate_limiter.limiter import RateLimiter
from pyfly.resilience.throttle.throttle import Throttle
from tests.resilience.support import ManualClock, a_call


@pytest.fixture(params=[Bulkhead, RateLimiter, AdaptiveLimiter, Throttle])
def limit(request: pytest.FixtureRequest, clock: ManualClock) -> Guard[Any]:
    kind = request.param
    first = {Bulkhead: (1,), RateLimiter: (100,)}.get(kind, ())
    limit: Guard[Any] = kind(*first, clock=clock)
    return limit


def numbers(limit: Any) -> Any:
    return limit.snapshot()


async def test_arguments_and_results_pass_through(limit: Guard[Any]) -> None:
    async def add(a: int, *, b: int) -> int:
        return a + b

    def add_sync(a: int, *, b: int) -> int:
        return a + b

    assert await limit.call(add, 1, b=2) == 3
    assert limit.call_sync(add_sync, 3, b=4) == 7


async def test_a_decorated_function_keeps_its_name_and_its_kind(limit: Guard[Any]) -> None:
    @limit
    async def fetch(number: int) -> int:
        """Fetches."""
        return number

    @limit
    def fetch_sync(number: int) -> int:
        return -number

    assert (fetch.__name__, fetch.__doc__) == ("fetch", "Fetches.")
    assert await fetch(7) == 7
    assert fetch_sync(7) == -7


async def test_a_decorated_partial_and_callable_object_run_by_their_kind() -> None:
    class Fetch:
        async def __call__(self) -> str:
            return "object"

    async def fetch(what: str) -> str:
        return what

    limit = Bulkhead(1)
    assert await limit(partial(partial(fetch), "partial"))() == "partial"
    assert await limit(Fetch())() == "object"
    assert limit(len)("abc") == 3


def test_a_generator_cannot_be_decorated(limit: Guard[Any]) -> None:
    def items() -> Iterator[int]:
        yield 1

    async def items_async() -> AsyncIterator[int]:
        yield 1

    for function in (items, items_async):
        with pytest.raises(TypeError, match=r"items(_async)? is a generator, and \w+ would"):
            limit(function)


def test_something_that_cannot_be_called_cannot_be_decorated(limit: Guard[Any]) -> None:
    with pytest.raises(TypeError, match="as a decorator it takes a function, not int 5"):
        limit(5)  # type: ignore[type-var] # the mistake under test


async def test_a_coroutine_in_place_of_its_function_is_an_error(limit: Guard[Any]) -> None:
    async def fetch() -> None: ...

    before = numbers(limit)
    name = type(limit).__name__
    with pytest.raises(TypeError, match=rf"{name}.call takes a function"):
        await limit.call(fetch())  # type: ignore[arg-type] # the mistake under test
    assert numbers(limit) == before


async def test_a_plain_function_awaited_is_an_error_that_teaches_nothing(
    limit: Guard[Any],
) -> None:
    with pytest.raises(TypeError, match=r"make it `async def`, or use \w+\.call_sync"):
        await limit.call(lambda: 5)  # type: ignore[arg-type, return-value] # the mistake
    assert _at_rest(limit)


def test_an_async_function_called_synchronously_is_an_error_that_teaches_nothing(
    limit: Guard[Any],
) -> None:
    async def fetch() -> None: ...

    with pytest.raises(TypeError, match=r"write `await \w+\.call\(…\)`"):
        limit.call_sync(fetch)  # type: ignore[unused-coroutine] # there is none to await
    assert _at_rest(limit)


def _at_rest(limit: Any) -> bool:
    shot = limit.snapshot()
    if isinstance(limit, Throttle):
        return bool(shot.requests == 0)
    if isinstance(limit, RateLimiter):
        return bool(shot.waiting == 0)
    return bool(shot.acquired == shot.released == 1)


async def test_the_base_alone_limits_nothing() -> None:
    bare: Guard[None] = Guard()
    with pytest.raises(NotImplementedError):
        await bare._enter()
    for ask in (bare._enter_sync, partial(bare._succeeded, None), partial(bare._misused, None)):
        with pytest.raises(NotImplementedError):
            ask()
    with pytest.raises(NotImplementedError):
        bare._failed(None, ValueError())


def test_the_least_of_two_spans_is_without_end_if_both_are() -> None:
    assert least(None, None) is None
    assert least(3.0, None) == least(3.0, 4.0) == least(4.0, 3.0) == 3.0
    assert least(None, -1.0) == -1.0


def test_a_call_has_until_its_own_deadline_or_that_around_it(clock: ManualClock) -> None:
    assert time_for(a_call(clock)) is None
    call = a_call(clock, deadline=clock.now + 5)
    assert time_for(call) == 5
    with deadline(timedelta(seconds=3), clock=clock):
        assert time_for(call) == 3
        assert time_for(a_call(clock)) == 3
    with deadline(7, clock=clock):
        assert time_for(call) == 5


def test_the_attempt_deadline_of_the_attempt_before_does_not_bound_a_wait(
    clock: ManualClock,
) -> None:
    call = a_call(clock)
    call.attempt_deadline = clock.now - 1
    assert time_for(call) is None


async def test_a_refused_function_is_not_called() -> None:
    limit = Bulkhead(1)
    permit = await limit.acquire()
    with pytest.raises(BulkheadException):
        await limit.call(asyncio.sleep, 0)
    with pytest.raises(BulkheadException):
        limit.call_sync(pytest.fail, "called")
    limit.release(permit)
