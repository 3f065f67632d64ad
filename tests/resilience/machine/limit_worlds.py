"""Retry budget, bulkhead and rate limiter, each beside its model."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from pyfly.kernel.exceptions import RateLimitException
from pyfly.resilience import RetryBudget
from pyfly.resilience.bulkhead.bulkhead import Bulkhead
from pyfly.resilience.bulkhead.state import Permit
from pyfly.resilience.rate_limiter.limiter import RateLimiter
from tests.resilience.machine.driving import ENDINGS, Caller, Clock, Ending, Pick, park, same
from tests.resilience.machine.limit_models import (
    BulkheadModel,
    Grant,
    RateModel,
    RatioModel,
    TokenModel,
)

__all__ = ["BudgetWorld", "BulkheadWorld", "LimiterWorld"]


class BudgetWorld:
    """A retry budget and its model."""

    def __init__(self, clock: Clock, pick: Pick) -> None:
        self.model: TokenModel | RatioModel
        if pick((False, True)):
            per_call, per_second = pick((0.25, 1.0)), pick((0.0, 0.5))
            most = pick((1.0, 2.5, 10.0))
            self.budget = RetryBudget(per_call, most, per_second, clock)
            self.model = TokenModel(per_call, most, per_second, clock.now)
        else:
            seconds, per_second = pick((10.0, 5.0)), pick((0.0, 0.25, 1.0))
            part = pick((0.25, 0.5))
            self.budget = RetryBudget.ratio(
                part, timedelta(seconds=seconds), per_second, clock=clock
            )
            self.model = RatioModel(part, seconds, per_second, clock.now)

    def deposit(self, pick: Pick) -> None:
        self.budget.deposit()
        self.model.deposit()

    def withdraw(self, pick: Pick) -> None:
        same("a retry is allowed", self.budget.withdraw(), self.model.withdraw())

    def check(self) -> None:
        same("tokens", self.budget.tokens, float(self.model.tokens))


class BulkheadWorld:
    """A bulkhead and its model: calls that run, and permits that stand in line."""

    def __init__(self, pick: Pick) -> None:
        size, places = pick((1, 2, 3)), pick((0, 1, 3))
        self.bulkhead = Bulkhead(size, places)
        self.model = BulkheadModel(size, places)
        self.number = 0
        self.calls: dict[int, Caller] = {}
        self.permits: dict[int, Permit] = {}
        self.woken: list[int] = []

    def call(self, pick: Pick) -> None:
        """A caller that has no time to wait."""
        self.number += 1
        caller = Caller(self._run())
        outcome = caller.start()
        answer = self.model.come(self.number, False)
        same("a call", outcome, None if answer == "inside" else "refused")
        if answer == "inside":
            self.calls[self.number] = caller

    async def _run(self) -> object:
        permit = self.bulkhead.try_acquire()
        if permit is None:
            return "refused"
        try:
            return await park()
        finally:
            self.bulkhead.release(permit)

    def queue(self, pick: Pick) -> None:
        """A permit that takes a place in the line if it has to."""
        self.number = number = self.number + 1
        permit = Permit(lambda: self.woken.append(number))
        entered = self.bulkhead.rules.enter_needs_lock(permit, True)
        answer = self.model.come(number, True)
        same("a place", entered, answer != "refused")
        if entered:
            same("it waits", self.bulkhead.rules.waits(permit), answer == "waiting")
            self.permits[number] = permit

    def end_call(self, pick: Pick) -> None:
        if self.calls:
            number = pick(sorted(self.calls))
            _, make = pick(ENDINGS)
            self.woken.clear()
            self.calls.pop(number).end(make())
            self._compare_heir(self.model.leave(number))

    def give_back(self, pick: Pick) -> None:
        """Perhaps more than once: a permit stays known after it was given back."""
        if self.permits:
            number = pick(sorted(self.permits)[-12:])
            self.woken.clear()
            self.bulkhead.release(self.permits[number])
            self._compare_heir(self.model.leave(number))

    def _compare_heir(self, heir: int | None) -> None:
        same("who is woken", self.woken, [] if heir is None else [heir])

    def check(self) -> None:
        seen, model = self.bulkhead.snapshot(), self.model
        same("running", seen.running, len(model.inside))
        same("waiting", seen.waiting, len(model.line))
        same("acquired", seen.acquired, model.came_in)
        same("released", seen.released, model.went_out)
        same("acquired = released + held", seen.acquired, seen.released + seen.running)


class LimiterWorld:
    """A rate limiter and its model; sleepers wake when they are sent on."""

    def __init__(self, clock: Clock, pick: Pick) -> None:
        rate, burst = pick((0.5, 1.0, 4.0)), pick((1, 2, 5))
        longest = pick((0.0, 2.0, 8.0))
        self.burst = burst
        self.limiter = RateLimiter(
            rate, burst=burst, max_wait=timedelta(seconds=longest), clock=clock
        )
        self.model = RateModel(1 / rate, burst, longest, clock.now)
        self.sleepers: list[tuple[Caller, Grant]] = []

    def take(self, pick: Pick) -> None:
        tokens = pick(range(1, self.burst + 1))
        caller = Caller(self.limiter.acquire(tokens))
        outcome = caller.start()
        grant = self.model.take(tokens)
        same("it is refused", isinstance(outcome, RateLimitException), grant is None)
        if grant is None:
            return
        if grant.state == "used":
            same("it waited", outcome, 0.0)
        else:
            same("it sleeps", outcome, None)
            self.sleepers.append((caller, grant))

    def wake(self, pick: Pick) -> None:
        if self.sleepers:
            caller, grant = self.sleepers.pop(pick(range(len(self.sleepers))))
            same("it waited", caller.end(None), float(grant.wait))
            self.model.use(grant)

    def cancel(self, pick: Pick) -> None:
        if self.sleepers:
            caller, grant = self.sleepers.pop(pick(range(len(self.sleepers))))
            caller.end(pick((asyncio.CancelledError, GeneratorExit, Ending))())
            self.model.cancel(grant)

    def check(self) -> None:
        seen = self.limiter.snapshot()
        same("tokens", seen.tokens, float(self.model.tokens))
        same("waiting", seen.waiting, len(self.sleepers))
