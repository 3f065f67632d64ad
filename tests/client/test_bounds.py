"""Nothing that is kept grows with hosts, paths, tenants or clients."""

from __future__ import annotations

import asyncio
import gc
import linecache
import logging
import sys
from collections.abc import Callable
from typing import Annotated, Any, Protocol

import pytest

from pyfly.client import Header, get, http_client
from pyfly.client.message import Headers, Response
from pyfly.kernel import fork
from pyfly.resilience import Bulkhead, RateLimiter
from pyfly.resilience._leases import Lease, Leases
from pyfly.testing import client_for

#: Memory blocks that may be more afterwards: caches of the standard library that are filled.
SPARE = 400


class Port:
    takes_encoded = True
    bounds_deadline = True
    ends_calls = False

    def __init__(self, base_url: str = "http://localhost") -> None:
        self.base_url = base_url

    def send(self, request: Any, deadline: float | None) -> Response[Any]:
        return Response(200, Headers([]), b'{"a": 1}')

    def start(self) -> None: ...

    def stop(self) -> None: ...


@http_client()
class Shop(Protocol):
    @get("/items/{item}")
    def item(
        self, item: str, tenant: Annotated[str | None, Header("x-tenant")] = None
    ) -> dict[str, int]: ...


def grown(step: Callable[[str], object], number: int) -> int:
    """Memory blocks that are left of so many steps."""
    logging.disable()
    try:
        for each in range(300):
            step(f"before-{each}")
        gc.collect()
        before = sys.getallocatedblocks()
        for each in range(number):
            step(f"each-{each}")
        gc.collect()
        return sys.getallocatedblocks() - before
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.survives(
    "Many callers at once",
    "a client is called for 100,000 paths and tenants",
    "no cache grows with them",
)
def test_no_cache_grows_with_paths_or_tenants() -> None:
    client = client_for(Shop, port=Port())
    assert grown(lambda each: client.item(each, each), 100_000) < SPARE


def test_no_cache_grows_with_clients_or_their_hosts() -> None:
    owners, lines = len(fork._owners), len(linecache.cache)

    def connect(each: str) -> None:
        client_for(Shop, port=Port(f"http://{each}")).item(each)

    assert grown(connect, 2_000) < SPARE
    assert len(fork._owners) <= owners + 10
    assert len(linecache.cache) <= lines + 10


def test_no_list_of_owners_grows_with_policies_that_are_gone() -> None:
    owners = len(fork._owners)

    def make(each: str) -> None:
        Bulkhead(1, name=each)
        RateLimiter(1, name=each)

    assert grown(make, 50_000) < SPARE
    assert len(fork._owners) <= owners + 10


def test_no_limit_grows_with_event_loops_or_calls() -> None:
    bulkhead, leases = Bulkhead(2), Leases()

    async def one() -> None:
        async with bulkhead:
            leases.add(Lease())

    for _ in range(200):
        asyncio.run(one())
    assert len(leases) == 0
    assert len(leases._loops) < 20
    assert len(bulkhead.rules._out._loops) < 20

    def lease(each: str) -> None:
        leases.add(Lease())

    assert grown(lease, 100_000) < SPARE
