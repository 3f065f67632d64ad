"""Policies as decorators of functions, plain or ``async def``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def decorated(
    owner: str, func: F, call: Callable[..., Awaitable[Any]], call_sync: Callable[..., Any]
) -> F:
    """Returns a function that passes each call of ``func`` through ``call`` or ``call_sync``.

    Args:
        owner: The policy, for errors.
        func: What is decorated; a coroutine function goes through ``call``.
        call: Awaits its first argument, called with the others.
        call_sync: The same in synchronous code.

    Raises:
        TypeError: Something that cannot be called, or a generator function: the policy would
            be through with it before its first item.
    """
    flags = _code_flags(owner, func)
    if flags & (CO_GENERATOR | CO_ASYNC_GENERATOR):
        name = getattr(func, "__qualname__", type(func).__qualname__)
        raise TypeError(
            f"{owner}: {name} is a generator, and {owner} would be through with it before its "
            "first item: decorate the function that makes the calls"
        )

    async def asynchronous(*args: Any, **kwargs: Any) -> Any:
        return await call(func, *args, **kwargs)

    def synchronous(*args: Any, **kwargs: Any) -> Any:
        return call_sync(func, *args, **kwargs)

    return cast(F, wraps(func)(asynchronous if flags & CO_COROUTINE else synchronous))


def _code_flags(owner: str, func: Any) -> int:
    if not callable(func):
        raise TypeError(
            f"{owner}: as a decorator it takes a function, not {type(func).__name__} {func!r}"
        )
    while isinstance(func, partial):
        func = func.func
    function = func if hasattr(func, "__code__") else getattr(func, "__func__", None)
    code = getattr(function or type(func).__call__, "__code__", None)
    return int(code.co_flags) if code is not None else 0
