"""The rules alone, in the moments between a look without the lock and the lock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import (
    Call,
    CircuitBreaker,
    CircuitBreakerPolicy,
    CircuitBreakerStage,
    CircuitState,
    CircuitTransition,
    CountWindow,
    History,
    Pipeline,
)
from pyfly.resilience.circuit_breaker import state
from pyfly.resilience.circuit_breaker.state import (
    SCALE,
    Admission,
    CircuitMode,
    CircuitRules,
    Generation,
    Observation,
    scaled,
)
from tests.resilience.support import Driver, ManualClock, a_call


def opened(permits: int = 1) -> CircuitRules:
    """Opened at 100, to be probed from 110 on."""
    rules = CircuitRules(1, 10.0, permits)
    rules.fail_needs_lock(admitted(rules, 100.0), 100.0, SCALE, False, 0.0)
    return rules


def admitted(rules: CircuitRules, now: float) -> Admission:
    admission = rules.admit_needs_lock(now)
    assert admission is not None
    return admission


def test_a_closed_circuit_gives_all_callers_one_admission() -> None:
    rules = CircuitRules(3, 10.0, 1)
    assert rules.admit_needs_lock(0.0) is rules.closed_admission is rules.admit_needs_lock(1.0)
    assert admitted(rules, 0.0).stands
    assert not rules.surely_refuses(0.0)
    assert not rules.wants_success


def test_a_circuit_that_never_opened_has_times_all_the_same() -> None:
    rules = CircuitRules(3, 10.0, 1)
    assert (rules.opened_at, rules.until, rules.recovery) == (0.0, 0.0, 10.0)


def test_a_circuit_that_opened_again_meanwhile_refuses_under_the_lock() -> None:
    rules = opened()
    assert rules.refuses_until == 110.0
    assert rules.surely_refuses(109.9)
    assert rules.admit_needs_lock(109.9) is None
    assert rules.time_left(109.0) == 1.0
    assert rules.time_left(111.0) == 0.0


def test_a_permit_that_another_took_meanwhile_is_refused_under_the_lock() -> None:
    rules = opened()
    assert not rules.surely_refuses(110.0)
    probe = admitted(rules, 110.0)
    assert probe.probe
    assert probe.held
    assert rules.admit_needs_lock(110.0) is None
    assert rules.surely_refuses(110.0)
    assert rules.time_left(110.0) is None


def test_probes_of_one_time_stand_and_fall_together() -> None:
    rules = opened(permits=2)
    first, second = admitted(rules, 110.0), admitted(rules, 110.0)
    assert first is not second
    assert (first.stands, second.stands) == (True, True)
    rules.succeed_needs_lock(first, 110.0, SCALE, False, 0.0)
    assert (first.generation.current, second.generation.current) == (False, False)
    assert (first.stands, second.stands) == (True, True)  # it is closed again
    assert not first.held


def test_releasing_an_admission_of_a_closed_circuit_changes_nothing() -> None:
    rules = CircuitRules(3, 10.0, 1)
    admission = admitted(rules, 0.0)
    rules.release_needs_lock(admission)
    assert rules.permits == 0
    assert admission.stands


def test_releasing_a_probe_of_an_earlier_half_open_time_adds_no_permit() -> None:
    rules = opened(permits=2)
    late, other = admitted(rules, 110.0), admitted(rules, 110.0)
    rules.fail_needs_lock(other, 110.0, SCALE, False, 0.0)
    probe = admitted(rules, 120.0)
    rules.release_needs_lock(late)
    assert rules.permits == 1
    rules.release_needs_lock(probe)
    assert rules.permits == 2


def test_the_count_never_is_zero_unless_closed_and_is_in_parts_of_a_failure() -> None:
    rules = CircuitRules(2, 10.0, 1)
    rules.fail_needs_lock(admitted(rules, 0.0), 0.0, scaled(2, 3), False, 0.0)
    assert rules.wants_success
    assert rules.fails == SCALE * 2 // 3
    rules.succeed_needs_lock(admitted(rules, 0.0), 0.0, scaled(1, 3), False, 0.0)
    assert rules.fails == 0
    assert not rules.wants_success
    assert opened().fails == SCALE


def test_failures_that_have_to_span_a_time_open_the_circuit_at_its_end() -> None:
    rules = CircuitRules(2, 10.0, 1)
    for now, name in ((5.0, "CLOSED"), (6.0, "CLOSED"), (7.9, "CLOSED"), (8.0, "OPEN")):
        assert rules.closed_admission is not None
        rules.fail_needs_lock(rules.closed_admission, now, SCALE, False, 3.0)
        assert rules.state.name == name
    assert rules.until == 18.0


def test_each_streak_of_failures_begins_anew() -> None:
    rules = CircuitRules(2, 10.0, 1)
    assert rules.streak is None
    rules.fail_needs_lock(admitted(rules, 1.0), 1.0, SCALE, False, 3.0)
    first = rules.streak
    assert first is not None
    assert first.since == 1.0
    rules.fail_needs_lock(admitted(rules, 2.0), 2.0, SCALE, False, 3.0)
    assert rules.streak is first
    rules.succeed_needs_lock(admitted(rules, 2.5), 2.5, SCALE, False, 0.0)
    assert rules.streak is None
    rules.fail_needs_lock(admitted(rules, 3.0), 3.0, SCALE, False, 3.0)
    assert rules.streak is not first
    rules.switch_needs_lock(CircuitMode.NORMAL, 4.0)
    assert rules.streak is None


@pytest.mark.parametrize("attempts", range(1, 17))
def test_the_scale_divides_by_every_usual_number_of_attempts(attempts: int) -> None:
    assert SCALE % attempts == 0


def test_an_admission_is_of_the_circuit_that_the_collector_leaves_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = CircuitRules(1, 10.0, 1, timed=True)

    class Collecting(Admission):
        """The collector finalises a call that resets the circuit, as this one is allocated."""

        __slots__ = ()

        def __init__(self, generation: Generation, started: float = 0.0) -> None:
            super().__init__(generation, started)
            monkeypatch.undo()
            rules.switch_needs_lock(rules.mode, started)

    monkeypatch.setattr(state, "Admission", Collecting)
    assert isinstance(rules.admit_needs_lock(5.0), Collecting)
    monkeypatch.setattr(state, "Admission", Collecting)
    assert admitted(rules, 5.0).generation.current


class ResettingClock(ManualClock):
    """Resets a breaker while somebody looks at the time: right before the lock."""

    breaker: CircuitBreaker | None = None

    def monotonic(self) -> float:
        if self.breaker is not None:
            breaker, self.breaker = self.breaker, None
            breaker.reset()
        return self.now


def test_a_circuit_that_closed_meanwhile_admits_as_a_closed_one_does(driver: Driver) -> None:
    clock = ResettingClock()
    breaker = CircuitBreaker(1, timedelta(seconds=10), clock=clock)
    breaker.failed(breaker.admit(), ValueError())
    call = a_call(clock)
    clock.breaker = breaker
    pipeline = Pipeline([CircuitBreakerStage(breaker, lambda error: True)])

    def send(call: Call) -> object:
        return call.admission

    admission = driver.pipeline(pipeline, send, call)
    assert admission is breaker.rules.closed_admission
    assert breaker.state is CircuitState.CLOSED
    assert call.single_attempt is None


class SharedLock:
    """A lock that another thread had a moment earlier, or gets a moment later.

    Args:
        before: What the other did under it, just before.
        after: What the other does under it, just after.
    """

    def __init__(
        self, before: Callable[[], object] = bool, after: Callable[[], object] = bool
    ) -> None:
        self.before = before
        self.after = after

    def __enter__(self) -> None:
        self.before()

    def __exit__(self, *_: object) -> None:
        self.after()


def test_who_comes_second_to_the_last_permit_is_refused() -> None:
    clock = ManualClock(100.0)
    breaker = CircuitBreaker(1, timedelta(seconds=10), clock=clock)
    breaker.failed(breaker.admit(), ValueError())
    clock.now = 110.0
    lock: Any = SharedLock(lambda: breaker.rules.admit_needs_lock(110.0))
    breaker._lock = lock
    with pytest.raises(CircuitBreakerException):
        breaker.admit()


def test_who_comes_second_to_see_that_no_probe_answered_tells_nothing() -> None:
    clock, history = ManualClock(100.0), History(CircuitTransition)
    policy = CircuitBreakerPolicy(1, timedelta(seconds=10), half_open_timeout=timedelta(seconds=4))
    breaker = CircuitBreaker(policy=policy, clock=clock, listeners=[history])
    breaker.failed(breaker.admit(), ValueError())
    clock.now = 110.0
    _probe = breaker.admit()
    history.clear()
    clock.now = 114.0
    lock: Any = SharedLock(lambda: breaker.rules.expire_needs_lock(114.0))
    breaker._lock = lock
    with pytest.raises(CircuitBreakerException):
        breaker.admit()
    assert history.events == []


def test_a_transition_is_told_by_the_numbers_that_led_to_it_whoever_resets_them_next() -> None:
    clock, history = ManualClock(100.0), History(CircuitTransition)
    breaker = CircuitBreaker(window=CountWindow(4, 0.5, 2), clock=clock, listeners=[history])
    breaker.failed(breaker.admit(), ValueError())
    admission = breaker.admit()
    lock: Any = SharedLock(after=lambda: breaker.rules.switch_needs_lock(breaker.mode, 100.0))
    breaker._lock = lock
    breaker.failed(admission, ValueError())
    assert [event.reason for event in history.of(CircuitTransition)] == [
        "2 of 2 calls failed: ValueError"
    ]


def test_a_refusal_takes_no_lock() -> None:
    clock = ManualClock(100.0)
    breaker = CircuitBreaker(1, timedelta(seconds=10), clock=clock)
    breaker.failed(breaker.admit(), ValueError())
    clock.now = 110.0
    _probe = breaker.admit()
    taken: list[str] = []
    lock: Any = SharedLock(lambda: taken.append("half-open"))
    breaker._lock = lock
    with pytest.raises(CircuitBreakerException):
        breaker.admit()
    assert taken == []


def test_an_admission_belongs_to_a_generation_and_an_observation_to_that_of_its_shadow() -> None:
    admission = Admission(Generation())
    assert (admission.started, admission.probe, admission.held) == (0.0, False, False)
    assert Observation(admission).generation is admission.generation


def test_a_probe_that_fails_opens_the_circuit_however_short_the_failures_lasted() -> None:
    rules = opened()  # at 100
    rules.until = 101.0
    rules.fail_needs_lock(admitted(rules, 101.0), 101.0, SCALE, False, 3.0)
    assert rules.state is CircuitState.OPEN
    assert rules.opened_at == 101.0


def test_a_probe_of_before_a_fork_is_of_an_older_generation() -> None:
    rules = opened()
    probe = admitted(rules, 110.0)
    rules.start_anew_needs_lock()
    assert not probe.generation.current
    assert not probe.stands
