"""Probes whose verdict never comes: the circuit opens again, or gets the permit back."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest

import pyfly.resilience
from pyfly.resilience import (
    AttemptTimeoutStage,
    CircuitBreaker,
    CircuitBreakerPolicy,
    CircuitBreakerStage,
    CircuitState,
    RetryPolicy,
    RetryStage,
    assemble,
)
from tests.resilience.support import ManualClock, Scripted, a_call, outcome

OURS = pyfly.resilience.__path__[0]


def half_open(clock: ManualClock, timeout: timedelta | None = None) -> CircuitBreaker:
    policy = CircuitBreakerPolicy(1, timedelta(seconds=10), half_open_timeout=timeout)
    breaker = CircuitBreaker(policy=policy, clock=clock)
    breaker.failed(breaker.admit(), OSError())
    clock.now += 10
    return breaker


def handler_of(breaker: CircuitBreaker, step: object = "fine") -> Callable[..., Any]:
    stages = [
        CircuitBreakerStage(breaker, lambda e: not isinstance(e, KeyError), attempt_timeout=4.0),
        RetryStage(RetryPolicy()),
        AttemptTimeoutStage(4.0, port_bounds=True),
    ]
    return assemble(stages).build_sync(Scripted(step))


@contextmanager
def a_signal_at(line: int) -> Iterator[list[str]]:
    """Raises KeyboardInterrupt at so many lines of pyfly's from here on, as a handler may."""
    left, where = [line], list[str]()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(OURS) or frame.f_code.co_name == "__del__":
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                where.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield where
    finally:
        sys.settrace(before)


@pytest.mark.survives(
    "Retries, breakers and time",
    "an exception out of a signal handler, anywhere in a probe of a half-open circuit",
    "the circuit is probed again within the attempt timeout and the recovery time",
)
@pytest.mark.parametrize("step", ["fine", OSError(), KeyError()])
def test_a_signal_anywhere_in_a_probe_leaves_no_circuit_stuck(step: object) -> None:
    at_once = lines = 0
    while True:
        lines += 1
        clock = ManualClock()
        breaker = half_open(clock)
        handler, call = handler_of(breaker, step), a_call(clock)
        with a_signal_at(lines) as where:
            ended = outcome(lambda: handler(call))  # noqa: B023
        if not where:
            break
        del ended, call
        gc.collect()
        breaker._lock.acquire(timeout=0)
        breaker._lock.release()
        if breaker.state is not CircuitState.CLOSED:
            at_once += breaker.rules.out == 0
        clock.now += 4 + 10  # the probe is given up, and the circuit recovers
        assert handler_of(breaker)(a_call(clock)) == "fine", where
        assert breaker.state is CircuitState.CLOSED, where
    assert lines > 60
    assert at_once > 30  # outside the few lines that write, the permit is back at once


def test_a_permit_that_nobody_holds_any_more_comes_back(clock: ManualClock) -> None:
    breaker = half_open(clock)
    probe = breaker.admit()
    assert breaker.snapshot().permits_held == 1
    del probe
    gc.collect()
    assert breaker.snapshot().permits_held == 0
    assert breaker.admit().probe


def test_a_probe_that_was_given_back_changes_nothing_when_it_goes(clock: ManualClock) -> None:
    breaker = half_open(clock)
    probe = breaker.admit()
    breaker.released(probe)
    other = breaker.admit()
    del probe
    gc.collect()
    assert breaker.snapshot().permits_held == 1
    breaker.released(other)


@pytest.mark.parametrize(
    ("own", "attempt", "of_call", "seconds"),
    [
        (None, 4.0, None, 4.0),
        (None, 4.0, 7.0, 7.0),  # of a call with a timeout of its own
        (timedelta(seconds=2), 4.0, 7.0, 2.0),  # what is set wins
        (None, None, None, None),
    ],
)
def test_a_probe_without_a_verdict_opens_the_circuit_after_the_attempt_timeout(
    clock: ManualClock,
    own: timedelta | None,
    attempt: float | None,
    of_call: float | None,
    seconds: float | None,
) -> None:
    breaker = half_open(clock, own)
    seen: list[CircuitState] = []

    def hang(call: Any) -> None:
        for moment in (0.0, (seconds or 1e6) - 0.5, 0.5):
            clock.now += moment
            seen.append(breaker.state)

    stage = CircuitBreakerStage(breaker, lambda error: True, attempt_timeout=attempt)
    call = a_call(clock)
    call.attempt_timeout = of_call
    assemble([stage]).build_sync(hang)(call)
    last = CircuitState.HALF_OPEN if seconds is None else CircuitState.OPEN
    assert seen == [CircuitState.HALF_OPEN, CircuitState.HALF_OPEN, last]
