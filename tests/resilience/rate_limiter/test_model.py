"""Arbitrary interleavings, against a model that keeps a log and replays it in fractions."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pyfly.kernel.exceptions import RateLimitException
from pyfly.resilience.rate_limiter.limiter import RateLimiter
from tests.resilience.support import ManualClock, outcome

LONGEST = Fraction(3)


class Entry:
    """Tokens that somebody asked for and was promised."""

    def __init__(self, asked: Fraction, weight: Fraction, wait: Fraction) -> None:
        self.asked, self.weight, self.due = asked, weight, asked + wait
        self.state = "waiting" if wait else "used"


class Model:
    """A bucket that is filled and emptied step by step, from the whole log each time."""

    def __init__(self, rate: int, burst: int) -> None:
        self.rate, self.burst = Fraction(rate), Fraction(burst)
        self.log: list[Entry] = []

    def tokens(self, now: Fraction) -> Fraction:
        tokens, at = self.burst, Fraction(0)
        for entry in self.log:
            tokens = min(tokens + (entry.asked - at) * self.rate, self.burst) - entry.weight
            at = entry.asked
        return min(tokens + (now - at) * self.rate, self.burst)

    def ask(self, now: Fraction, weight: Fraction) -> Entry | None:
        missing = weight - self.tokens(now)
        entry = Entry(now, weight, max(missing / self.rate, Fraction(0)))
        if entry.due - now > LONGEST:
            return None
        self.log.append(entry)
        return entry

    def cancel(self, entry: Entry) -> None:
        entry.state = "cancelled"
        while self.log and self.log[-1].state == "cancelled":
            self.log.pop()


@types.coroutine
def _sleeping(seconds: float) -> Generator[float, None, None]:
    yield seconds


class SteppedClock(ManualClock):
    """Sleepers are woken by hand."""

    async def sleep(self, seconds: float) -> None:
        await _sleeping(seconds)


class RateLimiterMachine(RuleBasedStateMachine):
    # All times are eighths, and rates powers of two: the floats are exact.

    @initialize(rate=st.sampled_from([1, 2, 4]), burst=st.integers(1, 4))
    def begin(self, rate: int, burst: int) -> None:
        self.clock = SteppedClock(0.0)
        self.limiter = RateLimiter(
            rate, burst=burst, max_wait=timedelta(seconds=3), clock=self.clock
        )
        self.model = Model(rate, burst)
        self.waiting: list[tuple[Coroutine[Any, Any, float], Entry]] = []
        self.used: list[Entry] = []
        self.refused = self.cancelled = 0

    @property
    def now(self) -> Fraction:
        return Fraction(self.clock.now)

    @rule(halves=st.integers(1, 8))
    def ask(self, halves: int) -> None:
        weight = min(Fraction(halves, 2), self.model.burst)
        entry = self.model.ask(self.now, weight)
        call = self.limiter.acquire(float(weight))
        told = outcome(lambda: call.send(None))
        if entry is None:
            assert isinstance(told, RateLimitException)
            assert told.retry_after is not None
            assert told.retry_after > LONGEST
            self.refused += 1
        elif entry.state == "used":
            assert isinstance(told, StopIteration)
            assert told.value == 0
            self.used.append(entry)
        else:
            assert Fraction(told) == entry.due - self.now
            if self.waiting:
                assert entry.due >= self.waiting[-1][1].due  # first come, first served
            self.waiting.append((call, entry))

    @rule(eighths=st.integers(1, 24), punctual=st.booleans())
    def pass_time(self, eighths: int, punctual: bool) -> None:
        self.clock.now += eighths / 8
        if punctual:
            self.wake()

    @rule()
    def wake(self) -> None:
        for call, entry in list(self.waiting):
            if entry.due <= self.now:
                with pytest.raises(StopIteration):
                    call.send(None)
                self.waiting.remove((call, entry))
                entry.state = "used"
                self.used.append(entry)

    @rule(which=st.integers(0, 9), end=st.sampled_from([asyncio.CancelledError, GeneratorExit]))
    def cancel(self, which: int, end: type[BaseException]) -> None:
        if not self.waiting:
            return
        call, entry = self.waiting.pop(which % len(self.waiting))
        if end is GeneratorExit:
            call.close()
        else:
            with pytest.raises(end):
                call.throw(end())
        self.model.cancel(entry)
        self.cancelled += 1

    @invariant()
    def the_tokens_are_those_of_the_model(self) -> None:
        if hasattr(self, "model"):
            shot = self.limiter.snapshot()
            assert Fraction(shot.tokens) == self.model.tokens(self.now)
            told = (shot.acquired, shot.waiting, shot.refused, shot.cancelled)
            assert told == (len(self.used), len(self.waiting), self.refused, self.cancelled)

    @invariant()
    def no_span_has_more_than_the_burst_and_the_rate_allow(self) -> None:
        due = sorted((entry.due, entry.weight) for entry in getattr(self, "used", ()))
        for first in range(len(due)):
            total = Fraction(0)
            for last in range(first, len(due)):
                total += due[last][1]
                span = due[last][0] - due[first][0]
                assert total <= self.model.burst + self.model.rate * span

    def teardown(self) -> None:
        for call, _ in getattr(self, "waiting", ()):
            call.close()


TestRateLimiterMachine = RateLimiterMachine.TestCase
TestRateLimiterMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
