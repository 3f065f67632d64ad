"""Arbitrary interleavings on a loop in virtual time, against a model that shares no code."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pyfly.kernel.exceptions import BulkheadException
from pyfly.resilience.bulkhead.bulkhead import Bulkhead
from tests.resilience.limit_support import turns
from tests.resilience.support import VirtualLoop

WAIT = 2.5  # never a sum of the whole seconds by which time moves


class Model:
    """What a bulkhead has to do, told by names in lists."""

    def __init__(self, size: int, places: int) -> None:
        self.size, self.places = size, places
        self.inside: list[int] = []
        self.line: list[tuple[int, float]] = []
        self.ended: dict[int, str] = {}

    def come(self, who: int, now: float) -> None:
        if len(self.inside) < self.size:
            self.inside.append(who)
        elif len(self.line) < self.places:
            self.line.append((who, now + WAIT))
        else:
            self.ended[who] = "refused"

    def end(self, who: int, how: str) -> None:
        if who in self.ended:
            return
        if who in self.inside:
            self.inside.remove(who)
        else:
            self.line = [place for place in self.line if place[0] != who]
        self.ended[who] = how
        self.fill()

    def fill(self) -> None:
        while self.line and len(self.inside) < self.size:
            self.inside.append(self.line.pop(0)[0])

    def pass_time(self, now: float) -> None:
        for who, until in list(self.line):
            if until <= now:
                self.end(who, "refused")


class BulkheadMachine(RuleBasedStateMachine):
    @initialize(size=st.integers(1, 3), places=st.integers(0, 4))
    def begin(self, size: int, places: int) -> None:
        self.loop = VirtualLoop()
        wait = timedelta(seconds=WAIT) if places else None
        self.bulkhead = Bulkhead(size, places, wait)
        self.model = Model(size, places)
        self.tasks: list[asyncio.Task[None]] = []
        self.gates: list[asyncio.Future[None]] = []
        self.inside: list[int] = []

    def settle(self) -> None:
        self.loop.run_until_complete(turns(8))

    async def body(self, who: int) -> None:
        self.inside.append(who)
        try:
            await self.gates[who]
        finally:
            self.inside.remove(who)

    def start(self) -> None:
        who = len(self.tasks)
        self.gates.append(self.loop.create_future())
        self.tasks.append(self.loop.create_task(self.bulkhead.call(self.body, who)))
        self.model.come(who, self.loop.time())

    @rule(count=st.integers(1, 3))
    def come(self, count: int) -> None:
        for _ in range(count):
            self.start()
        self.settle()

    @rule(
        which=st.integers(0, 9),
        how=st.sampled_from(["fine", "error", "base", "cancelled"]),
        then=st.sampled_from(["nothing", "cancel the heir"]),
    )
    def finish(self, which: int, how: str, then: str) -> None:
        if not self.model.inside:
            return
        who = self.model.inside[which % len(self.model.inside)]
        heir = self.model.line[0][0] if self.model.line else None
        gate = self.gates[who]
        if how == "fine":
            gate.set_result(None)
        elif how == "error":
            gate.set_exception(LookupError())
        elif how == "base":
            gate.set_exception(GeneratorExit())
        else:
            self.tasks[who].cancel()
        self.model.end(who, how)
        if then == "cancel the heir" and heir is not None:
            for _ in range(which % 4):  # somewhere on the way of its permit
                self.loop.run_until_complete(asyncio.sleep(0))
            self.tasks[heir].cancel()
            self.model.end(heir, "cancelled")
        self.settle()

    @rule(which=st.integers(0, 9))
    def cancel_one_in_line(self, which: int) -> None:
        if self.model.line:
            who = self.model.line[which % len(self.model.line)][0]
            self.tasks[who].cancel()
            self.model.end(who, "cancelled")
            self.settle()

    @rule(seconds=st.integers(1, 3))
    def pass_time(self, seconds: int) -> None:
        self.loop.now += seconds
        self.model.pass_time(self.loop.time())
        self.settle()

    @invariant()
    def all_stand_where_they_should(self) -> None:
        if not hasattr(self, "model"):
            return
        shot = self.bulkhead.snapshot()
        assert sorted(self.inside) == sorted(self.model.inside)
        assert (shot.running, shot.waiting) == (len(self.model.inside), len(self.model.line))
        assert shot.acquired == shot.released + shot.running
        ends = {n: _how(task) for n, task in enumerate(self.tasks) if task.done()}
        assert ends == self.model.ended

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.run_until_complete(self.cancel_all())
            shot = self.bulkhead.snapshot()
            assert (shot.running, shot.waiting, shot.acquired) == (0, 0, shot.released)
            self.loop.close()

    async def cancel_all(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def _how(task: asyncio.Task[Any]) -> str:
    if task.cancelled():
        return "cancelled"
    kinds: dict[type[BaseException], str] = {
        BulkheadException: "refused",
        LookupError: "error",
        GeneratorExit: "base",
    }
    error = task.exception()
    return "fine" if error is None else kinds[type(error)]


TestBulkheadMachine = BulkheadMachine.TestCase
TestBulkheadMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
