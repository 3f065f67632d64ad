"""Hedging: the rules of :mod:`.state` with a lock, a clock, a budget and listeners."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from inspect import isawaitable, iscoroutinefunction
from types import CoroutineType
from typing import Any, ParamSpec, TypeVar, cast

from pyfly.kernel.fork import ForkAware
from pyfly.resilience._checks import Budget, clock_or_system, coroutine_passed
from pyfly.resilience._decorate import decorated
from pyfly.resilience._guard import time_for
from pyfly.resilience.call import Call, Handler
from pyfly.resilience.clock import Clock
from pyfly.resilience.events import Events, Listener
from pyfly.resilience.hedge.policy import WINDOW, HedgePolicy
from pyfly.resilience.hedge.race import Race
from pyfly.resilience.hedge.state import Durations

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Hedge(ForkAware):
    """Calls a function once more while its first call is still out, and takes what comes first.

    For asynchronous functions that may run twice without harm. Each attempt runs in a task of
    its own, with a copy of the caller's context. The first success is returned, and the other
    tasks are cancelled. Their cleanup is awaited before the caller goes on, yet no longer than
    0.1 s: what takes longer ends in the background, and :meth:`drain` waits for it. An attempt
    that fails while it is alone fails the call, at once: to try again is a retry's part. While
    others are out they may still succeed; if all fail, the first attempt's exception is raised.
    A cancelled caller cancels all and awaits their end.

    Event loops and threads may share one: what they share is the latest durations.

    Args:
        delay: How long an attempt may be without an answer before a hedge is sent.
        quantile: Take the delay from the latest attempts, such as 0.95. One that was given up
            counts with the time it had; failures do not count.
        max_hedges: Hedges beside one attempt, ``delay`` apart.
        min_samples: Attempts that a quantile needs; until then ``delay`` holds, or no hedge.
        budget: Bounds the hedges of all calls that share it, such as a ``RetryBudget``; None:
            unbounded.
        clock: Where the time comes from; default: the system. The waits are timers of the
            running loop, so another clock has to advance with ``loop.time()``.
        listeners: Called with the events of ``call``; a pipeline tells its own listeners.

    Attributes:
        policy: The settings.
        budget: As given.
        events: Its listeners.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range, or neither ``delay`` nor ``quantile``.
    """

    __slots__ = (
        "_clock",
        "_durations",
        "_stragglers",
        "budget",
        "events",
        "policy",
    )

    def __init__(
        self,
        delay: timedelta | None = None,
        quantile: float | None = None,
        max_hedges: int = 1,
        *,
        min_samples: int = 20,
        budget: Budget | None = None,
        clock: Clock | None = None,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.policy = HedgePolicy(delay, quantile, max_hedges, min_samples)
        self.budget = _budget(budget)
        self.events = Events(listeners)
        self._clock = clock_or_system("Hedge", clock)
        self._durations = Durations(WINDOW)
        self._stragglers: set[asyncio.Task[Any]] = set()
        super().__init__()

    def after_fork(self) -> None:
        super().after_fork()
        self._durations = Durations(WINDOW)
        self._stragglers.clear()

    @property
    def delay(self) -> float | None:
        """Seconds until a hedge would be sent now; None: none would."""
        policy = self.policy
        if policy.quantile is not None:
            with self._lock:
                learnt = self._durations.quantile_needs_lock(policy.quantile, policy.min_samples)
            if learnt is not None:
                return learnt
        return None if policy.delay is None else policy.delay.total_seconds()

    # The drivers

    async def call(
        self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Await ``func(*args, **kwargs)``, and once more beside it if that is slow.

        No hedge is sent that would start after the current deadline.

        Raises:
            TypeError: What ``func`` returned cannot be awaited.
            Exception: What the first call of ``func`` raised, if none succeeded.
        """
        if isinstance(func, CoroutineType):
            raise coroutine_passed("Hedge.call", func)
        name = str(getattr(func, "__qualname__", type(func).__qualname__))

        async def attempt(_: Call) -> T:
            pending: Any = func(*args, **kwargs)
            if not isawaitable(pending):
                raise TypeError(
                    f"Hedge.call needs a function whose result can be awaited, and {name} "
                    f"returned {type(pending).__name__}: make it `async def`; synchronous code "
                    "cannot be hedged"
                )
            return cast(T, await pending)

        call = Call(name, None, clock=self._clock, events=self.events)
        call.attempt = 1
        if self.budget is not None:
            self.budget.deposit()
        return cast(T, await self.run(call, attempt))

    async def run(self, call: Call, inner: Handler) -> Any:
        """One attempt of a call that may be hedged; for stages."""
        delay = self.delay
        if delay is not None:
            left = time_for(call)
            if left is None or delay < left:
                return await Race(self, call, inner, delay).run()
        if self.policy.quantile is None:
            return await inner(call)
        started = call.clock.monotonic()
        result = await inner(call)
        if not call.stood_still:
            self.learn(call.clock.monotonic() - started)
        return result

    def __call__(self, func: F) -> F:
        """As a decorator of an ``async def``: each call of it may be hedged.

        Raises:
            TypeError: Anything but a coroutine function.
        """
        wrapped = decorated("Hedge", func, self.call, func)
        if not iscoroutinefunction(wrapped):
            name = getattr(func, "__qualname__", type(func).__qualname__)
            raise TypeError(
                f"Hedge: {name} is synchronous and cannot be hedged: make it `async def`"
            )
        return wrapped

    # What a race asks for

    def learn(self, seconds: float) -> None:
        """Note how long an attempt took."""
        if self.policy.quantile is not None:
            with self._lock:
                self._durations.add_needs_lock(seconds)

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold on to a cancelled attempt that takes its time to end."""
        self._stragglers.add(task)
        task.add_done_callback(self._stragglers.discard)

    async def drain(self) -> None:
        """Wait until all attempts of this loop that were given up have ended.

        To be awaited before what they use is closed.
        """
        loop = asyncio.get_running_loop()
        tasks = [task for task in self._stragglers.copy() if task.get_loop() is loop]
        if tasks:
            await asyncio.wait(tasks)

    def describe(self) -> str:
        """The settings in one line."""
        text = self.policy.describe()
        return text if self.budget is None else f"{text}; {self.budget.describe()}"

    def __repr__(self) -> str:
        delay = self.delay
        return f"<Hedge {'not yet' if delay is None else f'after {delay:g} s'}>"


def _budget(value: Budget | None) -> Budget | None:
    missing = [m for m in ("deposit", "withdraw", "describe") if not hasattr(value, m)]
    if value is not None and missing:
        raise TypeError(
            f"Hedge: budget must be a RetryBudget or have its methods; "
            f"{type(value).__name__} lacks {', '.join(missing)}"
        )
    return value
