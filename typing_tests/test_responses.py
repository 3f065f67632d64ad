"""What the type checkers say of responses. Nothing runs: mypy and pyright read this file."""

from typing import Any, Protocol, assert_type

from pyfly.client import Headers, Response, connect, get, service_client


class Item:
    name: str


@service_client(base_url="http://shop")
class Shop(Protocol):
    @get("/raw")
    async def raw(self) -> Response: ...

    @get("/item")
    async def item(self) -> Response[Item]: ...

    @get("/nothing")
    async def nothing(self) -> Response[None]: ...


async def responses_have_the_declared_value() -> None:
    async with connect(Shop) as shop:
        raw = await shop.raw()
        assert_type(raw, Response[Any])
        assert_type(raw.headers, Headers)
        assert_type((await shop.item()).value, Item)
        assert_type((await shop.nothing()).value, None)
