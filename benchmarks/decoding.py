"""What the client adds to decoding a body into a type: ``python benchmarks/decoding.py``.

The decoder that a method of the client uses is compared with the library's own, called by
hand on the same bytes: pydantic for models, dataclasses and TypedDicts, msgspec for structs,
``json`` for what is not typed; on a small body and on one of 11 KB. The two take turns, in
rounds; the ratio is the median of the rounds' ratios, so that it holds on a busy machine.
``--json`` prints the figures for a program.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pydantic
from typing_extensions import TypedDict

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


def taken(function: Callable[[Any], Any], argument: Any, count: int) -> float:
    """Nanoseconds for one call."""
    begin = time.perf_counter_ns()
    for _ in range(count):
        function(argument)
    return (time.perf_counter_ns() - begin) / count


def measure(rounds: int) -> list[dict[str, Any]]:
    """One row for each kind and size."""
    rows: list[dict[str, Any]] = []
    for size in (1, 120):
        content = body(size)
        for kind, annotation in KINDS.items():
            response: Response[Any] = Response(200, HEADERS, content)
            pair: list[tuple[Callable[[Any], Any], Any]] = [
                (by_hand(annotation), content),
                (decoder_for(annotation), response),
            ]
            assert pair[0][0](content) == pair[1][0](response)
            count = max(int(2e7 / taken(*pair[0], 20)), 5)
            times: list[tuple[float, float]] = []
            for _ in range(rounds + 1):  # the first warms up
                gc.collect()
                turn: dict[int, float] = {}
                for index in random.sample((0, 1), 2):
                    turn[index] = taken(*pair[index], count)
                times.append((turn[0], turn[1]))
            hand, ours = zip(*times[1:], strict=True)
            rows.append(
                {
                    "kind": kind,
                    "bytes": len(content),
                    "by_hand_ns": statistics.median(hand),
                    "client_ns": statistics.median(ours),
                    "ratio": statistics.median(o / h for h, o in times[1:]),
                }
            )
    return rows


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    rows = measure(options.rounds)
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'':12}{'bytes':>8}{'by hand, ns':>14}{'client, ns':>14}{'ratio':>8}")
    for row in rows:
        print(
            f"{row['kind']:12}{row['bytes']:8}{row['by_hand_ns']:14.0f}{row['client_ns']:14.0f}"
            f"{row['ratio']:8.2f}"
        )


if __name__ == "__main__":
    main()
