"""``python3 dev.py soak``: a million calls with 20 % faults, and a thousand starts and stops.

For each adapter; then forks under calling threads, event loops closed under their calls and
exceptions out of signal handlers, ten thousand of each. The server, in a process of its own,
counts what it did; the client says what became of its calls. Every number has to agree, and
afterwards there is no permit, socket, task or thread left, and no more memory in use than after
the first tenth.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import progress
from benchmarks.soak.losses import LOSSES
from benchmarks.soak.server import KINDS
from pyfly.client import connect, get, http_client
from pyfly.client.errors import HttpStatusException, TransportException
from pyfly.core import Config, ConfigException

__all__ = ["Server", "differences", "main", "soak"]

ROOT = Path(__file__).resolve().parents[2]
ADAPTERS = ("httpx2", "httpx", "aiohttp")
AT_ONCE = 32
_SPARE_MEMORY = 16 << 20
#: What becomes of calls that are lost, and of those beside them.
MEANT = ("ok", "lost", "late", "interrupted")


@http_client()
class Shop:
    """One attempt for each call, so that the server's counts are the client's."""

    @get("/items/{item}")
    async def item(self, item: int) -> dict[str, Any]:
        """One call."""
        raise NotImplementedError


class Server:
    """The server's process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{self._line()}"

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def counts(self) -> Counter[str]:
        """What it did so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Counter(json.loads(self._line()))


@contextmanager
def serving(seed: int = 7) -> Generator[Server]:
    """A server, until the block ends."""
    command = [sys.executable, "-m", "benchmarks.soak.server", str(seed)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Server(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:  # a child of ours that hangs has its input open
                process.kill()


def _kind(error: Exception) -> str:
    """What the client takes a failure for; failures of transport are one kind."""
    if isinstance(error, HttpStatusException):
        return f"status {error.status_code}"
    return "transport" if isinstance(error, TransportException) else type(error).__name__


async def _calls(client: Shop, number: int, counts: Counter[str]) -> None:
    left = iter(range(number))

    async def caller() -> None:
        for item in left:
            try:
                await client.item(item)
            except Exception as error:
                counts[_kind(error)] += 1
            else:
                counts["ok"] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(caller())


def _resident() -> int:
    """The resident memory of this process, in bytes; 0 where it is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * 4096


def _descriptors() -> int:
    """The files and sockets that this process has open; 0 where it is not told.

    The server cannot tell of those that it has closed itself and the client has not.
    """
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return 0


async def soak(adapter: str, url: str, calls: int, cycles: int) -> dict[str, Any]:
    """Make the calls and the starts and stops; what the client counted, and what is left."""
    config = Config({"pyfly": {"client": {"default": {"adapter": adapter}}}}, environ={})
    counts: Counter[str] = Counter()

    async def start_and_stop() -> None:
        async with connect(Shop, base_url=url, config=config) as client:
            await _calls(client, 1, counts)

    if cycles:  # the first, before anything is counted: some libraries keep a runtime from then on
        await start_and_stop()
    tasks, threads = len(asyncio.all_tasks()), threading.active_count()
    descriptors = _descriptors()
    part, memory, made = max(calls // 10, 1), 0, 0
    async with connect(Shop, base_url=url, config=config) as client:
        while made < calls:
            await _calls(client, min(part, calls - made), counts)
            made = min(made + part, calls)
            gc.collect()
            memory = memory or _resident()
            progress(f"{adapter}: {made:,} of {calls:,} calls")
    grown = _resident() - memory
    for cycle in range(1, cycles):
        await start_and_stop()
        if cycle % 100 == 99:
            progress(f"{adapter}: {cycle + 1:,} of {cycles:,} starts and stops")
    gc.collect()
    await asyncio.sleep(0.2)  # so that the server has seen the last connections close
    return {
        "counts": counts,
        "tasks": len(asyncio.all_tasks()) - tasks,
        "threads": threading.active_count() - threads,
        "descriptors": _descriptors() - descriptors,
        "grown": grown,
    }


def differences(found: dict[str, Any], server: Counter[str], calls: int) -> list[str]:
    """What is not as it must be, a line each."""
    counts: Counter[str] = found["counts"]
    broken = sum(server[k] for k in ("no response", "cut off in the body", "not HTTP"))
    expected = {k: server[k] for k in KINDS if k == "ok" or k.startswith("status")}
    expected["transport"] = broken
    wrong = [
        f"{kind}: the server did it {expected.get(kind, 0):,} times, "
        f"the client saw it {counts[kind]:,} times"
        for kind in sorted({*expected, *counts})
        if counts[kind] != expected.get(kind, 0)
    ]
    if not counts.total() == server["requests"] == calls:
        wrong.append(f"{calls:,} calls, {counts.total():,} ends, {server['requests']:,} requests")
    left = {"connections": server["open"], **found}
    wrong += [
        f"{left[what]} {what} left"
        for what in ("connections", "descriptors", "tasks", "threads")
        if left[what]
    ]
    if found["grown"] > _SPARE_MEMORY:
        wrong.append(f"memory grew by {found['grown'] / 1e6:.1f} MB after the first tenth")
    return wrong


def _adapter(adapter: str, calls: int, cycles: int) -> bool:
    began = time.perf_counter()
    with serving() as server:
        try:
            found = asyncio.run(soak(adapter, server.url, calls, cycles))
        except (ConfigException, ImportError) as error:
            print(f"{adapter}: not there ({str(error).splitlines()[0][:90]})")
            return True
        counted = server.counts()
    wrong = differences(found, counted, calls + cycles)
    seconds = time.perf_counter() - began
    if sys.stderr.isatty():
        progress("")
    grown = round(found["grown"] / 1e6, 1) + 0.0  # not -0.0
    kinds = ", ".join(f"{counted[kind]:,} {kind}" for kind in KINDS)
    print(
        f"{adapter}: {calls:,} calls and {cycles:,} starts and stops in {seconds:.0f} s; "
        f"the server counted {counted['requests']:,} requests on {counted['connections']:,} "
        f"connections: {kinds}; memory {grown:+} MB after the first tenth",
        flush=True,
    )
    for line in wrong:
        print(f"  wrong: {line}")
    if not wrong:
        print("  every count agrees; no socket, file, task or thread is left")
    return not wrong


def _losses(kind: str, count: int) -> bool:
    """Lose so many calls in one way; whether everything came back."""
    began = time.perf_counter()
    with serving() as server:
        descriptors = _descriptors()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # to fork with threads is meant
            ends = LOSSES[kind](server.url, count)
        gc.collect()
        time.sleep(0.2)  # so that the server has seen the last connections close
        ends["connections left"] = server.counts()["open"]
        ends["descriptors left"] = max(_descriptors() - descriptors, 0)
    if sys.stderr.isatty():
        progress("")
    told = ", ".join(f"{number:,} {end}" for end, number in ends.items() if number)
    print(f"{count:,} {kind} in {time.perf_counter() - began:.0f} s: {told}", flush=True)
    wrong = {end: number for end, number in ends.items() if number and end not in MEANT}
    for end, number in wrong.items():
        print(f"  wrong: {number:,} {end}")
    if not wrong:
        print("  none hung or was refused; no permit, socket or file is left")
    return not wrong


def main(arguments: list[str]) -> int:
    """Soak each adapter; 0 if all was as it must be."""
    parser = argparse.ArgumentParser(
        prog="dev.py soak",
        description=__doc__,
        epilog="example: python3 dev.py soak --calls 20000 --cycles 50 --adapter httpx2",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--calls", type=int, default=1_000_000, help="calls for each adapter")
    parser.add_argument("--cycles", type=int, default=1_000, help="starts and stops")
    parser.add_argument("--adapter", action="append", choices=ADAPTERS, help="can be repeated")
    parser.add_argument("--losses", type=int, default=10_000, help="forks, closed loops, signals")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore", message=".*was connected")  # the starts are meant
    good = [
        _adapter(name, options.calls, options.cycles)
        for name in options.adapter or ADAPTERS
        if options.calls
    ]
    good += [_losses(kind, options.losses) for kind in LOSSES if options.losses]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
