"""What a circuit tells retries of the attempts of other calls."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pyfly.resilience import CircuitBreaker, CircuitState, CountWindow
from tests.resilience.support import ManualClock


def fail(breaker: CircuitBreaker, clock: ManualClock, *times: float) -> None:
    """An attempt of three fails at each of these times."""
    for at in times:
        clock.now = at
        breaker.failed(breaker.admit(), OSError(), 3)


def failing_at(breaker: CircuitBreaker, at: float) -> bool:
    """Whether the latest failure is told to be at that time."""
    admission = breaker.admit()
    return admission.failing_after(at - 0.01) and not admission.failing_after(at)


def test_attempts_fail_once_as_many_in_a_row_have_as_the_threshold_says(
    clock: ManualClock,
) -> None:
    breaker = CircuitBreaker(3, clock=clock)
    fail(breaker, clock, 1.0, 2.0)
    assert not breaker.admit().failing_after(0.0)
    fail(breaker, clock, 3.0)
    assert failing_at(breaker, 3.0)
    fail(breaker, clock, 4.0)
    assert failing_at(breaker, 4.0)


def test_an_attempt_that_stands_for_a_whole_call_is_one(clock: ManualClock) -> None:
    breaker = CircuitBreaker(3, clock=clock)
    for _ in range(2):
        breaker.failed(breaker.admit(), OSError(), 3, weight_numerator=3)
    assert not breaker.admit().failing_after(0.0)


def test_a_success_ends_it(clock: ManualClock) -> None:
    breaker = CircuitBreaker(3, clock=clock)
    fail(breaker, clock, 1.0, 2.0, 3.0)
    breaker.succeeded(breaker.admit())
    assert not breaker.admit().failing_after(0.0)
    fail(breaker, clock, 4.0, 5.0)
    assert not breaker.admit().failing_after(0.0)
    fail(breaker, clock, 6.0)
    assert failing_at(breaker, 6.0)


def test_a_failure_of_a_former_generation_does_not_count(clock: ManualClock) -> None:
    breaker = CircuitBreaker(3, clock=clock)
    old = [breaker.admit() for _ in range(3)]
    breaker.reset()
    for admission in old:
        breaker.failed(admission, OSError(), 3)
    assert not breaker.admit().failing_after(0.0)


def test_a_circuit_that_a_probe_has_closed_begins_anew(clock: ManualClock) -> None:
    breaker = CircuitBreaker(2, timedelta(seconds=10), clock=clock)
    fail(breaker, clock, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert breaker.state is CircuitState.OPEN
    clock.now = 20.0
    breaker.succeeded(breaker.admit())
    assert breaker.state is CircuitState.CLOSED
    fail(breaker, clock, 21.0)
    assert not breaker.admit().failing_after(0.0)
    fail(breaker, clock, 22.0)
    assert failing_at(breaker, 22.0)


@pytest.mark.parametrize("by_hand", ["force_closed", "disable", "observe_only"])
def test_a_circuit_that_decides_nothing_tells_nothing(clock: ManualClock, by_hand: str) -> None:
    breaker = CircuitBreaker(3, clock=clock)
    getattr(breaker, by_hand)()
    fail(breaker, clock, 1.0, 2.0, 3.0, 4.0)
    assert breaker.admit().failing_after(0.0) is False


def test_a_circuit_that_judges_by_rates_tells_nothing(clock: ManualClock) -> None:
    breaker = CircuitBreaker(window=CountWindow(100), clock=clock)
    fail(breaker, clock, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert not breaker.admit().failing_after(0.0)
