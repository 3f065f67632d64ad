"""What the client adds to decoding a body into a type: ``dev.py bench decoding``.

The decoder that a method of the client uses is compared with the library's own, called by
hand on the same bytes: pydantic for models, dataclasses and TypedDicts, msgspec for structs,
``json`` for what is not typed; on a body of 12 KB, and on one of 100 bytes, where what is added
is the same and the decoding next to nothing.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pydantic
from typing_extensions import TypedDict

from benchmarks.measure import Case, Row, measure
from pyfly.client._codec.decode import decoder_for
from pyfly.client.message import Headers, Response

HEADERS = Headers({"content-type": "application/json"})
TAGS = ["new", "sale", "blue"]


class Model(pydantic.BaseModel):
    """A product, as a pydantic model."""

    id: int
    name: str
    price: float
    in_stock: bool
    tags: list[str]


@dataclass
class Data:
    """A product, as a dataclass."""

    id: int
    name: str
    price: float
    in_stock: bool
    tags: list[str]


class Typed(TypedDict):
    """A product, as a TypedDict."""

    id: int
    name: str
    price: float
    in_stock: bool
    tags: list[str]


class Struct(msgspec.Struct):
    """A product, as a msgspec struct."""

    id: int
    name: str
    price: float
    in_stock: bool
    tags: list[str]


def body(count: int) -> bytes:
    """So many products."""
    products = [
        {"id": n, "name": f"Product {n}", "price": n + 0.99, "in_stock": n % 3 > 0, "tags": TAGS}
        for n in range(count)
    ]
    return json.dumps(products).encode()


def by_hand(annotation: Any) -> Callable[[bytes], Any]:
    """What a person would call."""
    if annotation is Any:
        return json.loads
    if annotation == list[Struct]:
        return msgspec.json.Decoder(annotation).decode
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(annotation)
    return adapter.validate_json


KINDS: dict[str, Any] = {
    "pydantic": list[Model],
    "dataclass": list[Data],
    "TypedDict": list[Typed],
    "msgspec": list[Struct],
    "untyped": Any,
}


def rows(rounds: int) -> list[Row]:
    """For each kind and size the client's time as a multiple of that by hand."""
    found: list[Case] = []
    for size, target in ((120, 1.05), (1, None)):
        content = body(size)
        for kind, annotation in KINDS.items():
            response: Response[Any] = Response(200, HEADERS, content)
            hand, ours = by_hand(annotation), decoder_for(annotation)
            assert hand(content) == ours(response)
            group = f"{len(content)} bytes"
            reference = f"{kind} by hand, {group}"
            found += [
                Case(reference, _called(hand, content), group),
                Case(
                    f"pyfly {kind}, {group}",
                    _called(ours, response),
                    group,
                    reference,
                    None,
                    target,
                ),
            ]
    return measure(found, rounds)


def _called(function: Callable[[Any], Any], argument: Any) -> Callable[[int], Awaitable[None]]:
    async def run(count: int) -> None:
        for _ in range(count):
            function(argument)

    return run
