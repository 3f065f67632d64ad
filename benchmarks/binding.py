"""What it costs to turn the arguments of a call into a request: ``dev.py bench binding``.

A port that returns at once is awaited bare, and through

* the function that pyfly generates,
* code written by hand, which quotes and skips ``None`` as a careful person would,
* ``inspect.signature().bind()`` at each call, as libraries without a compile step do,

once with one argument (in the path) and once with four (one in the path, three in the query).
What a case takes above the bare call is told as a multiple of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import quote

from benchmarks.measure import Case, Row, measure
from pyfly.client import get, http_client
from pyfly.client._bind.codegen import generate
from pyfly.client._compile.compile import compile_client
from pyfly.client.message import Request

HEADERS: dict[str, str] = {}
NONE = Request("GET", "/", HEADERS)

BARE = "bare port call"

Run = Callable[[int], Coroutine[Any, Any, None]]


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


def with_one(function: Callable[..., Awaitable[Any]]) -> Run:
    """Calls with one argument."""

    async def run(count: int) -> None:
        for _ in range(count):
            await function(None, "4711")

    return run


def with_four(function: Callable[..., Awaitable[Any]]) -> Run:
    """Calls with four."""

    async def run(count: int) -> None:
        for _ in range(count):
            await function(None, "berlin", "tools", 3, in_stock=True)

    return run


def rows(rounds: int) -> list[Row]:
    """Each case's time above the bare port call, as a multiple of that call."""
    plans = {method.name: method for method in compile_client(Shop).methods}
    one = generate(plans["one"], True, port)
    four = generate(plans["four"], True, port)
    bind = "signature().bind()"
    found = [Case(BARE, bare, "binding")]
    for group, target, named in (
        (
            "1 argument",
            2.4,
            {
                "pyfly": with_one(one),
                "by hand": with_one(by_hand_one),
                bind: with_one(reflecting(Shop.one, "/products/{product_id}")),
            },
        ),
        (
            "4 arguments",
            12.0,
            {
                "pyfly": with_four(four),
                "by hand": with_four(by_hand_four),
                bind: with_four(reflecting(Shop.four, "/shops/{shop}/products")),
            },
        ),
    ):
        for name, case in named.items():
            ours = target if name == "pyfly" else None
            found.append(Case(f"{name}, {group}", case, group, BARE, BARE, ours))
    return measure(found, rounds)
