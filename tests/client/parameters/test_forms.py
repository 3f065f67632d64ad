"""Form fields, on the wire."""

import dataclasses
from datetime import date
from enum import Enum
from typing import Annotated, Any, TypedDict
from urllib.parse import parse_qsl

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client import (
    ClientArgumentException,
    PortValueException,
    connect,
    connect_sync,
    delete,
    http_client,
    post,
)
from pyfly.client._bind.bodies import encode_form
from pyfly.client._declare.markers import Form
from pyfly.testing import client_for
from tests.rules.support import PlainPort
from tests.support.servers import ServerClient

TYPE = "application/x-www-form-urlencoded"
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


class Colour(Enum):
    RED = "red"


async def sent(guide: ServerClient, annotation: Any, value: Any) -> list[tuple[str, str]]:
    """What a form with one parameter arrives as."""

    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/form")
        async def send(self, x: annotation) -> dict[str, Any]: ...

    async with connect(Client) as client:
        await client.send(value)
    request = guide.request()
    assert request.header("content-type") == TYPE
    assert request.header("content-length") == str(len(request.body))
    return parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)


async def test_all_form_parameters_make_one_form(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/{place}")
        async def send(
            self,
            place: str,
            name: Annotated[str, Form()],
            tags: Annotated[list[str], Form("tag")] = [],  # noqa: B006  # never changed
            born: Annotated[date | None, Form()] = None,
            page: int = 1,
        ) -> dict[str, Any]: ...

    async with connect(Client) as client:
        await client.send("form", "Zoë & co=x+y", ["a b", "ü~*"], date(2026, 1, 2))
        await client.send("form", "")
    first, second = guide.requests()
    assert first.target == "/echo/form?page=1"
    assert first.body == (b"name=Zo%C3%AB+%26+co%3Dx%2By&tag=a+b&tag=%C3%BC%7E*&born=2026-01-02")
    assert second.body == b"name="


def test_a_synchronous_client_sends_the_same(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @delete("/echo/form")
        def send(self, x: Annotated[str, Form("the x")]) -> dict[str, Any]: ...

    with connect_sync(Client) as client:
        client.send("1\r\n2")
    assert guide.request().body == b"the+x=1%0D%0A2"


@dataclasses.dataclass
class Data:
    name: str
    size: int | None = None


@attrs.define
class Attrs:
    name: str
    size: int | None = None


class Struct(msgspec.Struct, rename="upper"):
    name: str
    size: int | None = None


class Model(pydantic.BaseModel):
    name: str = pydantic.Field(serialization_alias="Name")
    size: int | None = None


class Typed(TypedDict):
    name: str
    size: int | None


@pytest.mark.parametrize(
    ("annotation", "value", "name"),
    [
        (Data, Data("a b"), "name"),
        (Attrs, Attrs("a b"), "name"),
        (Struct, Struct("a b"), "NAME"),
        (Model, Model(name="a b"), "Name"),
        (Typed, {"name": "a b", "size": None}, "name"),
        (dict[str, str], {"name": "a b"}, "name"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_an_object_is_spread_into_fields(
    guide: ServerClient, annotation: Any, value: Any, name: str
) -> None:
    assert await sent(guide, Annotated[annotation, Form()], value) == [(name, "a b")]


async def test_lists_repeat_and_none_is_left_out(guide: ServerClient) -> None:
    value = {"a": ["1", None, "2"], "b": None, "c": {3, 1}, "d": Colour.RED, "e": True}
    assert await sent(guide, Annotated[dict[str, Any], Form()], value) == [
        ("a", "1"),
        ("a", "2"),
        ("c", "1"),
        ("c", "3"),
        ("d", "red"),
        ("e", "true"),
    ]


async def test_a_form_without_a_value_is_an_empty_body(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/form")
        async def send(self, x: Annotated[str | None, Form()] = None) -> dict[str, Any]: ...

    async with connect(Client) as client:
        await client.send()
    request = guide.request()
    assert (request.body, request.header("content-length")) == (b"", "0")
    assert request.header("content-type") == TYPE


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": {"b": 1}}, "its field 'a' is a dict, and what is nested has no form here"),
        ({"a": Data("x")}, "its field 'a' is a Data, and what is nested"),
        ({"a": "\ud800"}, "its field 'a': it holds half of a surrogate pair"),
        ({"\ud800": "a"}, "half of a surrogate pair"),
        ({(1, 2): "a"}, "a tuple cannot be the name"),
        ("text", "a str has no fields"),
        (Data, "a type has no fields"),
    ],
    ids=str,
)
async def test_what_is_no_form_is_refused_before_a_byte_is_sent(
    guide: ServerClient, value: Any, reason: str
) -> None:
    with pytest.raises(ClientArgumentException) as caught:
        await sent(guide, Annotated[dict[str, Any], Form()], value)
    assert reason in str(caught.value)
    assert caught.value.parameter == "x"
    assert str(caught.value).startswith("Client.send: POST /echo/form: 'x' cannot be sent: ")
    assert guide.requests() == []


async def test_a_field_that_has_no_text_is_refused(guide: ServerClient) -> None:
    with pytest.raises(ClientArgumentException, match="'x' cannot be sent: a bytes has no form"):
        await sent(guide, Annotated[Any, Form()], b"bytes")


async def test_two_parameters_never_send_one_field(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/form")
        async def send(
            self, more: Annotated[dict[str, str], Form()], x: Annotated[str, Form()] = ""
        ) -> dict[str, Any]: ...

    async with connect(Client) as client:
        with pytest.raises(ClientArgumentException, match="field 'x' is sent by another"):
            await client.send({"x": "1"})


async def test_a_port_that_encodes_by_itself_takes_no_form() -> None:
    @http_client(base_url="http://x")
    class Client:
        @post("/a")
        async def send(self, x: Annotated[str, Form()]) -> dict[str, Any]: ...

    port = PlainPort()
    with pytest.raises(PortValueException, match="'x' cannot be sent by PlainPort, which takes"):
        await client_for(Client, port=port).send("1")
    assert port.requests == []


async def test_the_content_type_of_a_caller_wins(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/form")
        async def send(
            self, x: Annotated[str, Form()], headers: dict[str, str] | None = None
        ) -> dict[str, Any]: ...

    async with connect(Client) as client:
        await client.send("1", {"Content-Type": f"{TYPE}; charset=utf-8"})
    assert guide.request().header("content-type") == f"{TYPE}; charset=utf-8"


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1))
def test_a_form_is_read_back_as_it_was(fields: list[tuple[str, str]]) -> None:
    body = encode_form(fields).decode("ascii")
    assert parse_qsl(body, keep_blank_values=True, strict_parsing=True) == fields
    assert set(body) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-._+%=&"
    )
