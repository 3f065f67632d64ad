"""The client that the tests of the test kit are about, and a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from pyfly.client import (
    Body,
    Cookie,
    File,
    FilePart,
    Form,
    Header,
    Page,
    Path,
    Query,
    Response,
    ServerSentEvent,
    Timeout,
    delete,
    get,
    head,
    post,
    put,
    service_client,
)
from pyfly.resilience.clock import SystemClock


@dataclass
class Product:
    id: str
    name: str = "Widget"
    price: float = 1.5


@dataclass
class Filter:
    colour: str | None = None
    size: int | None = None


class Shelf(Enum):
    TOP = "top"
    LOW = "low"


@service_client(base_url="http://inventory:8080", retry=3)
class Inventory(Protocol):
    @get("/products/{product_id}")
    async def product(self, product_id: str) -> Product | None: ...

    @get("/products")
    async def search(
        self,
        category: str,
        in_stock: bool = True,
        tags: Annotated[Sequence[str], Query("tag")] = (),
        trace: Annotated[str | None, Header("X-Trace")] = None,
    ) -> list[Product]: ...

    @post("/products")
    async def create(self, body: Product) -> Product: ...

    @put("/products/{product_id}/note")
    async def note(self, product_id: str, body: str) -> str: ...

    @delete("/products/{product_id}")
    async def remove(self, product_id: str) -> None: ...

    @get("/files/{path}")
    async def file(self, path: Annotated[str, Path(segments=True)]) -> bytes: ...

    @get("/motd")
    async def motd(self) -> str: ...

    @get("/raw/{product_id}")
    async def raw(self, product_id: str) -> Response[Product]: ...

    @head("/products/{product_id}")
    async def exists(self, product_id: str) -> Response: ...  # type: ignore[type-arg]  # as users write it


@service_client(base_url="http://warehouse", retry=False)
class Warehouse(Protocol):
    """Every kind of parameter."""

    @get("/numbers/{number}")
    async def number(
        self,
        number: int,
        price: Decimal | None = None,
        key: UUID | None = None,
        day: date | None = None,
        shelf: Shelf | None = None,
        kind: Literal["a", "b"] | None = None,
        ratio: float | None = None,
        flags: tuple[bool, ...] = (),
    ) -> Any: ...

    @get("/joined")
    async def joined(self, ids: Annotated[Sequence[int], Query(style="csv")]) -> Any: ...

    @get("/filtered")
    async def filtered(self, shop: str, by: Annotated[Filter, Query()]) -> Any: ...

    @get("/headed")
    async def headed(
        self,
        token: Annotated[str | None, Cookie("session")] = None,
        level: Annotated[int | None, Header("X-Level")] = None,
        headers: dict[str, str] | None = None,
    ) -> Any: ...

    @get("/timed")
    async def timed(self, wait: Annotated[float | None, Timeout()] = None) -> Any: ...

    @post("/form")
    async def form(
        self, user: Annotated[str, Form()], age: Annotated[int | None, Form()] = None
    ) -> Any: ...

    @post("/spread")
    async def spread(self, user: Annotated[str, Form()], by: Annotated[Filter, Form()]) -> Any: ...

    @post("/upload")
    async def upload(
        self,
        title: Annotated[str, Form()],
        photo: Annotated[FilePart | bytes, File()],
        scans: Annotated[Sequence[FilePart], File("scan")] = (),
    ) -> Any: ...

    @post("/blob")
    async def blob(self, body: Annotated[bytes, Body("image/png")]) -> None: ...

    @post("/big")
    async def big(self, body: Annotated[AsyncIterator[bytes], Body("text/csv")]) -> None: ...


@service_client(base_url="http://feed:8080", retry=3)
class Feed(Protocol):
    @get("/events")
    def events(self, since: int = 0) -> AsyncIterator[ServerSentEvent]: ...

    @get("/rows")
    def rows(self) -> AsyncIterator[Product]: ...

    @get("/lines")
    def lines(self) -> AsyncIterator[str]: ...

    @get("/export")
    def export(self) -> AsyncIterator[bytes]: ...

    @get("/links", paginate=Page.link())
    def links(self) -> AsyncIterator[Product]: ...

    @get("/pages", paginate=Page.number(items="data.list", total="data.pages"))
    def pages(self) -> AsyncIterator[Product]: ...

    @get("/offsets", paginate=Page.offset(items="data", total="count"))
    def offsets(self) -> AsyncIterator[Product]: ...

    @get("/cursors", paginate=Page.cursor(items="data"))
    def cursors(self, kind: str = "all") -> AsyncIterator[Product]: ...


@service_client(base_url="http://inventory:8080", retry=3)
class SyncInventory(Protocol):
    @get("/products/{product_id}")
    def product(self, product_id: str) -> Product: ...

    @post("/blob")
    def blob(self, body: Annotated[Iterator[bytes], Body("text/csv")]) -> None: ...

    @get("/rows")
    def rows(self) -> Iterator[Product]: ...


class ManualClock:
    """Time that passes only where somebody sleeps, and at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        self.sleep_sync(seconds)
        await asyncio.sleep(0)

    def sleep_sync(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class HastyClock(SystemClock):
    """The machine's time, for clients of real ports, whose pauses are noted and not made."""

    __slots__ = ("slept",)

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def sleep_sync(self, seconds: float) -> None:
        self.slept.append(seconds)
