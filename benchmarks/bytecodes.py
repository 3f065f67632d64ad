"""How much Python runs in a call, counted: ``python3 dev.py bytecodes``.

Bytecodes are the same on every machine, so they can be compared with figures that are kept, per
version of Python, in ``results/bytecodes.json``. More than 3 % above a kept figure fails (and so
does a test); less is a reason to keep the new ones: ``python3 dev.py bytecodes --update``.
``--instructions`` counts machine instructions as well, with valgrind's callgrind where it is
there; those hold for one build of Python.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from pyfly.client import get, http_client, service_client
from pyfly.client.message import Headers, Request, Response
from pyfly.resilience import CircuitBreaker, RetryPolicy, deadline
from pyfly.testing import client_for

__all__ = ["FIGURES", "TOLERANCE", "compare", "counted", "main", "version"]

ROOT = Path(__file__).resolve().parents[1]
FIGURES = Path(__file__).with_name("results") / "bytecodes.json"
TOLERANCE = 0.03

#: What instructions are counted of; valgrind takes its time.
WEIGHED = ("4 arguments, as shipped",)

Work = Callable[[], Awaitable[object]]


class _Port:
    base_url = "http://localhost"
    takes_encoded = True
    bounds_deadline = True

    def __init__(self) -> None:
        self._response: Response[Any] = Response(200, Headers([]), b'{"a": 1}')

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        return self._response

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class _SyncPort:
    base_url = "http://localhost"
    takes_encoded = True
    bounds_deadline = True

    def __init__(self) -> None:
        self._response: Response[Any] = Response(200, Headers([]), b'{"a": 1}')

    def send(self, request: Request, deadline: float | None) -> Response[Any]:
        return self._response

    def start(self) -> None: ...

    def stop(self) -> None: ...


class _PersonsPort:
    """A port of a person's own, which answers with a plain value."""

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        return {"a": 1}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@http_client(base_url="http://localhost")
class Plain:
    """Every stage off."""

    @get("/items/{item}")
    async def one(self, item: str) -> dict[str, Any]:
        """One argument."""
        raise NotImplementedError

    @get("/shops/{shop}/items")
    async def four(
        self, shop: str, category: str, page: int = 1, in_stock: bool | None = None
    ) -> dict[str, Any]:
        """Four arguments."""
        raise NotImplementedError


@service_client(base_url="http://localhost")
class Shipped(Plain):
    """As shipped."""


@http_client(base_url="http://localhost")
class PlainSync:
    """Every stage off, synchronous."""

    @get("/items/{item}")
    def one(self, item: str) -> dict[str, Any]:
        """One argument."""
        raise NotImplementedError


@service_client(base_url="http://localhost")
class ShippedSync(PlainSync):
    """As shipped, synchronous."""


async def _nothing() -> None: ...


def works() -> dict[str, Work]:
    """What is counted, by name."""
    plain, shipped = client_for(Plain, port=_Port()), client_for(Shipped, port=_Port())
    persons = client_for(Shipped, port=_PersonsPort())
    plain_sync = client_for(PlainSync, port=_SyncPort())
    shipped_sync = client_for(ShippedSync, port=_SyncPort())
    breaker, policy = CircuitBreaker(), RetryPolicy()

    async def by_a_deadline() -> None:
        with deadline(3600):
            await shipped.one("4711")

    async def synchronous(client: PlainSync) -> None:
        client.one("4711")

    return {
        "1 argument, plain": lambda: plain.one("4711"),
        "4 arguments, plain": lambda: plain.four("berlin", "tools", 3, in_stock=True),
        "1 argument, as shipped": lambda: shipped.one("4711"),
        "4 arguments, as shipped": lambda: shipped.four("berlin", "tools", 3, in_stock=True),
        "1 argument, as shipped, within a deadline": by_a_deadline,
        "1 argument, as shipped, over a port of one's own": lambda: persons.one("4711"),
        "1 argument, plain, synchronous": lambda: synchronous(plain_sync),
        "1 argument, as shipped, synchronous": lambda: synchronous(shipped_sync),
        "CircuitBreaker.call": lambda: breaker.call(_nothing),
        "RetryPolicy.execute": lambda: policy.execute(_nothing),
    }


def _bytecodes(work: Work) -> int:
    """The bytecodes of one call, when it is warm. It must not wait for anything."""
    monitoring = getattr(sys, "monitoring", None)  # since 3.12

    async def main() -> int:
        for _ in range(100):
            await work()
        pending = work()
        return await (_traced(pending) if monitoring is None else _monitored(pending, monitoring))

    return asyncio.run(main())


async def _traced(pending: Awaitable[object]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "opcode":
            count += 1
        return trace

    sys.settrace(trace)
    await pending
    sys.settrace(None)
    return count


async def _monitored(pending: Awaitable[object], monitoring: Any) -> int:
    """As :func:`_traced`, which newer Pythons call for some of the code alone."""
    count = 0
    tool, event = monitoring.PROFILER_ID, monitoring.events.INSTRUCTION

    def executed(code: CodeType, offset: int) -> None:
        nonlocal count
        count += code is not _monitored.__code__

    monitoring.use_tool_id(tool, "bytecodes")
    monitoring.register_callback(tool, event, executed)
    try:
        monitoring.set_events(tool, event)
        await pending
        monitoring.set_events(tool, 0)
    finally:
        monitoring.free_tool_id(tool)
    return count


def counted() -> dict[str, int]:
    """The bytecodes of every work."""
    return {name: _bytecodes(work) for name, work in works().items()}


async def _repeat(name: str, times: int) -> None:
    work = works()[name]
    for _ in range(times):
        await work()


def _instructions(name: str) -> int:
    """Machine instructions of one call: what five hundred more of them add."""
    few, many = (_collected(name, times) for times in (100, 600))
    return (many - few) // 500


def _collected(name: str, times: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable,
               "-m", "benchmarks.bytecodes", "--repeat", name, str(times)]  # fmt: skip
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    if found is None:
        raise SystemExit(f"bytecodes: valgrind did not say how much it counted\n{done.stderr}")
    return int(found[1])


def version() -> str:
    """The Python that bytecodes hold for."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _build() -> str:
    compiler = str(sysconfig.get_config_var("CC") or "")
    return f"{sys.version.split()[0]}, {compiler.split()[0] if compiler else '?'}, {sys.platform}"


def compare(kept: dict[str, int], found: dict[str, int]) -> list[str]:
    """What has grown by more than the tolerance, and what is not kept, a line each."""
    wrong: list[str] = []
    for name, count in found.items():
        if name not in kept:
            wrong.append(f"{name}: {count}, and no figure is kept")
        elif count > kept[name] * (1 + TOLERANCE):
            wrong.append(f"{name}: {count}, {count / kept[name] - 1:+.1%} over {kept[name]}")
    return wrong


def _load() -> dict[str, dict[str, dict[str, int]]]:
    if not FIGURES.exists():
        return {}
    loaded: dict[str, dict[str, dict[str, int]]] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return loaded


def _handle(kind: str, key: str, found: dict[str, int], update: bool) -> bool:
    """Print figures beside those that are kept, and keep or judge them."""
    kept = _load()
    before = kept.get(kind, {}).get(key, {})
    print(f"{kind} of one call, {key}")
    for name, count in found.items():
        was = before.get(name)
        change = "" if was is None else f"{count / was - 1:+8.1%} of {was}"
        print(f"  {count:>8,}  {name:<45}{change}")
    if update:
        kept.setdefault(kind, {})[key] = found
        FIGURES.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return True
    if not before:
        print(f"  nothing is kept for {key}: `python3 dev.py bytecodes --update` does that")
        return True
    wrong = compare(before, found)
    for line in wrong:
        print(f"  too many: {line}")
    return not wrong


def main(arguments: list[str]) -> int:
    """Count, and compare or keep."""
    parser = argparse.ArgumentParser(
        prog="dev.py bytecodes",
        description=__doc__,
        epilog="example: python3 dev.py bytecodes --update",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--update", action="store_true", help="keep these figures")
    parser.add_argument("--instructions", action="store_true", help="with callgrind (some minutes)")
    parser.add_argument("--json", action="store_true", help="print the bytecodes alone")
    parser.add_argument("--repeat", nargs=2, metavar=("NAME", "TIMES"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.repeat:
        asyncio.run(_repeat(options.repeat[0], int(options.repeat[1])))
        return 0
    found = counted()
    if options.json:
        print(json.dumps(found))
        return 0
    good = _handle("bytecodes", version(), found, options.update)
    if options.instructions and shutil.which("valgrind") is None:
        print("valgrind is not there: no instructions")
    elif options.instructions:
        counts = {name: _instructions(name) for name in WEIGHED}
        good = _handle("instructions", _build(), counts, options.update) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
