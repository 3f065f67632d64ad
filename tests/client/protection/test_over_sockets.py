"""The policies of a client over real connections, one of which costs something to hold."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyfly.client import (
    CircuitBreakerException,
    connect,
    connect_sync,
    get,
    head,
    idempotent,
    post,
    service_client,
)
from pyfly.resilience import (
    Bulkhead,
    CircuitBreaker,
    CircuitState,
    Fallback,
    HedgeWon,
    History,
)
from pyfly.testing import FaultServer
from pyfly.testing.fault_server import Answer
from tests.client.protection.support import config
from tests.support.servers import ServerClient


def shop(url: str, **options: Any) -> Any:
    @service_client(base_url=url, retry_base_delay=0, **options)
    class Shop:
        @get("/echo/{key}")
        async def read(self, key: str) -> dict[str, Any]: ...

        @head("/echo/{key}")
        async def look(self, key: str) -> None: ...

        @idempotent(key=True)
        @post("/echo/{key}")
        async def create(self, key: str, body: Any) -> dict[str, Any]: ...

    return Shop


async def test_a_hedge_wins_and_the_connection_of_the_loser_is_closed(guide: ServerClient) -> None:
    guide.script("/echo/1", {"delay": 20, "body": {"slow": 1}})
    history = History()
    cls = shop(guide.url, hedge=0.05)
    async with connect(cls, config=config(), listeners=[history]) as client:
        value = await asyncio.wait_for(client.read("1"), 10)
        await asyncio.to_thread(guide.wait_for_open, 1)
    assert value["method"] == "GET"
    assert len(history.of(HedgeWon)) == 1
    assert len({request.connection for request in guide.requests()}) == 2


async def test_the_attempts_of_a_post_carry_one_key_and_less_and_less_time(
    guide: ServerClient,
) -> None:
    guide.script("/echo/1", {"status": 503, "delay": 0.05})
    cls = shop(guide.url, deadline_header="X-Time-Left", total_timeout=8)
    async with connect(cls, config=config()) as client:
        await client.create("1", {})
    sent = [dict(request.headers) for request in guide.requests()]
    assert len(sent) == 2
    assert len({headers["idempotency-key"] for headers in sent}) == 1
    first, second = (int(headers["x-time-left"]) for headers in sent)
    assert 8000 >= first > second > 0


async def test_identical_calls_make_one_request(guide: ServerClient) -> None:
    guide.script("/echo/1", {"delay": 0.2, "body": {"id": 1}})
    async with connect(shop(guide.url, single_flight=True), config=config()) as client:
        values = await asyncio.gather(*(client.read("1") for _ in range(20)))
    assert values == [{"id": 1}] * 20
    assert len(guide.requests()) == 1


async def test_a_call_cancelled_in_the_queue_of_a_bulkhead_opens_no_connection(
    guide: ServerClient,
) -> None:
    guide.script("/echo/1", {"delay": 0.2, "body": {"id": 1}})
    bulkhead = Bulkhead(1, 5)
    async with connect(shop(guide.url, bulkhead=bulkhead), config=config()) as client:
        first = asyncio.create_task(client.read("1"))
        waiting = [asyncio.create_task(client.read("2")) for _ in range(3)]
        while bulkhead.snapshot().waiting < 3:
            await asyncio.sleep(0.001)
        waiting[0].cancel()
        await asyncio.wait([first, *waiting])
    assert [request.target for request in guide.requests()] == ["/echo/1", "/echo/2", "/echo/2"]
    assert len({request.connection for request in guide.requests()}) == 1
    assert bulkhead.snapshot().running == 0


def test_a_synchronous_client_is_protected_by_the_same(guide: ServerClient) -> None:
    breaker = CircuitBreaker(2)

    @service_client(
        base_url=guide.url,
        circuit_breaker=breaker,
        retry=False,
        bulkhead=1,
        rate_limiter=1000,
        throttle=False,
        fallback=Fallback(handler=lambda error: {"error": type(error).__name__}),
    )
    class Shop:
        @get("/status/{code}")
        def status(self, code: int) -> dict[str, Any]: ...

    with connect_sync(Shop, config=config()) as client:
        answers = [client.status(code)["error"] for code in (500, 404, 503, 500)]
    assert answers[:2] == ["ServerErrorException", "NotFoundException"]
    assert answers[2:] == ["ServerErrorException", CircuitBreakerException.__name__]
    assert len(guide.requests()) == 3


@pytest.mark.parametrize("rate", [0, 1])
async def test_chaos_reaches_no_service(guide: ServerClient, rate: int) -> None:
    values = {"chaos.outcome-rate": rate, "retry.enabled": "false"}
    cls = shop(guide.url, fallback=Fallback(value={}))
    async with connect(cls, config=config(values)) as client:
        await client.read("1")
    assert len(guide.requests()) == 1 - rate


@pytest.mark.parametrize("calls", [15, 30, 100])
async def test_calls_at_once_that_meet_one_503_each_are_all_tried_again(calls: int) -> None:
    breaker = CircuitBreaker()

    @service_client(circuit_breaker=breaker, retry_base_delay=0.5)
    class Shop:
        @get("/items/{key}")
        async def item(self, key: int) -> dict[str, Any]: ...

    with FaultServer() as server:
        server.on("GET /items/{key}", *[Answer(503)] * calls, Answer(json={"ok": 1}))
        async with connect(Shop, base_url=server.url, config=config()) as client:
            ended = await asyncio.gather(*(client.item(each) for each in range(calls)))
            assert ended == [{"ok": 1}] * calls
            assert breaker.state is CircuitState.CLOSED
            assert await client.item(1) == {"ok": 1}
