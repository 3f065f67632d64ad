"""CircuitBreaker: states, transitions, parameters, ``call`` and the standalone example."""

import asyncio
import inspect
import threading
from datetime import timedelta
from enum import Enum, auto
from typing import Any

import httpx2
import pytest

from pyfly.client import CircuitBreaker, CircuitState
from pyfly.kernel.exceptions import CircuitBreakerException
from tests.guide.clocks import Monotonic
from tests.support.servers import ServerClient


class Down(Exception):
    """What the dependency raises."""


async def fail() -> None:
    raise Down


async def work(*args: Any, **kwargs: Any) -> Any:
    return args, kwargs


async def failures(breaker: CircuitBreaker, count: int) -> None:
    for _ in range(count):
        with pytest.raises(Down):
            await breaker.call(fail)


# States


def test_the_states_have_the_values_of_auto() -> None:
    class Expected(Enum):
        CLOSED = auto()
        OPEN = auto()
        HALF_OPEN = auto()

    assert {s.name: s.value for s in CircuitState} == {s.name: s.value for s in Expected}
    assert issubclass(CircuitState, Enum)


async def test_it_starts_closed() -> None:
    assert CircuitBreaker().state is CircuitState.CLOSED


# Constructor parameters


def test_the_parameters_have_the_defaults_of_the_table() -> None:
    parameters = list(inspect.signature(CircuitBreaker).parameters.values())
    assert [(p.name, p.default) for p in parameters[:2]] == [
        ("failure_threshold", 5),
        ("recovery_timeout", timedelta(seconds=30)),
    ]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters[2:])


async def test_both_parameters_may_be_given_by_position(frozen: Monotonic) -> None:
    breaker = CircuitBreaker(1, timedelta(seconds=2))
    await failures(breaker, 1)
    assert breaker.state is CircuitState.OPEN
    frozen.advance(2)
    assert breaker.state is CircuitState.HALF_OPEN


# Closed → open


async def test_five_consecutive_failures_open_it() -> None:
    breaker = CircuitBreaker(failure_threshold=5, recovery_timeout=timedelta(seconds=30))
    await failures(breaker, 4)
    assert breaker.state is CircuitState.CLOSED
    await failures(breaker, 1)
    assert breaker.state is CircuitState.OPEN


async def test_a_success_in_between_starts_the_count_again() -> None:
    breaker = CircuitBreaker(failure_threshold=3)
    await failures(breaker, 2)
    await breaker.call(work)
    await failures(breaker, 2)
    assert breaker.state is CircuitState.CLOSED
    await failures(breaker, 1)
    assert breaker.state is CircuitState.OPEN


async def test_an_open_circuit_refuses_without_calling_the_function() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    await failures(breaker, 1)
    called = []

    async def count() -> None:
        called.append(1)

    for _ in range(3):
        with pytest.raises(CircuitBreakerException, match=r"^Circuit breaker is open"):
            await breaker.call(count)
    assert called == []


# Open → half-open


async def test_the_state_becomes_half_open_lazily_by_the_monotonic_clock(
    frozen: Monotonic,
) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_timeout=timedelta(seconds=30))
    await failures(breaker, 1)
    frozen.advance(29.999)
    assert breaker.state is CircuitState.OPEN
    frozen.advance(0.001)
    assert breaker.state is CircuitState.HALF_OPEN


async def test_there_is_no_timer_in_the_background() -> None:
    threads = threading.active_count()
    breaker = CircuitBreaker(failure_threshold=1)
    await failures(breaker, 1)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert threading.active_count() == threads


async def test_exactly_one_probe_runs_while_half_open(frozen: Monotonic) -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    await failures(breaker, 1)
    frozen.advance(30)
    go, ran = asyncio.Event(), []

    async def probe() -> str:
        ran.append(1)
        await go.wait()
        return "recovered"

    first = asyncio.create_task(breaker.call(probe))
    await asyncio.sleep(0)
    for _ in range(10):
        with pytest.raises(CircuitBreakerException):
            await breaker.call(probe)
    go.set()
    assert await first == "recovered"
    assert ran == [1]


# Half-open → closed, half-open → open


async def test_a_probe_that_succeeds_closes_it_and_resets_the_count(frozen: Monotonic) -> None:
    breaker = CircuitBreaker(failure_threshold=3)
    await failures(breaker, 3)
    frozen.advance(30)
    await breaker.call(work)
    assert breaker.state is CircuitState.CLOSED
    await failures(breaker, 2)
    assert breaker.state is CircuitState.CLOSED
    await failures(breaker, 1)
    assert breaker.state is CircuitState.OPEN


async def test_a_probe_that_fails_reopens_it_for_a_whole_recovery_timeout(
    frozen: Monotonic,
) -> None:
    breaker = CircuitBreaker(failure_threshold=3)
    await failures(breaker, 3)
    frozen.advance(45)
    await failures(breaker, 1)
    assert breaker.state is CircuitState.OPEN
    frozen.advance(29.9)
    assert breaker.state is CircuitState.OPEN
    frozen.advance(0.1)
    assert breaker.state is CircuitState.HALF_OPEN


# call()


async def test_call_passes_arguments_and_returns_the_result() -> None:
    result = await CircuitBreaker().call(work, "a", 2, key="value")
    assert result == (("a", 2), {"key": "value"})


async def test_call_raises_the_original_exception() -> None:
    original = Down("original")

    async def raise_it() -> None:
        raise original

    with pytest.raises(Down) as caught:
        await CircuitBreaker().call(raise_it)
    assert caught.value is original


async def test_any_exception_counts() -> None:
    breaker = CircuitBreaker(failure_threshold=3)
    for kind in (ZeroDivisionError, ConnectionError, KeyError):

        async def raise_it(kind: type[Exception] = kind) -> None:
            raise kind

        with pytest.raises(kind):
            await breaker.call(raise_it)
    assert breaker.state is CircuitState.OPEN


async def test_a_breakers_own_exception_is_never_counted_and_resets_nothing() -> None:
    breaker = CircuitBreaker(failure_threshold=2)
    inner = CircuitBreakerException("inner")

    async def refused() -> None:
        raise inner

    await failures(breaker, 1)
    for _ in range(5):
        with pytest.raises(CircuitBreakerException) as caught:
            await breaker.call(refused)
        assert caught.value is inner
    assert breaker.state is CircuitState.CLOSED
    await failures(breaker, 1)
    assert breaker.state is CircuitState.OPEN


# Standalone usage


async def test_standalone_a_dead_service_leads_to_the_fallback(
    guide: ServerClient, unused_port: int
) -> None:
    breaker = CircuitBreaker(failure_threshold=3)

    async def call_external_api(http_client: httpx2.AsyncClient) -> Any:
        try:
            return await breaker.call(http_client.get, "/health")
        except CircuitBreakerException:
            return {"status": "circuit open, using cached data"}

    async with httpx2.AsyncClient(base_url=guide.url) as http_client:
        assert (await call_external_api(http_client)).json() == {"status": "UP"}
    assert guide.request().raw.startswith(b"GET /health HTTP/1.1\r\n")

    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{unused_port}") as http_client:
        for _ in range(3):
            with pytest.raises(httpx2.ConnectError):
                await call_external_api(http_client)
        cached = await call_external_api(http_client)
    assert cached == {"status": "circuit open, using cached data"}
