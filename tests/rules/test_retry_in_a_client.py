"""What a client retries, when, and how often."""

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any

import pytest

from pyfly.client import (
    ClientErrorException,
    ConnectException,
    Header,
    HttpStatusException,
    RetryPolicy,
    ServerErrorException,
    TooManyRequestsException,
    connect,
    deadline,
    delete,
    get,
    head,
    idempotent,
    patch,
    post,
    put,
    retryable,
    service_client,
)
from pyfly.kernel.exceptions import PyFlyException
from tests.rules.support import Answer, PlainPort, over, settings
from tests.support.patience import at_most
from tests.support.servers import ServerClient


def client_class(url: str = "http://x", **more: Any) -> Any:
    @service_client(base_url=url, circuit_breaker=False, **{"retry": 3, **more})
    class Client:
        @get("/x")
        async def read(self) -> dict: ...

        @head("/x")
        async def probe(self) -> None: ...

        @put("/x")
        async def replace(self, body: dict) -> dict: ...

        @delete("/x")
        async def remove(self) -> None: ...

        @post("/x")
        async def create(self, body: dict, headers: Mapping[str, str] | None = None) -> dict: ...

        @patch("/x")
        async def change(
            self, body: dict, key: Annotated[str | None, Header("Idempotency-Key")] = None
        ) -> dict: ...

        @retryable
        @post("/x")
        async def marked_above(self, body: dict) -> dict: ...

        @post("/x")
        @retryable
        async def marked_below(self, body: dict) -> dict: ...

        @idempotent
        @post("/x")
        async def same(self, body: dict) -> dict: ...

    return Client


# Which statuses and errors


@pytest.mark.survives(
    "Retries, breakers and time",
    "a 503, 502, 504, 500, 429 or 408 that passes",
    "the answer of the next attempt",
)
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_passing_failure_is_retried(sleeps: list[float], status: int) -> None:
    port = PlainPort(Answer(status), Answer(status), {"ok": 1})
    assert await over(port, client_class()).read() == {"ok": 1}
    assert sleeps == [1.0, 2.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 418, 422, 501, 505, 507])
async def test_any_other_status_is_final(sleeps: list[float], status: int) -> None:
    port = PlainPort(Answer(status))
    with pytest.raises(HttpStatusException):
        await over(port, client_class()).read()
    assert (len(port.requests), sleeps) == (1, [])


@pytest.mark.parametrize(
    ("error", "attempts"),
    [(ConnectionError("x"), 3), (TimeoutError("x"), 3), (ConnectionResetError("x"), 3),
     (RuntimeError("x"), 1), (ValueError("x"), 1), (OSError("x"), 1)],
    ids=repr,
)  # fmt: skip
async def test_of_a_foreign_ports_errors_only_connection_and_timeout_are_retried(
    sleeps: list[float], error: Exception, attempts: int
) -> None:
    port = PlainPort(error)
    with pytest.raises(type(error)):
        await over(port, client_class()).read()
    assert len(port.requests) == attempts


@pytest.mark.parametrize("answer", [{"drop": True}, {"reset": True}], ids=["drop", "reset"])
async def test_a_connection_that_breaks_is_retried(
    guide: ServerClient, sleeps: list[float], answer: dict[str, Any]
) -> None:
    guide.script("/x", answer, {"body": {"ok": 1}})
    async with connect(client_class(guide.url)) as client:
        assert await client.read() == {"ok": 1}
    assert len(guide.requests()) == 2


async def test_a_timeout_is_retried(guide: ServerClient, sleeps: list[float]) -> None:
    guide.script(
        "/x", {"raw": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"}, {"body": {"ok": 1}}
    )
    config = settings({"default.timeout": "80ms"})
    async with connect(client_class(guide.url), config=config) as client:
        assert await client.read() == {"ok": 1}


async def test_the_real_error_of_the_last_attempt_is_raised(sleeps: list[float]) -> None:
    port = PlainPort(Answer(503), ConnectionError("second"), Answer(502))
    with pytest.raises(ServerErrorException) as caught:
        await over(port, client_class()).read()
    assert caught.value.status_code == 502
    assert caught.value.attempts == 3


async def test_a_4xx_ends_the_retries(sleeps: list[float]) -> None:
    port = PlainPort(Answer(503), Answer(404))
    with pytest.raises(ClientErrorException):
        await over(port, client_class()).read()
    assert len(port.requests) == 2


# Methods


@pytest.mark.parametrize("name", ["read", "replace", "remove", "probe"])
async def test_safe_and_idempotent_methods_are_retried(
    guide: ServerClient, sleeps: list[float], name: str
) -> None:
    guide.fail("/x", 503, 503, 503)
    arguments = [{"a": 1}] if name == "replace" else []
    async with connect(client_class(guide.url)) as client:
        with pytest.raises(ServerErrorException):
            await getattr(client, name)(*arguments)
    requests = guide.requests()
    assert len(requests) == 3
    assert len({request.body for request in requests}) == 1


@pytest.mark.survives(
    "Retries, breakers and time",
    "a POST fails after it has left",
    "the error: it is not sent twice",
)
@pytest.mark.parametrize("name", ["create", "change"])
@pytest.mark.parametrize(
    "answer", [{"status": 503}, {"status": 429}, {"drop": True}], ids=["503", "429", "drop"]
)
async def test_unsafe_methods_are_not_retried_once_the_request_has_left(
    guide: ServerClient, sleeps: list[float], name: str, answer: dict[str, Any]
) -> None:
    guide.script("/x", {**answer, "times": 3})
    async with connect(client_class(guide.url)) as client:
        with pytest.raises(PyFlyException):
            await getattr(client, name)({"a": 1})
    assert len(guide.requests()) == 1


@pytest.mark.survives(
    "Retries, breakers and time", "a POST finds no connection", "the answer of the next attempt"
)
@pytest.mark.parametrize("name", ["create", "change"])
async def test_unsafe_methods_are_retried_when_the_request_never_left(
    unused_port: int, sleeps: list[float], name: str
) -> None:
    async with connect(client_class(f"http://127.0.0.1:{unused_port}")) as client:
        with pytest.raises(ConnectException) as caught:
            await getattr(client, name)({"a": 1})
    assert caught.value.attempts == 3
    assert sleeps == [1.0, 2.0]


async def test_an_idempotency_key_makes_retries_safe_and_stays_the_same(
    guide: ServerClient, sleeps: list[float]
) -> None:
    async with connect(client_class(guide.url)) as client:
        for call in (
            lambda: client.change({"a": 1}, key="k-1"),
            lambda: client.create({"a": 1}, headers={"idempotency-key": "k-2"}),
        ):
            guide.reset()
            guide.fail("/x", 503, 503)
            guide.script("/x", {"body": {"ok": 1}})
            assert await call() == {"ok": 1}
            keys = [request.header("idempotency-key") for request in guide.requests()]
            assert len(keys) == 3
            assert len(set(keys)) == 1
            assert {request.body for request in guide.requests()} == {guide.requests()[0].body}


@pytest.mark.parametrize("name", ["marked_above", "marked_below", "same"])
async def test_a_method_may_say_that_it_is_retryable(sleeps: list[float], name: str) -> None:
    port = PlainPort(Answer(503), Answer(503), {"ok": 1})
    assert await getattr(over(port, client_class()), name)({"a": 1}) == {"ok": 1}
    assert len(port.requests) == 3


# Retry-After


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "30"}, 30.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "nonsense"}, 1.0),
        (
            {
                "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
                "Retry-After": "Wed, 21 Oct 2015 07:28:12 GMT",
            },
            12.0,
        ),
        (
            {
                "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
                "Retry-After": "Wed, 21 Oct 2015 07:27:00 GMT",
            },
            1.0,
        ),
    ],
    ids=["seconds", "the most", "zero", "nonsense", "date", "past date"],
)
@pytest.mark.parametrize("status", [503, 429])
async def test_retry_after_is_waited_if_it_is_longer(
    sleeps: list[float], headers: dict[str, str], waited: float, status: int
) -> None:
    port = PlainPort(Answer(status, headers=headers), {"ok": 1})
    assert await over(port, client_class()).read() == {"ok": 1}
    assert sleeps == pytest.approx([waited], abs=0.01)


@pytest.mark.survives(
    "Retries, breakers and time", "`Retry-After` beyond `max-retry-after`", "the real error at once"
)
async def test_a_retry_after_beyond_the_limit_fails_at_once_with_the_real_error(
    sleeps: list[float],
) -> None:
    port = PlainPort(Answer(429, headers={"Retry-After": "31"}))
    with pytest.raises(TooManyRequestsException) as caught:
        await over(port, client_class()).read()
    assert caught.value.retry_after == 31
    assert (len(port.requests), sleeps) == (1, [])


async def test_max_retry_after_is_a_setting(sleeps: list[float]) -> None:
    config = settings({"retry.max-retry-after": "2s"})
    port = PlainPort(Answer(503, headers={"Retry-After": "3"}))
    with pytest.raises(ServerErrorException):
        await over(port, client_class(), config=config).read()
    assert len(port.requests) == 1
    config = settings({"retry.max-retry-after": "90s"})
    port = PlainPort(Answer(503, headers={"Retry-After": "60"}), {"ok": 1})
    assert await over(port, client_class(), config=config).read() == {"ok": 1}
    assert sleeps == [60.0]


@pytest.mark.survives(
    "Retries, breakers and time", "`Retry-After` past the deadline", "the real error at once"
)
async def test_a_retry_after_past_the_deadline_fails_at_once_with_the_real_error(
    sleeps: list[float],
) -> None:
    port = PlainPort(Answer(503, headers={"Retry-After": "10"}))
    with deadline(5), pytest.raises(ServerErrorException):
        await over(port, client_class()).read()
    assert (len(port.requests), sleeps) == (1, [])


# Budget


@pytest.mark.survives(
    "Retries, breakers and time",
    "everything fails",
    "retries within the budget, then the real error",
)
async def test_a_budget_bounds_the_retries_by_default(sleeps: list[float]) -> None:
    port = PlainPort(Answer(503))
    client = over(port, client_class(retry=4))
    errors = []
    for _ in range(60):
        with pytest.raises(PyFlyException) as caught:
            await client.read()
        errors.append(caught.value)
    retries = len(port.requests) - 60
    assert 100 <= retries <= 100 + 0.2 * 60 + 1
    assert {type(error) for error in errors} == {ServerErrorException}, "the real error"
    assert 1 in {error.attempts for error in errors[-4:]}  # a fifth of a retry for each call


async def test_the_budget_may_be_switched_off(sleeps: list[float]) -> None:
    port = PlainPort(Answer(503))
    client = over(port, client_class(), config=settings({"retry.budget": False}))
    for _ in range(40):
        with pytest.raises(ServerErrorException):
            await client.read()
    assert len(port.requests) == 120


async def test_every_client_has_a_budget_of_its_own(sleeps: list[float]) -> None:
    cls = client_class()
    first = over(PlainPort(Answer(503)), cls)
    for _ in range(40):
        with pytest.raises(ServerErrorException):
            await first.read()
    port = PlainPort(Answer(503))
    with pytest.raises(ServerErrorException):
        await over(port, cls).read()
    assert len(port.requests) == 3


# Cancellation, sharing, zero


@pytest.mark.survives(
    "Retries, breakers and time", "the caller is cancelled during a back-off", "it ends at once"
)
async def test_cancellation_ends_a_back_off_at_once() -> None:
    port = PlainPort(Answer(503))
    client = over(port, client_class(retry_base_delay=60.0))
    task = asyncio.create_task(client.read())
    while not port.requests:
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert time.monotonic() - began < at_most(0.2)
    assert len(port.requests) == 1


async def test_cancellation_of_the_standalone_policy_ends_a_back_off_at_once() -> None:
    calls = []

    async def fail() -> None:
        calls.append(1)
        raise ConnectionError

    task = asyncio.create_task(RetryPolicy().execute(fail))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 0.2)
    assert calls == [1]


async def test_a_policy_may_be_shared(sleeps: list[float]) -> None:
    policy = RetryPolicy(max_attempts=2)
    port = PlainPort(Answer(503))
    with pytest.raises(ServerErrorException):
        await over(port, client_class(retry=policy)).read()
    assert (len(port.requests), sleeps) == (2, [1.0])


async def test_a_base_delay_of_zero_is_a_value(sleeps: list[float]) -> None:
    port = PlainPort(Answer(503), Answer(503), {"ok": 1})
    assert await over(port, client_class(retry_base_delay=0.0)).read() == {"ok": 1}
    assert sleeps == []
