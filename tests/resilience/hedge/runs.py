"""What the tests of hedging share: attempts that take their time, on a virtual loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from pyfly.resilience import Call, History, Pipeline
from pyfly.resilience.hedge.hedge import Hedge
from pyfly.resilience.hedge.stage import HedgeStage
from tests.resilience.support import LoopClock, a_call, run_virtual


class Attempts:
    """Sends: the n-th takes the n-th span, then raises or returns what stands beside it."""

    def __init__(self, *script: tuple[float, Any]) -> None:
        self.script = script
        self.seen: list[tuple[int, int]] = []
        self.started: list[float] = []
        self.cancelled: list[int] = []
        self.cleanup = 0.0

    async def __call__(self, call: Call) -> Any:
        number = len(self.seen)
        self.seen.append((call.attempt, call.hedge))
        self.started.append(asyncio.get_running_loop().time())
        seconds, result = self.script[min(number, len(self.script) - 1)]
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            if self.cleanup:
                await asyncio.sleep(self.cleanup)
            raise
        if isinstance(result, BaseException):
            raise result
        return result


def may(_: Call) -> None:
    return None


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def alone() -> bool:
    """Whether no task is there but the one that asks."""
    return asyncio.all_tasks() == {asyncio.current_task()}


def run_stage(
    hedge: Callable[[], Hedge], send: Attempts, history: History | None = None, **facts: Any
) -> tuple[Any, float, Call]:
    """The result or exception, the time it took, and the call."""

    async def main() -> tuple[Any, float, Call]:
        call = a_call(LoopClock(), history)
        call.attempt = 1
        for name, value in facts.items():
            setattr(call, name, value)
        handler = Pipeline([HedgeStage(hedge(), may)]).build(send)
        result, took = await timed(handler(call))
        assert alone(), "a task was left"
        return result, took, call

    return run_virtual(main())


async def timed(awaitable: Awaitable[Any]) -> tuple[Any, float]:
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        result = await awaitable
    except Exception as error:
        result = error
    return result, round(loop.time() - started, 6)
