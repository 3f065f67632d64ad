"""One run of the demo: the service's script, the traffic and a view, side by side."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Callable, Coroutine, Generator
from typing import Any, NoReturn, Protocol

from pyfly.cli.demo.client import InventoryClient, config, configured
from pyfly.cli.demo.script import Phase, phase_at, script
from pyfly.cli.demo.service import CATEGORIES, PRODUCT_IDS, DemoService
from pyfly.cli.demo.tally import DemoTally
from pyfly.client import InfrastructureException, connect

_REDRAW_SECONDS = 0.1
_CALLS_PER_SECOND = 30.0


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
        self.tally = DemoTally(time.monotonic())

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


class Load:
    """Calls an inventory at a steady rate, whether or not earlier calls are done.

    Args:
        inventory: The client.
        origin: When to begin, on the monotonic clock.
        seconds: How long to go on.
        seed: Which calls they are, and when exactly they come.
    """

    def __init__(
        self, inventory: InventoryClient, origin: float, seconds: float, seed: int = 1
    ) -> None:
        self._inventory = inventory
        self._origin = origin
        self._seconds = seconds
        self._random = random.Random(seed)

    async def run(self) -> None:
        """Make all calls and wait for them to end. What a failing service causes is expected.

        Raises:
            ExceptionGroup: Anything else.
        """
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(self._seconds * _CALLS_PER_SECOND)):
                at = self._origin + (number + self._random.uniform(-0.3, 0.3)) / _CALLS_PER_SECOND
                await asyncio.sleep(max(at - time.monotonic(), 0))
                tasks.create_task(_attempted(self._next()))

    def _next(self) -> Callable[[], Coroutine[Any, Any, object]]:
        inventory, pick = self._inventory, self._random.choice
        product_id = pick(PRODUCT_IDS)
        category = pick(CATEGORIES)
        body = {"name": "New", "category": category, "stock": self._random.randrange(9)}
        chance = self._random.random()
        if chance < 0.60:
            return lambda: inventory.get_product(product_id)
        if chance < 0.80:
            return lambda: inventory.search_products(category, in_stock=True)
        if chance < 0.88:
            return lambda: inventory.create_product(body)
        if chance < 0.96:
            return lambda: inventory.update_product(product_id, body)
        return lambda: inventory.delete_product(f"n-{self._random.randrange(50):04}")


async def _attempted(work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    with contextlib.suppress(InfrastructureException):  # the tally has it
        await work()


async def perform(run: Run, service: DemoService, view: View) -> None:
    """Make the calls while the service follows its script, and show both.

    Raises:
        asyncio.CancelledError: The process was told to end (SIGTERM), or this task was.
        Exception: What the service or the view raised.
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


async def _direct(run: Run, service: DemoService) -> NoReturn:
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
