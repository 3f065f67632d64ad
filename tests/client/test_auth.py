"""Credentials: for each attempt, once more after a 401, shown nowhere."""

from __future__ import annotations

from typing import Annotated, Any
from unittest.mock import AsyncMock

import pytest

from pyfly.client import (
    ClientArgumentException,
    ClientDeclarationException,
    Header,
    UnauthorizedException,
    basic,
    bearer,
    connect,
    connect_sync,
    deadline,
    explain,
    get,
    http_client,
    service_client,
)
from pyfly.client.ports import HttpClientPort
from pyfly.core import Config
from pyfly.resilience import current_deadline
from pyfly.testing import client_for
from tests.support.servers import ServerClient


def sent(guide: ServerClient) -> list[str | None]:
    """The Authorization values that the server received, in order."""
    return [request.header("authorization") for request in guide.requests()]


async def test_a_header_value_goes_with_every_request(guide: ServerClient) -> None:
    @http_client(base_url=guide.url, auth="Token ${TOKEN}")
    class Client:
        @get("/health")
        async def health(self) -> Any: ...

        @get("/health", auth=None)
        async def bare(self) -> Any: ...

    async with connect(Client, config=Config({"token": "t0k"}, environ={})) as client:
        await client.health()
        await client.bare()
    assert sent(guide) == ["Token t0k", None]


async def test_basic_is_user_and_password(guide: ServerClient) -> None:
    @http_client(base_url=guide.url, auth=basic("Aladdin", "open sesame"))
    class Client:
        @get("/health")
        async def health(self) -> Any: ...

    async with connect(Client) as client:
        await client.health()
        assert "sesame" not in explain(client.health)
    assert sent(guide) == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]
    with pytest.raises(ValueError, match="colon"):
        basic("a:b", "c")


async def test_a_provider_is_asked_for_each_attempt(guide: ServerClient) -> None:
    tokens = iter(["one", "two"])

    async def provider() -> str:
        return next(tokens)

    @service_client(base_url=guide.url, auth=bearer(provider), retry_base_delay=0.0)
    class Client:
        @get("/health")
        async def health(self) -> Any: ...

    guide.fail("/health", 503)
    async with connect(Client) as client:
        await client.health()
    assert sent(guide) == ["Bearer one", "Bearer two"]


@pytest.mark.survives(
    "Files, pages and credentials", "a token that has expired", "one refresh, and the answer"
)
async def test_a_401_is_answered_with_a_fresh_token_once(guide: ServerClient) -> None:
    asked: list[str] = []

    def refresh() -> str:
        asked.append("refresh")
        return "fresh"

    @http_client(base_url=guide.url, auth=bearer("stale", refresh=refresh))
    class Client:
        @get("/health")
        async def health(self) -> Any: ...

    guide.fail("/health", 401)
    async with connect(Client) as client:
        assert await client.health() == {"status": "UP"}
        guide.fail("/health", 401, 401)
        with pytest.raises(UnauthorizedException):
            await client.health()
    assert sent(guide) == ["Bearer stale", "Bearer fresh"] * 2
    assert asked == ["refresh"] * 2


@pytest.mark.survives(
    "Files, pages and credentials", "a refresh that brings the same token", "the 401"
)
async def test_the_same_token_again_is_not_sent_again(guide: ServerClient) -> None:
    @http_client(base_url=guide.url, auth=bearer(lambda: "same"))
    class Client:
        @get("/health")
        async def health(self) -> Any: ...

    guide.fail("/health", 401)
    async with connect(Client) as client:
        with pytest.raises(UnauthorizedException):
            await client.health()
    assert sent(guide) == ["Bearer same"]


async def test_a_callers_own_header_stands(guide: ServerClient) -> None:
    @http_client(base_url=guide.url, auth=bearer("token"))
    class Client:
        @get("/health")
        async def health(self, own: Annotated[str, Header("Authorization")]) -> Any: ...

    async with connect(Client) as client:
        await client.health("mine")
    assert sent(guide) == ["mine"]


async def test_a_provider_runs_without_the_callers_deadline(guide: ServerClient) -> None:
    seen: list[float | None] = []

    def provider() -> str:
        seen.append(current_deadline())
        return "t"

    @http_client(base_url=guide.url, auth=bearer(provider))
    class Client:
        @get("/health")
        async def health(self) -> Any: ...

    async with connect(Client) as client:
        with deadline(5.0):
            await client.health()
    assert seen == [None]


def test_a_synchronous_client_refreshes_too(guide: ServerClient) -> None:
    @http_client(base_url=guide.url, auth=bearer("stale", refresh=lambda: "fresh"))
    class Client:
        @get("/health")
        def health(self) -> Any: ...

    guide.fail("/health", 401)
    with connect_sync(Client) as client:
        assert client.health() == {"status": "UP"}
    assert sent(guide) == ["Bearer stale", "Bearer fresh"]


async def test_what_is_no_header_value_is_refused_unseen(guide: ServerClient) -> None:
    for wrong in ("se\r\ncret", "", "s\u00e9cret", None):

        @http_client(base_url=guide.url, auth=bearer(lambda w=wrong: w))
        class Client:
            @get("/health")
            async def health(self) -> Any: ...

        async with connect(Client) as client:
            with pytest.raises((ClientArgumentException, TypeError)) as caught:
                await client.health()
        assert "cret" not in str(caught.value)
    assert sent(guide) == []


def test_mistakes_are_told_with_the_class() -> None:
    async def later() -> str:
        return "x"

    @http_client(base_url="http://x", auth=7)
    class Wrong:
        @get("/a")
        def one(self) -> Any: ...

        @get("/a", auth=bearer(later))
        def two(self) -> Any: ...

    with pytest.raises(ClientDeclarationException) as caught:
        client_for(Wrong, port=AsyncMock(spec=HttpClientPort))
    assert "Wrong.one: auth must be a header value" in str(caught.value)
    assert "Wrong.two: auth: its provider is async" in str(caught.value)


def test_credentials_show_nothing() -> None:
    assert repr(bearer("hush")) == "bearer(***)"
    assert repr(basic("me", "hush")) == "basic(***)"
