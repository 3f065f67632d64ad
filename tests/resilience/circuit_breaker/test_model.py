"""Arbitrary interleavings of calls, against a model that shares no code with the rules.

The model keeps the whole story: which call was let through in which chapter, where a chapter
ends with each change of state. It counts failures as fractions.
"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import CircuitBreaker, CircuitState
from tests.resilience.support import ManualClock, outcome

RECOVERY = 10.0


class Model:
    """What a circuit breaker has to do, told slowly."""

    def __init__(self, threshold: int, permits: int) -> None:
        self.threshold = threshold
        self.max_permits = permits
        self.chapter = 0
        self.phase = "closed"
        self.count = Fraction(0)
        self.opened_at = 0.0
        self.out: set[int] = set()  # probes under way in this chapter

    def turn(self, phase: str) -> None:
        self.chapter += 1
        self.phase = phase
        self.out = set()

    def visible(self, now: float) -> str:
        over = self.phase == "open" and now >= self.opened_at + RECOVERY
        return "half-open" if over else self.phase

    def ask(self, number: int, now: float) -> bool:
        if self.visible(now) == "half-open" and self.phase == "open":
            self.turn("half-open")
        if self.phase == "half-open" and len(self.out) < self.max_permits:
            self.out.add(number)
            return True
        return self.phase == "closed"

    def end(self, number: int, chapter: int, how: str, part: Fraction, now: float) -> None:
        if chapter != self.chapter:
            return
        if self.phase == "half-open":
            if number not in self.out:
                return
            self.out.discard(number)
            if how == "success":
                self.count = Fraction(0)
                self.turn("closed")
            elif how == "failure":
                self.opened_at = now
                self.turn("open")
        elif how == "success":
            self.count = Fraction(0)
        elif how == "failure":
            self.count += part
            if self.count >= self.threshold:
                self.opened_at = now
                self.turn("open")


class BreakerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.number = 0
        self.calls: list[tuple[int, int, Any]] = []
        self.ended: list[tuple[int, int, Any]] = []
        self.configure(3, 1)

    def configure(self, threshold: int, permits: int) -> None:
        self.model = Model(threshold, permits)
        self.breaker = CircuitBreaker(
            threshold,
            timedelta(seconds=RECOVERY),
            half_open_permits=permits,
            clock=self.clock,
        )

    @precondition(lambda self: self.number == 0)
    @rule(threshold=st.integers(1, 3), permits=st.integers(1, 3))
    def choose_settings(self, threshold: int, permits: int) -> None:
        self.configure(threshold, permits)

    @rule()
    def start_a_call(self) -> None:
        self.number += 1
        answer: Any = outcome(self.breaker.admit)
        refused = isinstance(answer, CircuitBreakerException)
        assert not refused or answer.retry_after is None or answer.retry_after > 0
        admission = None if refused else answer
        assert (admission is not None) == self.model.ask(self.number, self.clock.now)
        if admission is not None:
            self.calls.append((self.number, self.model.chapter, admission))
            assert admission.probe == (self.model.phase == "half-open")

    @precondition(lambda self: self.calls)
    @rule(
        which=st.integers(0, 40),
        how=st.sampled_from(["success", "failure", "neutral"]),
        attempts=st.sampled_from([1, 2, 3, 7]),
    )
    def end_a_call(self, which: int, how: str, attempts: int) -> None:
        call = self.calls.pop(which % len(self.calls))
        self.ended.append(call)
        self.finish(call, how, attempts)

    @precondition(lambda self: self.ended)
    @rule(which=st.integers(0, 40), how=st.sampled_from(["success", "failure", "neutral"]))
    def end_a_probe_once_more(self, which: int, how: str) -> None:
        call = self.ended[which % len(self.ended)]
        if call[2].probe:
            self.finish(call, how, 1)

    def finish(self, call: tuple[int, int, Any], how: str, attempts: int) -> None:
        number, chapter, admission = call
        if how == "success":
            self.breaker.succeeded(admission)
        elif how == "failure":
            self.breaker.failed(admission, ValueError(), attempts)
        else:
            self.breaker.released(admission)
        self.model.end(number, chapter, how, Fraction(1, attempts), self.clock.now)

    @rule(seconds=st.sampled_from([0.0, 0.1, 5.0, 9.9, 10.0, 40.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def reset(self) -> None:
        self.breaker.reset()
        self.model.count = Fraction(0)
        self.model.turn("closed")

    @invariant()
    def both_agree(self) -> None:
        now, model, rules = self.clock.now, self.model, self.breaker.rules
        names = {
            "closed": CircuitState.CLOSED,
            "open": CircuitState.OPEN,
            "half-open": CircuitState.HALF_OPEN,
        }
        assert self.breaker.state is names[model.visible(now)]
        if model.phase == "half-open":
            assert rules.permits == model.max_permits - len(model.out)
        for _, chapter, admission in self.calls:
            assert admission.stands == (chapter == model.chapter or model.phase == "closed")

    @invariant()
    def what_the_fast_path_relies_on_holds(self) -> None:
        rules = self.breaker.rules
        assert (rules.closed_admission is None) == (rules.state is not CircuitState.CLOSED)
        assert rules.fails > 0 or rules.state is CircuitState.CLOSED
        assert rules.permits >= 0


TestBreakerAgainstItsModel = BreakerMachine.TestCase
TestBreakerAgainstItsModel.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, database=None
)
