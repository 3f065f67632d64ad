"""What an adapter keeps does not grow with the hosts that it is used for."""

from __future__ import annotations

import tracemalloc

from pyfly.client.adapters.httpx import HttpxClientAdapter
from pyfly.client.message import Request


def test_an_adapter_keeps_nothing_of_a_hundred_thousand_hosts() -> None:
    adapter = HttpxClientAdapter(headers={"X-Mine": "1"})

    def ask(number: int) -> bytes:
        request = Request("GET", f"http://h{number}.example/x", {})
        target = adapter._targets.resolve(request.url)
        return adapter._fields.outgoing(request, target).fields

    assert b"Host: h7.example\r\n" in ask(7)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(100_000):
            ask(number)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 50_000
