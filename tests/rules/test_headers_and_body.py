"""Headers and bodies: what is sent, and what is refused."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import attrs
import msgspec
import pydantic
import pytest

from pyfly.client import (
    Body,
    ClientArgumentException,
    ClientDeclarationException,
    Header,
    connect,
    delete,
    get,
    head,
    http_client,
    patch,
    post,
    put,
)
from tests.rules.support import PlainPort, over
from tests.support.servers import ServerClient


@http_client(base_url="http://x")
class Client:
    @get("/one")
    async def one(self, trace: Annotated[str | None, Header("X-Trace")] = None) -> Any: ...

    @get("/all")
    async def all(self, headers: Mapping[str, str | None]) -> Any: ...

    @post("/things")
    async def create(self, body: Any) -> Any: ...


# Headers


async def test_a_header_parameter_is_sent_and_none_is_left_out(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Echo:
        @get("/echo/x")
        async def echo(self, trace: Annotated[str | None, Header("X-Trace")] = None) -> dict: ...

    async with connect(Echo) as client:
        await client.echo("abc 1")
        await client.echo()
    first, second = guide.requests()
    assert first.header("x-trace") == "abc 1"
    assert first.target == "/echo/x"
    assert second.header("x-trace") is None


async def test_a_mapping_named_headers_is_sent_as_headers(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Echo:
        @get("/echo/x")
        async def echo(self, headers: Mapping[str, str | None]) -> dict: ...

    async with connect(Echo) as client:
        await client.echo({"X-One": "1", "X-Two": None, "X-Three": "a, b"})
    request = guide.request()
    assert request.target == "/echo/x"
    assert request.header("x-one") == "1"
    assert request.header("x-two") is None
    assert request.header("x-three") == "a, b"


BAD_VALUES = ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\x00b", "é", "日", " a", "a ", "\ta", "a\t"]


@pytest.mark.parametrize("value", BAD_VALUES, ids=repr)
async def test_a_header_value_that_could_break_out_is_refused(port: PlainPort, value: str) -> None:
    client = over(port, Client)
    with pytest.raises(ClientArgumentException) as caught:
        await client.one(value)
    assert caught.value.parameter == "trace"
    assert "Client.one" in str(caught.value)
    with pytest.raises(ClientArgumentException):
        await client.all({"X-Trace": value})
    assert port.requests == []


@pytest.mark.parametrize("name", ["", "X Y", "X:Y", "X\r\nY", "é", "X(Y)", "X/Y", "\x00", "X,Y"])
async def test_a_header_name_that_is_no_token_is_refused(port: PlainPort, name: str) -> None:
    with pytest.raises(ClientArgumentException):
        await over(port, Client).all({name: "1"})
    assert port.requests == []


RESERVED = [
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "TE",
    "Upgrade",
    "Expect",
    "Proxy-Authorization",
    "Proxy-Connection",
]


@pytest.mark.parametrize("name", [*RESERVED, *(name.lower() for name in RESERVED)])
async def test_the_headers_of_the_transport_are_refused(port: PlainPort, name: str) -> None:
    with pytest.raises(ClientArgumentException):
        await over(port, Client).all({name: "1"})
    assert port.requests == []


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding"])
async def test_they_are_refused_as_declared_headers_too(port: PlainPort, name: str) -> None:
    @http_client(base_url="http://x")
    class Smuggler:
        @get("/one")
        async def one(self, value: Annotated[str, Header(name)]) -> Any: ...

    async def use() -> None:
        await over(port, Smuggler).one("1")

    with pytest.raises((ClientDeclarationException, ClientArgumentException)):
        await use()
    assert port.requests == []


# Bodies


@dataclass
class Item:
    name: str
    tags: list[str] = field(default_factory=list)


class Model(pydantic.BaseModel):
    name: str
    tags: list[str] = []


class Typed(TypedDict):
    name: str
    tags: list[str]


class Struct(msgspec.Struct):
    name: str
    tags: list[str]


@attrs.define
class Attrs:
    name: str
    tags: list[str]


@dataclass
class Price:
    amount: float


class PriceModel(pydantic.BaseModel):
    amount: float


THING = {"name": "é", "tags": ["a"]}


@pytest.mark.parametrize("verb", [post, put, patch])
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (dict, THING),
        (Item, Item("é", ["a"])),
        (Model, Model(name="é", tags=["a"])),
        (Typed, Typed(name="é", tags=["a"])),
        (Struct, Struct("é", ["a"])),
        (Attrs, Attrs("é", ["a"])),
    ],
    ids=["dict", "dataclass", "pydantic", "TypedDict", "msgspec", "attrs"],
)
async def test_a_body_of_any_kind_is_sent_as_json(
    guide: ServerClient, verb: Any, kind: Any, value: Any
) -> None:
    @http_client(base_url=guide.url)
    class Echo:
        @verb("/echo/x")
        async def send(self, body: kind) -> dict: ...

    async with connect(Echo) as client:
        await client.send(value)
    request = guide.request()
    assert json.loads(request.body) == THING
    assert request.header("content-type") == "application/json"
    assert request.header("content-length") == str(len(request.body))


@pytest.mark.parametrize(
    "value", [{}, [], 0, False, "", "text", [Item("a")], {"item": Model(name="a")}], ids=repr
)
async def test_an_empty_body_and_a_body_of_bodies_are_sent_as_well(
    guide: ServerClient, value: Any
) -> None:
    @http_client(base_url=guide.url)
    class Echo:
        @post("/echo/x")
        async def send(self, body: Any) -> dict: ...

    async with connect(Echo) as client:
        await client.send(value)
    expected = {
        "[Item(name='a', tags=[])]": [{"name": "a", "tags": []}],
        "{'item': Model(name='a', tags=[])}": {"item": {"name": "a", "tags": []}},
    }.get(repr(value), value)
    assert json.loads(guide.request().body) == expected


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        {"a": float("inf")},
        [{"b": float("-inf")}],
        Price(float("nan")),
        PriceModel(amount=float("nan")),
        {"price": PriceModel(amount=float("nan"))},
    ],
    ids=repr,
)
async def test_a_body_with_nan_is_refused(port: PlainPort, value: Any) -> None:
    with pytest.raises(ClientArgumentException) as caught:
        await over(port, Client).create(value)
    assert port.requests == []
    assert caught.value.parameter == "body"
    assert "Client.create" in str(caught.value)


@pytest.mark.parametrize("verb", [get, head])
def test_a_body_on_get_or_head_is_a_declaration_error(port: PlainPort, verb: Any) -> None:
    @http_client(base_url="http://x")
    class Bad:
        @verb("/x")
        async def read(self, body: dict) -> None: ...

    with pytest.raises(ClientDeclarationException, match=r"Bad\.read.*body"):
        over(port, Bad)


async def test_body_on_delete_is_a_query_parameter_unless_marked(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Echo:
        @delete("/echo/query")
        async def plain(self, body: str) -> dict: ...

        @delete("/echo/body")
        async def marked(self, body: Annotated[dict, Body()]) -> dict: ...

    async with connect(Echo) as client:
        await client.plain("why")
        await client.marked({"why": 1})
    plain, marked = guide.requests()
    assert (plain.target, plain.body) == ("/echo/query?body=why", b"")
    assert (marked.target, json.loads(marked.body)) == ("/echo/body", {"why": 1})


async def test_a_marked_body_may_have_any_name(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Echo:
        @post("/echo/x")
        async def send(self, item: Annotated[dict, Body()], dry: bool = False) -> dict: ...

    async with connect(Echo) as client:
        await client.send({"a": 1})
    request = guide.request()
    assert (request.target, json.loads(request.body)) == ("/echo/x?dry=false", {"a": 1})
