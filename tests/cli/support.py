"""The command in another process, and runs of the demo that never happened."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyfly.cli.demo.run import Run
from pyfly.client import (
    CircuitBreakerException,
    CircuitState,
    ConnectException,
    Headers,
    ServerErrorException,
)
from pyfly.resilience import (
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    CallFailed,
    CallStarted,
    CallSucceeded,
    CircuitTransition,
    Event,
    RetrySuppressed,
)

MARK = "PYFLY_TESTS_MARK"


class Command:
    """A ``pyfly`` in another process, marked so that what it leaves behind can be found."""

    def __init__(self, *arguments: str, cwd: Path, **env: str) -> None:
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "pyfly.cli", *arguments],
            cwd=cwd,
            env={**_environment(), MARK: self.mark, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def wait(self) -> tuple[int, str, str]:
        """Its exit status, what it printed, and what it complained of."""
        printed, complained = self.process.communicate(timeout=60)
        return self.process.returncode, printed, complained

    def left_behind(self) -> list[str]:
        """The command lines of processes that it started and that still run. Linux only."""
        found: list[str] = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found


@contextmanager
def command(*arguments: str, cwd: Path, **env: str) -> Iterator[Command]:
    """A command that does not outlive the block."""
    started = Command(*arguments, cwd=cwd, **env)
    try:
        yield started
    finally:
        process = started.process
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _environment() -> dict[str, str]:
    """Ours without what would change how the command looks."""
    changing = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "PYFLY_")
    return {name: value for name, value in os.environ.items() if not name.startswith(changing)}


OPERATION = "InventoryClient.get_product"
UNAVAILABLE = ServerErrorException(503, Headers())


def run_of(*events: Event, seconds: float = 28.0, breaker: bool = True) -> Run:
    """A run that began at 0 on the clock of these events."""
    run = Run(seconds, breaker)
    run.tally.origin = 0.0
    for event in events:
        run.tally(event)
    return run


def success(at: float, duration: float = 0.01) -> list[Event]:
    """A call whose first attempt succeeds."""
    return [
        CallStarted(OPERATION, at),
        AttemptStarted(OPERATION, at, 1),
        AttemptSucceeded(OPERATION, at + duration, 1, duration),
        CallSucceeded(OPERATION, at + duration, 1, duration),
    ]


def failure(at: float, error: Exception = UNAVAILABLE, reason: str = "no reason") -> list[Event]:
    """A call whose first attempt fails, and that is not retried."""
    return [
        CallStarted(OPERATION, at),
        AttemptStarted(OPERATION, at, 1),
        AttemptFailed(OPERATION, at + 0.01, 1, error, 0.01),
        RetrySuppressed(OPERATION, at + 0.01, 1, reason, error),
        CallFailed(OPERATION, at + 0.01, error, 1, 0.01),
    ]


def refusal(at: float) -> list[Event]:
    """A call that the open circuit refuses."""
    error = CircuitBreakerException(name="inventory", retry_after=1.0)
    return [CallStarted(OPERATION, at), CallFailed(OPERATION, at, error, 0, 0.0)]


def transition(at: float, old: str, new: str, reason: str = "a probe failed") -> Event:
    """The circuit goes from one state to another, named in capitals."""
    return CircuitTransition(
        OPERATION, at, "inventory", CircuitState[old], CircuitState[new], reason
    )


def outage() -> Run:
    """A run as the demo has it, with fewer calls: the service is down from 15 to 22 s."""
    lost = ConnectException("refused")
    events: list[Event] = []
    for step in range(150):
        events += success(step / 10, 0.005 if step < 50 else 0.2)
    for step in range(5):
        events += failure(15.0 + step / 10, lost, "the retry budget is empty")
    events.append(transition(15.5, "CLOSED", "OPEN", "too many consecutive attempts failed"))
    for step in range(20):
        events += refusal(15.6 + step / 10)
    events.append(transition(17.6, "OPEN", "HALF_OPEN", "the recovery time has passed"))
    events += failure(17.6, lost, "the circuit is half-open")
    events.append(transition(17.601, "HALF_OPEN", "OPEN", "a probe failed: ConnectException"))
    for step in range(30):
        events += refusal(20.0 + step / 10)
    events.append(transition(23.0, "OPEN", "HALF_OPEN", "the recovery time has passed"))
    events += success(23.0)
    events.append(transition(23.01, "HALF_OPEN", "CLOSED", "a probe succeeded"))
    for step in range(40):
        events += success(24.0 + step / 10)
    return run_of(*events)
