"""A client's life: started by its first call, drained and closed by stop; nothing is left."""

import asyncio
import gc
import threading
import time
import warnings
from typing import Any

import pytest

from pyfly.client import (
    CircuitBreaker,
    CircuitState,
    ClientStoppedException,
    ClientUsageWarning,
    HttpClientBeanPostProcessor,
    HttpClientPort,
    connect,
    connect_sync,
    get,
    http_client,
    service_client,
)
from pyfly.context import ApplicationContext
from pyfly.core import Config
from pyfly.kernel.exceptions import PyFlyException
from tests.rules.support import GatedPort, PlainPort, over, settings
from tests.support.patience import at_most
from tests.support.servers import ServerClient


def client_class(url: str = "http://x", **more: Any) -> Any:
    @service_client(base_url=url, **more)
    class Client:
        @get("/health")
        async def health(self) -> dict: ...

        @get("/delay/{ms}")
        async def slow(self, ms: int) -> dict: ...

    return Client


def wired(port: Any, config: Any = None, **more: Any) -> tuple[Any, HttpClientBeanPostProcessor]:
    processor = HttpClientBeanPostProcessor(lambda base_url: port, config=config or settings())
    return processor.after_init(client_class(**more)(), "client"), processor


# Start


async def test_outside_a_context_the_first_call_starts_the_port() -> None:
    port = PlainPort()
    client = over(port, client_class())
    assert port.started == 0
    await client.health()
    await client.health()
    assert port.started == 1


async def test_many_first_calls_start_it_once() -> None:
    class SlowStart(PlainPort):
        async def start(self) -> None:
            await asyncio.sleep(0.01)
            await super().start()

        async def request(self, method: str, url: str, **kwargs: Any) -> Any:
            assert self.started == 1, "a request before the start was done"
            return await super().request(method, url, **kwargs)

    port = SlowStart()
    client = over(port, client_class())
    await asyncio.gather(*(client.health() for _ in range(20)))
    assert port.started == 1


@pytest.mark.survives("Starting and stopping", "starting fails", "the next call tries again")
async def test_a_start_that_fails_is_tried_again_by_the_next_call() -> None:
    class Reluctant(PlainPort):
        async def start(self) -> None:
            await super().start()
            if self.started == 1:
                raise ConnectionError("not yet")

    port = Reluctant()
    client = over(port, client_class(retry=False, circuit_breaker=False))
    with pytest.raises(ConnectionError):
        await client.health()
    assert await client.health() == {"ok": True}
    assert port.started == 2


async def test_a_context_starts_the_client_with_itself_and_stops_it() -> None:
    port = PlainPort()
    context = ApplicationContext(Config({}, environ={}))
    context.register_post_processor(HttpClientBeanPostProcessor(lambda base_url: port))
    cls = client_class()
    context.register_bean(cls)
    with pytest.raises(PyFlyException):
        context.get_bean(cls)
    await context.start()
    assert port.started == 1
    await context.start()
    assert port.started == 1
    client = context.get_bean(cls)
    await client.health()
    await context.stop()
    await context.stop()
    assert port.stopped == 1
    with pytest.raises(ClientStoppedException):
        await client.health()


async def test_a_port_that_is_a_bean_serves_the_clients() -> None:
    port = PlainPort()

    def http_port() -> HttpClientPort:
        return port

    context = ApplicationContext(Config({}, environ={}))
    context.register_bean(http_port)
    cls = client_class()
    context.register_bean(cls)
    async with context:
        assert await context.get_bean(cls).health() == {"ok": True}
    assert len(port.requests) == 1


# Stop


@pytest.mark.survives("Starting and stopping", "a call after the stop", "`ClientStoppedException`")
async def test_after_stop_a_call_is_a_clear_error_neutral_to_the_breaker() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    port = PlainPort()
    client, processor = wired(port, circuit_breaker=breaker)
    await client.health()
    await processor.stop()
    for _ in range(3):
        with pytest.raises(ClientStoppedException, match="Client"):
            await client.health()
    assert breaker.state is CircuitState.CLOSED
    assert len(port.requests) == 1


async def test_a_second_stop_is_harmless() -> None:
    port = PlainPort()
    client, processor = wired(port)
    await client.health()
    await processor.stop()
    await processor.stop()
    assert port.stopped == 1


async def test_stopping_what_never_started_is_harmless() -> None:
    port = PlainPort()
    client, processor = wired(port)
    await processor.stop()
    with pytest.raises(ClientStoppedException):
        await client.health()
    assert port.started == 0


async def test_the_end_of_connect_is_a_stop(guide: ServerClient) -> None:
    async with connect(client_class(guide.url)) as client:
        await client.health()
    with pytest.raises(ClientStoppedException):
        await client.health()


def test_the_end_of_connect_sync_is_a_stop(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @get("/health")
        def health(self) -> dict: ...

    with connect_sync(Client) as client:
        assert client.health() == {"status": "UP"}
    with pytest.raises(ClientStoppedException):
        client.health()
    guide.wait_for_open(0)


@pytest.mark.survives(
    "Starting and stopping", "a stop while calls are under way", "they end; new ones are refused"
)
async def test_stop_drains_the_calls_in_flight_and_refuses_new_ones() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    port = GatedPort()
    client, processor = wired(port, circuit_breaker=breaker)
    in_flight = [asyncio.create_task(client.health()) for _ in range(3)]
    await port.entered.wait()
    stopping = asyncio.create_task(processor.stop())
    await asyncio.sleep(0.01)
    assert port.stopped == 0
    with pytest.raises(ClientStoppedException):
        await client.health()
    port.gate.set()
    assert await asyncio.gather(*in_flight) == [{"ok": True}] * 3
    await stopping
    assert port.stopped == 1
    assert breaker.state is CircuitState.CLOSED


@pytest.mark.survives(
    "Starting and stopping",
    "a call outlasts the limit of a stop",
    "it is cancelled; the stop goes on",
)
async def test_stop_cancels_the_calls_in_flight_after_the_limit() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    port = GatedPort()
    config = settings({"default.stop-timeout": "50ms"})
    client, processor = wired(port, config, circuit_breaker=breaker)
    task = asyncio.create_task(client.health())
    await port.entered.wait()
    began = time.monotonic()
    await processor.stop()
    assert 0.04 <= time.monotonic() - began < at_most(0.4)
    assert port.stopped == port.cancelled == 1
    with pytest.raises((ClientStoppedException, asyncio.CancelledError)):
        await task
    assert breaker.state is CircuitState.CLOSED


async def test_a_call_in_back_off_does_not_hold_up_the_stop_beyond_the_limit() -> None:
    port = PlainPort(ConnectionError("x"))
    config = settings({"default.stop-timeout": "50ms", "retry.base-delay": "60s"})
    client, processor = wired(port, config)
    task = asyncio.create_task(client.health())
    while not port.requests:
        await asyncio.sleep(0)
    began = time.monotonic()
    await processor.stop()
    assert time.monotonic() - began < at_most(0.4)
    with pytest.raises((ClientStoppedException, ConnectionError, asyncio.CancelledError)):
        await task


@pytest.mark.survives("Starting and stopping", "one client fails to close", "the others are closed")
async def test_one_client_that_fails_to_close_does_not_keep_the_others_open() -> None:
    class Stubborn(PlainPort):
        async def stop(self) -> None:
            await super().stop()
            raise OSError("will not close")

    ports = [PlainPort(), Stubborn(), PlainPort()]
    queue = list(ports)
    processor = HttpClientBeanPostProcessor(lambda base_url: queue.pop(0), config=settings())
    clients = [processor.after_init(client_class()(), str(number)) for number in range(3)]
    for client in clients:
        await client.health()
    with pytest.raises(ExceptionGroup) as caught:
        await processor.stop()
    assert caught.group_contains(OSError, match="will not close")
    assert [port.stopped for port in ports] == [1, 1, 1]


# Nothing is left


async def test_no_task_and_no_socket_is_left(guide: ServerClient) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with connect(client_class(guide.url)) as client:
            await asyncio.gather(*(client.health() for _ in range(10)))
            task = asyncio.create_task(client.slow(5000))
            await asyncio.to_thread(guide.wait_for_requests, 11)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        guide.wait_for_open(0)
        gc.collect()


async def test_an_exception_in_the_block_closes_as_well(guide: ServerClient) -> None:
    async def use() -> None:
        async with connect(client_class(guide.url)) as client:
            await client.health()
            raise LookupError

    with pytest.raises(LookupError):
        await use()
    guide.wait_for_open(0)


@pytest.mark.survives(
    "Connections between calls",
    "a client is used from a second event loop",
    "the answer, by connections of its own; never a hang",
)
def test_two_event_loops_one_after_the_other_never_hang(guide: ServerClient) -> None:
    processor = HttpClientBeanPostProcessor(config=settings())
    client = processor.after_init(client_class(guide.url)(), "client")

    async def call() -> Any:
        try:
            return await asyncio.wait_for(client.health(), 2)
        except PyFlyException as error:
            return error

    first = asyncio.run(call())
    second = asyncio.run(call())
    asyncio.run(processor.stop())
    assert first == second == {"status": "UP"}
    assert guide.connections().opened == 2
    guide.wait_for_open(0)


def test_two_event_loops_at_once_never_hang(guide: ServerClient) -> None:
    processor = HttpClientBeanPostProcessor(config=settings())
    client = processor.after_init(client_class(guide.url)(), "client")
    results: list[Any] = []

    async def calls() -> None:
        for _ in range(5):
            try:
                results.append(await asyncio.wait_for(client.health(), 2))
            except PyFlyException as error:
                results.append(error)

    threads = [threading.Thread(target=lambda: asyncio.run(calls())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(results) == 10
    assert {"status": "UP"} in results
    assert all(one == {"status": "UP"} or isinstance(one, PyFlyException) for one in results)
    asyncio.run(processor.stop())
    gc.collect()


# connect in a request handler


async def test_the_tenth_connect_of_a_class_within_a_minute_warns() -> None:
    cls = client_class()

    async def use() -> None:
        async with connect(cls, port=PlainPort()) as client:
            await client.health()

    for _ in range(9):
        await use()  # warnings are errors here
    with pytest.warns(ClientUsageWarning, match="Client") as caught:
        await use()
    assert [warning.filename for warning in caught] == [__file__]  # where the `async with` is
    for _ in range(9):  # another class has a count of its own
        async with connect(client_class(), port=PlainPort()):
            pass
