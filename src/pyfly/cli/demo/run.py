"""One run of the demo: the service's script, the traffic and a view, side by side."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Coroutine, Generator
from typing import Any, NoReturn, Protocol

from pyfly.cli.demo.client import InventoryClient, config, configured
from pyfly.cli.demo.load import Load
from pyfly.cli.demo.process import ServiceProcess
from pyfly.cli.demo.script import Phase, phase_at, script
from pyfly.cli.demo.tally import Tally
from pyfly.client import connect

__all__ = ["Run", "View", "perform"]

_REDRAW_SECONDS = 0.1


class Run:
    """What a view shows: the script, and what the client's events have added up to.

    Args:
        seconds: How long the script lasts.
        breaker: Whether the client has a circuit breaker.

    Attributes:
        settings: The client's configuration, by keys of ``pyfly.yaml``.
        phases: The script.
        tally: The counts, with times relative to the beginning.
    """

    def __init__(self, seconds: float, breaker: bool = True) -> None:
        self.seconds = seconds
        self.breaker = breaker
        self.settings = configured(seconds, breaker=breaker)
        self.phases = script(seconds)
        self.tally = Tally(time.monotonic())

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.tally.origin

    def phase_at(self, at: float) -> Phase:
        """What the service does at a time."""
        return phase_at(self.phases, at)


class View(Protocol):
    """Shows a run while it goes on."""

    def update(self, run: Run) -> None:
        """Show it as it stands."""
        ...


async def perform(run: Run, service: ServiceProcess, view: View) -> None:
    """Make the calls while the service follows its script, and show both.

    Raises:
        asyncio.CancelledError: The process was told to end (SIGTERM), or this task was.
        Exception: What the service's process or the view raised.
    """
    client = connect(
        InventoryClient,
        base_url=service.url,
        config=config(run.settings),
        listeners=[run.tally],
    )
    async with client as inventory:
        with _ended_by_sigterm():
            run.tally.origin = time.monotonic()
            load = Load(inventory, run.tally.origin, run.seconds)
            await _together(_whole(run, load), _direct(run, service), _show(run, view))
    view.update(run)


async def _whole(run: Run, load: Load) -> None:
    """All calls, and the rest of the time if they end before it does."""
    await load.run()
    await asyncio.sleep(max(run.seconds - run.now, 0.0))


async def _together(
    whole: Coroutine[Any, Any, None], *others: Coroutine[Any, Any, NoReturn]
) -> None:
    """Do the one to its end beside those that have none; the first that fails ends all."""
    try:
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(other) for other in others]
            await whole
            for task in beside:
                task.cancel()
    except ExceptionGroup as failed:
        raise _first(failed) from None


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _direct(run: Run, service: ServiceProcess) -> NoReturn:
    """Tell the service when its next phase begins."""
    for phase in run.phases:
        await asyncio.sleep(max(phase.start - run.now, 0.0))
        service.enter(phase.name)
    while True:
        await asyncio.sleep(3600)


async def _show(run: Run, view: View) -> NoReturn:
    while True:
        view.update(run)
        await asyncio.sleep(_REDRAW_SECONDS)


@contextlib.contextmanager
def _ended_by_sigterm() -> Generator[None, None, None]:
    """SIGTERM cancels the current task, so that everything is tidied up. Not on Windows."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # asked within one
    try:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows; not the main thread
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
