"""Exceptions of a user's own for the statuses of a service."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any
from unittest.mock import AsyncMock

import pytest

from pyfly.client import (
    ClientDeclarationException,
    ErrorBody,
    HttpStatusException,
    NotFoundException,
    UnprocessableContentException,
    connect,
    connect_sync,
    get,
    http_client,
    service_client,
)
from pyfly.client._declare.service import http_client as declare
from pyfly.client.ports import HttpClientPort
from pyfly.testing import client_for
from tests.support.servers import ServerClient


class UserNotFound(NotFoundException):
    """Of the user's own."""


class Unavailable(Exception):
    """Not in our tree at all."""


@dataclass
class Problem:
    field: str


def by_code(error: HttpStatusException) -> Exception | None:
    return Unavailable(error.status_code) if error.status_code == 418 else None


async def test_a_status_raises_what_the_method_or_the_client_says(guide: ServerClient) -> None:
    @http_client(base_url=guide.url, errors={"5xx": Unavailable, 404: UserNotFound, "4xx": by_code})
    class Client:
        @get("/status/{code}")
        async def status(self, code: int) -> Any: ...

        @get("/status/404", errors={404: Unavailable})
        async def own(self) -> Any: ...

    async with connect(Client) as client:
        with pytest.raises(UserNotFound) as caught:
            await client.status(404)
        assert caught.value.status_code == 404
        assert str(caught.value).startswith("Client.status: GET /status/{code}: answered 404")
        assert pickle.loads(pickle.dumps(caught.value)).operation == "Client.status"
        with pytest.raises(Unavailable) as foreign:
            await client.status(503)
        assert isinstance(foreign.value.__cause__, HttpStatusException)
        with pytest.raises(Unavailable, match="418"):
            await client.status(418)
        with pytest.raises(HttpStatusException) as plain:
            await client.status(400)
        assert type(plain.value).__name__ == "BadRequestException"
        with pytest.raises(Unavailable):
            await client.own()


async def test_retry_and_breaker_judge_the_status_itself(guide: ServerClient) -> None:
    @service_client(base_url=guide.url, retry=3, retry_base_delay=0.0, errors={503: Unavailable})
    class Client:
        @get("/health")
        async def health(self) -> Any: ...

    guide.fail("/health", 503, 503)
    async with connect(Client) as client:
        assert await client.health() == {"status": "UP"}
    assert len(guide.requests()) == 3


def test_a_body_is_decoded_into_a_type(guide: ServerClient) -> None:
    class Invalid(Exception):
        error_body: Problem | None

    @http_client(
        base_url=guide.url, errors={422: ErrorBody(Problem), 409: ErrorBody(Problem, Invalid)}
    )
    class Client:
        @get("/health")
        def health(self) -> Any: ...

    with connect_sync(Client) as client:
        guide.script("/health", {"status": 422, "body": {"field": "name"}})
        with pytest.raises(UnprocessableContentException) as own:
            client.health()
        assert own.value.error_body == Problem("name")
        guide.script("/health", {"status": 409, "body": b"no json"})
        with pytest.raises(Invalid) as other:
            client.health()
        assert other.value.error_body is None


def test_mistakes_are_told_with_the_class() -> None:
    @declare(
        base_url="http://x",
        errors={200: Unavailable, "9xx": Unavailable, True: Unavailable, 404: "text", 500: int},
    )
    class Wrong:
        @get("/a")
        async def one(self) -> Any: ...

    with pytest.raises(ClientDeclarationException) as caught:
        client_for(Wrong, port=AsyncMock(spec=HttpClientPort))
    text = str(caught.value)
    for expected in (
        "errors: 200 is no status",
        "errors: '9xx' is no status",
        "errors: True is no status",
        "errors: 'text' for 404 is no exception class",
        "errors: <class 'int'> for 500 is no exception class",
    ):
        assert expected in text
