"""One run of the demo: the service's script, the traffic and a view, side by side."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

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

    Attributes:
        seconds: How long the script lasts.
        settings: The client's configuration, by keys of ``pyfly.yaml``.
        phases: The script.
        tally: The counts, with times relative to the beginning.
    """

    def __init__(self, seconds: float, breaker: bool = True) -> None:
        self.seconds = seconds
        self.settings = configured(seconds, breaker=breaker)
        self.phases = script(seconds)
        self.tally = Tally(time.monotonic())

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.tally.origin

    @property
    def phase(self) -> Phase:
        """What the service does now."""
        return phase_at(self.phases, self.now)


class View(Protocol):
    """Shows a run while it goes on."""

    def update(self, run: Run) -> None:
        """Show it as it stands."""
        ...


async def perform(run: Run, view: View) -> None:
    """Start the service, make the calls, show them, and end everything again."""
    with ServiceProcess() as service:
        client = connect(
            InventoryClient,
            base_url=service.url,
            config=config(run.settings),
            listeners=[run.tally],
        )
        async with client as inventory:
            run.tally.origin = time.monotonic()
            script_and_view = asyncio.gather(_direct(run, service), _show(run, view))
            try:
                await Load(inventory, run.tally.origin, run.seconds).run()
            finally:
                script_and_view.cancel()
                await asyncio.gather(script_and_view, return_exceptions=True)
    view.update(run)


async def _direct(run: Run, service: ServiceProcess) -> None:
    """Tell the service when its next phase begins."""
    for phase in run.phases:
        await asyncio.sleep(max(phase.start - run.now, 0.0))
        service.enter(phase.name)
    await asyncio.Event().wait()


async def _show(run: Run, view: View) -> None:
    while True:
        view.update(run)
        await asyncio.sleep(_REDRAW_SECONDS)
