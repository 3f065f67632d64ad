"""Time and drivers for the tests of this folder. No test here waits for real."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from pyfly.resilience import (
    Call,
    CircuitBreaker,
    Events,
    History,
    Pipeline,
    RetryPolicy,
)

T = TypeVar("T")


class ManualClock:
    """Time that moves only when told, or when somebody sleeps."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now
        self.sleeps: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        self.sleep_sync(seconds)
        await asyncio.sleep(0)

    def sleep_sync(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds
        self.on_sleep()


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: reports to the loop how long it was asked to."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("every task waits and no timer is set")
            self.loop.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer."""

    def __init__(self) -> None:
        self.now = 1_000.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


class LoopClock:
    """The time of the running loop, with another zero."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() - 500.0

    def time(self) -> float:
        return self.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def sleep_sync(self, seconds: float) -> None:
        raise AssertionError("a synchronous sleep on an event loop")


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class AsyncDriver:
    """Runs plain functions through the asynchronous half."""

    name = "async"

    def breaker(self, breaker: CircuitBreaker, body: Callable[[], T]) -> T:
        return asyncio.run(_as_coroutine(breaker.call(_async(body))))

    def retry(self, policy: RetryPolicy, body: Callable[[], T]) -> T:
        return asyncio.run(_as_coroutine(policy.execute(_async(body))))

    def pipeline(self, pipeline: Pipeline, send: Callable[[Call], Any], call: Call) -> Any:
        async def send_async(call: Call) -> Any:
            return send(call)

        return asyncio.run(_as_coroutine(pipeline.build(send_async)(call)))


class SyncDriver:
    """Runs plain functions through the synchronous half."""

    name = "sync"

    def breaker(self, breaker: CircuitBreaker, body: Callable[[], T]) -> T:
        return breaker.call_sync(body)

    def retry(self, policy: RetryPolicy, body: Callable[[], T]) -> T:
        return policy.execute_sync(body)

    def pipeline(self, pipeline: Pipeline, send: Callable[[Call], Any], call: Call) -> Any:
        return pipeline.build_sync(send)(call)


Driver = AsyncDriver | SyncDriver


async def _as_coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _async(body: Callable[[], T]) -> Callable[[], Coroutine[Any, Any, T]]:
    async def coroutine() -> T:
        return body()

    return coroutine


class Scripted:
    """A function that does what the list says: raises exceptions, returns the rest."""

    def __init__(self, *steps: object) -> None:
        self.steps = list(steps)
        self.calls = 0

    def __call__(self, *_: object) -> Any:
        step = self.steps[min(self.calls, len(self.steps) - 1)]
        self.calls += 1
        if isinstance(step, BaseException):
            raise step
        return step


def a_call(clock: ManualClock | LoopClock, history: History | None = None, **kwargs: Any) -> Call:
    events = Events([history] if history is not None else [])
    return Call("Shop.product", "payload", clock=clock, events=events, **kwargs)


def outcome(function: Callable[[], Any]) -> Any:
    """What it returns, or the exception that it raises."""
    try:
        return function()
    except BaseException as error:
        return error
