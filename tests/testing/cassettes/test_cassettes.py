"""Record over a real server, replay without one."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Protocol, cast

import pytest
import yaml

from pyfly.client import (
    File,
    Form,
    Header,
    HttpxClientAdapter,
    Page,
    ReadException,
    Response,
    ResponseDecodeException,
    ServerErrorException,
    ServerSentEvent,
    TransportException,
    get,
    post,
    service_client,
)
from pyfly.client.adapters.httpx_sync import HttpxSyncClientAdapter
from pyfly.core import Config
from pyfly.testing import (
    Cassette,
    CassetteException,
    FakePort,
    SyncCassette,
    UnexpectedRequestException,
    client_for,
)
from tests.support.servers import ServerClient
from tests.testing.support import Filter, HastyClock, Warehouse


@service_client(base_url="http://unused", retry=3)
class Shop(Protocol):
    @get("/products/{product_id}")
    async def product(self, product_id: str) -> dict[str, Any] | None: ...

    @get("/things/{thing_id}")
    async def thing(
        self,
        thing_id: int,
        tag: str | None = None,
        api_token: Annotated[str | None, Header("X-Api-Token")] = None,
    ) -> Any: ...

    @post("/login")
    async def login(
        self, user: Annotated[str, Form()], password: Annotated[str, Form()]
    ) -> Response[Any]: ...

    @post("/items")
    async def create(self, body: dict[str, Any]) -> Any: ...

    @post("/upload")
    async def upload(
        self, title: Annotated[str, Form()], photo: Annotated[bytes, File()]
    ) -> None: ...

    @get("/raw")
    async def raw(self) -> bytes: ...

    @get("/pages", paginate=Page.cursor(next="next_token", param="page_token", items="data"))
    def pages(self) -> AsyncIterator[dict[str, Any]]: ...

    @get("/rows")
    def rows(self) -> AsyncIterator[dict[str, Any]]: ...

    @get("/events", reconnect=False)
    def events(self) -> AsyncIterator[ServerSentEvent]: ...


@service_client(base_url="http://unused", retry=3)
class SyncShop(Protocol):
    @get("/products/{product_id}")
    def product(self, product_id: str) -> dict[str, Any] | None: ...

    @get("/rows")
    def rows(self) -> Iterator[dict[str, Any]]: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassettes" / "shop.yaml"


@pytest.fixture(autouse=True)
def no_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYFLY_CASSETTES", raising=False)


def recorder(path: Path, guide: ServerClient, **options: Any) -> Cassette:
    """Records the first time, over a server, and replays over nothing the second time."""
    port = HttpxClientAdapter(guide.url)
    return Cassette(path, port, client=options.pop("client", Shop), **options)


def player(path: Path, **options: Any) -> Cassette:
    return Cassette(path, client=options.pop("client", Shop), **options)


def exchanges(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text())["exchanges"]
    return found


async def test_what_was_recorded_is_replayed_without_the_service(
    guide: ServerClient, path: Path
) -> None:
    async with recorder(path, guide) as cassette:
        assert cassette.is_recording
        shop = client_for(Shop, port=cassette)
        recorded = [await shop.product("42"), await shop.product("missing")]
    assert len(guide.requests()) == 2
    async with player(path) as cassette:
        assert not cassette.is_recording
        shop = client_for(Shop, port=cassette)
        replayed = [await shop.product("42"), await shop.product("missing")]
    assert replayed == recorded == [{"id": "42", "name": "Product 42"}, None]
    assert len(guide.requests()) == 2


async def test_the_file_is_for_people_to_read(guide: ServerClient, path: Path) -> None:
    guide.script(
        "/products/42",
        {
            "headers": {"Content-Type": "application/json"},
            "body": {"text": "a\nb", "day": "2026-01-02"},
        },
    )
    async with recorder(path, guide) as cassette:
        await client_for(Shop, port=cassette).product("42")
    text = path.read_text()
    recorded = yaml.safe_load(text)["recorded"]
    assert datetime.now(UTC) - datetime.fromisoformat(recorded) < timedelta(minutes=1)
    assert text == (
        "# Recorded by pyfly.testing. To record it anew, run the test with "
        "PYFLY_CASSETTES=refresh.\n"
        "version: 1\n"
        f"recorded: '{recorded}'\n"
        f"base-url: {guide.url}\n"
        "exchanges:\n"
        "- call: Shop.product\n"
        "  arguments:\n"
        "    product_id: '42'\n"
        "  request:\n"
        "    method: GET\n"
        "    url: /products/42\n"
        "    headers:\n"
        "      accept: application/json\n"
        "  response:\n"
        "    status: 200\n"
        "    headers:\n"
        "      Content-Type: application/json\n"
        "    json:\n"
        "      text: |-\n"
        "        a\n"
        "        b\n"
        "      day: '2026-01-02'\n"
    )


async def test_every_attempt_is_recorded_and_replayed_in_order(
    guide: ServerClient, path: Path
) -> None:
    guide.script("/products/42", {"status": 503}, {"drop": True})
    for cassette in (recorder(path, guide), player(path)):
        clock = HastyClock()
        async with cassette:
            shop = client_for(Shop, port=cassette, clock=clock)
            assert await shop.product("42") == {"id": "42", "name": "Product 42"}
        assert clock.slept == [1.0, 2.0]
    first, second, third = exchanges(path)
    assert first["response"]["status"] == 503
    assert second["error"]["type"] == "ReadException"
    assert "response" not in second
    assert third["response"]["json"] == {"id": "42", "name": "Product 42"}


async def test_an_error_that_ends_a_call_is_raised_again(guide: ServerClient, path: Path) -> None:
    guide.script("/items", {"status": 500}, {"reset": True})
    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            shop = client_for(Shop, port=cassette)
            with pytest.raises(ServerErrorException):
                await shop.create({"a": 1})
            with pytest.raises(ReadException) as caught:
                await shop.create({"a": 1})
            assert caught.value.operation == "Shop.create"


async def test_calls_are_matched_by_method_and_arguments(guide: ServerClient, path: Path) -> None:
    guide.script("/things/1", {"body": "one"}, {"body": "one again"})
    guide.script("/things/2", {"body": "two"})
    async with recorder(path, guide) as cassette:
        shop = client_for(Shop, port=cassette)
        await shop.thing(1, tag="x")
        await shop.thing(2)
        await shop.thing(1, tag="x")
    async with player(path) as cassette:
        shop = client_for(Shop, port=cassette)
        assert await shop.thing(2, api_token=None) == "two"
        assert [await shop.thing(1, "x"), await shop.thing(1, "x")] == ["one", "one again"]
    assert exchanges(path)[0]["arguments"] == {"thing_id": 1, "tag": "x"}


async def test_another_path_for_the_same_call_still_fits(guide: ServerClient, path: Path) -> None:
    async with recorder(path, guide) as cassette:
        recorded = await client_for(Shop, port=cassette).product("42")

    class Elsewhere:
        @service_client(base_url="http://unused")
        class Shop(Protocol):
            @get("/v2/products/{product_id}")
            async def product(self, product_id: str) -> Any: ...

    async with player(path, client=Elsewhere.Shop) as cassette:
        assert await client_for(Elsewhere.Shop, port=cassette).product("42") == recorded


async def test_without_a_class_the_url_and_the_body_are_matched(
    guide: ServerClient, path: Path
) -> None:
    guide.script("/items", {"body": "one"}, {"body": "two"})
    async with recorder(path, guide, client=None) as cassette:
        shop = client_for(Shop, port=cassette)
        recorded = [await shop.create({"a": 1}), await shop.create({"a": 2})]
    assert exchanges(path)[0]["request"] == {
        "method": "POST",
        "url": "/items",
        "headers": {"content-type": "application/json", "accept": "application/json"},
        "json": {"a": 1},
    }
    async with player(path, client=None) as cassette:
        shop = client_for(Shop, port=cassette)
        assert [await shop.create({"a": 2}), await shop.create({"a": 1})] == recorded[::-1]
        with pytest.raises(UnexpectedRequestException, match=r"json: \{'a': 1\} was recorded"):
            await shop.create({"a": 3})


async def test_a_call_that_was_not_recorded_names_the_nearest(
    guide: ServerClient, path: Path
) -> None:
    guide.script("/items", {"body": "one"})
    async with recorder(path, guide) as cassette:
        shop = client_for(Shop, port=cassette)
        await shop.create({"a": 1})
        await shop.product("42")
    async with player(path) as cassette:
        shop = client_for(Shop, port=cassette)
        await shop.product("42")
        with pytest.raises(UnexpectedRequestException) as caught:
            await shop.product("43")
        assert str(caught.value) == (
            f"{path} has no recording of Shop.product(product_id='43')\n"
            "  the nearest is exchange 2, which differs:\n"
            "    product_id: '42' was recorded, '43' is asked\n"
            "  to record it, run the test with PYFLY_CASSETTES=refresh, and give a port"
        )
        with pytest.raises(UnexpectedRequestException, match="it was asked 1 times"):
            await shop.product("42")
        with pytest.raises(UnexpectedRequestException, match=r"'Shop\.raw' is asked"):
            await shop.raw()


async def test_an_empty_cassette_says_so(guide: ServerClient, path: Path) -> None:
    async with recorder(path, guide):
        pass
    async with player(path) as cassette:
        with pytest.raises(UnexpectedRequestException, match="it is empty"):
            await client_for(Shop, port=cassette).raw()


def test_one_secret_has_to_stand_in_a_list() -> None:
    with pytest.raises(TypeError, match=r"secrets='pin' is one name: write secrets=\['pin'\]"):
        Cassette("cassette.yaml", secrets="pin")


async def test_secrets_are_not_written(guide: ServerClient, path: Path) -> None:
    guide.script(
        "/login",
        {
            "headers": {
                "Content-Type": "application/json",
                "Set-Cookie": "sid=s3cret-cookie",
                "Location": f"{guide.url}/next?access_token=s3cret-query&page=2",
            },
            "body": {
                "accessToken": "s3cret-field",
                "total_tokens": 12,
                "next": "https://ann:s3cret-user@x/?sig=1&api_key=s3cret-key",
                "pin": 1234,
                "nested": {"secrets": ["s3cret-list", None]},
            },
        },
    )
    guide.script("/things/1", {"body": "one"})
    async with recorder(path, guide, secrets=["pin"]) as cassette:
        shop = client_for(Shop, port=cassette)
        await shop.login("ann", "s3cret-form")
        await shop.thing(1, api_token="s3cret-header")
    text = path.read_text()
    assert "s3cret" not in text
    assert "1234" not in text
    login, thing = exchanges(path)
    assert login["arguments"] == {"user": "ann", "password": "***1"}
    assert login["response"]["json"]["total_tokens"] == 12
    assert login["response"]["json"]["pin"] == 0
    assert "page=2" in login["response"]["headers"]["Location"]
    assert thing["arguments"]["api_token"].startswith("***")
    async with player(path) as cassette:
        shop = client_for(Shop, port=cassette)
        assert (await shop.login("ann", "another")).value["accessToken"].startswith("***")
        await shop.thing(1, api_token="another")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"token": "s3cret\\"x"}\n{"n": 1, "tokens": 2}\n', "application/x-ndjson"),
        (b'id: 1\ndata: {"password" : "s3cret"}\n\n', "text/event-stream"),
        (b'{"n": 1, "api_key": "s3cr', "application/json"),
        (b"see https://me:s3cret@host/?token=s3cret#top", "text/plain"),
    ],
)
async def test_secrets_in_lines_events_and_broken_bodies_are_not_written(
    guide: ServerClient, path: Path, body: bytes, kind: str
) -> None:
    guide.script("/raw", {"body": body, "headers": {"Content-Type": kind}})
    async with recorder(path, guide) as cassette:
        await client_for(Shop, port=cassette).raw()
    text = exchanges(path)[0]["response"]["text"]
    assert "s3cr" not in text
    assert "***1" in text


async def test_credentials_of_the_client_are_not_written(guide: ServerClient, path: Path) -> None:
    @service_client(base_url="http://unused", auth="Bearer s3cret", headers={"X-Api-Key": "s3cret"})
    class Guarded(Protocol):
        @get("/products/{product_id}")
        async def product(self, product_id: str) -> Any: ...

    async with recorder(path, guide, client=Guarded) as cassette:
        await client_for(Guarded, port=cassette).product("1")
    assert guide.request().header("authorization") == "Bearer s3cret"
    assert "s3cret" not in path.read_text()


async def test_a_page_token_is_hidden_and_still_leads_on(guide: ServerClient, path: Path) -> None:
    guide.script(
        "/pages",
        {"body": {"data": [{"n": 1}], "next_token": "s3cret+a"}},
        {"body": {"data": [{"n": 2}], "next_token": "s3cret+b"}},
        {"body": {"data": [{"n": 3}]}},
    )
    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            shop = client_for(Shop, port=cassette)
            assert [item["n"] async for item in shop.pages()] == [1, 2, 3]
    assert "s3cret" not in path.read_text()
    assert list(exchanges(path)[1]["query"]) == ["page_token"]


async def test_files_are_recorded_by_their_digest(guide: ServerClient, path: Path) -> None:
    guide.script("/upload", {"body": None})
    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            await client_for(Shop, port=cassette).upload("t", b"\x89PNG")
    assert exchanges(path)[0]["arguments"]["photo"][0].startswith("photo, 4 bytes, sha256 ")
    async with player(path) as cassette:
        with pytest.raises(UnexpectedRequestException, match="photo: "):
            await client_for(Shop, port=cassette).upload("t", b"\x89JPG")


async def test_forms_without_a_class(guide: ServerClient, path: Path) -> None:
    guide.script("/login", {"body": None})
    guide.script("/upload", {"body": None})
    for cassette in (recorder(path, guide, client=None), player(path, client=None)):
        async with cassette:
            shop = client_for(Shop, port=cassette)
            await shop.login("ann", "pass")
            await shop.upload("t", b"\x89PNG")
    login, upload = exchanges(path)
    assert login["request"]["form"] == ["user=ann", "password=***1"]
    assert upload["request"]["parts"][0] == {"name": "title", "text": "t"}


@pytest.mark.parametrize(
    ("body", "kind", "key"),
    [
        (b"\x00\xff\x10", "application/octet-stream", "base64"),
        ("grüße\nzwei".encode(), "text/plain; charset=utf-8", "text"),
        ("gr\xfc\xdfe".encode("latin-1"), "text/plain; charset=latin-1", "text"),
        (b"ok\x00", "text/plain", "base64"),
        (b"x", "text/plain; charset=nonsense", "base64"),
        (b'{"a": "\\ud800"}', "application/json", "text"),
        (b'{"n": 1e400, "a": 1', "application/json", "text"),
        (b'{"n":   1}', "text/plain", "text"),
        (b'[1.0, 1e30, true, "2026-01-02", "yes", "  a ", null]', "application/json", "json"),
        (b"", "application/json", None),
    ],
)
async def test_bodies_come_back_as_they_were(
    guide: ServerClient, path: Path, body: bytes, kind: str, key: str | None
) -> None:
    guide.script("/raw", {"body": body, "headers": {"Content-Type": kind}})
    async with recorder(path, guide) as cassette:
        assert await client_for(Shop, port=cassette).raw() == body
    async with player(path) as cassette:
        replayed = await client_for(Shop, port=cassette).raw()
    response = exchanges(path)[0]["response"]
    assert {"json", "text", "base64"} & response.keys() == ({key} if key else set())
    if key == "json":
        assert json.loads(replayed) == json.loads(body)
    else:
        assert replayed == body


async def test_a_compressed_body_is_recorded_plain(guide: ServerClient, path: Path) -> None:
    packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    guide.script("/things/1", {"body": gzip.compress(b'{"a": 1}'), "headers": packed})
    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            assert await client_for(Shop, port=cassette).thing(1) == {"a": 1}
    response = exchanges(path)[0]["response"]
    assert response["json"] == {"a": 1}
    assert response["headers"] == {"Content-Type": "application/json"}


async def test_a_body_that_is_not_what_it_says_is_recorded_as_it_is(
    guide: ServerClient, path: Path
) -> None:
    guide.script("/things/1", {"body": b"\xffbroken", "headers": {"Content-Encoding": "gzip"}})
    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            with pytest.raises(ResponseDecodeException):
                await client_for(Shop, port=cassette).thing(1)


async def test_a_repeated_header_keeps_its_values(guide: ServerClient, path: Path) -> None:
    pairs = [("X-Tag", "a"), ("X-Tag", "b"), ("X-Tag", "c")]
    guide.script("/login", {"body": 1, "headers": pairs})
    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            response = await client_for(Shop, port=cassette).login("a", "b")
            assert response.headers.get_list("x-tag") == ["a", "b", "c"]


async def test_streams(guide: ServerClient, path: Path) -> None:
    rows = b'{"n": 1}\n{"n": 2}\n{"n": 3}\n'
    events = b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n"
    guide.script("/rows", {"status": 503}, *[{"body": rows}] * 2)
    guide.script("/events", {"body": events, "headers": {"Content-Type": "text/event-stream"}})
    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            shop = client_for(Shop, port=cassette, clock=HastyClock())
            assert [row["n"] async for row in shop.rows()] == [1, 2, 3]
            async with cast(Any, shop.rows()) as some:
                assert (await anext(some))["n"] == 1
            assert [event.data async for event in shop.events()] == ["a", "b"]
    assert exchanges(path)[3]["response"]["text"] == events.decode()


async def test_a_stream_that_breaks_off_does_so_again(guide: ServerClient, path: Path) -> None:
    chunk = b'{"n": 1}\n'
    guide.script("/rows", {"chunks": [chunk], "cut": 0}, {"drop": True}, {"drop": True})

    async def read(shop: Shop) -> list[int]:
        return [row["n"] async for row in shop.rows()]

    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            shop = client_for(Shop, port=cassette, clock=HastyClock())
            with pytest.raises(Exception, match=r"Shop\.rows"):
                await read(shop)
    first = exchanges(path)[0]
    assert first["response"]["json"] == {"n": 1}
    assert "error" in first


async def test_a_stream_that_does_not_begin(guide: ServerClient, path: Path) -> None:
    guide.script("/rows", *[{"drop": True}] * 3)
    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            shop = client_for(Shop, port=cassette, clock=HastyClock())
            with pytest.raises(ReadException):
                await anext(shop.rows())
    assert [each["error"]["type"] for each in exchanges(path)] == ["ReadException"] * 3


async def test_redirects_within_the_recorded_service(guide: ServerClient, path: Path) -> None:
    config = Config({"pyfly.client.default.follow-redirects": True}, environ={})
    guide.script("/things/1", {"status": 302, "headers": {"Location": f"{guide.url}/things/2"}})
    guide.script("/things/2", {"body": "two"})
    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            assert await client_for(Shop, port=cassette, config=config).thing(1) == "two"


# When it records, and when not


async def test_a_test_that_fails_records_nothing(guide: ServerClient, path: Path) -> None:
    async def block() -> None:
        async with recorder(path, guide) as cassette:
            await client_for(Shop, port=cassette).product("1")
            raise KeyError

    with pytest.raises(KeyError):
        await block()
    assert not path.exists()


async def test_a_write_that_fails_leaves_the_old_file_alone(
    guide: ServerClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recorder(path, guide):
        pass
    before = path.read_bytes()

    def fail(*arguments: Any) -> None:
        raise OSError("disk full")

    async def block() -> None:
        async with recorder(path, guide, mode="refresh") as cassette:
            await client_for(Shop, port=cassette).product("1")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            await block()
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


async def test_refresh_records_anew(
    guide: ServerClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide.script("/things/1", {"body": "old"}, {"body": "new"})
    for mode, expected in ((None, "old"), (None, "old"), ("refresh", "new"), (None, "new")):
        if mode:
            monkeypatch.setenv("PYFLY_CASSETTES", mode)
        else:
            monkeypatch.delenv("PYFLY_CASSETTES", raising=False)
        async with recorder(path, guide) as cassette:
            assert await client_for(Shop, port=cassette).thing(1) == expected


async def test_replay_never_records(
    guide: ServerClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYFLY_CASSETTES", "replay")
    with pytest.raises(CassetteException, match="is not there, and PYFLY_CASSETTES=replay"):
        await recorder(path, guide).__aenter__()
    monkeypatch.setenv("PYFLY_CASSETTES", "record")
    with pytest.raises(CassetteException, match="PYFLY_CASSETTES='record' is no mode"):
        await recorder(path, guide).__aenter__()
    with pytest.raises(CassetteException, match="mode='x' is no mode"):
        await recorder(path, guide, mode=cast(Any, "x")).__aenter__()


async def test_nothing_is_recorded_without_a_port(path: Path) -> None:
    with pytest.raises(CassetteException, match="cannot be recorded without a port"):
        await player(path).__aenter__()


async def test_an_old_recording_expires(guide: ServerClient, path: Path) -> None:
    async with recorder(path, guide):
        pass
    month = timedelta(days=30)
    async with player(path, expires=month):
        pass
    text = path.read_text()
    for old in ("2020-01-02T03:04:05+00:00", "2020-01-02T03:04:05"):
        recorded = yaml.safe_load(text)["recorded"]
        path.write_text(text.replace(recorded, old))
        with pytest.raises(
            CassetteException, match=r"days ago, and expires after 30: run the test"
        ):
            await player(path, expires=month).__aenter__()
        async with player(path):
            pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is no YAML"),
        ("a: 2024-99-99", "is no YAML"),
        ("a: 0x_", "is no YAML"),
        ("a: !!timestamp x", "is no YAML"),
        pytest.param("{" * 40_000, "is no YAML", id="brackets without end"),
        pytest.param("- " * 40_000, "is no YAML", id="lists without end"),
        pytest.param(
            f"a: {'[' * 400}{']' * 400}\nb: [{', []' * 900}]", "is no", id="many brackets"
        ),
        ("[]", "is no cassette: list indices"),
        ("version: 2", "its version is 2, not 1"),
        ("version: 1", "it lacks 'recorded'"),
        ("{version: 1, recorded: never, base-url: x, exchanges: []}", "Invalid isoformat"),
        ("{version: 1, recorded: '2026-01-01', base-url: x, exchanges: [{}]}", "lacks 'request'"),
    ],
)
async def test_a_file_that_is_no_cassette(path: Path, text: str, message: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(CassetteException, match=message):
        await player(path).__aenter__()


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ("", "neither a response nor an error"),
        ("error: {type: SystemExit}", "'SystemExit' is none that a port raises"),
        ("response: {headers: {}}", "'status'"),
        ("response: {status: 200, base64: '!'}", "base64|padding"),
    ],
)
async def test_an_exchange_that_cannot_be_read(path: Path, outcome: str, message: str) -> None:
    path.parent.mkdir()
    path.write_text(
        "version: 1\nrecorded: '2026-01-01'\nbase-url: http://x\nexchanges:\n"
        f"- call: Shop.raw\n  request: {{}}\n  {outcome}\n"
    )
    async with player(path) as cassette:
        with pytest.raises(CassetteException, match=message):
            await client_for(Shop, port=cassette).raw()


async def test_it_is_used_in_its_block_only(path: Path) -> None:
    cassette = player(path)
    with pytest.raises(CassetteException, match=r"write `async with Cassette"):
        await client_for(Shop, port=cassette).raw()
    with pytest.raises(CassetteException, match=r"write `with SyncCassette"):
        client_for(SyncShop, port=SyncCassette(path)).product("1")
    with pytest.raises(TypeError, match=r"its stubs are plain def: give it a SyncCassette$"):
        client_for(SyncShop, port=cassette)
    assert repr(cassette) == f"<Cassette {path}, closed>"
    assert cassette.base_url == ""


def test_a_port_that_encodes_by_itself_is_refused(path: Path) -> None:
    class Own:
        pass

    with pytest.raises(TypeError, match="which a Own encodes by itself"):
        Cassette(path, Own())


async def test_an_error_that_no_port_raises_is_not_recorded(path: Path) -> None:
    fake = FakePort()
    fake.on(Shop.raw).raises(KeyError("mine")).returns(b"x")
    fake.on(Shop.rows).raises(KeyError("mine")).yields({"n": 1}, breaks=KeyError("late"))
    async with Cassette(path, fake, client=Shop) as cassette:
        assert repr(cassette) == f"<Cassette {path}, recording>"
        shop = client_for(Shop, port=cassette)
        for _ in range(2):
            with pytest.raises(KeyError):
                await shop.raw()
            with pytest.raises(KeyError):
                _ = [row async for row in shop.rows()]
            await shop.raw()
            fake.on(Shop.raw).raises(KeyError("again")).returns(b"x")


def test_synchronous_clients(guide: ServerClient, path: Path) -> None:
    guide.script("/rows", {"body": b'{"n": 1}\n'}, {"status": 500}, {"drop": True})
    for cassette in (
        SyncCassette(path, HttpxSyncClientAdapter(guide.url), client=SyncShop),
        SyncCassette(path, client=SyncShop),
    ):
        with cassette:
            shop = client_for(SyncShop, port=cassette, clock=HastyClock())
            assert shop.product("42") == {"id": "42", "name": "Product 42"}
            assert [row["n"] for row in shop.rows()] == [1]
    assert len(exchanges(path)) == 2


def test_synchronous_failures(guide: ServerClient, path: Path) -> None:
    row = b'{"n": 1}\n'
    guide.script("/rows", *[{"drop": True}] * 3, {"chunks": [row], "cut": 0})
    guide.script("/rows", *[{"status": 500, "body": b"x" * 1000, "cut": 300}] * 3)
    guide.script("/rows", *[{"status": 500, "body": b"whole"}] * 3)
    guide.script("/products/1", *[{"drop": True}] * 3)
    for cassette in (
        SyncCassette(path, HttpxSyncClientAdapter(guide.url), client=SyncShop),
        SyncCassette(path, client=SyncShop),
    ):
        with cassette:
            shop = client_for(SyncShop, port=cassette, clock=HastyClock())
            for _ in range(4):
                with pytest.raises(Exception, match=r"SyncShop\.rows"):
                    list(shop.rows())
            with pytest.raises(ReadException):
                shop.product("1")
    found = exchanges(path)
    assert [each["response"]["status"] for each in found if "response" in each] == [200] + [500] * 6
    assert sum("error" in each for each in found) == 3 + 1 + 3 + 3


async def test_an_error_body_that_breaks_off(guide: ServerClient, path: Path) -> None:
    guide.script("/rows", *[{"status": 500, "body": b"x" * 1000, "cut": 300}] * 3)
    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            shop = client_for(Shop, port=cassette, clock=HastyClock())
            with pytest.raises(TransportException):
                await anext(shop.rows())


async def test_every_kind_of_parameter(path: Path) -> None:
    fake = FakePort()
    fake.on("POST", "/blob").responds(204)
    for method in (Warehouse.headed, Warehouse.filtered, Warehouse.spread):
        fake.on(method).returns("x")

    async def calls(port: Any, session: str) -> None:
        warehouse = client_for(Warehouse, port=port)
        await warehouse.blob(b"\x00\x01")
        await warehouse.headed(session, 3, {"X-Request-Id": f"of {len(session)}"})
        await warehouse.filtered("s", Filter("red", 3))
        await warehouse.spread("ann", Filter("blue"))

    async with Cassette(path, fake, client=Warehouse) as cassette:
        await calls(cassette, "s3cret")
    async with Cassette(path, client=Warehouse) as cassette:
        await calls(cassette, "another")
    assert "s3cret" not in path.read_text()
    assert [each["arguments"] for each in exchanges(path)] == [
        {"body": "2 bytes, sha256 b413f47d13ee2fe6"},
        {"token": "***1", "level": 3},
        {"shop": "s", "by": {"colour": "red", "size": 3}},
        {"user": "ann", "by": {"colour": "blue", "size": None}},
    ]


async def test_calls_side_by_side_are_told_apart(guide: ServerClient, path: Path) -> None:
    for cassette in (recorder(path, guide), player(path)):
        async with cassette:
            shop = client_for(Shop, port=cassette)
            found = await asyncio.gather(*(shop.product(str(n)) for n in range(20)))
            assert [each["id"] for each in found if each] == [str(n) for n in range(20)]
    assert [each["arguments"]["product_id"] for each in exchanges(path)] == [
        str(n) for n in range(20)
    ]
