"""One attempt in a race, and what the race needs of others."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from pyfly.resilience._checks import Budget
from pyfly.resilience.call import Call
from pyfly.resilience.hedge.policy import HedgePolicy


class Owner(Protocol):
    """What a race needs of the hedge that it is run for."""

    policy: HedgePolicy
    budget: Budget | None

    def learn(self, seconds: float) -> None:
        """Note how long an attempt took."""
        ...

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold on to a cancelled attempt that takes its time to end."""
        ...


class Runner:
    """One attempt in the race: its own copy of the call, and its task."""

    __slots__ = ("call", "error", "started", "task")

    def __init__(self, call: Call, started: float) -> None:
        self.call = call
        self.started = started
        self.error: Exception | None = None
        self.task: asyncio.Task[Any]

    @property
    def succeeded(self) -> bool:
        """Whether it has ended with a value."""
        task = self.task
        return task.done() and not task.cancelled() and task.exception() is None


class Expired:
    """Stands for the deadline's timer in the attempts: it cannot cancel their tasks itself."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = False

    def claims(self) -> bool:
        """Whether a cancellation was the deadline's."""
        task = asyncio.current_task()
        if not self.now or task is None:
            return False
        task.uncancel()
        return True
