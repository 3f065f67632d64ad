"""What the type checkers say of streams. Nothing runs: mypy and pyright read this file."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Protocol, assert_type

from pyfly.client import (
    Headers,
    Page,
    ServerSentEvent,
    Stream,
    SyncStream,
    connect,
    connect_sync,
    download,
    download_sync,
    get,
    service_client,
)


class Item:
    name: str


@service_client(base_url="http://feed")
class Feed(Protocol):
    @get("/events", reconnect=False)
    def events(self) -> AsyncIterator[ServerSentEvent]: ...

    @get("/export")
    def export(self, year: int) -> AsyncIterator[bytes]: ...

    @get("/items", paginate=Page.cursor(next="meta.next", items="data"))
    def items(self) -> AsyncIterator[Item]: ...

    @get("/rows")
    def rows(self) -> Stream[Item]: ...


@service_client(base_url="http://feed")
class SyncFeed(Protocol):
    @get("/export")
    def export(self) -> Iterator[bytes]: ...

    @get("/items", paginate=Page.link())
    def items(self) -> Iterator[Item]: ...

    @get("/rows")
    def rows(self) -> SyncStream[Item]: ...


async def items_have_the_declared_type() -> None:
    async with connect(Feed) as feed:
        async for event in feed.events():
            assert_type(event, ServerSentEvent)
            assert_type(event.data, str)
            assert_type(event.retry, int | None)
            assert_type(event.json(), Any)
        async for chunk in feed.export(2024):
            assert_type(chunk, bytes)
        async for item in feed.items():
            assert_type(item, Item)
        assert_type([row async for row in feed.rows()], list[Item])


async def a_stream_is_a_context_manager_too() -> None:
    async with connect(Feed) as feed:
        async with feed.rows() as rows:
            assert_type(rows, Stream[Item])
            assert_type(rows.headers, Headers)
            assert_type(rows.status_code, int)
            assert_type(await anext(rows), Item)
        await feed.rows().aclose()


def so_it_is_without_async() -> None:
    with connect_sync(SyncFeed) as feed:
        for item in feed.items():
            assert_type(item, Item)
        with feed.rows() as rows:
            assert_type(rows, SyncStream[Item])
            assert_type(next(rows), Item)
            assert_type(rows.headers, Headers)


async def downloads_take_streams_of_bytes() -> None:
    async with connect(Feed) as feed:
        assert_type(await download(feed.export(1), Path("x"), overwrite=True), int)
        await download(feed.events(), "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with connect_sync(SyncFeed) as blocking:
        assert_type(download_sync(blocking.export(), "x", progress=True), int)


async def what_is_no_stream_is_not_iterated() -> None:
    async with connect(Feed) as feed:
        await feed.events()  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
        for _ in feed.items():  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
            pass
