"""Callers of a circuit breaker, whose steps an explorer puts into order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import Call, CircuitBreaker, Events
from tests.resilience.explore.explorer import Violation
from tests.resilience.machine.driving import Caller, Clock, park

__all__ = ["ENDS", "BreakerRun", "Scenario"]

ENDS: dict[str, Callable[[], object]] = {
    "succeeds": lambda: "fine",
    "fails": OSError,
    "is cancelled": asyncio.CancelledError,
    "hangs": lambda: None,
}


class Scenario(NamedTuple):
    """Some callers, and what they meet.

    Args:
        name: For people.
        make: A breaker as it stands at the beginning, on this clock.
        callers: What each does, one of :data:`ENDS`.
        ticks: The steps of the clock, in seconds.
        permits: Probes that may run at once; in all, where ``total``.
        total: Whether a half-open circuit lets ``permits`` calls pass in all.
        pauses: Seconds that failures have to last before they open the circuit, unless a call
            has made all its attempts (two) meanwhile.
        through: How to call; default: ``breaker.call``. It has to await :func:`park` for each
            attempt.
    """

    name: str
    make: Callable[[Clock], CircuitBreaker]
    callers: tuple[str, ...]
    ticks: tuple[float, ...]
    permits: int = 1
    total: bool = False
    through: Callable[[CircuitBreaker], Callable[[Call], Coroutine[Any, Any, Any]]] | None = None
    pauses: float = 0.0


class _Calling:
    """One caller, and what was seen of it."""

    def __init__(self, name: str, end: str) -> None:
        self.name = name
        self.end = end
        self.caller: Caller | None = None
        self.attempts = 0
        self.inside = False
        self.over = False
        self.era = -1
        self.probe = False


class BreakerRun:
    """One schedule of a scenario. Everything is judged by what callers can see."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.clock = Clock()
        self.breaker = breaker = scenario.make(self.clock)
        self.through = scenario.through(breaker) if scenario.through else None
        self.callings = {
            f"{number} {end}": _Calling(f"{number} {end}", end)
            for number, end in enumerate(scenario.callers, 1)
        }
        self.ticks = list(scenario.ticks)
        self.era = 0
        self.state = breaker.state.name
        self.probes_begun = 0
        self.failing_since = self.clock.now if breaker.snapshot().failures else None
        self.first_failures: set[_Calling] = set()

    # What the explorer asks for

    def enabled(self) -> list[str]:
        names: list[str] = ["clock"] if self.ticks else []
        waiting: set[str] = set()
        for calling in self.callings.values():
            if calling.over or (calling.caller is not None and calling.end == "hangs"):
                continue
            if calling.caller is None:
                if calling.end in waiting:
                    continue
                waiting.add(calling.end)
            names.append(calling.name)
        return names

    def go(self, who: str) -> None:
        if who == "clock":
            self.clock.now += self.ticks.pop(0)
        elif self.callings[who].caller is None:
            self._start(self.callings[who])
        else:
            self._go_on(self.callings[who])
        self._look()

    def finish(self) -> None:
        """However the callers ended, the circuit closes when the other side is well again."""
        self.clock.now += 1_000.0
        for _ in range(self.scenario.permits):
            if self.breaker.state.name == "CLOSED":
                break
            if self.breaker.state.name == "OPEN":
                raise Violation("the circuit is open for ever")
            done = Caller(self.breaker.call(_answer)).start()
            if done != "fine":
                raise Violation(f"stuck half-open: a call is refused with {done!r}")
        if self.breaker.state.name != "CLOSED":
            raise Violation("the circuit does not close though every probe succeeds")
        for calling in self.callings.values():
            if calling.caller is not None and not calling.over:
                calling.caller.end(GeneratorExit())

    # MethodRuntime

    def _start(self, calling: _Calling) -> None:
        before = self.breaker.state.name
        free = self.scenario.permits - self._probes()
        if self.scenario.total:
            free = self.scenario.permits - self.probes_begun
        calling.era = self.era
        calling.probe = before == "HALF_OPEN"
        calling.caller = Caller(self._call(calling))
        outcome = calling.caller.start()
        if calling.inside:
            if before == "OPEN":
                raise Violation("a call passed an open circuit")
            if calling.probe and free <= 0:
                raise Violation(f"more than {self.scenario.permits} probes")
            self.probes_begun += calling.probe
            return
        calling.over = True
        if not isinstance(outcome, CircuitBreakerException):
            raise Violation(f"a call that did not start ended with {outcome!r}")
        if before == "CLOSED":
            raise Violation("a call was refused by a closed circuit")
        if calling.probe and free > 0:
            raise Violation("a probe was refused though a permit is free")

    def _go_on(self, calling: _Calling) -> None:
        assert calling.caller is not None
        late = calling.era != self.era
        before = self.breaker.snapshot()
        attempts = calling.attempts
        ended_probe = calling.probe and not late
        judged = calling.inside and not late
        outcome = calling.caller.end(ENDS[calling.end]() if calling.inside else None)
        if judged and before.state.name == "CLOSED":
            self._check_pauses(calling)
        calling.over = outcome is not None
        if late and self.breaker.snapshot() != before:
            raise Violation(f"a late result changed {before!r}")
        if calling.attempts > attempts:
            if self.era != calling.era and before.state.name != "CLOSED":
                raise Violation("an attempt followed although the circuit had opened")
            if calling.probe:
                raise Violation("a probe made a second attempt")
        if ended_probe and calling.over and calling.end == "is cancelled":
            self.probes_begun -= 1

    def _check_pauses(self, calling: _Calling) -> None:
        """An attempt has ended, and perhaps opened the circuit: no retry that is due is lost."""
        if calling.end == "succeeds":
            self.failing_since = None
            self.first_failures.clear()
        if calling.end != "fails":
            return
        if self.failing_since is None:
            self.failing_since = self.clock.now
        lasted = self.clock.now - self.failing_since >= self.scenario.pauses
        heard = calling in self.first_failures
        if self.breaker.state.name == "OPEN" and not lasted and not heard:
            raise Violation("the circuit opened before a retry that is due was heard")
        self.first_failures.add(calling)

    def _call(self, calling: _Calling) -> Coroutine[Any, Any, Any]:
        async def attempt(*_: object) -> object:
            calling.attempts += 1
            calling.inside = True
            try:
                return await park()
            finally:
                calling.inside = False

        if self.through is None:
            return self.breaker.call(attempt)
        call = Call(calling.name, attempt, clock=self.clock, events=Events())
        return self.through(call)

    def _look(self) -> None:
        state = self.breaker.state.name
        if state != self.state:
            if state != "HALF_OPEN":
                self.era += 1
            self.probes_begun = 0
            self.state = state
        if self._probes() > self.scenario.permits:
            raise Violation(f"more than {self.scenario.permits} probes")

    def _probes(self) -> int:
        return sum(
            one.probe and one.era == self.era and one.inside for one in self.callings.values()
        )


async def _answer() -> str:
    return "fine"
