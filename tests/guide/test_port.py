"""HttpClientPort, its default implementation, and an adapter of one's own."""

import inspect
import json
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import aiohttp
import pytest

from pyfly.client import (
    AttemptTimeoutException,
    HttpClientBeanPostProcessor,
    HttpClientPort,
    HttpxClientAdapter,
    ReadTimeoutException,
    get,
    http_client,
    post,
)
from tests.support.servers import ServerClient


class AioHttpAdapter:
    """HttpClientPort over aiohttp; what it returns is the decoded JSON."""

    def __init__(self, base_url: str, timeout: timedelta = timedelta(seconds=30)) -> None:
        self._base_url = base_url
        self._session: aiohttp.ClientSession | None = None
        self._timeout = aiohttp.ClientTimeout(total=timeout.total_seconds())

    async def _ensure_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(base_url=self._base_url, timeout=self._timeout)
        return self._session

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        session = await self._ensure_session()
        async with session.request(method, url, **kwargs) as response:
            return await response.json()

    async def start(self) -> None:
        await self._ensure_session()

    async def stop(self) -> None:
        if self._session:
            await self._session.close()


@http_client(base_url="http://shop:8080")
class ShopClient:
    @get("/users/{user_id}")
    async def user(self, user_id: str) -> dict: ...

    @get("/products")
    async def products(self, category: str, page: int = 1, in_stock: bool = True) -> list: ...

    @post("/users")
    async def create(self, body: dict, notify: bool = False) -> dict: ...


# The protocol


@pytest.mark.parametrize(
    "port",
    [AioHttpAdapter("http://x"), HttpxClientAdapter("http://x"), AsyncMock(spec=HttpClientPort)],
    ids=["aiohttp", "httpx", "mock"],
)
def test_whatever_has_the_three_methods_is_a_port(port: object) -> None:
    assert isinstance(port, HttpClientPort)


@pytest.mark.parametrize("missing", ["request", "start", "stop"])
def test_what_lacks_one_of_them_is_none(missing: str) -> None:
    names = {"request", "start", "stop"} - {missing}
    half = type("Half", (), {name: lambda self: None for name in names})()
    assert not isinstance(half, HttpClientPort)


def test_the_methods_have_the_signatures_of_the_guide() -> None:
    request = inspect.signature(HttpClientPort.request).parameters
    assert [(p.name, p.kind) for p in request.values()] == [
        ("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        ("method", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        ("url", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        ("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
    for name in ("request", "start", "stop"):
        assert inspect.iscoroutinefunction(getattr(HttpClientPort, name))


# The default implementation


def test_the_httpx_adapter_takes_base_url_timeout_and_headers() -> None:
    parameters = list(inspect.signature(HttpxClientAdapter).parameters.values())
    assert [(p.name, p.default) for p in parameters[:3]] == [
        ("base_url", ""),
        ("timeout", timedelta(seconds=30)),
        ("headers", None),
    ]


async def test_the_httpx_adapter_makes_requests_and_returns_responses(
    guide: ServerClient,
) -> None:
    adapter = HttpxClientAdapter(guide.url, headers={"X-Tenant": "acme"})
    await adapter.start()
    try:
        found = await adapter.request("GET", "/products", params={"category": "books"})
        made = await adapter.request("POST", "/users", json={"name": "Ada"})
    finally:
        await adapter.stop()
    assert found.status_code == 200
    assert found.json()[0]["name"] == "Widget"
    assert (made.status_code, made.json()) == (201, {"id": "1", "name": "Ada"})
    first, second = guide.requests()
    assert first.raw.startswith(b"GET /products?category=books HTTP/1.1\r\n")
    assert first.header("x-tenant") == second.header("x-tenant") == "acme"
    assert json.loads(second.body) == {"name": "Ada"}


async def test_the_httpx_adapters_timeout_ends_a_request(guide: ServerClient) -> None:
    adapter = HttpxClientAdapter(guide.url, timeout=timedelta(seconds=0.05))
    await adapter.start()
    try:
        with pytest.raises((AttemptTimeoutException, ReadTimeoutException)) as caught:
            await adapter.request("GET", "/delay/2000")
    finally:
        await adapter.stop()
    assert isinstance(caught.value, TimeoutError)


# An adapter of one's own


async def test_the_aiohttp_adapter_serves_a_declared_client(guide: ServerClient) -> None:
    made = []

    def my_factory(base_url: str) -> AioHttpAdapter:
        made.append(base_url)
        return AioHttpAdapter(base_url=guide.url)

    processor = HttpClientBeanPostProcessor(http_client_factory=my_factory)
    client = processor.after_init(ShopClient(), "shop")
    try:
        user = await client.user("a b/c")
        products = await client.products("books & more", page=2)
        created = await client.create({"name": "Ada"}, notify=True)
    finally:
        await processor.stop()

    assert made == ["http://shop:8080"]
    assert user == {"id": "a b/c", "name": "User a b/c"}
    assert products[0]["name"] == "Widget"
    assert created == {"id": "1", "name": "Ada"}
    assert [request.raw.split(b"\r\n")[0] for request in guide.requests()] == [
        b"GET /users/a%20b%2Fc HTTP/1.1",
        guide.requests()[1].raw.split(b"\r\n")[0],
        b"POST /users?notify=true HTTP/1.1",
    ]
    query = products[0]["query"]
    assert sorted(map(tuple, query.items() if isinstance(query, dict) else query)) == [
        ("category", "books & more"),
        ("in_stock", "true"),
        ("page", "2"),
    ]
    assert json.loads(guide.requests()[2].body) == {"name": "Ada"}


async def test_a_mocked_port_returns_canned_responses() -> None:
    port = AsyncMock(spec=HttpClientPort)
    port.request.return_value = [{"id": "1"}]
    processor = HttpClientBeanPostProcessor(http_client_factory=lambda base_url: port)
    client = processor.after_init(ShopClient(), "shop")
    assert await client.products("books") == [{"id": "1"}]
    port.request.assert_awaited_once()
