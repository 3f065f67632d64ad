"""A circuit by hand: forced, disabled, only observing; and what it tells of itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import (
    CircuitBreaker,
    CircuitBreakerStage,
    CircuitMode,
    CircuitState,
    CircuitTransition,
    CountWindow,
    History,
    PermitRefused,
    Pipeline,
    RefusalWithheld,
    RetryPolicy,
    RetryStage,
    assemble,
)
from pyfly.resilience.circuit_breaker import circuit_breaker as circuit
from tests.resilience.support import Driver, ManualClock, Scripted, a_call, outcome

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
KINDS: list[Any] = [
    {"failure_threshold": 1},
    {"window": CountWindow(4, 0.5, 1)},
    {"window": CountWindow(4, 0.5, 1, 0.5, timedelta(seconds=2))},
]


@pytest.fixture(params=KINDS, ids=["consecutive", "window", "timed window"])
def make(request: pytest.FixtureRequest, clock: ManualClock) -> Callable[..., CircuitBreaker]:
    def make(**settings: Any) -> CircuitBreaker:
        settings = {"recovery_timeout": timedelta(seconds=10), **request.param, **settings}
        return CircuitBreaker(clock=clock, **settings)

    return make


@pytest.fixture
def breaker(make: Callable[..., CircuitBreaker]) -> CircuitBreaker:
    return make()


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        outcome(lambda: breaker.call_sync(Scripted(OSError())))


def test_a_circuit_that_is_forced_open_refuses_until_it_is_reset(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    breaker.force_open()
    refusal = outcome(lambda: driver.breaker(breaker, Scripted(1)))
    assert refusal.retry_after is None
    clock.now += 1e9
    assert (breaker.state, breaker.mode) == (OPEN, CircuitMode.FORCED_OPEN)
    refusal = outcome(lambda: driver.breaker(breaker, Scripted(1)))
    assert isinstance(refusal, CircuitBreakerException)
    assert refusal.retry_after is None
    assert breaker.snapshot().time_left is None
    breaker.reset()
    assert driver.breaker(breaker, Scripted(1)) == 1
    assert (breaker.state, breaker.mode) == (CLOSED, CircuitMode.NORMAL)


def test_a_circuit_that_is_forced_closed_counts_and_does_not_open(
    breaker: CircuitBreaker,
) -> None:
    fail(breaker)
    assert breaker.state is OPEN
    breaker.force_closed()
    fail(breaker, 5)
    assert breaker.state is CLOSED
    assert breaker.snapshot().failures in (4.0, 5.0)  # the window holds four
    breaker.reset()
    assert breaker.snapshot().failures == 0
    fail(breaker)
    assert breaker.state is OPEN


def test_a_circuit_that_is_disabled_passes_all_and_counts_nothing(
    driver: Driver, breaker: CircuitBreaker
) -> None:
    breaker.disable()
    for _ in range(5):
        outcome(lambda: driver.breaker(breaker, Scripted(OSError())))
        assert driver.breaker(breaker, Scripted(1)) == 1
    assert breaker.state is CLOSED
    assert breaker.snapshot().failures == 0
    assert not breaker.rules.wants_success
    assert breaker.admit() is breaker.admit()  # the fast path, also where calls are timed
    assert breaker.admit().stands
    breaker.succeeded(breaker.admit())
    assert breaker.snapshot().calls_in_window in (None, 0)


@pytest.mark.parametrize("how", ["force_open", "force_closed", "disable", "observe_only", "reset"])
def test_results_from_before_a_change_by_hand_are_ignored(
    clock: ManualClock, breaker: CircuitBreaker, how: str
) -> None:
    late = breaker.admit()
    getattr(breaker, how)()
    before = breaker.snapshot()
    breaker.failed(late, OSError())
    assert breaker.snapshot() == before
    assert late.stands is (how != "force_open")  # whether its call may go on


def test_who_only_observes_refuses_nothing_and_tells_what_it_would_have_done(
    driver: Driver, clock: ManualClock, make: Callable[..., CircuitBreaker]
) -> None:
    history = History()
    breaker = make(name="shop", listeners=[history])
    breaker.observe_only()
    error = OSError()
    assert outcome(lambda: driver.breaker(breaker, Scripted(error))) is error
    assert breaker.state is OPEN
    assert driver.breaker(breaker, Scripted("fine")) == "fine"  # and does not close it
    assert breaker.state is OPEN
    clock.now += 10
    assert driver.breaker(breaker, Scripted("fine")) == "fine"
    assert breaker.state is CLOSED
    assert history.of(PermitRefused) == []
    assert history.of(RefusalWithheld) == [
        RefusalWithheld("", 100.0, "circuit breaker", "shop", 10.0)
    ]
    assert breaker.snapshot().refused == 1
    told = history.of(CircuitTransition)
    assert [(e.old, e.new) for e in told] == [
        (CLOSED, OPEN),
        (OPEN, HALF_OPEN),
        (HALF_OPEN, CLOSED),
    ]
    assert all(e.reason.endswith(" (it only observes)") for e in told)


def test_who_only_observes_lets_calls_at_a_half_open_circuit_pass_beside_the_probe(
    clock: ManualClock, breaker: CircuitBreaker
) -> None:
    breaker.observe_only()
    fail(breaker)
    clock.now += 10
    probe, other = breaker.admit(), breaker.admit()
    assert (probe.probe, probe.stands, other.stands) == (False, True, True)
    assert breaker.snapshot().permits_held == 1
    breaker.failed(other, OSError())
    breaker.released(other)
    assert breaker.state is HALF_OPEN
    breaker.released(probe)
    breaker.released(probe)
    assert breaker.snapshot().permits_held == 0
    breaker.succeeded(breaker.admit())
    assert breaker.state is CLOSED
    breaker.released(breaker.admit())


def test_who_only_observes_does_not_stop_retries(
    driver: Driver, clock: ManualClock, breaker: CircuitBreaker
) -> None:
    breaker.observe_only()
    pipeline: Pipeline = assemble(
        [CircuitBreakerStage(breaker, lambda error: True), RetryStage(RetryPolicy(4))]
    )
    send = Scripted(OSError())
    outcome(lambda: driver.pipeline(pipeline, send, a_call(clock)))
    outcome(lambda: driver.pipeline(pipeline, send, a_call(clock)))
    assert send.calls == 8


def test_a_change_by_hand_is_told(clock: ManualClock, make: Callable[..., CircuitBreaker]) -> None:
    history = History()
    breaker = make(listeners=[history])
    breaker.force_open()
    breaker.force_open()
    breaker.force_closed()
    breaker.disable()
    breaker.force_open()
    breaker.observe_only()
    breaker.force_open()
    breaker.disable()
    breaker.reset()
    assert [event.reason for event in history.of(CircuitTransition)] == [
        "it was forced open",
        "it was forced closed",
        "it was forced open",
        "it only observes from here on (it only observes)",
        "it was forced open",
        "it was disabled",
    ]


def test_where_nobody_listens_no_event_is_made(
    clock: ManualClock, breaker: CircuitBreaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    for name in ("CircuitTransition", "PermitRefused", "RefusalWithheld"):
        monkeypatch.setattr(circuit, name, lambda *parts: made.append(parts))
    fail(breaker)
    outcome(breaker.admit)
    breaker.observe_only()
    fail(breaker)
    _probe_1 = breaker.admit()
    assert breaker.snapshot().refused == 2
    assert made == []


def test_a_refusal_that_no_listener_wants_makes_no_event(
    breaker: CircuitBreaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    class Counted(PermitRefused):
        def __init__(self, *parts: object) -> None:
            made.append(parts)

    breaker.events.subscribe(History(), only=(CircuitTransition,))
    monkeypatch.setattr(circuit, "PermitRefused", Counted)
    breaker.force_open()
    assert isinstance(outcome(breaker.admit), CircuitBreakerException)
    assert made == []


def test_the_mode_is_shown(breaker: CircuitBreaker) -> None:
    breaker.observe_only()
    assert repr(breaker) == "<CircuitBreaker CLOSED OBSERVE_ONLY>"


# Snapshots


def test_a_snapshot_of_consecutive_failures(clock: ManualClock) -> None:
    breaker = CircuitBreaker(2, timedelta(seconds=10), name="shop", clock=clock)
    breaker.failed(breaker.admit(), OSError(), 2)
    seen = breaker.snapshot()
    assert (seen.name, seen.state, seen.mode) == ("shop", CLOSED, CircuitMode.NORMAL)
    assert (seen.failures, seen.calls_in_window, seen.failure_rate) == (0.5, None, None)
    assert (seen.opened_ago, seen.time_left) == (None, None)
    breaker.failed(breaker.admit(), OSError())
    breaker.failed(breaker.admit(), OSError())
    clock.now += 4
    outcome(breaker.admit)
    outcome(breaker.admit)
    for _ in range(3):  # to look at the count does not change it
        seen = breaker.snapshot()
        assert (seen.opened_ago, seen.time_left, seen.refused) == (4.0, 6.0, 2)
    clock.now += 6
    _probe_2 = breaker.admit()
    outcome(breaker.admit)
    seen = breaker.snapshot()
    assert (seen.state, seen.permits_held, seen.refused) == (HALF_OPEN, 1, 3)
    assert (seen.opened_ago, seen.time_left) == (10.0, None)


def test_a_snapshot_of_a_window_has_rates_once_there_are_enough_calls(clock: ManualClock) -> None:
    window = CountWindow(4, 1.0, 2, 1.0, timedelta(seconds=1))
    breaker = CircuitBreaker(window=window, clock=clock)
    breaker.failed(breaker.admit(), OSError())
    seen = breaker.snapshot()
    assert (seen.failures, seen.calls_in_window) == (1.0, 1.0)
    assert (seen.failure_rate, seen.slow_rate) == (None, None)
    breaker.succeeded(breaker.admit(), duration=2)
    seen = breaker.snapshot()
    assert (seen.failure_rate, seen.slow_rate) == (0.5, 0.5)
