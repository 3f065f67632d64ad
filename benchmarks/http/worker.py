"""One case in a process of its own: ``python -m benchmarks.http.worker CASE URL N``.

``N`` calls at once warm it up, and so decide how many connections it has from then on.

It takes one order a line on stdin, and answers each with one line of JSON on stdout::

    {"size": 100, "calls": 500, "at_once": 64, "idle": 1}  →  {"cpu": ns, "wall": ns}

``cpu`` is what the whole process used, its threads included.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

from benchmarks.http.cases import CASES, HttpCase
from benchmarks.http.opened import Opened
from benchmarks.http.server import pin
from benchmarks.rivals import not_installed

__all__ = ["main"]


async def _calls(client: Opened, size: int, calls: int, at_once: int) -> None:
    if at_once == 1:
        for _ in range(calls):
            await client.call(size)
        return
    each = calls // at_once

    async def caller() -> None:
        for _ in range(each):
            await client.call(size)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(caller())


async def _order(client: Opened, size: int, calls: int, at_once: int, idle: int) -> dict[str, Any]:
    if idle > 1 and client.held is not None:
        await asyncio.gather(*(client.held(size) for _ in range(idle)))
    else:  # other cases had their turns meanwhile, and idle connections may have expired
        await _calls(client, size, at_once, at_once)
    gc.collect()
    gc.disable()
    began, cpu = time.perf_counter_ns(), time.process_time_ns()
    await _calls(client, size, calls, at_once)
    used, taken = time.process_time_ns() - cpu, time.perf_counter_ns() - began
    gc.enable()
    return {"cpu": used, "wall": taken}


async def _work(case: HttpCase, url: str, warm: int) -> None:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        client = await case.open(case.variant, url, stack)
        value = await client.call(100)
        if value.get("total") != 100:
            raise ValueError(f"not the document: {value!r:.80}")
        await _calls(client, 100, 128, warm)
        print(json.dumps({"ready": True}), flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await _order(client, **json.loads(line))), flush=True)


def main(arguments: list[str]) -> None:
    """Do what the lines on stdin say."""
    name, url, warm = arguments
    pin(0)
    case = CASES[name]
    try:
        asyncio.run(_work(case, url, int(warm)))
    except Exception as error:
        text = str(error).strip().partition("\n")[0]
        if not isinstance(error, LookupError):
            text = f"{type(error).__name__}: {text}"
        reason = not_installed(case.package) or text[:70]
        print(json.dumps({"missing": reason}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
