from __future__ import annotations

import asyncio
import functools
import gc
import threading
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import (
    CircuitBreaker,
    CircuitState,
    CircuitTransition,
    Event,
    History,
    PermitRefused,
)
from tests.resilience.support import Driver, ManualClock, Scripted, outcome

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


class Ending(BaseException):
    """An exception that is no Exception."""


def a_breaker(clock: ManualClock, **settings: Any) -> CircuitBreaker:
    settings.setdefault("failure_threshold", 3)
    settings.setdefault("recovery_timeout", timedelta(seconds=10))
    return CircuitBreaker(clock=clock, **settings)


def fail(driver: Driver, breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(ConnectionError):
            driver.breaker(breaker, Scripted(ConnectionError()))


def succeed(driver: Driver, breaker: CircuitBreaker) -> None:
    assert driver.breaker(breaker, Scripted("fine")) == "fine"


# Closed


def test_a_new_breaker_is_closed_with_the_documented_defaults() -> None:
    breaker = CircuitBreaker()
    assert breaker.state is CLOSED
    assert breaker.policy.failure_threshold == 5
    assert breaker.policy.recovery_timeout == timedelta(seconds=30)
    assert breaker.policy.half_open_permits == 1


def test_results_and_exceptions_pass_unchanged(driver: Driver, clock: ManualClock) -> None:
    breaker = a_breaker(clock)
    error = ConnectionError("x")
    assert driver.breaker(breaker, Scripted(7)) == 7
    assert outcome(lambda: driver.breaker(breaker, Scripted(error))) is error


async def test_arguments_reach_the_function() -> None:
    async def add(a: int, *, b: int) -> int:
        return a + b

    assert await CircuitBreaker().call(add, 1, b=2) == 3
    assert CircuitBreaker().call_sync(int, "11", base=2) == 3


def test_it_opens_at_the_threshold_and_not_before(driver: Driver, clock: ManualClock) -> None:
    breaker = a_breaker(clock)
    fail(driver, breaker, 2)
    assert breaker.state is CLOSED
    fail(driver, breaker)
    assert breaker.state is OPEN


def test_a_success_starts_the_count_again(driver: Driver, clock: ManualClock) -> None:
    breaker = a_breaker(clock)
    fail(driver, breaker, 2)
    succeed(driver, breaker)
    fail(driver, breaker, 2)
    assert breaker.state is CLOSED


def test_a_threshold_of_one_opens_at_the_first_failure(driver: Driver, clock: ManualClock) -> None:
    breaker = a_breaker(clock, failure_threshold=1)
    fail(driver, breaker)
    assert breaker.state is OPEN


# Open


def test_an_open_circuit_refuses_at_once_and_says_for_how_long(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = a_breaker(clock, name="shop")
    fail(driver, breaker, 3)
    clock.now += 4
    body = Scripted("never")
    with pytest.raises(CircuitBreakerException) as caught:
        driver.breaker(breaker, body)
    assert body.calls == 0
    assert caught.value.name == "shop"
    assert caught.value.retry_after == 6.0
    assert caught.value.code is None
    assert caught.value.context == {}
    assert str(caught.value) == "Circuit breaker is open: shop (retry in 6.0 s)"


def test_the_text_of_a_refusal_begins_alike_without_a_name(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = a_breaker(clock, failure_threshold=1)
    fail(driver, breaker)
    refusal = outcome(lambda: driver.breaker(breaker, Scripted(1)))
    assert str(refusal).startswith("Circuit breaker is open")


def test_every_refusal_is_an_exception_of_its_own(driver: Driver, clock: ManualClock) -> None:
    breaker = a_breaker(clock, failure_threshold=1)
    fail(driver, breaker)
    refusals = [outcome(lambda: driver.breaker(breaker, Scripted(1))) for _ in range(2)]
    assert refusals[0] is not refusals[1]


def test_refusals_do_not_prolong_the_recovery_time(driver: Driver, clock: ManualClock) -> None:
    breaker = a_breaker(clock, failure_threshold=1)
    fail(driver, breaker)
    clock.now += 9.9
    assert isinstance(
        outcome(lambda: driver.breaker(breaker, Scripted(1))), CircuitBreakerException
    )
    clock.now += 0.1
    assert breaker.state is HALF_OPEN


def test_the_state_is_half_open_as_soon_as_the_time_is_over_without_any_call(
    driver: Driver, clock: ManualClock
) -> None:
    breaker = a_breaker(clock)
    fail(driver, breaker, 3)
    clock.now += 9.999
    assert breaker.state is OPEN
    clock.now += 0.001
    assert breaker.state is HALF_OPEN
    assert repr(breaker) == "<CircuitBreaker HALF_OPEN>"


def test_a_recovery_time_of_zero_is_a_value(driver: Driver, clock: ManualClock) -> None:
    breaker = a_breaker(clock, recovery_timeout=timedelta(0))
    fail(driver, breaker, 3)
    assert breaker.state is HALF_OPEN
    succeed(driver, breaker)
    assert breaker.state is CLOSED


def test_by_default_the_time_is_that_of_the_system(driver: Driver) -> None:
    breaker = CircuitBreaker(1, timedelta(seconds=30))
    with mock.patch("time.monotonic", return_value=50.0):
        breaker.failed(breaker.admit(), ValueError())
        assert breaker.state is OPEN
    with mock.patch("time.monotonic", return_value=80.0):
        assert breaker.state is HALF_OPEN


# Half-open


@pytest.fixture
def half_open(driver: Driver, clock: ManualClock) -> CircuitBreaker:
    breaker = a_breaker(clock)
    fail(driver, breaker, 3)
    clock.now += 10
    return breaker


def test_a_probe_that_succeeds_closes_and_the_count_starts_again(
    driver: Driver, half_open: CircuitBreaker
) -> None:
    succeed(driver, half_open)
    assert half_open.state is CLOSED
    fail(driver, half_open, 2)
    assert half_open.state is CLOSED


def test_a_probe_that_fails_opens_for_another_recovery_time(
    driver: Driver, clock: ManualClock, half_open: CircuitBreaker
) -> None:
    fail(driver, half_open)
    assert half_open.state is OPEN
    clock.now += 9.9
    assert half_open.state is OPEN
    clock.now += 0.1
    assert half_open.state is HALF_OPEN


@pytest.mark.parametrize(
    "ending",
    [
        Ending(),
        asyncio.CancelledError(),
        KeyboardInterrupt(),
        GeneratorExit(),
        CircuitBreakerException(),
    ],
    ids=lambda e: type(e).__name__,
)
def test_a_probe_that_proves_nothing_gives_its_permit_back(
    driver: Driver, half_open: CircuitBreaker, ending: BaseException
) -> None:
    assert isinstance(outcome(lambda: driver.breaker(half_open, Scripted(ending))), type(ending))
    assert half_open.state is HALF_OPEN
    succeed(driver, half_open)
    assert half_open.state is CLOSED


def test_an_excluded_error_gives_the_permit_back(driver: Driver, clock: ManualClock) -> None:
    breaker = a_breaker(clock, is_failure=lambda error: not isinstance(error, KeyError))
    fail(driver, breaker, 3)
    clock.now += 10
    with pytest.raises(KeyError):
        driver.breaker(breaker, Scripted(KeyError()))
    assert breaker.state is HALF_OPEN
    succeed(driver, breaker)


def test_a_predicate_that_raises_gives_the_permit_back(driver: Driver, clock: ManualClock) -> None:
    answers = iter([True, True, True])
    breaker = a_breaker(clock, is_failure=lambda error: next(answers))
    fail(driver, breaker, 3)
    clock.now += 10
    assert outcome(lambda: driver.breaker(breaker, Scripted(ConnectionError()))) is not None
    succeed(driver, breaker)
    assert breaker.state is CLOSED


def test_while_the_probe_runs_others_are_refused_with_no_time_to_tell(
    clock: ManualClock,
) -> None:
    breaker = a_breaker(clock, failure_threshold=1)
    breaker.failed(breaker.admit(), ValueError())
    clock.now += 10
    probe = breaker.admit()
    with pytest.raises(CircuitBreakerException) as caught:
        _probe_1 = breaker.admit()
    assert caught.value.retry_after is None
    breaker.succeeded(probe)
    assert breaker.admit().stands


def test_as_many_probes_run_as_there_are_permits(clock: ManualClock) -> None:
    breaker = a_breaker(clock, failure_threshold=1, half_open_permits=3)
    breaker.failed(breaker.admit(), ValueError())
    clock.now += 10
    probes = [breaker.admit() for _ in range(3)]
    assert isinstance(outcome(breaker.admit), CircuitBreakerException)
    breaker.released(probes[0])
    again = breaker.admit()
    assert isinstance(outcome(breaker.admit), CircuitBreakerException)
    breaker.succeeded(probes[1])
    assert breaker.state is CLOSED
    breaker.failed(probes[2], ValueError())
    breaker.failed(again, ValueError())
    assert breaker.state is CLOSED


def test_a_permit_is_given_back_once_whatever_follows(clock: ManualClock) -> None:
    breaker = a_breaker(clock, failure_threshold=1)
    breaker.failed(breaker.admit(), ValueError())
    clock.now += 10
    probe = breaker.admit()
    breaker.released(probe)
    breaker.released(probe)
    breaker.succeeded(probe)
    breaker.failed(probe, ValueError())
    assert breaker.state is HALF_OPEN
    assert breaker.rules.permits == 1
    _probe_2 = breaker.admit()
    assert isinstance(outcome(breaker.admit), CircuitBreakerException)


# Results from before


def test_a_failure_from_before_the_circuit_opened_is_ignored(clock: ManualClock) -> None:
    breaker = a_breaker(clock, failure_threshold=1)
    late = breaker.admit()
    breaker.failed(breaker.admit(), ValueError())
    clock.now += 5
    breaker.failed(late, ValueError())
    assert not late.stands
    clock.now += 5
    assert breaker.state is HALF_OPEN


def test_a_success_from_before_does_not_close_a_half_open_circuit(clock: ManualClock) -> None:
    breaker = a_breaker(clock, failure_threshold=1)
    late = breaker.admit()
    breaker.failed(breaker.admit(), ValueError())
    clock.now += 10
    probe = breaker.admit()
    breaker.succeeded(late)
    assert breaker.state is HALF_OPEN
    breaker.failed(probe, ValueError())
    assert breaker.state is OPEN


def test_results_of_an_earlier_closed_time_do_not_count_in_a_later_one(
    clock: ManualClock,
) -> None:
    breaker = a_breaker(clock, failure_threshold=1)
    late = breaker.admit()
    breaker.failed(breaker.admit(), ValueError())
    clock.now += 10
    breaker.succeeded(breaker.admit())
    breaker.failed(late, ValueError())
    assert breaker.state is CLOSED


def test_a_late_success_of_a_call_changes_nothing(clock: ManualClock) -> None:
    breaker = a_breaker(clock, failure_threshold=1)

    def body() -> str:
        breaker.failed(breaker.admit(), ValueError())
        return "late"

    assert breaker.call_sync(body) == "late"
    assert breaker.state is OPEN


# Evidence by parts


def test_failed_attempts_count_their_part_of_a_failure(clock: ManualClock) -> None:
    breaker = a_breaker(clock, failure_threshold=2)
    for _ in range(5):
        breaker.failed(breaker.admit(), ValueError(), 3)
    assert breaker.state is CLOSED
    breaker.failed(breaker.admit(), ValueError(), 3)
    assert breaker.state is OPEN


@pytest.mark.parametrize("attempts", [1, 2, 3, 5, 7, 11, 16, 17, 100, 999])
def test_the_attempts_of_threshold_calls_open_the_circuit_never_more(
    clock: ManualClock, attempts: int
) -> None:
    breaker = a_breaker(clock, failure_threshold=2)
    needed = 0
    while breaker.state is CLOSED:
        breaker.failed(breaker.admit(), ValueError(), attempts)
        needed += 1
    assert needed in (2 * attempts, 2 * attempts - 1)
    assert attempts > 16 or needed == 2 * attempts


def test_an_attempt_can_stand_for_those_that_will_not_follow(clock: ManualClock) -> None:
    breaker = a_breaker(clock, failure_threshold=1)
    breaker.failed(breaker.admit(), ValueError(), 3)
    breaker.failed(breaker.admit(), ValueError(), 3, weight_numerator=2)
    assert breaker.state is OPEN


# Reset, nesting, sharing


def test_reset_closes_from_every_state_and_forgets_calls_under_way(clock: ManualClock) -> None:
    breaker = a_breaker(clock, failure_threshold=1)
    late = breaker.admit()
    breaker.reset()
    breaker.failed(late, ValueError())
    assert breaker.state is CLOSED
    breaker.failed(breaker.admit(), ValueError())
    breaker.reset()
    assert breaker.state is CLOSED
    breaker.failed(breaker.admit(), ValueError())
    clock.now += 10
    probe = breaker.admit()
    breaker.reset()
    breaker.failed(probe, ValueError())
    assert breaker.state is CLOSED
    assert breaker.admit().stands


def test_an_outer_breaker_does_not_count_the_refusals_of_an_inner_one(clock: ManualClock) -> None:
    outer, inner = a_breaker(clock, failure_threshold=1), a_breaker(clock, failure_threshold=1)
    inner.failed(inner.admit(), ValueError())
    for _ in range(3):
        with pytest.raises(CircuitBreakerException):
            outer.call_sync(inner.call_sync, lambda: 1)
    assert outer.state is CLOSED


async def test_an_outer_probe_refused_by_an_inner_breaker_leaves_the_outer_half_open(
    clock: ManualClock,
) -> None:
    outer, inner = a_breaker(clock, failure_threshold=1), a_breaker(clock, failure_threshold=1)
    outer.failed(outer.admit(), ValueError())
    clock.now += 10
    inner.failed(inner.admit(), ValueError())

    async def body() -> int:
        return 1

    with pytest.raises(CircuitBreakerException):
        await outer.call(inner.call, body)
    assert outer.state is HALF_OPEN
    inner.reset()
    assert await outer.call(inner.call, body) == 1
    assert outer.state is CLOSED


# Events


def test_transitions_and_refusals_are_events(driver: Driver, clock: ManualClock) -> None:
    history = History()
    breaker = a_breaker(clock, failure_threshold=1, name="shop", listeners=[history])
    fail(driver, breaker)
    outcome(lambda: driver.breaker(breaker, Scripted(1)))
    clock.now += 10
    succeed(driver, breaker)
    breaker.failed(breaker.admit("Shop.x"), ValueError(), operation="Shop.x")
    breaker.reset()
    breaker.reset()
    told = [(e.operation, e.old, e.new, e.reason) for e in history.of(CircuitTransition)]
    assert told == [
        ("", CLOSED, OPEN, "too many consecutive attempts failed: ConnectionError"),
        ("", OPEN, HALF_OPEN, "the recovery time has passed"),
        ("", HALF_OPEN, CLOSED, "a probe succeeded"),
        ("Shop.x", CLOSED, OPEN, "too many consecutive attempts failed: ValueError"),
        ("", OPEN, CLOSED, "it was reset"),
    ]
    assert history.of(PermitRefused) == [
        PermitRefused("", 100.0, policy="circuit breaker", name="shop", retry_after=10.0)
    ]


def test_a_failed_probe_is_told_as_one(driver: Driver, half_open: CircuitBreaker) -> None:
    history = History(CircuitTransition)
    half_open.events.subscribe(history)
    fail(driver, half_open)
    assert [e.reason for e in history.of(CircuitTransition)] == [
        "the recovery time has passed",
        "a probe failed: ConnectionError",
    ]


def test_a_listener_may_use_the_breaker_and_may_raise(driver: Driver, clock: ManualClock) -> None:
    seen: list[CircuitState] = []

    def listener(event: Event) -> None:
        def other_thread() -> None:
            seen.append(breaker.state)
            outcome(breaker.admit)

        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join(5)
        assert not thread.is_alive(), "the listener was called under the lock"
        raise RuntimeError

    breaker = a_breaker(clock, failure_threshold=1)
    breaker.events.subscribe(listener, only=(CircuitTransition,))
    fail(driver, breaker)
    assert seen == [OPEN]
    assert breaker.state is OPEN


# Functions of the wrong kind


async def test_call_refuses_a_function_whose_result_cannot_be_awaited(clock: ManualClock) -> None:
    def synchronous() -> int:
        return 1

    wrong: Any = synchronous
    breaker = a_breaker(clock, failure_threshold=1)
    with pytest.raises(TypeError, match=r"synchronous returned int.*use CircuitBreaker.call_sync"):
        await breaker.call(wrong)
    assert breaker.rules.fails == 0
    breaker.failed(breaker.admit(), ValueError())
    clock.now += 10
    with pytest.raises(TypeError):
        await breaker.call(wrong)
    assert (breaker.state, breaker.rules.permits) == (HALF_OPEN, 1)


async def test_call_accepts_whatever_returns_an_awaitable(clock: ManualClock) -> None:
    async def coroutine() -> int:
        return 1

    breaker = a_breaker(clock)
    future = asyncio.get_running_loop().create_future()
    future.set_result(2)
    assert await breaker.call(lambda: coroutine()) == 1
    assert await breaker.call(lambda: future) == 2
    assert await breaker.call(functools.partial(coroutine)) == 1
    assert await breaker.call(mock.AsyncMock(return_value=3)) == 3


@pytest.mark.parametrize("opened", [False, True])
async def test_call_refuses_a_coroutine_in_place_of_the_function(
    clock: ManualClock, opened: bool
) -> None:
    async def get() -> None: ...

    breaker = a_breaker(clock, failure_threshold=1)
    if opened:
        breaker.failed(breaker.admit(), ValueError())
    state = breaker.state
    wrong: Any = get()
    with pytest.raises(TypeError, match=r"write call\(get, …\) in place of get\(…\)"):
        await breaker.call(wrong)
    assert breaker.state is state
    del wrong
    gc.collect()  # an un-awaited coroutine would warn, and warnings are errors


async def test_a_type_error_of_the_function_itself_is_a_failure_like_others(
    clock: ManualClock,
) -> None:
    async def needs(argument: int) -> None:
        raise TypeError("its own")

    breaker = a_breaker(clock, failure_threshold=2)
    wrong: Any = needs
    with pytest.raises(TypeError, match="missing 1 required"):
        await breaker.call(wrong)
    with pytest.raises(TypeError, match="its own"):
        await breaker.call(needs, 1)
    assert breaker.state is OPEN


def test_call_sync_refuses_a_coroutine_function_and_does_not_count_it(clock: ManualClock) -> None:
    async def get() -> None: ...

    breaker = a_breaker(clock, failure_threshold=1)
    breaker.failed(breaker.admit(), ValueError())
    clock.now += 10
    wrong: Any = get
    with pytest.raises(TypeError, match=r"get is `async def`: write `await CircuitBreaker.call"):
        breaker.call_sync(wrong)
    assert breaker.state is HALF_OPEN
    assert breaker.call_sync(lambda: 1) == 1
    gc.collect()


# Settings


@pytest.mark.parametrize(
    ("settings", "kind", "text"),
    [
        ({"failure_threshold": 0}, ValueError, "failure_threshold must be at least 1, not 0"),
        ({"failure_threshold": -1}, ValueError, "at least 1, not -1"),
        ({"failure_threshold": True}, TypeError, "whole number, not bool True"),
        ({"failure_threshold": 2.0}, TypeError, "whole number, not float 2.0"),
        ({"failure_threshold": "5"}, TypeError, "whole number, not str '5'"),
        ({"failure_threshold": None}, TypeError, "whole number, not None"),
        ({"recovery_timeout": 30.0}, TypeError, r"write timedelta\(seconds=30.0\)"),
        ({"recovery_timeout": 30}, TypeError, r"write timedelta\(seconds=30\)"),
        ({"recovery_timeout": True}, TypeError, "must be a timedelta, not bool True$"),
        ({"recovery_timeout": "30s"}, TypeError, "must be a timedelta, not str '30s'$"),
        ({"recovery_timeout": timedelta(seconds=-1)}, ValueError, "must not be negative.*-1 s"),
        ({"half_open_permits": 0}, ValueError, "half_open_permits must be at least 1"),
        ({"is_failure": 3}, TypeError, "is_failure must be a function .* not int"),
        ({"clock": object()}, TypeError, "object lacks monotonic, time, sleep, sleep_sync"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    settings: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=f"^CircuitBreaker: .*{text}"):
        CircuitBreaker(**settings)


def test_the_settings_are_immutable_and_a_name_is_shown() -> None:
    breaker = CircuitBreaker(name="shop")
    with pytest.raises(AttributeError):
        breaker.policy.failure_threshold = 9  # type: ignore[misc] # what the test is about
    assert repr(breaker) == "<CircuitBreaker 'shop' CLOSED>"
