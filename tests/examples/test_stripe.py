"""The Stripe client against a server that speaks its API."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest

from examples.stripe import (
    CardDeclined,
    Created,
    Customer,
    LineItem,
    PriceData,
    Product,
    Stripe,
)
from pyfly.client import BadRequestException, connect
from tests.examples.serving import QUICK, Answer, Request, Server, as_json, demand, query_of


def charge(number: int) -> dict[str, Any]:
    return {
        "id": f"ch_{number}",
        "object": "charge",
        "amount": number * 100,
        "currency": "eur",
        "paid": True,
        "customer": "cus_1",
    }


class Api:
    """Charges are made once for each key; the first attempt of all fails after it was done."""

    def __init__(self) -> None:
        self.charges: dict[str, dict[str, Any]] = {}
        self.attempts = 0

    def __call__(self, request: Request) -> Answer:
        demand(request.values("authorization") == ["Bearer sk_test"], "no key")
        demand(request.values("stripe-version") == ["2024-06-20"], "no version")
        if request.method == "POST":
            kinds = request.values("content-type")
            demand(kinds == ["application/x-www-form-urlencoded"], f"{kinds}")
            form = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
        match request.method, request.path:
            case "POST", "/v1/customers":
                demand(form[0] == ("email", "a+b@c.example"), f"{form}")
                pairs = [(name.removeprefix("metadata["), text) for name, text in form[1:]]
                demand(all(name.endswith("]") for name, _ in pairs), f"{form}")
                return as_json(
                    {"id": "cus_1", "email": form[0][1], "metadata": {n[:-1]: t for n, t in pairs}}
                )
            case "POST", "/v1/charges":
                return self.charge(dict(form), request.values("idempotency-key"))
            case "POST", "/v1/checkout/sessions":
                demand(form == CHECKOUT, f"{form}")
                return as_json({"id": "cs_1", "url": "https://checkout/cs_1", "mode": "payment"})
            case "GET", "/v1/charges":
                return self.listed(query_of(request))
            case _:
                return as_json({"error": {"type": "invalid_request_error"}}, 404)

    def charge(self, form: dict[str, str], keys: list[str]) -> bytes:
        self.attempts += 1
        demand(len(keys) == 1, "one key for each charge")
        if form["amount"] == "666":
            error = {"type": "card_error", "code": "card_declined", "decline_code": "stolen_card"}
            return as_json({"error": error}, 402)
        if int(form["amount"]) < 50:
            return as_json({"error": {"type": "invalid_request_error", "message": "little"}}, 400)
        demand(form["currency"] == "eur" and form["expand[0]"] == "customer", f"{form}")
        customer = {"id": form["customer"], "email": None}
        made = self.charges.setdefault(
            keys[0], {**charge(len(self.charges) + 1), "customer": customer}
        )
        return (
            as_json({"error": {"type": "api_error"}}, 500) if self.attempts == 1 else as_json(made)
        )

    def listed(self, query: dict[str, str]) -> bytes:
        demand(query.pop("limit") == "100", "no limit")
        after = int(query.pop("starting_after", "ch_0").removeprefix("ch_"))
        demand(query == {"customer": "cus_1", "created[gte]": "1700000000"}, f"{query}")
        data = [charge(number) for number in range(after + 1, min(after + 3, 6))]
        return as_json({"object": "list", "data": data, "has_more": after < 3})


CHECKOUT = [
    ("line_items[0][price_data][currency]", "eur"),
    ("line_items[0][price_data][unit_amount]", "500"),
    ("line_items[0][price_data][product_data][name]", "T-shirt & [more]"),
    ("line_items[0][quantity]", "2"),
    ("line_items[1][price_data][currency]", "eur"),
    ("line_items[1][price_data][unit_amount]", "7"),
    ("line_items[1][price_data][product_data][name]", "Ü"),
    ("line_items[1][quantity]", "1"),
    ("success_url", "https://shop.example/ok?session={CHECKOUT_SESSION_ID}"),
    ("mode", "payment"),
]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test")


async def test_a_charge_that_was_lost_on_its_way_is_made_once() -> None:
    api = Api()
    with Server(api) as server:
        async with connect(Stripe, base_url=server.url, config=QUICK) as stripe:
            made = await stripe.charge(2000, "eur", "cus_1", ["customer"], key="k1")
            again = await stripe.charge(2000, "eur", "cus_1", ["customer"], key="k1")
            other = await stripe.charge(2000, "eur", "cus_1", ["customer"], key="k2")
    assert made == again
    assert (made.id, other.id) == ("ch_1", "ch_2")
    assert isinstance(made.customer, Customer)
    assert len(api.charges) == 2
    assert [r.values("idempotency-key") for r in server.requests] == [["k1"]] * 3 + [["k2"]]


async def test_metadata_is_nested_below_its_name() -> None:
    with Server(Api()) as server:
        async with connect(Stripe, base_url=server.url) as stripe:
            given = {"order id": "6735", "note": "a&b=c"}
            customer = await stripe.create_customer("a+b@c.example", given)
            plain = await stripe.create_customer("a+b@c.example")
    assert customer == Customer(id="cus_1", email="a+b@c.example", metadata=given)
    assert plain.metadata == {}


async def test_line_items_are_numbered() -> None:
    items = [
        LineItem(PriceData("eur", 500, Product("T-shirt & [more]")), 2),
        LineItem(PriceData("eur", 7, Product("Ü"))),
    ]
    with Server(Api()) as server:
        async with connect(Stripe, base_url=server.url) as stripe:
            session = await stripe.checkout(
                items, "https://shop.example/ok?session={CHECKOUT_SESSION_ID}"
            )
    assert session.url == "https://checkout/cs_1"


async def test_the_last_charge_of_a_page_is_where_the_next_begins() -> None:
    with Server(Api()) as server:
        async with connect(Stripe, base_url=server.url) as stripe:
            charges = [c.id async for c in stripe.charges("cus_1", Created(gte=1_700_000_000))]
    assert charges == [f"ch_{number}" for number in range(1, 6)]
    assert len(server.requests) == 3


async def test_a_declined_card_is_an_exception_of_its_own() -> None:
    with Server(Api()) as server:
        async with connect(Stripe, base_url=server.url) as stripe:
            with pytest.raises(CardDeclined) as declined:
                await stripe.charge(666, "eur", "cus_1", key="k")
            with pytest.raises(BadRequestException) as refused:
                await stripe.charge(1, "eur", "cus_1", key="k")
    assert declined.value.error_body is not None
    assert declined.value.error_body.error.decline_code == "stolen_card"
    assert refused.value.error_body.error.message == "little"
