"""Objects whose fields become query parameters."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, TypedDict
from urllib.parse import parse_qsl
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client import ClientArgumentException, Query, connect, get, http_client
from pyfly.client._bind.codegen import generate
from pyfly.client._compile.compile import compile_client
from pyfly.client.message import Request
from pyfly.testing import client_for
from tests.rules.support import PlainPort
from tests.support.servers import ServerClient


class Colour(Enum):
    RED = "red"


@dataclasses.dataclass
class Data:
    text: str = "a b"
    colour: Colour | None = Colour.RED
    tags: tuple[str, ...] = ("x", "y&z")
    none: int | None = None
    since: date = date(2026, 1, 2)


@attrs.define
class Attrs:
    text: str = "a b"
    colour: Colour | None = Colour.RED
    tags: tuple[str, ...] = ("x", "y&z")
    none: int | None = None
    since: date = date(2026, 1, 2)


class Struct(msgspec.Struct):
    text: str = "a b"
    colour: Colour | None = Colour.RED
    tags: tuple[str, ...] = ("x", "y&z")
    none: int | msgspec.UnsetType = msgspec.UNSET
    since: date = date(2026, 1, 2)


class Model(pydantic.BaseModel):
    text: str = "a b"
    colour: Colour | None = Colour.RED
    tags: tuple[str, ...] = ("x", "y&z")
    none: int | None = None
    since: date = date(2026, 1, 2)


@pydantic.dataclasses.dataclass
class PydanticData:
    text: str = "a b"
    colour: Colour | None = Colour.RED
    tags: tuple[str, ...] = ("x", "y&z")
    none: int | None = None
    since: date = date(2026, 1, 2)


class Typed(TypedDict, total=False):
    text: str
    colour: Colour
    tags: list[str]
    none: None
    since: date


TYPED: Typed = {
    "text": "a b",
    "colour": Colour.RED,
    "tags": ["x", "y&z"],
    "none": None,
    "since": date(2026, 1, 2),
}
QUERY = "text=a%20b&colour=red&tags=x&tags=y%26z&since=2026-01-02"
KINDS = [
    (Data, Data()),
    (Attrs, Attrs()),
    (Struct, Struct()),
    (Model, Model()),
    (PydanticData, PydanticData()),
    (Typed, TYPED),
    (dict[str, Any], dict(TYPED)),
    (Mapping[str, Any], dict(TYPED)),
    (Data | None, Data()),
]


async def echo(request: Request) -> Request:
    return request


async def request_for(annotation: Any, value: Any, encoded: bool = True) -> Request:
    @http_client(base_url="http://x")
    class Client:
        @get("/a")
        async def find(self, f: annotation, page: int | None = None) -> list[Any]: ...

    result = await generate(compile_client(Client).methods[0], encoded, echo)(None, value)
    assert isinstance(result, Request)
    return result


@pytest.mark.parametrize(("annotation", "value"), KINDS, ids=str)
async def test_each_field_becomes_a_parameter(annotation: Any, value: Any) -> None:
    request = await request_for(Annotated[annotation, Query()], value)
    assert request.url == f"/a?{QUERY}"
    request = await request_for(Annotated[annotation, Query()], value, encoded=False)
    assert request.url == "/a"
    assert request.params == {
        "text": "a b",
        "colour": "red",
        "tags": ["x", "y&z"],
        "since": "2026-01-02",
    }


async def test_it_arrives_beside_the_others(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @get("/echo/x", params={"v": 1})
        async def find(
            self, page: int, f: Annotated[Data | None, Query()] = None, size: int = 2
        ) -> dict[str, Any]: ...

    async with connect(Client) as client:
        await client.find(1, Data())
        await client.find(1)
    first, second = guide.requests()
    assert first.target == f"/echo/x?v=1&page=1&{QUERY}&size=2"
    assert second.target == "/echo/x?v=1&page=1&size=2"


async def test_lists_in_it_are_written_by_its_style() -> None:
    annotation = Annotated[dict[str, Any], Query(style="pipes")]
    assert (await request_for(annotation, {"a": [1, 2], "b": 3})).url == "/a?a=1%7C2&b=3"
    request = await request_for(annotation, {"a": [1, 2], "b": 3}, encoded=False)
    assert request.params == {"a": "1|2", "b": "3"}


class Aliased(pydantic.BaseModel):
    sort_by: str = pydantic.Field(serialization_alias="sortBy")
    limit: int = pydantic.Field(alias="max")


class Renamed(msgspec.Struct, rename="camel"):
    sort_by: str


async def test_aliases_are_the_names_on_the_wire() -> None:
    value = Aliased(sort_by="x", max=3)
    assert (await request_for(Annotated[Aliased, Query()], value)).url == "/a?sortBy=x&max=3"
    request = await request_for(Annotated[Renamed, Query()], Renamed("x"))
    assert request.url == "/a?sortBy=x"


class Nested(pydantic.BaseModel):
    inner: Model


class Listed(msgspec.Struct, array_like=True):
    x: int


@pytest.mark.parametrize("encoded", [True, False])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": {"b": 1}}, "its field 'a' is a dict, and what is nested has no form here"),
        ({"a": Data()}, "its field 'a' is a Data, and what is nested has no form here"),
        (Nested(inner=Model()), "its field 'inner' is a dict, and what is nested"),
        ({"a": [{"b": 1}]}, "its field 'a': a dict has no form on the wire"),
        ({"a": float("nan")}, "its field 'a': nan is no number that can be sent"),
        ({"a": datetime(2026, 1, 1)}, "its field 'a': a datetime without a time zone"),
        ({"a": "\ud800"}, "its field 'a': it holds half of a surrogate pair"),
        ({"\udcff": 1}, "half of a surrogate pair"),
        ({b"a": 1}, "a bytes cannot be the name of"),
        ({"page": 2}, "its field 'page' is sent by another parameter as well"),
        ([("a", 1)], "a list has no fields (pass a mapping or a model)"),
        ("text", "a str has no fields"),
        (Listed(1), "a Listed has no fields"),
    ],
    ids=str,
)
async def test_what_has_no_form_in_a_query_is_refused(
    value: Any, reason: str, encoded: bool
) -> None:
    with pytest.raises(ClientArgumentException) as caught:
        await request_for(Annotated[dict[str, Any], Query()], value, encoded)
    assert reason in str(caught.value)
    assert str(caught.value).startswith("Client.find: GET /a: 'f' cannot be sent: ")


async def test_a_constant_is_not_sent_twice() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/a", params={"v": 1})
        async def find(self, f: Annotated[dict[str, Any], Query()]) -> list[Any]: ...

    with pytest.raises(ClientArgumentException, match="field 'v' is sent by another"):
        await client_for(Client, port=PlainPort()).find({"v": 2})


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = (
    TEXT
    | st.integers(-(2**70), 2**70)
    | st.dates()
    | st.datetimes(timezones=st.just(UTC))
    | st.uuids()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.booleans()
)


def text_of(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case date():
            return value.isoformat().replace("+00:00", "Z")
        case UUID() | Decimal() | int():
            return str(value)
        case _:
            return str(value)


@given(st.dictionaries(TEXT.filter(lambda name: name != "page"), SCALARS | st.lists(SCALARS)))
async def test_a_query_object_is_read_back_as_it_was(value: dict[str, Any]) -> None:
    request = await request_for(Annotated[dict[str, Any], Query()], value)
    expected = [
        (name, text_of(item))
        for name, given in value.items()
        for item in (given if isinstance(given, list) else [given])
    ]
    query = request.url.partition("?")[2]
    assert parse_qsl(query, keep_blank_values=True) == expected
