from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from pyfly.resilience._decorate import decorated


async def call(func: Any, *args: Any, **kwargs: Any) -> Any:
    return "awaited", await func(*args, **kwargs)


def call_sync(func: Any, *args: Any, **kwargs: Any) -> Any:
    return "called", func(*args, **kwargs)


def through(func: Any) -> Any:
    return decorated("Policy", func, call, call_sync)


def add(a: int, b: int = 0) -> int:
    """Adds."""
    return a + b


async def add_later(a: int, b: int = 0) -> int:
    return a + b


class Adder:
    def __call__(self, a: int) -> int:
        return a

    async def later(self, a: int) -> int:
        return a


class AsyncAdder:
    async def __call__(self, a: int) -> int:
        return a


def test_plain_functions_go_one_way() -> None:
    assert through(add)(1, b=2) == ("called", 3)
    assert (through(add).__name__, through(add).__doc__) == ("add", "Adds.")
    assert through(functools.partial(add, 1))(2) == ("called", 3)
    assert through(Adder())(4) == ("called", 4)
    assert through(len)("abc") == ("called", 3)


async def test_coroutine_functions_go_the_other_way_and_stay_such() -> None:
    assert inspect.iscoroutinefunction(through(add_later))
    assert await through(add_later)(1, b=2) == ("awaited", 3)
    assert await through(functools.partial(add_later, 1))(2) == ("awaited", 3)
    assert await through(AsyncAdder())(4) == ("awaited", 4)
    assert await through(Adder().later)(4) == ("awaited", 4)


def generator() -> Iterator[int]:
    yield 1


async def asynchronous_generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize("func", [generator, asynchronous_generator])
def test_generators_are_refused_since_nothing_would_be_left_to_guard(func: Any) -> None:
    with pytest.raises(TypeError, match=r"^Policy: \w*generator is a generator, and Policy would"):
        through(func)


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="as a decorator it takes a function, not int 3"):
        through(3)
