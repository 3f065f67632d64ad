"""From an argument to the query string, as it is on the wire."""

import enum
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypedDict
from urllib.parse import parse_qsl, unquote

import pydantic
import pytest

from pyfly.client import ClientArgumentException, Query, connect, get, http_client
from tests.rules.support import PlainPort, over
from tests.support.ids import stable
from tests.support.servers import ServerClient


class Colour(enum.Enum):
    RED = "deep red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class Filter:
    category: str
    page: int = 1
    note: str | None = None


class Model(pydantic.BaseModel):
    category: str
    page: int = 1
    note: str | None = None


class Typed(TypedDict):
    category: str
    page: int


async def query(guide: ServerClient, value: Any, annotation: Any = Any) -> str:
    """The query string that a value of the parameter ``q`` leads to."""

    @http_client(base_url=guide.url)
    class Echo:
        @get("/echo/x")
        async def echo(self, q: annotation = None) -> dict: ...

    async with connect(Echo) as client:
        await client.echo(value)
    return guide.request().target.removeprefix("/echo/x")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("", "?q="),
        ("a b", "?q=a%20b"),
        ("a+b", "?q=a%2Bb"),
        ("a&b=c#d", "?q=a%26b%3Dc%23d"),
        ("%41", "?q=%2541"),
        ("é", "?q=%C3%A9"),
        (True, "?q=true"),
        (False, "?q=false"),
        (0, "?q=0"),
        (-7, "?q=-7"),
        (1.5, "?q=1.5"),
        (Decimal("1.10"), "?q=1.10"),
        (uuid.UUID(int=1), f"?q={uuid.UUID(int=1)}"),
        (date(2024, 2, 29), "?q=2024-02-29"),
        (Colour.RED, "?q=deep%20red"),
        (Level.HIGH, "?q=3"),
        (["a", "b"], "?q=a&q=b"),
        (("b", "a"), "?q=b&q=a"),
        ({"c", "a", "b"}, "?q=a&q=b&q=c"),
        ([True, 2, "x y"], "?q=true&q=2&q=x%20y"),
        (["a&q=b"], "?q=a%26q%3Db"),
        ([], ""),
    ],
    ids=stable,
)
async def test_a_value_is_written_one_way(guide: ServerClient, value: Any, expected: str) -> None:
    assert await query(guide, value) == expected


async def test_an_aware_datetime_is_iso_8601(guide: ServerClient) -> None:
    moment = datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC)
    raw = await query(guide, moment)
    assert "+" not in raw
    assert datetime.fromisoformat(unquote(raw.removeprefix("?q="))) == moment


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), float("-inf"), datetime(2024, 1, 1), "\ud800", ["a", "\udfff"],
     [float("nan")], Decimal("NaN"), Decimal("Infinity")],
    ids=repr,
)  # fmt: skip
async def test_a_value_without_one_meaning_is_refused(port: PlainPort, value: Any) -> None:
    @http_client(base_url="http://x")
    class Search:
        @get("/search")
        async def find(self, q: Any) -> Any: ...

    with pytest.raises(ClientArgumentException) as caught:
        await over(port, Search).find(value)
    assert port.requests == []
    assert caught.value.parameter == "q"
    assert "Search.find" in str(caught.value)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("multi", {"?tag=a%2Cb&tag=c"}),
        ("csv", {"?tag=a%2Cb,c"}),
        ("pipes", {"?tag=a%2Cb|c", "?tag=a%2Cb%7Cc"}),
        ("ssv", {"?tag=a%2Cb%20c"}),
    ],
)
async def test_a_style_joins_the_values(
    guide: ServerClient, style: str, expected: set[str]
) -> None:
    annotation = Annotated[Sequence[str], Query("tag", style=style)]
    assert await query(guide, ["a,b", "c"], annotation) in expected


@pytest.mark.parametrize(("style", "mark"), [("ssv", " "), ("pipes", "|")])
async def test_a_value_that_holds_the_encoded_separator_is_refused(
    guide: ServerClient, style: str, mark: str
) -> None:
    annotation = Annotated[Sequence[str], Query("tag", style=style)]
    with pytest.raises(ClientArgumentException, match=r"holds the separator '[ |]' \(leave the s"):
        await query(guide, [f"a{mark}b", "c"], annotation)
    assert guide.requests() == []


async def test_a_parameter_may_have_another_name_on_the_wire(guide: ServerClient) -> None:
    assert await query(guide, "x", Annotated[str, Query("page-size")]) == "?page-size=x"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Filter, Filter("a b", 2)),
        (Model, Model(category="a b", page=2)),
        (Typed, {"category": "a b", "page": 2}),
    ],
    ids=["dataclass", "pydantic", "TypedDict"],
)
async def test_the_fields_of_a_model_become_parameters(
    guide: ServerClient, kind: Any, value: Any
) -> None:
    raw = await query(guide, value, Annotated[kind, Query()])
    assert sorted(parse_qsl(raw.removeprefix("?"))) == [("category", "a b"), ("page", "2")]
    assert "+" not in raw


async def test_a_foreign_port_gets_text_and_lists_of_text(port: PlainPort) -> None:
    @http_client(base_url="http://x")
    class Search:
        @get("/search")
        async def find(self, a: Any, b: Any, c: Any = None) -> Any: ...

    await over(port, Search).find(True, [1, 2])
    ((_, path, kwargs),) = port.requests
    assert path == "/search"
    assert kwargs == {"params": {"a": "true", "b": ["1", "2"]}}
