"""What the tests of all limits need: functions run under one, threads, and parked calls."""

from __future__ import annotations

import asyncio
import threading
import time
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from pyfly.resilience import Call, Pipeline
from pyfly.resilience._guard import Guard
from tests.resilience.support import Driver


def run_under(driver: Driver, limit: Guard[Any], body: Callable[[], Any]) -> Any:
    """``body()`` under a limit, in either half."""
    if driver.name == "sync":
        return limit.call_sync(body)

    async def coroutine() -> Any:
        return body()

    async def main() -> Any:
        return await limit.call(coroutine)

    return asyncio.run(main())


def through(driver: Driver, stage: Any, send: Callable[[Call], Any], call: Call) -> Any:
    """A call through one stage."""
    return driver.pipeline(Pipeline([stage]), send, call)


@types.coroutine
def park() -> Generator[None, None, None]:
    """Suspend, until somebody sends, throws or closes."""
    yield


async def parked() -> None:
    await park()


def in_thread(function: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def joined(*threads: threading.Thread) -> bool:
    """Whether all of them ended."""
    for thread in threads:
        thread.join(20)
    return not any(thread.is_alive() for thread in threads)


def until(condition: Callable[[], bool]) -> None:
    """Let other threads run until it is so."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0)


async def turns(count: int = 6) -> None:
    """Let the loop turn so often."""
    for _ in range(count):
        await asyncio.sleep(0)


def step(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its next await: what it yields, or ``("done", result)``."""
    try:
        return coroutine.send(None)
    except StopIteration as stop:
        return ("done", stop.value)
