"""What the type checkers say of the forms that a client class can have. Nothing runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any, Generic, Protocol, TypeVar, assert_type

from pyfly.client import Response, connect, connect_sync, delete, get, post, service_client
from pyfly.context import ApplicationContext
from pyfly.testing import client_for

T = TypeVar("T")
K = TypeVar("K", contravariant=True)
V = TypeVar("V")


class Product:
    name: str


@service_client(base_url="http://shop")
class Shop(Protocol):
    """The form that both checkers take as it is: a Protocol whose bodies are ``...``."""

    @get("/products/{product_id}")
    async def product(self, product_id: str) -> Product | None: ...

    @get("/products")
    async def search(
        self, category: str, page: int = 1, *, deep: bool = False
    ) -> list[Product]: ...

    @post("/products")
    async def create(self, body: Product) -> Response[Product]: ...

    @delete("/products/{product_id}")
    async def remove(self, product_id: str) -> None: ...

    @get("/later")
    async def later(self) -> Later: ...

    async def first(self, category: str) -> Product | None:
        found = await self.search(category)
        return found[0] if found else None


class Later:
    """Declared after its use: annotations are text here."""


@service_client(base_url="http://shop")
class PlainShop:
    """A plain class: a stub raises, or its body is a docstring and ``...`` without a checker."""

    @get("/products/{product_id}")
    async def product(self, product_id: str) -> Product:
        raise NotImplementedError


@service_client(base_url="http://shop")
class AbstractShop(ABC):
    @get("/products/{product_id}")
    @abstractmethod
    async def product(self, product_id: str) -> Product: ...


@service_client(base_url="http://shop")
class BlockingShop(Protocol):
    @get("/products/{product_id}")
    def product(self, product_id: str) -> Product | None: ...


class Repository(Protocol[K, V]):
    @get("/items/{key}")
    async def one(self, key: K) -> V | None: ...

    @get("/items")
    def all(self) -> AsyncIterator[V]: ...

    @post("/items")
    async def add(self, body: V) -> V: ...


@service_client(base_url="http://shop")
class Products(Repository[int, Product], Protocol):
    @get("/newest")
    async def newest(self) -> list[Product]: ...


class Base(Generic[T]):
    @get("/one")
    async def one(self) -> T:
        raise NotImplementedError


@service_client(base_url="http://shop")
class Derived(Base[Product]):
    @get("/two")
    async def one(self) -> Product:
        return await super().one()


async def results_have_the_declared_types() -> None:
    async with connect(Shop) as shop:
        assert_type(shop, Shop)
        assert_type(await shop.product("1"), Product | None)
        assert_type(await shop.search("a", 2, deep=True), list[Product])
        assert_type(await shop.create(Product()), Response[Product])
        assert_type((await shop.create(Product())).value, Product)
        assert_type(await shop.later(), Later)
        assert_type(await shop.first("a"), Product | None)
        await shop.remove("1")
    async with connect(PlainShop) as plain:
        assert_type(await plain.product("1"), Product)
    async with connect(AbstractShop) as abstract:
        assert_type(await abstract.product("1"), Product)
    with connect_sync(BlockingShop) as blocking:
        assert_type(blocking.product("1"), Product | None)


async def generic_bases_are_filled_in() -> None:
    async with connect(Products) as products:
        assert_type(await products.one(1), Product | None)
        assert_type(await products.add(Product()), Product)
        assert_type(await products.newest(), list[Product])
        async for product in products.all():
            assert_type(product, Product)
    async with connect(Derived) as derived:
        assert_type(await derived.one(), Product)


async def everywhere_a_class_is_taken_the_client_comes_back(
    context: ApplicationContext, port: Any
) -> None:
    assert_type(context.get_bean(Shop), Shop)
    assert_type(client_for(Shop, port=port), Shop)
    assert_type(client_for(BlockingShop, port=port), BlockingShop)


async def wrong_arguments_are_found(shop: Shop, blocking: BlockingShop) -> None:
    await shop.product(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await shop.product()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await shop.search("a", page="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await shop.search("a", 2, True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await shop.search(category="a", tags=())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await shop.missing()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    await blocking.product("1")  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


async def wrong_uses_of_results_are_found(shop: Shop) -> None:
    print((await shop.product("1")).name)  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    found: list[str] = await shop.search("a")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    del found
    shop.search("a").sort()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def wrong_declarations_are_found() -> None:
    class Wrong(Protocol):
        @get("/a", header={})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
        async def a(self) -> dict[str, Any]: ...

        @get()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
        async def b(self) -> dict[str, Any]: ...

    service_client(retrys=3)(Wrong)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    service_client(retry="3")(Wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
