"""The complete example: a declared client in a context, injected into a service; and its mock."""

import json
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import AsyncMock

import pytest

from pyfly.client import HttpClientPort, delete, get, http_client, post, put
from pyfly.container import service
from pyfly.context import ApplicationContext
from pyfly.core import Config
from pyfly.testing import client_for
from tests.support.servers import ServerClient


@http_client(base_url="${inventory.url:http://inventory-service:8080}")
class InventoryClient:
    """The inventory service."""

    @get("/products/{product_id}")
    async def get_product(self, product_id: str) -> dict:
        """One product."""

    @get("/products")
    async def search_products(self, category: str, in_stock: bool = True) -> list:
        """Products of a category."""

    @post("/products")
    async def create_product(self, body: dict) -> dict:
        """A new product."""

    @put("/products/{product_id}")
    async def update_product(self, product_id: str, body: dict) -> dict:
        """A changed product."""

    @delete("/products/{product_id}")
    async def delete_product(self, product_id: str) -> None:
        """One product less."""


@service
class CatalogService:
    def __init__(self, inventory: InventoryClient) -> None:
        self.inventory = inventory

    async def get_catalog_page(self, category: str) -> list[Any]:
        return await self.inventory.search_products(category=category, in_stock=True)


@pytest.fixture
async def context(guide: ServerClient) -> AsyncIterator[ApplicationContext]:
    context = ApplicationContext(Config({"inventory.url": guide.url}, environ={}))
    context.register_bean(CatalogService)
    context.register_bean(InventoryClient)
    async with context:
        yield context


async def test_the_service_is_given_a_client_that_works(
    context: ApplicationContext, guide: ServerClient
) -> None:
    page = await context.get_bean(CatalogService).get_catalog_page("widgets")
    assert [product["name"] for product in page] == ["Widget"]
    request = guide.request()
    assert request.raw.startswith(b"GET /products?category=widgets&in_stock=true HTTP/1.1\r\n")


async def test_all_five_methods_reach_the_service(
    context: ApplicationContext, guide: ServerClient
) -> None:
    inventory = context.get_bean(InventoryClient)
    assert (await inventory.get_product("42"))["id"] == "42"
    assert isinstance(await inventory.search_products("tools", in_stock=False), list)
    assert await inventory.create_product({"name": "Widget"}) == {"id": "1", "name": "Widget"}
    assert await inventory.update_product("42", {"name": "W"}) == {"id": "42", "name": "W"}
    assert await inventory.delete_product("42") is None
    assert [request.raw.split(b"\r\n")[0] for request in guide.requests()] == [
        b"GET /products/42 HTTP/1.1",
        b"GET /products?category=tools&in_stock=false HTTP/1.1",
        b"POST /products HTTP/1.1",
        b"PUT /products/42 HTTP/1.1",
        b"DELETE /products/42 HTTP/1.1",
    ]
    bodies = [json.loads(request.body) for request in guide.requests()[2:4]]
    assert bodies == [{"name": "Widget"}, {"name": "W"}]


async def test_the_client_is_one_singleton(context: ApplicationContext) -> None:
    inventory = context.get_bean(InventoryClient)
    assert context.get_bean(InventoryClient) is inventory
    assert context.get_bean(CatalogService).inventory is inventory
    assert inventory.get_product.__self__ is inventory


async def test_stopping_the_context_closes_the_connections(guide: ServerClient) -> None:
    context = ApplicationContext(Config({"inventory.url": guide.url}, environ={}))
    context.register_bean(InventoryClient)
    await context.start()
    await context.get_bean(InventoryClient).get_product("1")
    assert guide.connections().open == 1
    await context.stop()
    assert guide.wait_for_open(0).opened == 1


async def test_the_service_is_tested_over_a_mocked_port() -> None:
    mock_http = AsyncMock(spec=HttpClientPort)
    mock_http.request.return_value = [{"id": "1", "name": "Widget"}]

    catalog = CatalogService(inventory=client_for(InventoryClient, port=mock_http))
    products = await catalog.get_catalog_page("widgets")

    assert len(products) == 1
    mock_http.request.assert_called_once()
    assert mock_http.request.call_args.args == ("GET", "/products")
    assert mock_http.request.call_args.kwargs["params"] == {
        "category": "widgets",
        "in_stock": "true",
    }
