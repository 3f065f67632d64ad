"""What it costs to turn the arguments of a call into a request: ``python benchmarks/binding.py``.

A port that returns at once is awaited bare, and through

* the function that pyfly generates,
* code written by hand, which quotes and skips ``None`` as a careful person would,
* ``inspect.signature().bind()`` at each call, as libraries without a compile step do,

once with one argument (in the path) and once with four (one in the path, three in the query).
The cases take turns in every round; a figure is the median over the rounds, so that the
ratios of one run hold on a busy machine. ``--json`` prints the figures for a program.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import inspect
import json
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import quote

from pyfly.client import get, http_client
from pyfly.client._bind.codegen import generate
from pyfly.client._compile.compile import compile_client
from pyfly.client.message import Request

HEADERS: dict[str, str] = {}
NONE = Request("GET", "/", HEADERS)

Case = Callable[[int], Coroutine[Any, Any, None]]


@http_client(base_url="http://localhost")
class Shop:
    """The declared client."""

    @get("/products/{product_id}")
    async def one(self, product_id: str) -> dict[str, Any]:
        """One argument."""
        raise NotImplementedError

    @get("/shops/{shop}/products")
    async def four(
        self, shop: str, category: str, page: int = 1, in_stock: bool | None = None
    ) -> dict[str, Any]:
        """Four arguments."""
        raise NotImplementedError


async def port(request: Request) -> None:
    """Returns at once."""


async def by_hand_one(self: Any, product_id: str) -> None:
    """What a person would write for one argument."""
    await port(Request("GET", f"/products/{quote(product_id, safe='')}", HEADERS))


async def by_hand_four(
    self: Any, shop: str, category: str, page: int = 1, in_stock: bool | None = None
) -> None:
    """And for four."""
    url = f"/shops/{quote(shop, safe='')}/products?category={quote(category, safe='')}&page={page}"
    if in_stock is not None:
        url += f"&in_stock={'true' if in_stock else 'false'}"
    await port(Request("GET", url, HEADERS))


def reflecting(stub: Any, template: str) -> Callable[..., Awaitable[None]]:
    """What binds by reflection at each call."""

    async def call(*args: Any, **kwargs: Any) -> None:
        bound = inspect.signature(stub).bind(*args, **kwargs)
        bound.apply_defaults()
        values = dict(bound.arguments)
        del values["self"]
        url = template
        for name in list(values):
            if f"{{{name}}}" in url:
                url = url.replace(f"{{{name}}}", quote(str(values.pop(name)), safe=""))
        given = {name: value for name, value in values.items() if value is not None}
        query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in given.items())
        await port(Request("GET", f"{url}?{query}" if query else url, HEADERS))

    return call


async def bare(count: int) -> None:
    """The awaited port call alone."""
    for _ in range(count):
        await port(NONE)


def with_one(function: Callable[..., Awaitable[Any]]) -> Case:
    """Calls with one argument."""

    async def run(count: int) -> None:
        for _ in range(count):
            await function(None, "4711")

    return run


def with_four(function: Callable[..., Awaitable[Any]]) -> Case:
    """Calls with four."""

    async def run(count: int) -> None:
        for _ in range(count):
            await function(None, "berlin", "tools", 3, in_stock=True)

    return run


def cases() -> dict[str, dict[str, Case]]:
    """The cases by number of arguments and name."""
    plans = {method.name: method for method in compile_client(Shop).methods}
    one = generate(plans["one"], True, port)
    four = generate(plans["four"], True, port)
    return {
        "1 argument": {
            "generated": with_one(one),
            "by hand": with_one(by_hand_one),
            "signature().bind()": with_one(reflecting(Shop.one, "/products/{product_id}")),
        },
        "4 arguments": {
            "generated": with_four(four),
            "by hand": with_four(by_hand_four),
            "signature().bind()": with_four(reflecting(Shop.four, "/shops/{shop}/products")),
        },
    }


def measure(rounds: int, count: int) -> list[dict[str, Any]]:
    """Nanoseconds above the bare call, and how many times what is generated takes that is."""
    groups = cases()
    flat: dict[tuple[str, str], Case] = {("", "bare"): bare}
    flat |= {(group, name): case for group, named in groups.items() for name, case in named.items()}
    taken: dict[tuple[str, str], list[float]] = {key: [] for key in flat}
    with asyncio.Runner() as runner:
        gc.disable()
        for _ in range(rounds + 1):
            for key in random.sample(list(flat), len(flat)):
                begin = time.perf_counter_ns()
                runner.run(flat[key](count))
                taken[key].append((time.perf_counter_ns() - begin) / count)
            gc.collect()
        gc.enable()
    empty = taken["", "bare"][1:]  # the first round warms up
    rows = [{"arguments": "", "case": "bare port call", "ns": statistics.median(empty)}]
    for (group, name), times in taken.items():
        if group:
            above = [t - e for t, e in zip(times[1:], empty, strict=True)]
            ours = [t - e for t, e in zip(taken[group, "generated"][1:], empty, strict=True)]
            ratios = [a / o for a, o in zip(above, ours, strict=True)]
            rows.append(
                {
                    "arguments": group,
                    "case": name,
                    "ns": statistics.median(above),
                    "ratio": statistics.median(ratios),
                }
            )
    return rows


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--count", type=int, default=20_000, help="calls of each case in a round")
    options = parser.parse_args()
    rows = measure(options.rounds, options.count)
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'':14}{'':22}{'ns above bare':>14}{'of generated':>14}")
    for row in rows:
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
        print(f"{row['arguments']:14}{row['case']:22}{row['ns']:14.0f}{ratio:>14}")


if __name__ == "__main__":
    main()
