"""Policies and their models side by side, and everything that can happen to them.

Each step does one thing to a policy and to its model, and compares all that can be seen of
both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.resilience.machine.breaker_world import BreakerWorld
from tests.resilience.machine.driving import Clock, Pick
from tests.resilience.machine.limit_worlds import BudgetWorld, BulkheadWorld, LimiterWorld

__all__ = ["OPERATIONS", "World"]


class World:
    """All of them on one clock."""

    JUMPS = (0.0, 0.125, 0.5, 1.0, 2.0, 2.5, 4.0, 9.875, *(10.0,) * 4, 20.0, 40.0, 3_600.0)

    def __init__(self, pick: Pick, breaker: type[BreakerWorld] = BreakerWorld) -> None:
        self.clock = clock = Clock()
        self.breaker = breaker(clock, pick)
        self.budget = BudgetWorld(clock, pick)
        self.bulkhead = BulkheadWorld(pick)
        self.limiter = LimiterWorld(clock, pick)
        self.done: Counter[str] = Counter()
        self._move()
        self.operations: dict[str, tuple[Callable[[Pick], None], Callable[[], None]]] = {
            "start a call": (self.breaker.start, self.breaker.check),
            "start another call": (self.breaker.start, self.breaker.check),
            "end a call": (self.breaker.end, self.breaker.check),
            "end another call": (self.breaker.end, self.breaker.check),
            "end a probe once more": (self.breaker.end_again, self.breaker.check),
            "switch by hand": (self._switch_sometimes, self.breaker.check),
            "let time pass": (self.let_time_pass, self.check),
            "deposit": (self.budget.deposit, self.budget.check),
            "withdraw": (self.budget.withdraw, self.budget.check),
            "call through the bulkhead": (self.bulkhead.call, self.bulkhead.check),
            "queue at the bulkhead": (self.bulkhead.queue, self.bulkhead.check),
            "end a call in the bulkhead": (self.bulkhead.end_call, self.bulkhead.check),
            "give a permit back": (self.bulkhead.give_back, self.bulkhead.check),
            "take tokens": (self.limiter.take, self.limiter.check),
            "wake a sleeper": (self.limiter.wake, self.limiter.check),
            "cancel a sleeper": (self.limiter.cancel, self.limiter.check),
        }

    def step(self, operation: str, pick: Pick) -> None:
        """One thing happens, and all agree on it."""
        happen, compare = self.operations[operation]
        happen(pick)
        compare()
        self.done[f"{operation}, {self.breaker.model.phase}"] += 1

    def let_time_pass(self, pick: Pick) -> None:
        self.clock.now += pick(self.JUMPS)
        self._move()

    def _switch_sometimes(self, pick: Pick) -> None:
        if pick(range(10)) == 0:
            self.breaker.switch(pick)

    def _move(self) -> None:
        for model in (self.breaker.model, self.budget.model, self.limiter.model):
            model.move_to(self.clock.now)

    def check(self) -> None:
        """Everything that can be seen, of all of them."""
        for part in (self.breaker, self.budget, self.bulkhead, self.limiter):
            part.check()

    def close(self) -> None:
        """End what is still under way."""
        for call in self.breaker.calls:
            if "caller" in call:
                call["caller"].end(GeneratorExit())
        for caller in self.bulkhead.calls.values():
            caller.end(GeneratorExit())
        for caller, _ in self.limiter.sleepers:
            caller.end(GeneratorExit())


OPERATIONS = tuple(World(lambda options: options[0]).operations)
