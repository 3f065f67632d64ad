from __future__ import annotations

import asyncio
import gc
import random
from datetime import timedelta
from functools import partial
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.kernel.exceptions import (
    BulkheadException,
    CircuitBreakerException,
    InfrastructureException,
    PyFlyException,
    RateLimitException,
    RefusedException,
)
from pyfly.resilience import CircuitBreaker, RetryPolicy, deadline
from tests.resilience.support import Driver, LoopClock, ManualClock, Scripted, outcome, run_virtual


class Ending(BaseException):
    """An exception that is no Exception."""


class Told(Exception):
    """The other side said when to come back."""

    def __init__(self, retry_after: object) -> None:
        super().__init__()
        self.retry_after = retry_after


def a_policy(clock: ManualClock, *args: Any, **settings: Any) -> RetryPolicy:
    return RetryPolicy(*args, clock=clock, **settings)


# The basics


def test_a_success_is_returned_at_once(driver: Driver, clock: ManualClock) -> None:
    body = Scripted("fine")
    assert driver.retry(a_policy(clock), body) == "fine"
    assert (body.calls, clock.sleeps) == (1, [])


def test_it_tries_again_until_it_works(driver: Driver, clock: ManualClock) -> None:
    body = Scripted(OSError(), ValueError(), "fine")
    assert driver.retry(a_policy(clock), body) == "fine"
    assert (body.calls, clock.sleeps) == (3, [1.0, 2.0])


def test_the_pause_doubles_from_the_base_delay_without_jitter(
    driver: Driver, clock: ManualClock
) -> None:
    policy = a_policy(clock, 6, timedelta(milliseconds=500))
    outcome(lambda: driver.retry(policy, Scripted(OSError())))
    assert clock.sleeps == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_the_last_exception_is_raised_as_it_is(driver: Driver, clock: ManualClock) -> None:
    errors = [OSError(1), OSError(2), OSError(3), OSError(4)]
    body = Scripted(*errors)
    last = outcome(lambda: driver.retry(a_policy(clock), body))
    assert last is errors[2]
    assert last.__cause__ is None
    assert last.__context__ is None
    assert body.calls == 3


def test_an_exception_that_is_not_named_is_raised_at_once(
    driver: Driver, clock: ManualClock
) -> None:
    policy = a_policy(clock, 3, timedelta(seconds=1), (ConnectionError, TimeoutError))
    error, body = ValueError(), Scripted(ValueError())
    body.steps = [error]
    assert outcome(lambda: driver.retry(policy, body)) is error
    assert (body.calls, clock.sleeps) == (1, [])
    body = Scripted(ConnectionResetError(), TimeoutError(), KeyError())
    assert isinstance(outcome(lambda: driver.retry(policy, body)), KeyError)
    assert body.calls == 3


def test_one_attempt_means_no_retry(driver: Driver, clock: ManualClock) -> None:
    body = Scripted(OSError())
    outcome(lambda: driver.retry(a_policy(clock, 1), body))
    assert (body.calls, clock.sleeps) == (1, [])


def test_no_exception_named_means_no_retry(driver: Driver, clock: ManualClock) -> None:
    body = Scripted(OSError())
    outcome(lambda: driver.retry(a_policy(clock, retry_on=()), body))
    assert body.calls == 1


@pytest.mark.parametrize("ending", [Ending(), asyncio.CancelledError(), GeneratorExit()])
def test_what_is_no_exception_is_never_retried(
    driver: Driver, clock: ManualClock, ending: BaseException
) -> None:
    body = Scripted(OSError(), ending, "never")
    assert isinstance(outcome(lambda: driver.retry(a_policy(clock), body)), type(ending))
    assert body.calls == 2


async def test_arguments_reach_the_function_each_time(clock: ManualClock) -> None:
    seen: list[object] = []

    async def body(*args: object, **kwargs: object) -> None:
        seen.append((args, kwargs))
        raise KeyError

    with pytest.raises(KeyError):
        await a_policy(clock, 2).execute(body, 1, b=2)
    with pytest.raises(ValueError, match="invalid literal"):
        a_policy(clock, 2).execute_sync(int, "x", base=10)
    assert seen == [((1,), {"b": 2})] * 2


def test_the_pauses_are_those_of_asyncio_and_time_by_default() -> None:
    policy = RetryPolicy()

    async def main() -> list[float]:
        with mock.patch("asyncio.sleep", new_callable=mock.AsyncMock) as sleep:
            await policy.execute(mock.AsyncMock(side_effect=[OSError, OSError, 1]))
        return [call.args[0] for call in sleep.await_args_list]

    assert asyncio.run(main()) == [1.0, 2.0]
    with mock.patch("time.sleep") as sleep:
        policy.execute_sync(Scripted(OSError(), 1))
    sleep.assert_called_once_with(1.0)


def test_cancellation_ends_a_pause_at_once() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        body = mock.AsyncMock(side_effect=OSError)
        policy = RetryPolicy(base_delay=timedelta(hours=1), clock=LoopClock())
        task = asyncio.create_task(policy.execute(body))
        await asyncio.sleep(5)
        started = loop.time()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop.time() == started
        assert body.await_count == 1

    run_virtual(main())


# Pauses


def delays(clock: ManualClock, retries: int = 5, **settings: Any) -> list[float]:
    clock.sleeps.clear()
    outcome(lambda: a_policy(clock, retries + 1, **settings).execute_sync(Scripted(OSError())))
    return clock.sleeps


def test_a_base_delay_of_zero_is_a_value(clock: ManualClock) -> None:
    assert delays(clock, base_delay=timedelta(0)) == [0.0] * 5


def test_multiplier_and_longest_pause_shape_the_growth(clock: ManualClock) -> None:
    assert delays(clock, multiplier=1.0) == [1.0] * 5
    assert delays(clock, multiplier=3, max_delay=timedelta(seconds=20)) == [1, 3, 9, 20, 20]


def test_a_great_number_of_attempts_does_not_overflow(clock: ManualClock) -> None:
    policy = RetryPolicy(100_000)
    year = 365 * 86_400.0
    for attempt in (64, 1_100, 99_999):
        assert policy.wait_or_reason(OSError(), attempt, 0.0, None) == year
    zero = RetryPolicy(100_000, timedelta(0))
    assert zero.wait_or_reason(OSError(), 99_999, 0.0, None) == 0.0


class Draws:
    """Randomness from a list."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)

    def random(self) -> float:
        return self.values.pop(0)


def test_full_jitter_spreads_from_zero(clock: ManualClock) -> None:
    draws = Draws(0.0, 0.5, 0.999)
    assert delays(clock, 3, jitter="full", random=draws) == [0.0, 1.0, pytest.approx(3.996)]


def test_equal_jitter_spreads_the_upper_half(clock: ManualClock) -> None:
    draws = Draws(0.0, 0.5, 1.0)
    assert delays(clock, 3, jitter="equal", random=draws) == [0.5, 1.5, 4.0]


def test_decorrelated_jitter_grows_from_the_pause_before(clock: ManualClock) -> None:
    draws = Draws(0.5, 0.0, 0.25, 1.0, 1.0)
    longest = timedelta(seconds=8)
    waits = delays(clock, 5, jitter="decorrelated", random=draws, max_delay=longest)
    assert waits == [2.0, 1.0, 1.5, 4.5, 8.0]


@given(
    jitter=st.sampled_from(["none", "full", "equal", "decorrelated"]),
    attempt=st.integers(1, 2_000),
    before=st.floats(0, 1e6),
    seed=st.integers(0, 9),
)
def test_every_pause_is_within_its_bounds(
    jitter: Any, attempt: int, before: float, seed: int
) -> None:
    policy = RetryPolicy(jitter=jitter, random=random.Random(seed), max_delay=timedelta(seconds=60))
    wait = policy.wait_or_reason(OSError(), attempt, before, None)
    assert isinstance(wait, float)
    assert 0.0 <= wait <= 60.0
    assert jitter in ("full",) or wait >= min(2 ** min(attempt - 1, 9), 60) * 0.5 or before < 60


def test_jitter_is_random_by_default() -> None:
    policy = RetryPolicy(jitter="full")
    waits = {policy.wait_or_reason(OSError(), 5, 0.0, None) for _ in range(20)}
    assert len(waits) > 1


# What the other side says


def test_retry_after_prolongs_the_pause_and_never_shortens_it(
    driver: Driver, clock: ManualClock
) -> None:
    body = Scripted(Told(5), Told(0.5), Told(3.0), "fine")
    driver.retry(a_policy(clock, 4), body)
    assert clock.sleeps == [5.0, 2.0, 4.0]


def test_retry_after_beyond_the_longest_computed_pause_is_kept(clock: ManualClock) -> None:
    policy = a_policy(clock, max_delay=timedelta(seconds=2))
    policy.execute_sync(Scripted(Told(29), "fine"))
    assert clock.sleeps == [29.0]


def test_retry_after_of_just_the_longest_wait_is_waited(clock: ManualClock) -> None:
    a_policy(clock, 2).execute_sync(Scripted(Told(30), "fine"))
    assert clock.sleeps == [30.0]


def test_retry_after_longer_than_allowed_raises_the_error_at_once(
    driver: Driver, clock: ManualClock
) -> None:
    error = Told(30.1)
    assert outcome(lambda: driver.retry(a_policy(clock), Scripted(error))) is error
    assert clock.sleeps == []


@pytest.mark.parametrize(
    "nonsense", [None, "5", True, -1, float("nan"), float("inf"), timedelta(seconds=5)]
)
def test_a_retry_after_that_is_no_span_is_no_news(clock: ManualClock, nonsense: object) -> None:
    a_policy(clock, 2).execute_sync(Scripted(Told(nonsense), "fine"))
    assert clock.sleeps == [1.0]


def test_a_retry_after_that_raises_is_no_news(clock: ManualClock) -> None:
    class Broken(Exception):
        @property
        def retry_after(self) -> float:
            raise RuntimeError

    a_policy(clock, 2).execute_sync(Scripted(Broken(), "fine"))
    assert clock.sleeps == [1.0]


# Refusals of our own


@pytest.mark.parametrize(
    "retry_on", [(Exception,), (PyFlyException,), (InfrastructureException, OSError)]
)
def test_our_own_refusals_are_not_retried_by_a_wider_class(
    driver: Driver, clock: ManualClock, retry_on: Any
) -> None:
    policy = a_policy(clock, retry_on=retry_on)
    for refusal in (CircuitBreakerException(), BulkheadException(), RateLimitException()):
        body = Scripted(refusal)
        assert outcome(partial(driver.retry, policy, body)) is refusal
        assert body.calls == 1


@pytest.mark.parametrize("kind", [BulkheadException, RefusedException])
def test_a_refusal_that_is_named_is_retried(
    driver: Driver, clock: ManualClock, kind: type[Exception]
) -> None:
    policy = a_policy(clock, retry_on=(OSError, kind))
    assert driver.retry(policy, Scripted(BulkheadException(), "fine")) == "fine"


def test_naming_one_refusal_does_not_name_another(driver: Driver, clock: ManualClock) -> None:
    policy = a_policy(clock, retry_on=(Exception, BulkheadException))
    body = Scripted(RateLimitException(), "fine")
    assert isinstance(outcome(lambda: driver.retry(policy, body)), RateLimitException)


# Deadlines


def test_it_never_sleeps_past_the_deadline_and_raises_the_real_error(
    driver: Driver, clock: ManualClock
) -> None:
    error = OSError("real")
    with deadline(2.5, clock=clock):
        assert outcome(lambda: driver.retry(a_policy(clock, 5), Scripted(error))) is error
    assert clock.sleeps == [1.0]


def test_a_pause_that_would_end_right_at_the_deadline_is_not_made(clock: ManualClock) -> None:
    with deadline(1.0, clock=clock):
        outcome(lambda: a_policy(clock).execute_sync(Scripted(OSError())))
    assert clock.sleeps == []


def test_a_deadline_that_has_passed_leaves_one_attempt(clock: ManualClock) -> None:
    body = Scripted(OSError())
    with deadline(0, clock=clock):
        outcome(lambda: a_policy(clock, base_delay=timedelta(0)).execute_sync(body))
    assert body.calls == 1


# Functions of the wrong kind


async def test_execute_refuses_a_function_whose_result_cannot_be_awaited(
    clock: ManualClock,
) -> None:
    body = Scripted(1)
    with pytest.raises(TypeError, match=r"Scripted returned int.*use RetryPolicy.execute_sync"):
        await a_policy(clock).execute(body)
    assert (body.calls, clock.sleeps) == (1, [])


async def test_execute_refuses_a_coroutine_in_place_of_the_function(clock: ManualClock) -> None:
    async def get() -> None: ...

    wrong: Any = get()
    with pytest.raises(TypeError, match=r"write execute\(get, …\) in place of get\(…\)"):
        await a_policy(clock).execute(wrong)
    assert clock.sleeps == []


def test_execute_sync_refuses_a_coroutine_function(clock: ManualClock) -> None:
    async def get() -> None: ...

    wrong: Any = get
    with pytest.raises(TypeError, match=r"get is `async def`: write `await RetryPolicy.execute"):
        a_policy(clock).execute_sync(wrong)
    gc.collect()


def test_a_breaker_around_and_inside_takes_the_policy_as_a_function(clock: ManualClock) -> None:
    breaker = CircuitBreaker(clock=clock)
    policy = a_policy(clock)
    assert breaker.call_sync(policy.execute_sync, Scripted(OSError(), "fine")) == "fine"
    assert policy.execute_sync(breaker.call_sync, Scripted(OSError(), "fine")) == "fine"


def test_a_run_keeps_no_exception_alive(driver: Driver, clock: ManualClock) -> None:
    import weakref

    class Weak(Exception):
        pass

    watched: list[weakref.ref[Weak]] = []

    def body() -> str:
        if len(watched) == 2:
            return "fine"
        error = Weak()
        watched.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    gc.collect()
    gc.disable()
    try:
        driver.retry(a_policy(clock), body)
        assert [ref() for ref in watched] == [None, None]
    finally:
        gc.enable()


# Settings


@pytest.mark.parametrize(
    ("settings", "kind", "text"),
    [
        ({"max_attempts": 0}, ValueError, "max_attempts must be at least 1, not 0"),
        ({"max_attempts": True}, TypeError, "max_attempts must be a whole number, not bool True"),
        ({"max_attempts": 3.0}, TypeError, "whole number, not float 3.0"),
        ({"base_delay": 1.0}, TypeError, r"base_delay .* write timedelta\(seconds=1.0\)"),
        ({"base_delay": timedelta(seconds=-1)}, ValueError, "base_delay must not be negative"),
        ({"max_delay": 5}, TypeError, r"max_delay .* write timedelta\(seconds=5\)"),
        ({"max_retry_after": 5}, TypeError, r"max_retry_after .* timedelta\(seconds=5\)"),
        ({"multiplier": 0.5}, ValueError, "multiplier must be at least 1, not 0.5"),
        ({"multiplier": float("nan")}, ValueError, "multiplier must be finite, not nan"),
        ({"multiplier": False}, TypeError, "multiplier must be a number, not bool False"),
        ({"jitter": "some"}, ValueError, "one of none, full, equal, decorrelated, not 'some'"),
        ({"random": 4}, TypeError, r"must have a method random\(\).*int has none"),
        ({"retry_on": OSError}, TypeError, r"write retry_on=\(OSError,\)"),
        ({"retry_on": [OSError]}, TypeError, "must be a tuple of exception classes, not list"),
        ({"retry_on": (OSError, 3)}, TypeError, "must hold exception classes, not 3"),
        ({"retry_on": (OSError(),)}, TypeError, r"must hold exception classes, not OSError\(\)"),
        ({"retry_on": (KeyboardInterrupt,)}, TypeError, "must not hold KeyboardInterrupt"),
        ({"clock": 4}, TypeError, "clock must have the methods"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    settings: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=f"^RetryPolicy: .*{text}"):
        RetryPolicy(**settings)


def test_a_policy_is_an_immutable_value() -> None:
    policy = RetryPolicy()
    assert policy == RetryPolicy(3, timedelta(seconds=1), (Exception,))
    assert policy.replace(max_attempts=5).max_attempts == 5
    with pytest.raises(ValueError, match="at least 1"):
        policy.replace(max_attempts=0)
    with pytest.raises(AttributeError):
        policy.max_attempts = 9  # type: ignore[misc] # what the test is about


def test_a_policy_describes_itself() -> None:
    assert RetryPolicy(1).describe() == "1 attempt"
    assert (
        RetryPolicy(4, max_delay=timedelta(seconds=9), jitter="full").describe()
        == "up to 4 attempts, 1 s × 2ⁿ apart, at most 9 s, full jitter"
    )


@pytest.mark.parametrize("jitter", ["none", "full", "equal", "decorrelated"])
def test_two_equal_policies_are_equal_and_make_different_draws(jitter: Any) -> None:
    one, other = RetryPolicy(jitter=jitter), RetryPolicy(jitter=jitter)
    assert one == other
    assert hash(one) == hash(other)
    if jitter != "none":
        delays = {one.backoff().delay(0, 0.0) for _ in range(20)}
        assert len(delays) > 10
