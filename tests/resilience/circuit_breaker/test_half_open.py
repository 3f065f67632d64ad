"""Probes that never answer, and a recovery time that grows."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import (
    CircuitBreaker,
    CircuitBreakerPolicy,
    CircuitBreakerStage,
    CircuitState,
    CircuitTransition,
    CountWindow,
    History,
    TotalTimeoutStage,
    assemble,
)
from tests.resilience.support import ManualClock, outcome

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def half_open(clock: ManualClock, permits: int = 1, **settings: Any) -> CircuitBreaker:
    """Half-open from now on; it recovers in 10 s and gives probes 4 s."""
    settings.setdefault("half_open_timeout", seconds(4))
    listeners = settings.pop("listeners", ())
    policy = CircuitBreakerPolicy(
        settings.pop("failure_threshold", 5), seconds(10), permits, **settings
    )
    breaker = CircuitBreaker(policy=policy, clock=clock, listeners=listeners)
    while breaker.state is CLOSED:
        breaker.failed(breaker.admit(), OSError())
    clock.now += 10
    return breaker


@pytest.mark.survives(
    "Retries, breakers and time",
    "a probe that never answers",
    "the circuit opens again, and probes again",
)
def test_a_probe_that_never_answers_opens_the_circuit_again(clock: ManualClock) -> None:
    history = History()
    breaker = half_open(clock, listeners=[history])
    _probe_1 = breaker.admit()
    history.clear()
    clock.now += 3.9
    assert breaker.state is HALF_OPEN
    clock.now += 0.1
    assert breaker.state is OPEN
    refusal = outcome(breaker.admit)
    assert isinstance(refusal, CircuitBreakerException)
    assert refusal.retry_after == 10.0
    transition = history.of(CircuitTransition)[0]
    assert (transition.old, transition.new) == (HALF_OPEN, OPEN)
    assert transition.reason == "no probe answered in time"


def test_it_opened_when_the_time_was_over_whoever_looks_when(clock: ManualClock) -> None:
    breaker = half_open(clock)
    _probe_2 = breaker.admit()
    clock.now += 13.9
    assert breaker.state is OPEN
    clock.now += 0.1
    assert breaker.state is HALF_OPEN
    assert breaker.snapshot().opened_ago == 10.0
    assert breaker.admit().probe


def test_a_late_answer_of_such_a_probe_is_ignored(clock: ManualClock) -> None:
    for end in ("succeeded", "released"):
        breaker = half_open(clock)
        probe = breaker.admit()
        clock.now += 4
        getattr(breaker, end)(probe)
        assert breaker.state is OPEN
        assert breaker.snapshot().permits_held == 0


def test_the_time_runs_only_while_a_probe_does(clock: ManualClock) -> None:
    breaker = half_open(clock)
    breaker.released(breaker.admit())
    clock.now += 5
    assert breaker.state is HALF_OPEN
    probe = breaker.admit()
    clock.now += 3.9
    breaker.succeeded(probe)
    assert breaker.state is CLOSED
    clock.now += 5
    breaker.failed(breaker.admit(), OSError())
    assert breaker.state is CLOSED  # one of five


def test_it_runs_from_the_first_probe_that_is_under_way(clock: ManualClock) -> None:
    breaker = half_open(clock, permits=2)
    _probe_3 = breaker.admit()
    clock.now += 3
    other = breaker.admit()
    breaker.released(other)
    clock.now += 1
    assert breaker.state is OPEN


def test_in_a_window_too_the_verdict_must_come_in_time(clock: ManualClock) -> None:
    breaker = half_open(clock, permits=2, window=CountWindow(4, 1.0, 1))
    breaker.failed(breaker.admit(), OSError())
    clock.now += 5
    assert breaker.state is HALF_OPEN  # none is under way
    _probe_4 = breaker.admit()
    clock.now += 4
    assert breaker.state is OPEN
    clock.now += 10
    breaker.failed(breaker.admit(), OSError())  # what the others found is forgotten
    assert breaker.state is HALF_OPEN


def test_in_a_window_too_it_runs_from_the_first_probe_that_is_under_way(
    clock: ManualClock,
) -> None:
    breaker = half_open(clock, permits=3, window=CountWindow(4, 1.0, 1))
    probes = breaker.admit(), breaker.admit()
    clock.now += 3
    breaker.failed(probes[0], OSError())
    clock.now += 1
    assert breaker.state is OPEN


def test_with_the_verdict_all_permits_are_free(clock: ManualClock) -> None:
    breaker = half_open(clock, permits=2)
    probe, other = breaker.admit(), breaker.admit()
    assert breaker.snapshot().permits_held == 2
    breaker.succeeded(probe)
    assert breaker.snapshot().permits_held == 0
    breaker.succeeded(other)
    assert CircuitBreaker().snapshot().permits_held == breaker.snapshot().permits_held == 0


def test_a_clock_that_two_threads_read_out_of_order_keeps_nobody_from_probing(
    clock: ManualClock,
) -> None:
    breaker = half_open(clock, permits=2)
    _probe_5 = breaker.admit()
    clock.now -= 1
    assert breaker.admit().probe


def test_without_a_timeout_a_probe_may_take_for_ever(clock: ManualClock) -> None:
    breaker = half_open(clock, half_open_timeout=None)
    probe = breaker.admit()
    clock.now += 1e9
    assert breaker.state is HALF_OPEN
    breaker.succeeded(probe)
    assert breaker.state is CLOSED


# Growth


def growing(clock: ManualClock) -> CircuitBreaker:
    return half_open(clock, recovery_multiplier=2, max_recovery_timeout=seconds(35))


def waits(clock: ManualClock, breaker: CircuitBreaker, times: int) -> list[float]:
    seen: list[float] = []
    for _ in range(times):
        breaker.failed(breaker.admit(), OSError())
        refusal = outcome(breaker.admit)
        seen.append(refusal.retry_after)
        clock.now += refusal.retry_after
    return seen


def test_the_recovery_time_grows_with_each_failed_probe_up_to_the_longest(
    clock: ManualClock,
) -> None:
    assert waits(clock, growing(clock), 4) == [20.0, 35.0, 35.0, 35.0]


def test_it_grows_too_when_no_probe_answers(clock: ManualClock) -> None:
    breaker = growing(clock)
    _probe_6 = breaker.admit()
    clock.now += 4
    assert outcome(breaker.admit).retry_after == 20.0
    clock.now += 20
    _probe_7 = breaker.admit()
    clock.now += 4 + 34.9
    assert breaker.state is OPEN
    clock.now += 0.1
    assert breaker.state is HALF_OPEN


def test_it_starts_from_the_beginning_once_the_circuit_has_closed(clock: ManualClock) -> None:
    breaker = growing(clock)
    waits(clock, breaker, 2)
    breaker.succeeded(breaker.admit())
    for _ in range(5):
        breaker.failed(breaker.admit(), OSError())
    assert outcome(breaker.admit).retry_after == 10.0
    clock.now += 10
    waits(clock, breaker, 1)
    breaker.reset()
    breaker.force_open()
    breaker.reset()
    for _ in range(5):
        breaker.failed(breaker.admit(), OSError())
    assert outcome(breaker.admit).retry_after == 10.0


def test_without_a_multiplier_it_stays_as_it_is(clock: ManualClock) -> None:
    assert waits(clock, half_open(clock), 3) == [10.0] * 3


# Settings


@pytest.mark.parametrize(
    ("settings", "kind", "text"),
    [
        ({"half_open_timeout": 4}, TypeError, r"half_open_timeout .* timedelta\(seconds=4\)"),
        ({"half_open_timeout": timedelta(0)}, ValueError, "half_open_timeout must be longer"),
        ({"recovery_multiplier": 0.5}, ValueError, "recovery_multiplier must be at least 1"),
        ({"recovery_multiplier": 2}, ValueError, "needs a max_recovery_timeout"),
        (
            {"max_recovery_timeout": seconds(5)},
            ValueError,
            r"max_recovery_timeout \(5 s\) is less than recovery_timeout \(30 s\)",
        ),
        ({"window": 7}, TypeError, "window must be a CountWindow or a TimeWindow, not int"),
        (
            {"window": CountWindow(), "failure_threshold": 3},
            ValueError,
            "failure_threshold counts consecutive failures, and a window judges by rates",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    settings: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=f"^CircuitBreaker: .*{text}"):
        CircuitBreakerPolicy(**settings)


@pytest.mark.parametrize(
    "given",
    [
        {"failure_threshold": 5},  # also where it is what nobody has to say
        {"failure_threshold": 6},
        {"recovery_timeout": seconds(30)},
        {"half_open_permits": 1},
        {"window": CountWindow()},
    ],
)
def test_a_setting_beside_a_policy_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="policy holds all settings"):
        CircuitBreaker(policy=CircuitBreakerPolicy(), **given)
    assert repr(inspect.signature(CircuitBreaker)).count("_Default") == 0


def test_the_settings_come_one_by_one_or_as_a_policy() -> None:
    policy = CircuitBreakerPolicy(3, half_open_timeout=seconds(5))
    assert CircuitBreaker(policy=policy).policy is policy
    assert CircuitBreaker(window=CountWindow(9)).policy.window == CountWindow(9)
    with pytest.raises(TypeError, match="policy holds all settings: give failure_threshold"):
        CircuitBreaker(4, policy=policy)
    wrong: Any = {"failure_threshold": 3}
    with pytest.raises(TypeError, match="policy must be a CircuitBreakerPolicy, not dict"):
        CircuitBreaker(policy=wrong)


def test_a_policy_describes_itself() -> None:
    policy = CircuitBreakerPolicy(
        half_open_timeout=seconds(5),
        recovery_multiplier=1.5,
        max_recovery_timeout=timedelta(minutes=5),
    )
    assert policy.describe() == (
        "opens after 5 consecutive failures for 30 s (× 1.5 each time, at most 300 s), "
        "then 1 at a time may probe for 5 s"
    )


def test_a_half_open_timeout_that_no_probe_lives_to_see_is_refused(clock: ManualClock) -> None:
    stage = CircuitBreakerStage(half_open(clock), lambda error: True)
    assemble([stage, TotalTimeoutStage(4.0)])
    assemble([stage, TotalTimeoutStage(None)])
    with pytest.raises(ValueError, match=r"half_open_timeout \(4 s\) is over the total timeout"):
        assemble([stage, TotalTimeoutStage(3.0)])


def test_of_two_that_see_that_the_time_is_over_one_opens_the_circuit(clock: ManualClock) -> None:
    breaker = half_open(clock)
    _probe_8 = breaker.admit()
    clock.now += 4
    rules = breaker.rules
    assert [rules.expire_needs_lock(clock.now) for _ in range(2)] == [True, False]
    assert rules.time_left(clock.now) == 10.0
