"""What the type checkers say of policies. Nothing runs: mypy and pyright read this file."""

from datetime import timedelta
from typing import assert_type

from pyfly.resilience import (
    CircuitBreaker,
    CircuitBreakerPolicy,
    CircuitBreakerSnapshot,
    CircuitMode,
    CircuitState,
    CountWindow,
    FailureRule,
    RetryBudget,
    RetryPolicy,
    TimeWindow,
    deadline_until,
    format_deadline,
    parse_deadline,
)

breaker = CircuitBreaker(
    3,
    timedelta(seconds=10),
    is_failure=FailureRule(OSError, (KeyError, lambda error: "x" in str(error))),
)
policy = RetryPolicy(3, retry_if_result=lambda result: result is None)


async def get(number: int, *, deep: bool = False) -> str:
    return str(number * deep)


def read(number: int) -> bytes:
    return bytes(number)


async def calls_keep_arguments_and_results() -> None:
    assert_type(await breaker.call(get, 1, deep=True), str)
    assert_type(breaker.call_sync(read, 1), bytes)
    assert_type(await policy.execute(get, 1), str)
    assert_type(policy.execute_sync(read, 1), bytes)
    await breaker.call(get, "1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    policy.execute_sync(read)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def decorated_functions_keep_their_types() -> None:
    assert_type(await breaker(get)(1, deep=True), str)
    assert_type(policy(read)(1), bytes)
    await breaker(get)("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    policy(1)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]


async def blocks_hold_nothing() -> None:
    async with breaker as held:
        assert_type(held, None)
    with breaker:
        pass


def windows_and_policies_are_checked() -> None:
    CircuitBreaker(window=CountWindow(100, failure_rate=0.5, minimum_calls=10))
    CircuitBreaker(window=TimeWindow(timedelta(seconds=60), slow_rate=0.5))
    CircuitBreaker(policy=CircuitBreakerPolicy(half_open_timeout=timedelta(seconds=5)))
    CircuitBreaker(window=60)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    FailureRule("OSError")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def what_a_breaker_tells() -> None:
    assert_type(breaker.state, CircuitState)
    assert_type(breaker.mode, CircuitMode)
    assert_type(breaker.snapshot(), CircuitBreakerSnapshot)
    assert_type(breaker.snapshot().failure_rate, float | None)
    breaker.snapshot().refused = 0  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def budgets_and_deadlines() -> None:
    assert_type(RetryBudget.ratio(0.2, timedelta(seconds=10)), RetryBudget)
    assert_type(parse_deadline("1500m", "grpc"), float | None)
    assert_type(format_deadline(1.5), str)
    parse_deadline("1", "iso")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with deadline_until(None):
        pass
