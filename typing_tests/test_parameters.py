"""What the type checkers say of declared parameters. Nothing runs: mypy and pyright read this."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, BinaryIO, Protocol, assert_type

from pyfly.client import Body, Query, get, http_client, post
from pyfly.client._declare.markers import File, Form
from pyfly.client.message import FilePart


@dataclass
class Filter:
    category: str
    limit: int | None = None


@http_client(base_url="http://localhost")
class Shop(Protocol):
    @get("/products")
    async def search(
        self,
        filter: Annotated[Filter, Query()],
        tags: Annotated[Sequence[str], Query("tag", style="csv")] = (),
    ) -> list[dict[str, Any]]: ...

    @post("/photos")
    async def upload(
        self,
        title: Annotated[str, Form()],
        photo: Annotated[bytes | FilePath | BinaryIO | FilePart, File(content_type="image/png")],
        more: Annotated[Sequence[FilePart], File("extra")] = (),
    ) -> str: ...

    @post("/lines")
    async def lines(
        self,
        items: Annotated[AsyncIterator[Filter] | Iterator[Filter], Body("application/x-ndjson")],
    ) -> None: ...


async def parameters_have_their_declared_types(shop: Shop, file: BinaryIO) -> None:
    assert_type(await shop.search(Filter("tools")), list[dict[str, Any]])
    assert_type(await shop.upload("a", b"png"), str)
    await shop.upload("a", file, [FilePart(file, filename="a.png"), FilePart("text")])
    await shop.upload("a", FilePath("a.png"))
    await shop.search({"category": "tools"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await shop.upload("a", 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await shop.upload("a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def streams_have_their_items(shop: Shop, items: AsyncIterator[Filter]) -> None:
    await shop.lines(items)
    await shop.lines(iter([Filter("a")]))
    await shop.lines(iter(["a"]))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def markers_are_checked() -> None:
    Query("a", style="comma")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    File(filename=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Form(style="csv")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Body(exclude_unset="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Body(exclude_defaults=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_type(Body("text/plain").media_type, str | None)
    assert_type(Body(exclude_none=True, by_alias=False).by_alias, bool | None)
    assert_type(FilePart(b"x").filename, str | None)
