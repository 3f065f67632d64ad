"""Cases that take turns in rounds, and ratios that hold on a busy machine.

In every round each case runs once, in an order drawn anew. A case's ratio is taken within the
round, to the reference's time of that same round, so that whatever slowed the machine down for a
while slowed both; the figure is the median of these ratios, and its spread their quartiles.
Time is CPU time of this process, so that others' work counts as little as can be.
"""

from __future__ import annotations

import asyncio
import gc
import platform
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

__all__ = ["Case", "Row", "Spread", "about", "measure", "progress", "row", "spread"]

Row = dict[str, Any]
_SLICE_NS = 15_000_000


class Case(NamedTuple):
    """Something to measure.

    Attributes:
        name: What the table calls it.
        run: Does it as often as it is told.
        group: Which part of the table it stands in.
        against: The name of the reference that its time is divided by.
        above: The name of the case whose time is subtracted first; None for none.
        target: The ratio to reach; None where there is none.
    """

    name: str
    run: Callable[[int], Awaitable[None]]
    group: str = ""
    against: str = ""
    above: str | None = None
    target: float | None = None


class Spread(NamedTuple):
    """A median between its quartiles."""

    low: float
    median: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The quartiles of some values; of one value, itself three times."""
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


def about() -> dict[str, str]:
    """Where figures come from: the Python, the system, the day."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": f"{platform.system()} {platform.machine()}",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def progress(text: str) -> None:
    """Say on stderr how far it got; on a terminal in one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)


def measure(cases: Sequence[Case], rounds: int, seed: int | None = None) -> list[Row]:
    """Run all cases, and return a row for each.

    Args:
        cases: The references are among them: those with no ``against``.
        rounds: How many rounds count; one more warms up.
        seed: Of the order.
    """
    draw = random.Random(seed)
    with asyncio.Runner() as runner:
        counts = {case.name: _calibrated(runner, case) for case in cases}
        taken: dict[str, list[float]] = {case.name: [] for case in cases}
        gc.collect()
        gc.freeze()
        for number in range(rounds + 1):
            progress(f"round {number} of {rounds}")
            for case in draw.sample(list(cases), len(cases)):
                gc.collect()
                gc.disable()
                began = time.process_time_ns()
                runner.run(_awaited(case, counts[case.name]))
                ended = time.process_time_ns()
                gc.enable()
                if number:
                    taken[case.name].append((ended - began) / counts[case.name])
        gc.unfreeze()
    if sys.stderr.isatty():
        progress("")
    return [_figures(case, taken) for case in cases]


async def _awaited(case: Case, count: int) -> None:
    await case.run(count)


def _calibrated(runner: asyncio.Runner, case: Case) -> int:
    """How many repetitions take a slice of time."""
    count = 10
    while True:
        began = time.process_time_ns()
        runner.run(_awaited(case, count))
        taken = time.process_time_ns() - began
        if taken > _SLICE_NS / 4:
            return max(10, int(count * _SLICE_NS / taken))
        count *= 4


def _figures(case: Case, taken: dict[str, list[float]]) -> Row:
    times = taken[case.name]
    if not case.against:
        return row(case, statistics.median(times), None)
    below = taken[case.above] if case.above else [0.0] * len(times)
    against = taken[case.against]
    ratios = [(t - b) / a for t, b, a in zip(times, below, against, strict=True)]
    return row(case, statistics.median(times), spread(ratios))


def row(case: Case, ns: float, ratio: Spread | None) -> Row:
    """One line of a table, as JSON has it."""
    found: Row = {"group": case.group, "case": case.name, "ns": round(ns, 1)}
    if ratio is not None:
        found["ratio"] = round(ratio.median, 3)
        found["spread"] = [round(ratio.low, 3), round(ratio.high, 3)]
    if case.target is not None:
        found["target"] = case.target
    return found
