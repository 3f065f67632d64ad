"""How streams are declared, and what is refused before anything is sent."""

from __future__ import annotations

import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
)
from pathlib import Path
from typing import Annotated, Any

import pytest

from pyfly.client import (
    Body,
    ClientDeclarationException,
    Response,
    ServerSentEvent,
    Stream,
    SyncStream,
    connect,
    explain,
    get,
    post,
    service_client,
)
from pyfly.client._compile.compile import compile_client
from pyfly.client._declare.markers import File
from pyfly.core import Config
from tests.client.stream.support import Handle, Kit, Session
from tests.rules.support import PlainPort
from tests.support.servers import ServerClient


def problems(cls: type) -> tuple[str, ...]:
    with pytest.raises(ClientDeclarationException) as caught:
        compile_client(cls)
    return caught.value.problems


@pytest.mark.parametrize(
    ("annotation", "asynchronous"),
    [
        (AsyncIterator[int], True),
        (AsyncIterable[int], True),
        (AsyncGenerator[int, None], True),
        (Stream[int], True),
        (Iterator[int], False),
        (Iterable[int], False),
        (Generator[int, None, None], False),
        (SyncStream[int], False),
    ],
)
def test_a_plain_def_that_returns_an_iterator_streams(annotation: Any, asynchronous: bool) -> None:
    def items(self: Any) -> Any: ...

    items.__annotations__["return"] = annotation
    cls = service_client(base_url="http://x")(type("Feed", (), {"items": get("/a")(items)}))
    plan = compile_client(cls)
    assert plan.asynchronous is asynchronous
    (method,) = plan.methods
    assert method.stream is not None
    assert (method.stream.asynchronous, method.stream.item) == (asynchronous, int)
    assert not method.awaited


def test_a_stream_may_stand_beside_awaited_methods() -> None:
    @service_client(base_url="http://x")
    class Feed:
        @get("/a")
        def items(self) -> AsyncIterator[int]: ...

        @get("/b")
        async def value(self) -> int: ...

        @get("/c")
        async def generated(self) -> AsyncIterator[int]:
            yield 1

    assert compile_client(Feed).asynchronous


def test_an_awaited_stream_is_a_mistake_that_says_what_to_write() -> None:
    @service_client(base_url="http://x")
    class Feed:
        @get("/a")
        async def items(self) -> AsyncIterator[int]: ...

        @get("/b")
        async def listed(self) -> Iterator[int]: ...

    assert problems(Feed)[:2] == (
        "Feed.items: -> AsyncIterator is a stream, which nobody awaits (write plain def … -> "
        "AsyncIterator[int])",
        "Feed.listed: -> Iterator is a stream, which async def cannot return (write plain def … "
        "-> AsyncIterator[int], or async def … -> list[int])",
    )


def test_streams_of_both_kinds_do_not_mix() -> None:
    @service_client(base_url="http://x")
    class Feed:
        @get("/a")
        def items(self) -> AsyncIterator[int]: ...

        @get("/b")
        def rows(self) -> Iterator[int]: ...

    assert problems(Feed) == ("Feed: items is async and rows is not (declare one class for each)",)


def test_reconnecting_is_for_streams_and_a_bool() -> None:
    @service_client(base_url="http://x")
    class Feed:
        @get("/a", reconnect=False)
        async def value(self) -> int: ...

        @get("/b", reconnect=3)  # type: ignore[arg-type]  # the mistake
        def events(self) -> AsyncIterator[ServerSentEvent]: ...

    assert problems(Feed) == (
        "Feed.value: reconnect is for server-sent events (return AsyncIterator[ServerSentEvent])",
        "Feed.events: reconnect=3 (write True or False)",
    )


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (None, "a stream has no items of None"),
        (Response[int], "a stream has no items of Response"),
        (Response, "a stream has no items of Response"),
        (Kit, "nothing decodes into"),
        (AsyncIterator[int], "AsyncIterator asks for a stream, which can only be the whole result"),
    ],
)
def test_items_that_nothing_decodes_into_are_a_mistake(item: Any, reason: str) -> None:
    def items(self: Any) -> Any: ...

    items.__annotations__["return"] = AsyncIterator[item]
    cls: Any = service_client(base_url="http://x")(type("Feed", (), {"items": get("/a")(items)}))
    with pytest.raises(ClientDeclarationException, match=rf"Feed\.items: {reason}"):
        Session(True, cls)


def test_a_port_that_cannot_stream_is_refused_by_name() -> None:
    @service_client(base_url="http://x")
    class Feed:
        @get("/a")
        def items(self) -> AsyncIterator[int]: ...

        @get("/b")
        async def value(self) -> int: ...

    with pytest.raises(
        ClientDeclarationException,
        match=r"Feed\.items: streams its result, which the port PlainPort cannot: it has no open",
    ):
        Session(True, Feed, port=PlainPort())


# What is generated


def test_the_function_looks_like_the_stub_and_returns_at_once(kit: Kit) -> None:
    with kit.session() as session:
        function = session.client.drip
        assert str(inspect.signature(function)).startswith("(n: 'int', ms: 'int' = 10)")
        assert not inspect.iscoroutinefunction(function)
        assert isinstance(function(3), Stream if kit.asynchronous else SyncStream)
        assert "await" not in inspect.getsource(function)


@service_client(base_url="http://x")
class AsyncUploads:
    @post("/echo")
    def sent(self, body: Annotated[Any, Body()]) -> AsyncIterator[dict[str, Any]]: ...

    @post("/echo/form")
    def uploaded(self, file: Annotated[Path, File()]) -> Stream[dict[str, Any]]: ...


@service_client(base_url="http://x")
class SyncUploads:
    @post("/echo")
    def sent(self, body: Annotated[Any, Body()]) -> Iterator[dict[str, Any]]: ...

    @post("/echo/form")
    def uploaded(self, file: Annotated[Path, File()]) -> SyncStream[dict[str, Any]]: ...


def test_bodies_of_every_kind_are_sent(kit: Kit, guide: ServerClient, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(b"from a file")
    cls = AsyncUploads if kit.asynchronous else SyncUploads
    with Session(kit.asynchronous, cls, guide.url) as session:
        (echo,) = session.items("sent", {"a": 1})
        assert echo["body"] == '{"a":1}'
        (echo,) = session.items("sent", iter([b"one", b"two"]))
        assert echo["body"] == "onetwo"
        (echo,) = session.items("uploaded", path)
        assert "from a file" in echo["body"]


def test_a_stream_of_events_with_a_body_that_is_read_once_is_not_continued(kit: Kit) -> None:
    from pyfly.client import Request
    from pyfly.client._stream.reconnection import can_continue

    with kit.session() as session:
        plan = next(m for m in session.wiring.plan.methods if m.name == "chat_on")
        request = Request("POST", "/", {})
        assert can_continue(plan, request)
        request.single_use = "the body is an iterator"
        assert not can_continue(plan, request)


def test_settings_of_streams_are_explained_and_can_be_set_for_a_method(kit: Kit) -> None:
    with kit.session(settings={"stream-timeout": "1m"}) as session:
        text = explain(session.client.drip)
    assert "stream-idle-timeout = 30 s   (pyfly's default)" in text
    assert "stream-timeout = 60 s" in text


async def test_a_stream_is_a_method_before_wiring_too() -> None:
    @service_client(base_url="http://x")
    class Feed:
        @get("/a")
        def items(self) -> AsyncIterator[int]: ...

    with pytest.raises(NotImplementedError, match="has not been wired"):
        Feed().items()
    async with connect(Feed, config=Config({}, environ={})) as feed:
        assert "not open yet" in repr(feed.items())


def test_the_handle_of_these_tests_reads_one_by_one(kit: Kit) -> None:
    with kit.session(kit.answer(b"a")) as session:
        handle: Handle[bytes] = session.stream("chunks")
        assert handle.next() == b"a"
        with pytest.raises((EOFError, StopIteration)):
            handle.next()
