"""The traffic of the demo: calls that come at their times, whether or not others are done."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any

from pyfly.cli.demo.catalogue import CATEGORIES, PRODUCT_IDS
from pyfly.cli.demo.client import InventoryClient
from pyfly.client import InfrastructureException

__all__ = ["RATE", "Load"]

RATE = 30.0
"""Calls per second."""

Work = Callable[[], Coroutine[Any, Any, object]]


class Load:
    """Calls an inventory at a steady rate.

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
        count = int(self._seconds * RATE)
        async with asyncio.TaskGroup() as tasks:
            for number in range(count):
                at = self._origin + (number + self._random.uniform(-0.3, 0.3)) / RATE
                await asyncio.sleep(max(at - time.monotonic(), 0))
                tasks.create_task(_attempted(self._next()))

    def _next(self) -> Work:
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


async def _attempted(work: Work) -> None:
    with contextlib.suppress(InfrastructureException):  # the tally has it
        await work()
