from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from tests.cli.shell import Ran, Shell
from tests.support.servers import ServerClient

SHOP = '''
import enum, uuid
from collections.abc import Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path as FilePath
from typing import BinaryIO, Literal, TypedDict

class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"

class Size(int, enum.Enum):
    SMALL = 1
    LARGE = 2

class Name(str):
    """A text of a user's own."""

@dataclass
class Product:
    id: str
    name: str = "none"

@dataclass
class Filter:
    shade: str
    limit: int | None = None

class Secretive:
    def before_request(self, exchange):
        exchange.set_header("X-Signature", "geheim")

@service_client("http://nowhere.invalid", name="shop", retry_base_delay=0.01)
class Shop(Protocol):
    @get("/products/{product_id}")
    async def product(self, product_id: str) -> Product | None:
        """One product."""
    @get("/products")
    async def search(self, category: str, page: int = 1, in_stock: bool = True) -> list[Any]: ...
    @post("/products")
    async def create(self, body: Product) -> dict[str, Any]: ...

@service_client("http://nowhere.invalid", retry_base_delay=0.01)
class Convert(Protocol):
    @get("/echo/convert")
    async def convert(
        self,
        i: int | None = None,
        f: float | None = None,
        b: bool | None = None,
        d: Decimal | None = None,
        u: uuid.UUID | None = None,
        day: date | None = None,
        at: datetime | None = None,
        colour: Colour | None = None,
        size: Size = Size.SMALL,
        kind: Literal["a", "b", 3] | None = None,
        many: Sequence[int] = (),
        csv: Annotated[list[str] | None, Query("c", style="csv")] = None,
        either: int | str | None = None,
        anything: Any = None,
        bare: list = (),
        spread: Annotated[Filter | None, Query()] = None,
        marked: Annotated[Colour, "a note"] | None = None,
        names: Sequence[Name] = (),
        trace: Annotated[str | None, Header("X-Trace")] = None,
        sid: Annotated[str | None, Cookie()] = None,
        headers: Mapping[str, str] | None = None,
        patience: Annotated[float | None, Timeout()] = None,
    ) -> dict[str, Any]: ...
    @get("/echo/clash")
    async def clash(
        self, config: str, help: str = "", timeout: str = "", dry_run: bool = False
    ) -> dict[str, Any]: ...

@service_client("http://nowhere.invalid", retry_base_delay=0.01)
class Bodies(Protocol):
    @post("/echo/json")
    async def json(self, body: Any) -> dict[str, Any]: ...
    @post("/echo/untyped")
    async def untyped(self, body): ...
    @post("/echo/models")
    async def models(self, body: list[Product]) -> dict[str, Any]: ...
    @post("/echo/str")
    async def text(self, body: Annotated[str, Body("text/plain")]) -> dict[str, Any]: ...
    @post("/echo/bytes")
    async def raw(self, body: bytes) -> dict[str, Any]: ...
    @post("/echo/either")
    async def raw_or_json(self, body: bytes | dict[str, int]) -> dict[str, Any]: ...
    @post("/echo/lines")
    async def lines(
        self, body: Annotated[Sequence[Any], Body("application/x-ndjson")]
    ) -> dict[str, Any]: ...
    @post("/echo/form")
    async def form(
        self, user: Annotated[str, Form()], password: Annotated[str, Form()]
    ) -> dict[str, Any]: ...
    @post("/echo/fields")
    async def fields(self, body: Annotated[Filter, Form()]) -> dict[str, Any]: ...
    @post("/echo/nested")
    async def nested(
        self,
        items: Annotated[Sequence[Filter], Form(nested=True)] = (),
        meta: Annotated[Mapping[str, Any] | None, Form("m", nested=True)] = None,
    ) -> dict[str, Any]: ...
    @post("/echo/files")
    async def files(
        self,
        token: Annotated[str, Form()],
        photo: Annotated[FilePath | bytes, File(content_type="image/png")],
        more: Annotated[Sequence[FilePath], File()] = (),
    ) -> dict[str, Any]: ...
    @get("/echo/secret", auth=bearer("geheim"), params={"api_key": "geheim"},
         interceptors=[Secretive()])
    async def secret(self) -> dict[str, Any]: ...

@service_client("http://nowhere.invalid", retry_base_delay=0.01)
class Results(Protocol):
    @head("/products/1")
    async def there(self) -> None: ...
    @get("/products/1")
    async def whole(self) -> Response[Product]: ...
    @get("/anything")
    async def bare_response(self) -> Response: ...
    @get("/anything")
    async def as_bytes(self) -> bytes: ...
    @get("/anything")
    async def as_text(self) -> str: ...
    @get("/anything")
    async def as_number(self) -> Any: ...
    @get("/anything")
    def chunks(self) -> AsyncIterator[bytes]: ...
    @get("/anything")
    def rows(self) -> AsyncIterator[Product]: ...
    @get("/anything")
    def text_lines(self) -> AsyncIterator[str]: ...
    @get("/anything", reconnect=False)
    def events(self) -> AsyncIterator[ServerSentEvent]: ...
    @get("/delay/{ms}")
    async def slow(self, ms: int) -> Any: ...
    @get("/products", interceptors=[])
    async def _private(self) -> list[Any]: ...

@service_client("http://nowhere.invalid", retry_base_delay=0.01)
class SyncShop(Protocol):
    @get("/products/{product_id}")
    def product(self, product_id: str) -> Product | None: ...
    @get("/anything")
    def rows(self) -> Iterator[Product]: ...
    @post("/echo/x")
    def create(self, body: Any) -> Any: ...

@service_client("http://x")
class Wrong:
    @get("x")
    async def call(self) -> None: ...
'''

Call = Callable[..., Ran]


@pytest.fixture
def shop(shell: Shell) -> str:
    """The name of a module with clients."""
    return shell.module(SHOP, head=HEAD_WITHOUT_FUTURE)


HEAD_WITHOUT_FUTURE = """\
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from pyfly.client import *
"""


@pytest.fixture
def call(shell: Shell, shop: str, guide: ServerClient) -> Call:
    """Call a method of ``Shop`` (or of another class) over the guide's server."""

    def run(method: str, *arguments: str) -> Ran:
        before = SHOP.partition(f"def {method}(")[0]
        cls = before.rpartition("\nclass ")[2].partition("(")[0]
        target = method if "." in method else f"{cls}.{method}"
        return shell.run("call", "--base-url", guide.url, f"{shop}:{target}", *arguments)

    return run


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Put something on standard input."""

    def put(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return put
