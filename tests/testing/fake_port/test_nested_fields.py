"""Rules for methods whose forms and queries have fields within fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import pytest

from pyfly.client import Form, Query, get, http_client, post
from pyfly.testing import FakePort, UnexpectedRequestException, client_for


@dataclass
class Price:
    currency: str
    amount: int


@dataclass
class Item:
    price: Price
    tags: list[str]


@dataclass
class Created:
    gte: int | None = None


@http_client(base_url="http://shop")
class Shop(Protocol):
    @post("/orders")
    async def order(
        self,
        items: Annotated[Sequence[Item], Form(nested=True)],
        customer: Annotated[str, Form(nested=True)],
        metadata: Annotated[Mapping[str, str] | None, Form("meta", nested=True)] = None,
        extra: Annotated[dict[str, Any] | None, Form(nested=True)] = None,
    ) -> None: ...

    @get("/orders", params={"limit": 5})
    async def find(
        self,
        created: Annotated[Created | None, Query("created", nested=True)] = None,
        others: Annotated[dict[str, Any] | None, Query()] = None,
        page: int = 1,
    ) -> None: ...


ITEMS = [Item(Price("eur", 5), ["a", "b"]), Item(Price("usd", 7), ["c"])]


async def test_a_call_is_recorded_with_its_arguments_as_they_were() -> None:
    fake = FakePort()
    rule = fake.on(Shop.order).returns(None)
    shop = client_for(Shop, port=fake)
    await shop.order(ITEMS, "c[1]", {"a b": "1"}, {"x": {"y": ["z"]}})
    await shop.order([], "c")
    assert [call.arguments for call in rule.calls] == [
        {
            "items": ITEMS,
            "customer": "c[1]",
            "metadata": {"a b": "1"},
            "extra": {"x": {"y": ["z"]}},
        },
        {"items": None, "customer": "c", "metadata": None, "extra": {}},
    ]


async def test_other_fields_are_another_call() -> None:
    fake = FakePort()
    fake.on(Shop.order, ITEMS, "c", metadata={"a": "1"}).returns(None)
    shop = client_for(Shop, port=fake)
    await shop.order(ITEMS, "c", {"a": "1"})
    with pytest.raises(UnexpectedRequestException, match=r"items: the rule wants"):
        await shop.order(ITEMS[1:], "c", {"a": "1"})
    with pytest.raises(UnexpectedRequestException, match=r"metadata: the rule wants"):
        await shop.order(ITEMS, "c", {"a": "2"})


async def test_queries_are_told_apart_as_well() -> None:
    fake = FakePort()
    rule = fake.on(Shop.find, created=Created(5)).returns(None)
    shop = client_for(Shop, port=fake)
    await shop.find(Created(gte=5))
    with pytest.raises(UnexpectedRequestException):
        await shop.find(Created(gte=6))
    assert rule.calls[0].arguments == {"created": Created(5), "others": {}, "page": 1}
