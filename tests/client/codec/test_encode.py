"""From a Python value to a JSON body."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client._codec.encode import fields_of, to_json, to_plain


class Colour(Enum):
    RED = "red"


@dataclasses.dataclass
class Item:
    name: str
    price: Decimal


class Model(pydantic.BaseModel):
    at: datetime
    item: Item
    renamed: int = pydantic.Field(alias="reNamed")


@attrs.define
class Attrs:
    a: int
    b: Colour


class Struct(msgspec.Struct, rename="camel", tag=True):
    first_name: str
    when: datetime
    unset: int | msgspec.UnsetType = msgspec.UNSET
    inner: Any = None


class Pair(msgspec.Struct, array_like=True):
    a: int
    b: int


@pydantic.dataclasses.dataclass
class Aliased:
    renamed: int = pydantic.Field(serialization_alias="reNamed")


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

CASES: list[tuple[Any, Any]] = [
    ({"a": [1, 2.5, None, True, "ä"]}, {"a": [1, 2.5, None, True, "ä"]}),
    ((1, 2), [1, 2]),
    ({3, 1, 2}, [1, 2, 3]),
    (Colour.RED, "red"),
    (Item("x", Decimal("1.10")), {"name": "x", "price": "1.10"}),
    (
        Model(at=datetime(2026, 1, 1, tzinfo=UTC), item=Item("x", Decimal(1)), reNamed=3),
        {"at": "2026-01-01T00:00:00Z", "item": {"name": "x", "price": "1"}, "reNamed": 3},
    ),
    (Attrs(1, Colour.RED), {"a": 1, "b": "red"}),
    (
        Struct("x", NOON, inner=[Attrs(1, Colour.RED), Item("y", Decimal(2))]),
        {
            "type": "Struct",
            "firstName": "x",
            "when": "2026-01-01T12:00:00Z",
            "inner": [{"a": 1, "b": "red"}, {"name": "y", "price": "2"}],
        },
    ),
    ([Pair(1, 2)], [[1, 2]]),
    (Aliased(3), {"reNamed": 3}),
    (date(2026, 1, 2), "2026-01-02"),
    (UUID(int=2), "00000000-0000-0000-0000-000000000002"),
    (MappingProxyType({"a": 1}), {"a": 1}),
    ({"items": [Item("y", Decimal(2))]}, {"items": [{"name": "y", "price": "2"}]}),
    ({1: "a", None: "b"}, {"1": "a", "null": "b"}),
]


@pytest.mark.parametrize(("value", "plain"), CASES)
def test_a_value_becomes_json(value: Any, plain: Any) -> None:
    assert json.loads(to_json(value)) == plain
    assert json.loads(json.dumps(to_plain(value))) == plain


def test_json_is_compact_utf8() -> None:
    assert to_json({"ä": [1, 2]}) == '{"ä":[1,2]}'.encode()


def cycle() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize("encode", [to_json, to_plain])
@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        {"a": float("inf")},
        Decimal("NaN"),
        b"bytes",
        {"a": b"bytes"},
        object(),
        Item,
        Struct("x", NOON, inner=b"bytes"),
        Struct("x", NOON, inner=object()),
        Struct("x", NOON, inner=float("nan")),
        cycle(),
        {(1, 2): 3},
    ],
)
def test_what_has_no_json_form_is_refused(encode: Any, value: Any) -> None:
    with pytest.raises((TypeError, ValueError, RecursionError)):
        encode(value)


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({"a": 1, Colour.RED: None}, {"a": 1, "red": None}),
        (Item("x", Decimal(1)), {"name": "x", "price": Decimal(1)}),
        (Attrs(1, Colour.RED), {"a": 1, "b": Colour.RED}),
        (Aliased(3), {"reNamed": 3}),
        (Struct("x", NOON), {"type": "Struct", "firstName": "x", "when": NOON, "inner": None}),
        (
            Model(at=NOON, item=Item("x", Decimal(1)), reNamed=3),
            {"at": NOON, "item": {"name": "x", "price": Decimal(1)}, "reNamed": 3},
        ),
        ([1], None),
        ("text", None),
        (Item, None),
        (Model, None),
    ],
    ids=str,
)
def test_fields_have_their_names_on_the_wire_and_their_own_values(value: Any, fields: Any) -> None:
    assert fields_of(value) == fields


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        to_json(["\ud800"])


CHARACTERS = st.characters(exclude_categories=["Cs"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5).filter(str.isascii), inner),
)


@given(JSON)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    assert json.loads(to_json(value)) == value
    assert to_plain(value) == value
