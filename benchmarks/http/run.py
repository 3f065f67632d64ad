"""All cases against one server, taking turns: ``python3 dev.py bench http``."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.http.cases import CASES, REFERENCE
from benchmarks.measure import Row, progress, spread

__all__ = ["idle_rows", "rows", "tls_rows"]

ROOT = Path(__file__).resolve().parents[2]
SIZES = {100: "100 B", 10_240: "10 KB", 1_048_576: "1 MB"}
CALLS = {100: 192, 10_240: 192, 1_048_576: 64}
AT_ONCE = {1: "one after the other", 64: "64 at once"}


class Turn(NamedTuple):
    """What a worker is told to do."""

    size: int
    at_once: int
    idle: int = 1

    def order(self) -> dict[str, int]:
        """As the worker reads it."""
        calls = CALLS[self.size]
        return {"size": self.size, "calls": calls, "at_once": self.at_once, "idle": self.idle}


#: The CPU time of each case in each kind of turn, by round; and why cases are missing.
Measured = tuple[dict[tuple[str, Turn], list[float]], dict[str, str]]


class Worker:
    """The process of one case."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = process
        self.missing: str | None = self._read().get("missing")

    def ask(self, turn: Turn) -> float | None:
        """CPU nanoseconds for each call; None if the process has ended."""
        if self.missing is not None:
            return None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(turn.order()) + "\n")
        self._process.stdin.flush()
        said = self._read()
        self.missing = said.get("missing")
        return None if self.missing is not None else float(said["cpu"] / CALLS[turn.size])

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            return {"missing": f"it ended with {self._process.poll()}"}
        return said


@contextmanager
def _process(*arguments: str, **variables: str) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", *arguments]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _take_turns(
    names: Sequence[str],
    turns: Sequence[Turn],
    rounds: int,
    *,
    growing: bool = False,
    tls: bool = False,
    warm: int = 64,
) -> Measured:
    """The CPU time of each case in each kind of turn, by round; and why cases are missing."""
    draw = random.Random()
    taken: dict[tuple[str, Turn], list[float]] = {}
    with ExitStack() as stack:
        certificate, variables = _certificate(stack) if tls else ((), {})
        server = stack.enter_context(_process("benchmarks.http.server", *certificate))
        assert server.stdout is not None
        scheme = "https" if tls else "http"
        url = f"{scheme}://127.0.0.1:{server.stdout.readline().strip()}"
        progress(f"starting {len(names)} clients")
        started = [
            stack.enter_context(
                _process("benchmarks.http.worker", name, url, str(warm), **variables)
            )
            for name in names
        ]
        workers = [Worker(name, process) for name, process in zip(names, started, strict=True)]
        for number, turn in _order(turns, rounds, draw, growing):
            progress(f"round {number} of {rounds}")
            for worker in draw.sample(workers, len(workers)):
                cpu = worker.ask(turn)
                if number and cpu is not None:
                    taken.setdefault((worker.name, turn), []).append(cpu)
        missing = {w.name: w.missing for w in workers if w.missing is not None}
    if sys.stderr.isatty():
        progress("")
    return taken, missing


def _certificate(stack: ExitStack) -> tuple[tuple[str], dict[str, str]]:
    """The argument of a server over TLS, and the variable by which its clients trust it."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    trustme: Any = import_module("trustme")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return (str(folder / "server.pem"),), {"SSL_CERT_FILE": str(folder / "ca.pem")}


def _order(
    turns: Sequence[Turn], rounds: int, draw: random.Random, growing: bool
) -> Iterator[tuple[int, Turn]]:
    """The turns with the number of their round; number 0 warms up.

    Args:
        turns: The kinds of turns.
        rounds: How often each comes.
        draw: Shuffles the turns of a round.
        growing: One kind of turn after the other, as a pool keeps what it has opened.
    """
    if growing:
        for turn in turns:
            yield from ((number, turn) for number in range(rounds + 1))
        return
    for number in range(rounds + 1):
        yield from ((number, turn) for turn in draw.sample(list(turns), len(turns)))


def rows(rounds: int, sizes: Sequence[int] = tuple(SIZES)) -> list[Row]:
    """Every case in every size, one call after the other and 64 at once."""
    turns = [Turn(size, at_once) for size in sizes for at_once in AT_ONCE]
    measured = _apart(list(CASES), turns, rounds)
    found: list[Row] = []
    for turn in turns:
        group = f"{SIZES[turn.size]}, {AT_ONCE[turn.at_once]}: CPU ÷ {REFERENCE}"
        targets = {name: case.target for name, case in CASES.items() if turn.size == 100}
        found += _against_reference(group, list(CASES), turn, measured, targets)
    return found


def tls_rows(rounds: int) -> list[Row]:
    """100 bytes over TLS, with connections that are kept."""
    turns = [Turn(100, at_once) for at_once in AT_ONCE]
    targets = {name: case.tls for name, case in CASES.items() if case.tls is not None}
    measured = _apart(list(targets), turns, rounds, tls=True)
    found: list[Row] = []
    for turn in turns:
        group = f"100 B over TLS, {AT_ONCE[turn.at_once]}: CPU ÷ {REFERENCE}"
        found += _against_reference(group, list(targets), turn, measured, targets)
    return found


def _apart(
    names: Sequence[str], turns: Sequence[Turn], rounds: int, *, tls: bool = False
) -> Measured:
    """Turns one after the other, then those at once, each with processes of their own.

    httpx2's pool looks through every idle connection at each call, and those that 64 calls have
    left would not have expired when the next turn comes.
    """
    taken: dict[tuple[str, Turn], list[float]] = {}
    missing: dict[str, str] = {}
    for at_once in AT_ONCE:
        these = [turn for turn in turns if turn.at_once == at_once]
        times, lacking = _take_turns(names, these, rounds, tls=tls, warm=at_once)
        taken |= times
        missing |= lacking
    return taken, missing


def idle_rows(rounds: int) -> list[Row]:
    """One call after the other while 1, 20 and 100 connections are kept alive."""
    turns = [Turn(100, 1, idle) for idle in (1, 20, 100)]
    names = [name for name, case in CASES.items() if case.idle]
    found: list[Row] = []
    first, *more = turns
    measured = _take_turns(names, turns, rounds, growing=True)
    for turn in more:
        group = f"{turn.idle} idle connections: CPU ÷ the same with one"
        targets = {"pyfly on httpx2, resilient": 1.3} if turn.idle == 100 else {}
        for name in names:
            found.append(_row(group, name, turn, measured, (name, first), targets.get(name)))
    return found


def _against_reference(
    group: str,
    names: Sequence[str],
    turn: Turn,
    measured: Measured,
    targets: Mapping[str, Sequence[float] | None],
) -> Iterator[Row]:
    for name in names:
        target = dict(zip(AT_ONCE, targets.get(name) or (), strict=False)).get(turn.at_once)
        yield _row(group, name, turn, measured, (REFERENCE, turn), target)


def _row(
    group: str,
    name: str,
    turn: Turn,
    measured: Measured,
    reference: tuple[str, Turn],
    target: float | None,
) -> Row:
    taken, missing = measured
    if name in missing:
        return {"group": group, "case": name, "missing": missing[name]}
    times = taken[name, turn]
    low, median, high = spread([t / r for t, r in zip(times, taken[reference], strict=True)])
    row: Row = {
        "group": group,
        "case": name,
        "ns": round(statistics.median(times)),
        "ratio": round(median, 3),
        "spread": [round(low, 3), round(high, 3)],
    }
    if target is not None:
        row["target"] = target
    return row
