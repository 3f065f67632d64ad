"""Timeouts bound an attempt as a whole; deadlines bound a call with its retries."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any

import pytest

from pyfly.client import (
    AttemptTimeoutException,
    CircuitBreaker,
    DeadlineExceededException,
    Timeout,
    connect,
    connect_sync,
    deadline,
    detached,
    explain,
    get,
    service_client,
)
from pyfly.kernel.exceptions import PyFlyException
from pyfly.testing import client_for
from tests.rules.support import Answer, GatedPort, PlainPort, over, settings
from tests.support.patience import at_most
from tests.support.servers import ServerClient


def client_class(url: str = "http://x", **more: Any) -> Any:
    @service_client(base_url=url, **{"retry": False, "circuit_breaker": False, **more})
    class Client:
        @get("/drip")
        async def drip(self, n: int = 100, ms: int = 10) -> bytes: ...

        @get("/delay/{ms}")
        async def slow(
            self, ms: int, timeout: Annotated[float | None, Timeout()] = None
        ) -> dict: ...

        @get("/health")
        async def health(self) -> dict: ...

    return Client


def sync_class(url: str = "http://x", **more: Any) -> Any:
    @service_client(base_url=url, **{"retry": False, "circuit_breaker": False, **more})
    class Client:
        @get("/drip")
        def drip(self, n: int = 100, ms: int = 10) -> bytes: ...

        @get("/delay/{ms}")
        def slow(self, ms: int) -> dict: ...

        @get("/health")
        def health(self) -> dict: ...

    return Client


@contextmanager
def within(low: float, high: float) -> Iterator[None]:
    """The block takes between so many seconds."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert low <= took < at_most(high), f"took {took:.3f} s"


# The attempt


async def test_a_timeout_bounds_a_dripping_body_as_a_whole(guide: ServerClient) -> None:
    config = settings({"default.timeout": "100ms"})
    async with connect(client_class(guide.url), config=config) as client:
        with within(0.08, 0.4), pytest.raises(AttemptTimeoutException):
            await client.drip()
        assert await client.health() == {"status": "UP"}


async def test_it_bounds_a_foreign_port_as_well() -> None:
    port = GatedPort()
    client = over(port, client_class(), config=settings({"default.timeout": "50ms"}))
    with within(0.04, 0.3), pytest.raises(AttemptTimeoutException):
        await client.health()
    assert port.cancelled == 1


async def test_it_bounds_each_attempt_anew(guide: ServerClient) -> None:
    guide.script("/health", {"delay": 1}, {"delay": 1})
    config = settings({"default.timeout": "50ms", "retry.base-delay": 0})
    async with connect(client_class(guide.url, retry=3), config=config) as client:
        with within(0.08, 0.45):
            assert await client.health() == {"status": "UP"}


async def test_a_timeout_closes_the_connection(guide: ServerClient) -> None:
    config = settings({"default.timeout": "50ms"})
    async with connect(client_class(guide.url), config=config) as client:
        with pytest.raises(AttemptTimeoutException):
            await client.slow(3000)
        guide.wait_for_open(0)


async def test_a_call_may_have_its_own_timeout(guide: ServerClient) -> None:
    async with connect(client_class(guide.url)) as client:
        with within(0.04, 0.3), pytest.raises(AttemptTimeoutException):
            await client.slow(3000, timeout=0.05)
        assert await client.slow(1) == {"delayed": 1}
    assert [request.target for request in guide.requests()] == ["/delay/3000", "/delay/1"]


async def test_the_clients_timeout_is_not_taken_for_the_callers(guide: ServerClient) -> None:
    config = settings({"default.timeout": "50ms"})
    async with connect(client_class(guide.url), config=config) as client:
        with deadline(5), pytest.raises(AttemptTimeoutException):
            await client.slow(3000)


# The call


async def test_a_deadline_bounds_a_call(guide: ServerClient) -> None:
    async with connect(client_class(guide.url)) as client:
        with within(0.08, 0.4), deadline(0.1), pytest.raises(DeadlineExceededException) as caught:
            await client.drip()
    assert isinstance(caught.value, TimeoutError)


async def test_a_deadline_may_be_a_timedelta(guide: ServerClient) -> None:
    async with connect(client_class(guide.url)) as client:
        span = timedelta(milliseconds=50)
        with within(0.04, 0.3), deadline(span), pytest.raises(DeadlineExceededException):
            await client.slow(3000)


async def test_a_deadline_bounds_retries_and_back_off(guide: ServerClient) -> None:
    guide.fail("/health", 503, 503)
    async with connect(client_class(guide.url, retry=3, retry_base_delay=30.0)) as client:
        with within(0, 0.4), deadline(0.1), pytest.raises(PyFlyException):
            await client.health()
    assert len(guide.requests()) == 1


async def test_the_nearest_end_wins(guide: ServerClient) -> None:
    async with connect(client_class(guide.url)) as client:
        with (
            within(0.04, 0.3),
            deadline(10),
            deadline(0.05),
            deadline(10),
            pytest.raises(DeadlineExceededException),
        ):
            await client.slow(3000)


async def test_an_end_that_has_passed_lets_nothing_out(guide: ServerClient) -> None:
    async with connect(client_class(guide.url)) as client:
        with deadline(0), pytest.raises(DeadlineExceededException):
            await client.health()
    assert guide.requests() == []


async def test_detached_clears_the_deadline(guide: ServerClient) -> None:
    async with connect(client_class(guide.url)) as client:
        with deadline(0), detached():
            assert await client.health() == {"status": "UP"}
        assert await client.health() == {"status": "UP"}


async def test_a_deadline_reaches_tasks_that_are_started_within_it(guide: ServerClient) -> None:
    async with connect(client_class(guide.url)) as client:
        with deadline(0.05):
            tasks = [asyncio.create_task(client.slow(3000)) for _ in range(3)]
        with within(0, 0.3):
            results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {DeadlineExceededException}


async def test_a_total_timeout_bounds_the_call_with_its_retries(guide: ServerClient) -> None:
    guide.script("/health", {"delay": 1, "times": 9})
    config = settings(
        {"default.timeout": "60ms", "default.total-timeout": "150ms", "retry.base-delay": "10ms"}
    )
    async with connect(client_class(guide.url, retry=9), config=config) as client:
        with within(0.05, 0.4), pytest.raises(PyFlyException) as caught:
            await client.health()
    assert isinstance(caught.value, TimeoutError)
    assert 1 < len(guide.requests()) < 5


async def test_back_off_past_the_total_timeout_raises_the_real_error_or_the_deadline(
    guide: ServerClient,
) -> None:
    guide.fail("/health", 503)
    config = settings({"default.total-timeout": "100ms", "retry.base-delay": "60s"})
    async with connect(client_class(guide.url, retry=3), config=config) as client:
        with within(0, 0.4), pytest.raises(PyFlyException):
            await client.health()


async def test_attempt_failures_already_recorded_stay_when_the_deadline_ends_the_call() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    cls = client_class(retry=2, retry_base_delay=60.0, circuit_breaker=breaker)
    client = over(PlainPort(Answer(503)), cls)
    for _ in range(2):
        with deadline(0.05), pytest.raises(PyFlyException):
            await client.health()
    assert breaker.snapshot().failures == 1  # half a failure for each attempt of two


# Synchronous


def test_a_synchronous_client_is_bounded_by_its_timeout(guide: ServerClient) -> None:
    config = settings({"default.timeout": "100ms"})
    with connect_sync(sync_class(guide.url), config=config) as client:
        for call in (client.drip, lambda: client.slow(3000)):
            with within(0.08, 0.4), pytest.raises(AttemptTimeoutException):
                call()
        assert client.health() == {"status": "UP"}


def test_a_synchronous_client_is_bounded_by_a_deadline(guide: ServerClient) -> None:
    with connect_sync(sync_class(guide.url)) as client:
        with within(0.08, 0.4), deadline(0.1), pytest.raises(DeadlineExceededException):
            client.drip()
        assert client.health() == {"status": "UP"}


class SyncPort:
    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        return {"ok": 1}

    def start(self) -> None: ...

    def stop(self) -> None: ...


def test_explain_says_that_a_foreign_synchronous_port_is_unbounded() -> None:
    client = client_for(sync_class(), port=SyncPort(), config=settings())
    assert client.health() == {"ok": 1}
    told = explain(client.health).lower()
    assert "unbounded" in told or "not bounded" in told or "not enforced" in told, told
