"""A process that is stopped with calls in flight: they are tried again, and nothing is held
against the service.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from pyfly.testing import FaultServer
from pyfly.testing.fault_server import Answer

CHILD = """\
import asyncio, sys
from collections import Counter
from typing import Any, Protocol

from pyfly.client import connect, get, service_client
from pyfly.core import Config
from pyfly.resilience import CircuitBreaker

breaker = CircuitBreaker()
retry = sys.argv[2] == "retry"
settings = {"default": {"timeout": "1s"}, "retry": {"enabled": retry, "base-delay": "50ms"}}


@service_client(name="shop", circuit_breaker=breaker)
class Shop(Protocol):
    @get("/items/{key}")
    async def item(self, key: int) -> Any: ...


async def main() -> None:
    config = Config({"pyfly": {"client": settings}}, environ={})
    async with connect(Shop, base_url=sys.argv[1], config=config) as shop:
        calls = [asyncio.create_task(shop.item(number)) for number in range(20)]
        await asyncio.sleep(0.2)
        print("in flight", flush=True)
        ended = await asyncio.gather(*calls, return_exceptions=True)
        kinds = Counter("ok" if isinstance(each, dict) else type(each).__name__ for each in ended)
        print(breaker.state.name, sorted(kinds.items()), flush=True)


asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process")
@pytest.mark.parametrize("retry", ["retry", "no retry"])
def test_a_process_that_was_stopped_holds_nothing_against_a_healthy_service(retry: str) -> None:
    with FaultServer() as server:
        slow, fast = Answer(json={"ok": 1}, latency=0.6), Answer(json={"ok": 1})
        server.on("GET /items/{key}", *[slow] * 20, fast)
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, server.url, retry], stdout=subprocess.PIPE, text=True
        )
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "in flight\n"
            child.send_signal(signal.SIGSTOP)
            time.sleep(2.5)  # until 1.5 s after the end of every attempt
            child.send_signal(signal.SIGCONT)
            told, _ = child.communicate(timeout=30)
        finally:
            child.kill()
            child.wait()
    assert told.startswith("CLOSED ")
    if retry == "retry":
        assert told == "CLOSED [('ok', 20)]\n"
