"""Fields within fields: `name[key]` in forms and queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client import (
    ClientArgumentException,
    ClientDeclarationException,
    File,
    Form,
    Query,
    get,
    http_client,
    post,
)
from pyfly.client._compile.compile import compile_client
from pyfly.client.message import Request
from pyfly.testing import client_for
from tests.client.properties.support import TEXT, binding, sent_by
from tests.rules.support import PlainPort


@dataclass
class Price:
    amount: int
    currency: str | None = None


class Item(pydantic.BaseModel):
    price_data: Price
    tags: list[str] = pydantic.Field(default=[], serialization_alias="labels")


ORDER = {
    "customer": "cus 1",
    "items": [Item(price_data=Price(5, "eur"), tags=["a", "b"]), Item(price_data=Price(7))],
    "metadata": {"a&b": True, "none": None},
    "empty": [],
}
PAIRS = [
    ("customer", "cus 1"),
    ("items[0][price_data][amount]", "5"),
    ("items[0][price_data][currency]", "eur"),
    ("items[0][labels][0]", "a"),
    ("items[0][labels][1]", "b"),
    ("items[1][price_data][amount]", "7"),
    ("metadata[a&b]", "true"),
]
SPREAD = binding({"first": Annotated[Any, Form("below", nested=True)]}, verb=post)
FORM = binding({"first": Annotated[dict[str, Any], Form(nested=True)]}, verb=post)
BELOW = binding({"first": Annotated[dict[str, Any] | None, Form("meta", nested=True)]}, verb=post)
FILTER = binding(
    {
        "first": Annotated[dict[str, Any], Query("filter", nested=True)],
        "second": Annotated[dict[str, Any], Query(nested=True)],
    }
)
PARTS = binding(
    {"first": Annotated[Any, Form("items", nested=True)], "second": Annotated[Any, File()]},
    verb=post,
)


def pairs_of(request: Request) -> list[tuple[str, str]]:
    assert isinstance(request.content, bytes)
    return parse_qsl(request.content.decode(), keep_blank_values=True)


def test_fields_within_fields_are_names_with_brackets() -> None:
    assert pairs_of(sent_by(FORM, ORDER)) == PAIRS


def test_a_name_of_its_own_is_put_before_them() -> None:
    assert pairs_of(sent_by(BELOW, {"a": {"b": 1}, "c": "d"})) == [
        ("meta[a][b]", "1"),
        ("meta[c]", "d"),
    ]
    assert pairs_of(sent_by(BELOW, None)) == []


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        ("plain", [("below", "plain")]),
        (["a", "b"], [("below[0]", "a"), ("below[1]", "b")]),
        ([Price(1), None, Price(2)], [("below[0][amount]", "1"), ("below[1][amount]", "2")]),
        (
            {"a": [[1, 2], [3]]},
            [("below[a][0][0]", "1"), ("below[a][0][1]", "2"), ("below[a][1][0]", "3")],
        ),
        ({}, []),
    ],
)
def test_lists_are_numbered(value: Any, pairs: list[tuple[str, str]]) -> None:
    assert pairs_of(sent_by(SPREAD, value)) == pairs


def test_a_query_takes_them_as_well() -> None:
    request = sent_by(FILTER, {"created": {"gte": 5, "lt": None}}, {"page": {"size": 1}})
    assert request.url == "/a?filter%5Bcreated%5D%5Bgte%5D=5&page%5Bsize%5D=1"


async def test_a_port_that_encodes_by_itself_is_given_the_same() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/a")
        async def find(self, q: Annotated[dict[str, Any], Query("filter", nested=True)]) -> Any: ...

    port = PlainPort()
    await client_for(Client, port=port).find({"a": {"b": [1, 2]}})
    assert port.requests[0][2]["params"] == {"filter[a][b][0]": "1", "filter[a][b][1]": "2"}


def test_they_are_text_fields_beside_files() -> None:
    content = sent_by(PARTS, [{"a": 1}], b"x").content
    assert isinstance(content, bytes)
    assert b'name="items[0][a]"\r\n\r\n1\r\n' in content


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": {"b]": 1}}, "its field 'a': the name 'b]' within it holds a bracket"),
        ({"a": {"[": 1}}, "its field 'a': the name '[' within it holds a bracket"),
        ({"a": {"b": object()}}, "its field 'a': a object has no form on the wire"),
    ],
)
def test_what_would_be_read_otherwise_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(ClientArgumentException) as caught:
        sent_by(FORM, value)
    assert f"'first' cannot be sent: {reason}" in str(caught.value)


def test_what_contains_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["self"] = [value]
    with pytest.raises(ClientArgumentException, match="nested more than 32 deep"):
        sent_by(FORM, value)


def test_without_asking_it_is_refused_with_what_to_write() -> None:
    plain = binding({"first": Annotated[dict[str, Any], Form()]}, verb=post)
    with pytest.raises(ClientArgumentException, match=r"nested=True to send them as name\[key\]"):
        sent_by(plain, {"a": {"b": 1}})


def test_a_name_that_is_sent_twice_is_a_mistake() -> None:
    @http_client(base_url="http://x")
    class Client:
        @post("/a")
        async def send(
            self,
            meta: Annotated[dict[str, str], Form("meta", nested=True)],
            other: Annotated[str, Form("meta")],
        ) -> None: ...

    with pytest.raises(ClientDeclarationException, match="both sent as the form field 'meta'"):
        compile_client(Client)


KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]"))
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        TEXT,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3)
            | st.dictionaries(KEYS, inner, min_size=1, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


@given(TREES)
def test_a_tree_is_read_back_as_it_was(tree: dict[str, Any]) -> None:
    read: dict[str, Any] = {}
    for name, text in pairs_of(sent_by(FORM, tree)):
        first, *rest = name.split("[")
        place, keys = read, [first, *(key.removesuffix("]") for key in rest)]
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = text
    assert read == numbered(tree)


def numbered(value: Any) -> Any:
    """A tree whose lists are mappings by number."""
    if isinstance(value, list):
        return {str(index): numbered(item) for index, item in enumerate(value)}
    return {k: numbered(v) for k, v in value.items()} if isinstance(value, dict) else value
