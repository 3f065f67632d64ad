"""Payments as Stripe takes them: forms with nested names, idempotency keys, declined cards.

STRIPE_API_KEY=… python examples/stripe.py
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from pydantic import BaseModel

from pyfly.client import (
    ClientErrorException,
    ErrorBody,
    Form,
    Header,
    Page,
    Query,
    bearer,
    connect,
    get,
    post,
    service_client,
)


class Customer(BaseModel):
    id: str
    email: str | None
    metadata: dict[str, str] = {}


class Charge(BaseModel):
    id: str
    amount: int
    currency: str
    paid: bool
    customer: str | Customer | None = None


class Session(BaseModel):
    id: str
    url: str


@dataclass
class Product:
    name: str


@dataclass
class PriceData:
    currency: str
    unit_amount: int
    product_data: Product


@dataclass
class LineItem:
    price_data: PriceData
    quantity: int = 1


@dataclass
class Created:
    """A range of times, in seconds since 1970."""

    gte: int | None = None
    lt: int | None = None


class Failure(BaseModel):
    """What is wrong, as Stripe says it."""

    class Error(BaseModel):
        type: str
        code: str | None = None
        decline_code: str | None = None
        message: str | None = None

    error: Error


class CardDeclined(ClientErrorException):
    """The card was refused; `error_body` says why."""

    error_body: Failure | None = None


def api_key() -> str:
    return os.environ["STRIPE_API_KEY"]


IdempotencyKey = Annotated[str | None, Header("Idempotency-Key")]
Metadata = Annotated[Mapping[str, str] | None, Form("metadata", nested=True)]
Expand = Annotated[Sequence[str], Form(nested=True)]

#: The last object of a page is where the next begins, and `has_more` tells whether there is one.
OBJECTS = Page.cursor(param="starting_after", next="data.-1.id", more="has_more", items="data")


@service_client(
    base_url="${STRIPE_API:https://api.stripe.com}",
    headers={"Stripe-Version": "2024-06-20"},
    auth=bearer(api_key),
    errors={402: ErrorBody(Failure, raises=CardDeclined), "4xx": ErrorBody(Failure)},
)
class Stripe(Protocol):
    @post("/v1/customers")
    async def create_customer(
        self,
        email: Annotated[str, Form()],
        metadata: Metadata = None,
        key: IdempotencyKey = None,
    ) -> Customer: ...

    @post("/v1/charges")
    async def charge(
        self,
        amount: Annotated[int, Form()],
        currency: Annotated[str, Form()],
        customer: Annotated[str, Form()],
        expand: Expand = (),
        *,
        key: Annotated[str, Header("Idempotency-Key")],
    ) -> Charge:
        """With a key, the same charge may be asked for twice: so failed attempts are retried."""
        ...

    @post("/v1/checkout/sessions")
    async def checkout(
        self,
        line_items: Annotated[Sequence[LineItem], Form(nested=True)],
        success_url: Annotated[str, Form()],
        mode: Annotated[str, Form()] = "payment",
    ) -> Session: ...

    @get("/v1/charges", params={"limit": 100}, paginate=OBJECTS)
    def charges(
        self,
        customer: str | None = None,
        created: Annotated[Created | None, Query("created", nested=True)] = None,
    ) -> AsyncIterator[Charge]: ...

    @get("/v1/balance")
    async def balance(self) -> dict[str, Any]: ...


async def main() -> None:
    """Charge a new customer once, whatever the network does meanwhile."""
    async with connect(Stripe) as stripe:
        customer = await stripe.create_customer("jenny@example.com", {"order": "6735"})
        try:
            charge = await stripe.charge(2000, "eur", customer.id, key=str(uuid.uuid4()))
        except CardDeclined as refusal:
            body = refusal.error_body
            print("declined:", body.error.decline_code if body else "for an unknown reason")
        else:
            print("charged:", charge.id)


if __name__ == "__main__":
    asyncio.run(main())
