"""What clients weigh, and how long they take to make: ``python3 dev.py bench footprint``.

Memory is what Python's allocators hold more afterwards (``tracemalloc``), with everything
imported and one of each made beforehand.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from benchmarks.measure import Row, progress, spread
from pyfly.client import connect, get, service_client
from pyfly.client.message import Headers, Request, Response
from pyfly.testing import client_for

__all__ = ["import_rows", "rows"]

MEMORY = "memory"
TIME = "time"


def _methods(count: int) -> dict[str, Any]:
    async def stub(self: Any, item: str, page: int = 1) -> dict[str, Any]:
        raise NotImplementedError

    def named(number: int) -> Any:
        return get(f"/part{number}/{{item}}")(stub)

    return {f"method{number}": named(number) for number in range(count)}


def _class(methods: int) -> Any:
    return service_client(base_url="http://localhost")(type("Declared", (), _methods(methods)))


class Waiting:
    """A port whose answers come when told."""

    base_url = "http://localhost"
    takes_encoded = True
    bounds_deadline = True

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self._response: Response[Any] = Response(200, Headers([]), b"{}")

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Wait for the gate."""
        await self.gate.wait()
        return self._response

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""


def _held_by(make: Callable[[], Any]) -> int:
    """The bytes that what ``make`` returns holds."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    kept = make()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return after - before


async def _bytes_in_flight(calls: int, call: Callable[[], Any], release: Callable[[], None]) -> int:
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tasks = [asyncio.create_task(call()) for _ in range(calls)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    release()
    await asyncio.gather(*tasks)
    return after - before


async def _in_flight(calls: int) -> tuple[int, int]:
    """The bytes that calls under way hold: declared ones, and bare tasks that wait."""
    port = Waiting()
    client = client_for(_class(1), port=port)
    port.gate.set()
    await client.method0("1")
    port.gate.clear()
    declared = await _bytes_in_flight(calls, lambda: client.method0("1"), port.gate.set)
    bare = Waiting()
    request = Request("GET", "/", {})
    return declared, await _bytes_in_flight(
        calls, lambda: bare.send(request, None), bare.gate.set
    )  # fmt: skip


async def _constructions(times: int) -> list[float]:
    """Milliseconds that each client with an adapter takes from nothing to started, and back."""
    taken: list[float] = []
    for _ in range(times):
        kind = _class(1)
        began = time.perf_counter()
        connection = connect(kind)
        await connection.__aenter__()
        taken.append((time.perf_counter() - began) * 1e3)
        await connection.__aexit__(None, None, None)
    return taken


def _wiring(clients: int) -> float:
    kind = _class(4)
    port = object.__new__(Waiting)
    client_for(kind, port=port)
    began = time.perf_counter()
    kept = [client_for(kind, port=port) for _ in range(clients)]
    taken = time.perf_counter() - began
    del kept
    return taken


def rows(rounds: int) -> list[Row]:
    """Memory and construction."""
    progress("memory")
    client_for(_class(1), port=object.__new__(Waiting))
    port = object.__new__(Waiting)
    declared = _held_by(lambda: client_for(_class(1_000), port=port))
    flying, bare = asyncio.run(_in_flight(10_000))
    progress("time")
    first, *later = asyncio.run(_constructions(rounds + 1))
    wired = [_wiring(1_000) for _ in range(3)]
    if sys.stderr.isatty():
        progress("")
    return [
        _bytes("1,000 declared methods, wired", declared),
        _bytes("10,000 calls in flight", flying),
        _bytes("10,000 bare tasks that wait", bare),
        _time("first client, from nothing to started", [first]),
        {**_time("a further client", later), "ratio": round(statistics.median(later), 3),
         "target": 0.5, "spread": [round(s, 3) for s in spread(later)[::2]]},
        _time("1,000 clients of 4 methods, wired", [w * 1e3 for w in wired]),
    ]  # fmt: skip


def _bytes(name: str, held: int) -> Row:
    return {"group": MEMORY, "case": name, "bytes": held}


def _time(name: str, milliseconds: list[float]) -> Row:
    return {"group": f"{TIME} (ratio: milliseconds)", "case": name,
            "ns": statistics.median(milliseconds) * 1e6}  # fmt: skip


_DECLARE = "from pyfly.client import get, service_client"
_CONNECT = "from pyfly.client import connect, get, service_client"
IMPORTED = ("import asyncio", "import pyfly.client", _DECLARE, _CONNECT, "import pyfly.resilience",
            "import httpx2", "import httpx", "import aiohttp", "import uplink",
            "import tenacity")  # fmt: skip
_TIMED = (
    "import sys, time; began = time.process_time(); exec(sys.argv[1]);"
    "print(time.process_time() - began)"
)


def import_rows(rounds: int) -> list[Row]:
    """The CPU time of imports, each in a fresh interpreter, as a multiple of ``import asyncio``."""
    taken: dict[str, list[float]] = {name: [] for name in IMPORTED}
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for number in range(rounds + 1):
            progress(f"import, round {number} of {rounds}")
            for name in random.sample(IMPORTED, len(IMPORTED)):
                done = subprocess.run(
                    [sys.executable, "-c", _TIMED, name],
                    env=environment, capture_output=True, text=True, check=False,
                )  # fmt: skip
                if done.returncode:
                    missing[name] = done.stderr.strip().splitlines()[-1]
                elif number:  # the first writes the bytecode
                    taken[name].append(float(done.stdout) * 1e9)
    found: list[Row] = []
    group = "CPU of an import ÷ `import asyncio`"
    for name in IMPORTED:
        if name in missing:
            found.append({"group": group, "case": name, "missing": missing[name]})
            continue
        low, median, high = spread(
            [t / a for t, a in zip(taken[name], taken["import asyncio"], strict=True)]
        )
        row: Row = {
            "group": group,
            "case": name,
            "ns": statistics.median(taken[name]),
            "ratio": round(median, 3),
            "spread": [round(low, 3), round(high, 3)],
        }
        if name in ("import pyfly.client", _DECLARE):
            row["target"] = 1.5
        found.append(row)
    if sys.stderr.isatty():
        progress("")
    return found
