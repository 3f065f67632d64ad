"""Interceptors: a user's own code around every attempt."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock

import pytest

from pyfly.client import (
    ClientArgumentException,
    ClientDeclarationException,
    Exchange,
    Response,
    ServerErrorException,
    connect,
    connect_sync,
    get,
    http_client,
    service_client,
)
from pyfly.client.ports import HttpClientPort
from pyfly.testing import client_for
from tests.support.servers import ServerClient


class Recorder:
    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log

    def before_request(self, exchange: Exchange) -> None:
        exchange.set_header("X-" + self.name, str(exchange.attempt))
        self.log.append(f"{self.name} before {exchange.attempt}")

    def after_response(self, exchange: Exchange, response: Response[Any]) -> None:
        self.log.append(f"{self.name} after {response.status_code}")

    def on_error(self, exchange: Exchange, error: Exception) -> None:
        self.log.append(f"{self.name} error {type(error).__name__}")


class Later:
    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def before_request(self, exchange: Exchange) -> None:
        self.log.append(
            f"{exchange.operation} {exchange.http_method} {exchange.url_template} "
            f"{exchange.function.__name__}"
        )


async def test_they_run_around_each_attempt_first_in_last_out(guide: ServerClient) -> None:
    log: list[str] = []

    @service_client(
        base_url=guide.url, retry_base_delay=0.0, interceptors=[Recorder("a", log), Later(log)]
    )
    class Client:
        @get("/users/{id}", interceptors=[Recorder("b", log)])
        async def user(self, id: str) -> Any: ...

    guide.fail("/users/7", 503)
    async with connect(Client) as client:
        await client.user("7")
    told = "Client.user GET /users/{id} user"
    assert log == [
        "a before 1", told, "b before 1", "b error ServerErrorException",
        "a error ServerErrorException",
        "a before 2", told, "b before 2", "b after 200", "a after 200",
    ]  # fmt: skip
    sent = [(request.header("x-a"), request.header("x-b")) for request in guide.requests()]
    assert sent == [("1", "1"), ("2", "2")]


async def test_what_one_raises_ends_the_call(guide: ServerClient) -> None:
    class Broken:
        def before_request(self, exchange: Exchange) -> None:
            raise LookupError("mine")

    @http_client(base_url=guide.url, interceptors=[Broken()])
    class Client:
        @get("/health")
        async def health(self) -> Any: ...

    async with connect(Client) as client:
        with pytest.raises(LookupError, match="mine"):
            await client.health()
    assert guide.requests() == []


async def test_a_header_that_cannot_be_sent_is_refused(guide: ServerClient) -> None:
    class Wrong:
        def __init__(self, name: str, value: str) -> None:
            self.header = (name, value)

        def before_request(self, exchange: Exchange) -> None:
            exchange.set_header("X-Gone", "x")
            exchange.set_header("x-gone", None)
            exchange.set_header(*self.header)

    for name, value in (("Host", "evil"), ("a b", "c"), ("A", "b\r\nc")):

        @http_client(base_url=guide.url, interceptors=[Wrong(name, value)])
        class Client:
            @get("/health")
            async def health(self) -> Any: ...

        async with connect(Client) as client:
            with pytest.raises(ClientArgumentException, match="an interceptor cannot set"):
                await client.health()
    assert guide.requests() == []


def test_a_synchronous_client_has_them_too(guide: ServerClient) -> None:
    log: list[str] = []

    @http_client(base_url=guide.url, interceptors=[Recorder("a", log)])
    class Client:
        @get("/health")
        def health(self) -> Any: ...

        @get("/status/500")
        def broken(self) -> Any: ...

    with connect_sync(Client) as client:
        client.health()
        with pytest.raises(ServerErrorException):
            client.broken()
    assert log == ["a before 1", "a after 200", "a before 1", "a error ServerErrorException"]


def test_mistakes_are_told_with_the_class() -> None:
    class Nothing:
        pass

    @http_client(base_url="http://x", interceptors=[Nothing(), Recorder, Later([])])
    class Wrong:
        @get("/a")
        def one(self) -> Any: ...

    with pytest.raises(ClientDeclarationException) as caught:
        client_for(Wrong, port=AsyncMock(spec=HttpClientPort))
    text = str(caught.value)
    assert "Wrong.one: interceptors: Nothing is none" in text
    assert "Wrong.one: interceptors: Recorder is none" in text
    assert "Wrong.one: interceptors: Later.before_request is async" in text
