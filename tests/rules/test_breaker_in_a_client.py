"""What counts as a failure in a client, and what happens while the circuit is half-open."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest

from pyfly.client import (
    AttemptTimeoutException,
    CircuitBreaker,
    CircuitBreakerException,
    CircuitState,
    ClientArgumentException,
    ConnectException,
    ResponseDecodeException,
    RetryPolicy,
    ServerErrorException,
    TlsException,
    connect,
    deadline,
    get,
    http_client,
    service_client,
)
from pyfly.kernel.exceptions import PyFlyException
from tests.guide.clocks import Monotonic
from tests.rules.support import Answer, GatedPort, PlainPort, over, settings
from tests.support.servers import ServerClient


def client_class(url: str = "http://x", breaker: Any = True, **more: Any) -> Any:
    arguments = {"retry": False, "circuit_breaker_failure_threshold": 1, **more}
    if breaker is not True:
        del arguments["circuit_breaker_failure_threshold"]

    @service_client(base_url=url, circuit_breaker=breaker, **arguments)
    class Client:
        @get("/x")
        async def read(self) -> dict: ...

        @get("/x/{value}")
        async def part(self, value: str) -> dict: ...

    return Client


def one_failure() -> CircuitBreaker:
    """A breaker that the first failure opens."""
    return CircuitBreaker(failure_threshold=1)


# What counts


@pytest.mark.survives(
    "Retries, breakers and time",
    "a service that fails again and again",
    "`CircuitBreakerException` at once, with `retry_after`",
)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 505, 507, 599])
async def test_a_5xx_counts(status: int) -> None:
    breaker = one_failure()
    client = over(PlainPort(Answer(status)), client_class(breaker=breaker))
    with pytest.raises(ServerErrorException):
        await client.read()
    assert breaker.state is CircuitState.OPEN


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 418, 422, 429, 499, 501])
async def test_a_4xx_and_501_never_count(status: int) -> None:
    breaker = one_failure()
    port = PlainPort(Answer(status))
    client = over(port, client_class(breaker=breaker))
    for _ in range(10):
        with pytest.raises(PyFlyException):
            await client.read()
    assert breaker.state is CircuitState.CLOSED
    assert len(port.requests) == 10


@pytest.mark.parametrize(
    "error", [ConnectionError("x"), TimeoutError("x"), RuntimeError("x"), OSError("x")], ids=repr
)
async def test_every_exception_of_a_foreign_port_counts(error: Exception) -> None:
    breaker = one_failure()
    client = over(PlainPort(error), client_class(breaker=breaker))
    with pytest.raises(type(error)):
        await client.read()
    assert breaker.state is CircuitState.OPEN


async def test_a_refused_connection_counts(unused_port: int) -> None:
    breaker = one_failure()
    async with connect(client_class(f"http://127.0.0.1:{unused_port}", breaker)) as client:
        with pytest.raises(ConnectException):
            await client.read()
    assert breaker.state is CircuitState.OPEN


@pytest.mark.parametrize(
    "answer", [{"drop": True}, {"raw": "garbage\r\n\r\n", "close": True}], ids=["drop", "garbage"]
)
async def test_a_broken_answer_counts(guide: ServerClient, answer: dict[str, Any]) -> None:
    guide.script("/x", answer)
    breaker = one_failure()
    async with connect(client_class(guide.url, breaker)) as client:
        with pytest.raises(PyFlyException):
            await client.read()
    assert breaker.state is CircuitState.OPEN


async def test_an_attempt_timeout_counts(guide: ServerClient) -> None:
    guide.script("/x", {"delay": 1})
    breaker = one_failure()
    config = settings({"default.timeout": "50ms"})
    async with connect(client_class(guide.url, breaker), config=config) as client:
        with pytest.raises(AttemptTimeoutException):
            await client.read()
    assert breaker.state is CircuitState.OPEN


async def test_a_failed_handshake_counts_and_is_never_retried(guide: ServerClient) -> None:
    breaker = one_failure()
    url = guide.url.replace("http:", "https:")
    async with connect(client_class(url, breaker, retry=3)) as client:
        with pytest.raises(TlsException) as caught:
            await client.read()
    assert caught.value.attempts == 1


@pytest.mark.parametrize("body", [b"<html>", b"", b"{"])
async def test_a_decoding_error_never_counts(guide: ServerClient, body: bytes) -> None:
    guide.script("/x", {"body": body, "times": 4})
    breaker = one_failure()
    async with connect(client_class(guide.url, breaker)) as client:
        for _ in range(3):
            with pytest.raises(ResponseDecodeException):
                await client.read()
    assert breaker.state is CircuitState.CLOSED


async def test_a_refused_argument_never_counts(port: PlainPort) -> None:
    breaker = one_failure()
    client = over(port, client_class(breaker=breaker))
    with pytest.raises(ClientArgumentException):
        await client.part("..")
    assert breaker.state is CircuitState.CLOSED


async def test_cancellation_never_counts() -> None:
    breaker = one_failure()
    port = GatedPort()
    task = asyncio.create_task(over(port, client_class(breaker=breaker)).read())
    await port.entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert breaker.state is CircuitState.CLOSED


@pytest.mark.survives(
    "Retries, breakers and time",
    "callers with deadlines that are too short",
    "the circuit stays closed",
)
async def test_a_shorter_deadline_of_the_caller_never_counts(guide: ServerClient) -> None:
    guide.script("/x", {"delay": 1})
    breaker = one_failure()
    async with connect(client_class(guide.url, breaker)) as client:
        with deadline(0.05), pytest.raises(PyFlyException) as caught:
            await client.read()
    assert isinstance(caught.value, TimeoutError)
    assert breaker.state is CircuitState.CLOSED


async def test_a_success_starts_the_count_again() -> None:
    breaker = CircuitBreaker(failure_threshold=2)
    port = PlainPort(Answer(500), {"ok": 1}, Answer(500), {"ok": 1})
    client = over(port, client_class(breaker=breaker))
    for _ in range(2):
        with pytest.raises(ServerErrorException):
            await client.read()
        await client.read()
    assert breaker.state is CircuitState.CLOSED


# Open and half-open


async def test_an_open_circuit_refuses_at_once_with_name_and_time_left(
    sleeps: list[float],
) -> None:
    port = PlainPort(Answer(503))
    client = over(port, client_class(retry=3))
    with pytest.raises(ServerErrorException):
        await client.read()
    made = len(port.requests)
    sleeps.clear()
    with pytest.raises(CircuitBreakerException, match=r"^Circuit breaker is open") as caught:
        await client.read()
    assert caught.value.name
    assert caught.value.retry_after == pytest.approx(30, abs=1)
    assert (len(port.requests), sleeps) == (made, [])


async def test_a_refusal_is_never_retried(sleeps: list[float]) -> None:
    breaker = one_failure()

    async def fail() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await breaker.call(fail)
    with pytest.raises(CircuitBreakerException):
        await RetryPolicy().execute(breaker.call, fail)
    assert sleeps == []


async def test_a_refusal_is_retried_where_its_class_is_named(sleeps: list[float]) -> None:
    breaker = one_failure()

    async def fail() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await breaker.call(fail)
    policy = RetryPolicy(
        max_attempts=2, base_delay=timedelta(seconds=60), retry_on=(CircuitBreakerException,)
    )
    with pytest.raises(CircuitBreakerException):
        await policy.execute(breaker.call, fail)
    assert sleeps == [60.0]


@pytest.mark.survives(
    "Retries, breakers and time",
    "the service is still down when it is probed",
    "one attempt, then refusals again",
)
async def test_a_half_open_call_makes_one_attempt_and_reopens(
    running: Monotonic, sleeps: list[float]
) -> None:
    port = PlainPort(Answer(503))
    client = over(port, client_class(retry=3))
    with pytest.raises(ServerErrorException):
        await client.read()
    running.advance(30)
    port.requests.clear()
    sleeps.clear()
    with pytest.raises(ServerErrorException):
        await client.read()
    assert (len(port.requests), sleeps) == (1, [])
    with pytest.raises(CircuitBreakerException):
        await client.read()


async def test_a_half_open_call_that_succeeds_closes_the_circuit(running: Monotonic) -> None:
    port = PlainPort(Answer(503))
    client = over(port, client_class())
    with pytest.raises(ServerErrorException):
        await client.read()
    running.advance(30)
    port.answers = [{"ok": 1}]
    for _ in range(3):
        assert await client.read() == {"ok": 1}


async def half_open(running: Monotonic) -> tuple[PlainPort, Any]:
    """A client whose circuit is half-open, and its port."""
    port = PlainPort(Answer(503))
    client = over(port, client_class())
    with pytest.raises(ServerErrorException):
        await client.read()
    running.advance(30)
    return port, client


@pytest.mark.parametrize("answer", [Answer(404), SystemExit()], ids=["404", "exit"])
async def test_a_probe_without_a_verdict_gives_its_permit_back(
    running: Monotonic, answer: Any
) -> None:
    port, client = await half_open(running)
    port.answers = [answer]
    with pytest.raises((PyFlyException, SystemExit)):
        await client.read()
    port.answers = [{"ok": 1}]
    assert await client.read() == {"ok": 1}


@pytest.mark.survives("Retries, breakers and time", "a probe is cancelled", "the next call probes")
async def test_a_cancelled_probe_gives_its_permit_back(running: Monotonic) -> None:
    breaker = one_failure()
    port = GatedPort()
    client = over(port, client_class(breaker=breaker))
    with pytest.raises(ConnectionError):
        await breaker.call(PlainPort(ConnectionError()).request, "GET", "/")
    running.advance(30)
    for _ in range(3):
        port.entered.clear()
        task = asyncio.create_task(client.read())
        await port.entered.wait()
        with pytest.raises(CircuitBreakerException):
            await client.read()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert breaker.state is CircuitState.HALF_OPEN
    port.gate.set()
    assert await client.read() == {"ok": True}
    assert breaker.state is CircuitState.CLOSED


@pytest.mark.survives(
    "Retries, breakers and time", "a late result from before the circuit opened", "it is ignored"
)
async def test_a_late_result_from_before_the_circuit_changed_is_ignored(
    running: Monotonic,
) -> None:
    breaker = one_failure()
    gate = asyncio.Event()

    async def late(error: Exception | None) -> None:
        await gate.wait()
        if error:
            raise error

    good, bad = (
        asyncio.create_task(breaker.call(late, None)),
        asyncio.create_task(breaker.call(late, ConnectionError())),
    )
    await asyncio.sleep(0)

    async def fail() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await breaker.call(fail)
    running.advance(20)
    gate.set()
    await asyncio.gather(good, bad, return_exceptions=True)
    assert breaker.state is CircuitState.OPEN, "a late success does not close it"
    running.advance(10.5)
    assert breaker.state is CircuitState.HALF_OPEN, "a late failure does not prolong it"


async def test_one_breaker_may_serve_several_clients() -> None:
    breaker = one_failure()
    first = over(PlainPort(Answer(503)), client_class(breaker=breaker))
    second_port = PlainPort({"ok": 1})
    second = over(second_port, client_class(breaker=breaker))
    with pytest.raises(ServerErrorException):
        await first.read()
    with pytest.raises(CircuitBreakerException):
        await second.read()
    assert second_port.requests == []


async def test_two_clients_of_one_class_do_not_disturb_each_other() -> None:
    cls = client_class()
    first, second = over(PlainPort(Answer(503)), cls), over(PlainPort({"ok": 1}), cls)
    with pytest.raises(ServerErrorException):
        await first.read()
    assert await second.read() == {"ok": 1}


# Listeners


@pytest.mark.survives(
    "Retries, breakers and time", "a listener raises", "it is logged; the call goes on"
)
async def test_a_listener_that_raises_is_logged_and_the_call_goes_on(
    caplog: pytest.LogCaptureFixture, sleeps: list[float]
) -> None:
    def broken(event: object) -> None:
        raise ZeroDivisionError("listener")

    @service_client(base_url="http://x", listeners=[broken])
    class Client:
        @get("/x")
        async def read(self) -> dict: ...

    client = over(PlainPort(Answer(503), {"ok": 1}), Client)
    assert await client.read() == {"ok": 1}
    logged = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert any(record.exc_info or "listener" in record.getMessage() for record in logged)


async def test_a_standalone_listener_that_raises_does_not_stop_the_breaker() -> None:
    def broken(event: object) -> None:
        raise ZeroDivisionError("listener")

    breaker = CircuitBreaker(failure_threshold=1, listeners=[broken])

    async def fail() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await breaker.call(fail)
    assert breaker.state is CircuitState.OPEN
    with pytest.raises(CircuitBreakerException):
        await breaker.call(fail)


async def test_http_client_has_no_breaker() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/x")
        async def read(self) -> dict: ...

    port = PlainPort(Answer(503))
    client = over(port, Client)
    for _ in range(20):
        with pytest.raises(ServerErrorException):
            await client.read()
    assert len(port.requests) == 20
