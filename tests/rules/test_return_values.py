"""From a response to the value that the return annotation asks for."""

import json
from dataclasses import dataclass
from typing import Any, TypedDict

import attrs
import msgspec
import pydantic
import pytest

from pyfly.client import (
    NotFoundException,
    Response,
    ResponseDecodeException,
    ServerErrorException,
    connect,
    get,
    head,
    http_client,
    post,
)
from tests.support.servers import ServerClient


@dataclass
class Item:
    name: str
    price: float = 0.0


class Model(pydantic.BaseModel):
    name: str
    price: float = 0.0


class Typed(TypedDict):
    name: str
    price: float


class Struct(msgspec.Struct):
    name: str
    price: float = 0.0


@attrs.define
class Attrs:
    name: str
    price: float = 0.0


class Order(pydantic.BaseModel):
    items: list[Model]


@dataclass
class Shelf:
    items: list[Item]


ITEM = {"name": "Widget", "price": 1.5}


def returning(url: str, annotation: Any, verb: Any = get, path: str = "/x") -> Any:
    @http_client(base_url=url)
    class Client:
        @verb(path)
        async def read(self) -> annotation: ...

    return Client


async def read(guide: ServerClient, annotation: Any, answer: dict[str, Any]) -> Any:
    guide.script("/x", answer)
    async with connect(returning(guide.url, annotation)) as client:
        return await client.read()


# JSON as it is


@pytest.mark.parametrize("annotation", [dict, list, Any, dict[str, Any], list[Any]], ids=str)
async def test_json_is_returned_decoded(guide: ServerClient, annotation: Any) -> None:
    body = [ITEM] if "list" in str(annotation) else ITEM
    assert await read(guide, annotation, {"body": body}) == body


async def test_without_an_annotation_json_is_returned_decoded(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @get("/x")
        async def read(self): ...

    guide.script("/x", {"body": [1, {"a": None}]})
    async with connect(Client) as client:
        assert await client.read() == [1, {"a": None}]


# Models


@pytest.mark.parametrize(
    ("annotation", "body", "value"),
    [
        (Item, ITEM, Item("Widget", 1.5)),
        (Model, ITEM, Model(name="Widget", price=1.5)),
        (Typed, ITEM, Typed(name="Widget", price=1.5)),
        (Struct, ITEM, Struct("Widget", 1.5)),
        (Attrs, ITEM, Attrs("Widget", 1.5)),
        (list[Item], [ITEM, {"name": "b"}], [Item("Widget", 1.5), Item("b")]),
        (list[Model], [ITEM], [Model(name="Widget", price=1.5)]),
        (list[Struct], [ITEM], [Struct("Widget", 1.5)]),
        (dict[str, Item], {"a": ITEM}, {"a": Item("Widget", 1.5)}),
        (tuple[int, Item], [1, ITEM], (1, Item("Widget", 1.5))),
        (int | Item, ITEM, Item("Widget", 1.5)),
        (int | Item, 7, 7),
        (Item | None, ITEM, Item("Widget", 1.5)),
        (Shelf, {"items": [ITEM]}, Shelf([Item("Widget", 1.5)])),
        (Order, {"items": [ITEM]}, Order(items=[Model(name="Widget", price=1.5)])),
    ],
    ids=str,
)
async def test_json_is_validated_into_a_model(
    guide: ServerClient, annotation: Any, body: Any, value: Any
) -> None:
    got = await read(guide, annotation, {"body": body})
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("annotation", "body", "location"),
    [
        (Item, {"price": 1}, "name"),
        (Model, {"price": 1}, "name"),
        (Struct, {"name": 5}, "name"),
        (Attrs, {"name": "a", "price": "much"}, "price"),
        (Order, {"items": [ITEM, {"name": "b", "price": "much"}]}, "items.1.price"),
        (Shelf, {"items": [ITEM, {"name": "b", "price": "much"}]}, "items.1.price"),
        (list[Model], [ITEM, {"price": 2}], "1.name"),
    ],
    ids=str,
)
async def test_a_mismatch_tells_where_it_is(
    guide: ServerClient, annotation: Any, body: Any, location: str
) -> None:
    with pytest.raises(ResponseDecodeException) as caught:
        await read(guide, annotation, {"body": body})
    assert caught.value.location == location
    assert location in str(caught.value)
    assert caught.value.operation == "Client.read"
    assert "much" not in str(caught.value), "the body is not part of the message"


# None and optional


async def test_none_does_not_decode_the_body(guide: ServerClient) -> None:
    answer = {"headers": {"Content-Type": "text/html"}, "body": b"<not json>"}
    assert await read(guide, None, answer) is None


async def test_none_raises_for_a_status_nevertheless(guide: ServerClient) -> None:
    with pytest.raises(ServerErrorException):
        await read(guide, None, {"status": 500})


@pytest.mark.parametrize("annotation", [dict | None, Item | None, Model | None, list[Item] | None])
@pytest.mark.parametrize(
    "answer",
    [
        {"raw": "HTTP/1.1 204 No Content\r\n\r\n"},
        {"raw": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
        {"body": None},
    ],
    ids=["204", "empty", "null"],
)
async def test_an_optional_value_is_none_without_content(
    guide: ServerClient, annotation: Any, answer: dict[str, Any]
) -> None:
    assert await read(guide, annotation, answer) is None


async def test_an_optional_value_is_none_on_404_of_one_resource(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @get("/users/{user_id}")
        async def user(self, user_id: str) -> dict | None: ...

        @get("/nowhere")
        async def all(self) -> dict | None: ...

        @get("/users/{user_id}/nothing")
        async def part(self, user_id: str) -> dict | None: ...

        @post("/nowhere/{user_id}")
        async def create(self, user_id: str) -> dict | None: ...

        @get("/users/{user_id}")
        async def required(self, user_id: str) -> dict: ...

    async with connect(Client) as client:
        assert await client.user("missing") is None
        for call in (
            client.all(),
            client.part("1"),
            client.create("1"),
            client.required("missing"),
        ):
            with pytest.raises(NotFoundException):
                await call


async def test_a_method_may_say_that_404_means_none(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @get("/nowhere", not_found=None)
        async def read(self) -> dict | None: ...

    async with connect(Client) as client:
        assert await client.read() is None


async def test_ten_404_in_a_row_are_one_warning_with_the_template(
    guide: ServerClient, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @get("/v9/users/{user_id}")
        async def user(self, user_id: str) -> dict | None: ...

    def warned() -> list[str]:
        logged = [f"{r.getMessage()} {vars(r)}" for r in caplog.records if r.levelname == "WARNING"]
        return [text for text in logged if "/v9/users/{user_id}" in text]

    async with connect(Client) as client:
        for number in range(9):
            await client.user(str(number))
        assert warned() == []
        for number in range(5):
            await client.user(str(number))
    in_warnings = [w for w in recwarn.list if "/v9/users/{user_id}" in str(w.message)]
    assert len(warned()) + len(in_warnings) == 1


# Response


async def test_response_of_t_has_status_headers_and_value(guide: ServerClient) -> None:
    answer = {"status": 201, "headers": {"X-Rate": "5"}, "body": ITEM}
    response = await read(guide, Response[Item], answer)
    assert (response.status_code, response.value) == (201, Item("Widget", 1.5))
    assert response.headers["x-rate"] == "5"


async def test_response_of_t_raises_for_a_status(guide: ServerClient) -> None:
    with pytest.raises(ServerErrorException):
        await read(guide, Response[dict], {"status": 500})


@pytest.mark.parametrize("status", [200, 302, 404, 500, 503])
async def test_response_alone_is_raw_and_raises_for_no_status(
    guide: ServerClient, status: int
) -> None:
    response = await read(guide, Response, {"status": status, "body": b"raw \xff"})
    assert (response.status_code, response.content) == (status, b"raw \xff")


async def test_head_returns_status_and_headers(guide: ServerClient) -> None:
    async with connect(returning(guide.url, Response, head, "/health")) as client:
        response = await client.read()
    assert (response.status_code, response.content) == (200, b"")
    assert guide.request().method == "HEAD"


# bytes and str


async def test_bytes_are_the_body(guide: ServerClient) -> None:
    assert await read(guide, bytes, {"body": b"\x00\xff{"}) == b"\x00\xff{"


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain; charset=latin-1", b"caf\xe9", "café"),
        ('text/plain; charset="utf-16"', "é".encode("utf-16"), "é"),
        ("text/plain", "é".encode(), "é"),
        ("application/json", b'{"a": 1}', '{"a": 1}'),
    ],
)
async def test_str_is_the_body_in_its_charset(
    guide: ServerClient, content_type: str, body: bytes, text: str
) -> None:
    answer = {"headers": {"Content-Type": content_type}, "body": body}
    assert await read(guide, str, answer) == text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/plain; charset=utf-8", b"\xff"), ("text/plain; charset=no", b"a")],
)
async def test_text_that_cannot_be_decoded_is_a_typed_error(
    guide: ServerClient, content_type: str, body: bytes
) -> None:
    with pytest.raises(ResponseDecodeException):
        await read(guide, str, {"headers": {"Content-Type": content_type}, "body": body})


# What is no value


@pytest.mark.parametrize(
    "annotation", [dict, list, Any, Item, Model, list[Item], Response[dict]], ids=str
)
@pytest.mark.parametrize(
    "raw",
    ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ids=["204", "empty"],
)  # fmt: skip
async def test_nothing_where_a_value_is_required_is_a_typed_error(
    guide: ServerClient, annotation: Any, raw: str
) -> None:
    with pytest.raises(ResponseDecodeException):
        await read(guide, annotation, {"raw": raw})


@pytest.mark.parametrize("annotation", [dict, Any, Item, Model, Struct], ids=str)
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"name": NaN}',
        b'{"name": "a", "price": NaN}',
        b'{"name": "a", "price": Infinity}',
        b'{"name": "a"} trailing',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"name": "a", "price": ' + b"9" * 5_000 + b"}",
    ],
    ids=["cut", "NaN", "NaN number", "infinity", "trailing", "no UTF-8", "deep", "5000 digits"],
)
async def test_invalid_json_is_a_typed_error(
    guide: ServerClient, annotation: Any, body: bytes
) -> None:
    with pytest.raises(ResponseDecodeException) as caught:
        await read(
            guide, annotation, {"headers": {"Content-Type": "application/json"}, "body": body}
        )
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("content_type", ["text/html", "text/html; charset=utf-8"])
@pytest.mark.parametrize("annotation", [dict, Any, Item, Model], ids=str)
async def test_a_page_where_json_is_expected_is_a_typed_error(
    guide: ServerClient, annotation: Any, content_type: str
) -> None:
    answer = {"headers": {"Content-Type": content_type}, "body": b"<html>proxy login</html>"}
    with pytest.raises(ResponseDecodeException) as caught:
        await read(guide, annotation, answer)
    assert "text/html" in str(caught.value)


async def test_json_of_another_media_type_suffix_is_json(guide: ServerClient) -> None:
    answer = {
        "headers": {"Content-Type": "application/vnd.shop+json"},
        "body": json.dumps(ITEM).encode(),
    }
    assert await read(guide, dict, answer) == ITEM
