"""What the type checkers say of fakes and cassettes. Nothing runs: mypy and pyright read this."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Protocol, assert_type
from unittest.mock import ANY

from pyfly.client import (
    HttpClientPort,
    HttpxClientAdapter,
    Query,
    Response,
    ServerSentEvent,
    connect,
    connect_sync,
    get,
    post,
    service_client,
)
from pyfly.client.ports import SyncHttpClientPort
from pyfly.testing import (
    Cassette,
    FakeCall,
    FakePort,
    Rule,
    StreamRule,
    SyncCassette,
    SyncFakePort,
    client_for,
)


class Product:
    def __init__(self, id: str) -> None:
        self.id = id


@service_client(base_url="http://inventory")
class Inventory(Protocol):
    @get("/products/{product_id}")
    async def product(self, product_id: str) -> Product | None: ...

    @get("/products")
    async def search(
        self, category: str, *, tags: Annotated[Sequence[str], Query("tag")] = (), page: int = 1
    ) -> list[Product]: ...

    @post("/products")
    async def create(self, body: Product) -> Response[Product]: ...

    @get("/events")
    def events(self, since: int = 0) -> AsyncIterator[ServerSentEvent]: ...


@service_client(base_url="http://inventory")
class SyncInventory(Protocol):
    @get("/products/{product_id}")
    def product(self, product_id: str) -> Product: ...

    @get("/export")
    def export(self, year: int) -> Iterator[bytes]: ...


async def a_rule_has_the_type_that_the_method_returns(fake: FakePort) -> None:
    assert_type(fake.on(Inventory.product, "42"), Rule[Product | None])
    assert_type(fake.on(Inventory.product, product_id="42"), Rule[Product | None])
    assert_type(fake.on(Inventory.product, product_id=ANY), Rule[Product | None])
    assert_type(fake.on(Inventory.search, "tools", tags=["a"]), Rule[list[Product]])
    assert_type(fake.on(Inventory.create, Product("1")), Rule[Response[Product]])
    assert_type(fake.on(Inventory.events, since=3), StreamRule[ServerSentEvent])
    assert_type(client_for(Inventory, port=fake), Inventory)


async def a_method_alone_stands_for_any_arguments(fake: FakePort) -> None:
    assert_type(fake.on(Inventory.product), Rule[Product | None])
    assert_type(fake.on(Inventory.search), Rule[list[Product]])
    assert_type(fake.on(Inventory.events), StreamRule[ServerSentEvent])


def so_it_is_without_async(fake: SyncFakePort) -> None:
    assert_type(fake.on(SyncInventory.product, "42"), Rule[Product])
    assert_type(fake.on(SyncInventory.product), Rule[Product])
    assert_type(fake.on(SyncInventory.export, 2024), StreamRule[bytes])
    assert_type(fake.on(SyncInventory.export), StreamRule[bytes])
    assert_type(client_for(SyncInventory, port=fake), SyncInventory)


def a_template_promises_nothing(fake: FakePort) -> None:
    assert_type(fake.on("GET", "/products/{product_id}", product_id="42"), Rule[Any])
    fake.on("POST", "/products", body={"id": ANY}).returns({"id": "1"})


def a_fake_is_a_port(fake: FakePort, sync: SyncFakePort) -> None:
    port: HttpClientPort = fake
    sync_port: SyncHttpClientPort = sync
    connect(Inventory, port=port)
    connect_sync(SyncInventory, port=sync_port)


def answers_are_chained(fake: FakePort) -> None:
    rule = fake.on(Inventory.product, "42").responds(503, times=2).raises(TimeoutError)
    assert_type(rule, Rule[Product | None])
    assert_type(rule.delays(1.5).returns(Product("42"), None), Rule[Product | None])
    events = fake.on(Inventory.events).yields(ServerSentEvent(data="a"), every=0.5)
    assert_type(events, StreamRule[ServerSentEvent])
    assert_type(rule.calls[0], FakeCall)
    assert_type(fake.calls[0].arguments, dict[str, Any])


def what_does_not_fit_the_declaration_is_refused(fake: FakePort, sync: SyncFakePort) -> None:
    fake.on(Inventory.product, 42)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    fake.on(Inventory.product, product="42")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    fake.on(Inventory.search, "tools", colour="red")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    fake.on(Inventory.product, "42").returns("Widget")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fake.on(Inventory.product).returns([])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fake.on(Inventory.search, "tools").returns(Product("1"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fake.on(Inventory.events).yields("a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fake.on(Inventory.events).returns("a")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    sync.on(SyncInventory.export, 2024).yields("a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fake.on("GET")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


async def cassettes_are_ports(path: Path) -> None:
    port = HttpxClientAdapter("http://inventory")
    async with Cassette(path, port, client=Inventory, expires=timedelta(days=30)) as cassette:
        assert_type(cassette, Cassette)
        assert_type(cassette.is_recording, bool)
        assert_type(client_for(Inventory, port=cassette), Inventory)
    with SyncCassette("shop.yaml", client=SyncInventory, secrets=["pin"], mode="replay") as sync:
        assert_type(sync, SyncCassette)
    Cassette("x", mode="record")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with Cassette("x"):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
