"""A seeded driver: as many steps as one likes, and the same ones for the same seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from tests.resilience.machine.breaker_world import BreakerWorld
from tests.resilience.machine.driving import Difference
from tests.resilience.machine.world import OPERATIONS, World

__all__ = ["drive"]

STEPS_IN_ONE_WORLD = 250


def drive(
    steps: int,
    seed: int,
    *,
    breaker: type[BreakerWorld] = BreakerWorld,
    tell: Callable[[int], object] = lambda done: None,
) -> Counter[str]:
    """Take ``steps`` steps, in a new world with new settings now and then.

    Returns:
        How often each operation met each state of the circuit.

    Raises:
        Difference: A policy and its model do not agree; it says how to get there again.
    """
    counts: Counter[str] = Counter()
    done = 0
    while done < steps:
        draw = random.Random(f"{seed}/{done}")
        world = World(draw.choice, breaker)
        for step in range(min(STEPS_IN_ONE_WORLD, steps - done)):
            operation = draw.choice(OPERATIONS)
            try:
                world.step(operation, draw.choice)
            except Difference as difference:
                difference.add_note(
                    f"seed {seed}, step {done + step + 1}: {operation}; {world.breaker.settings}"
                )
                raise
        world.check()
        world.close()
        counts += world.done
        done += min(STEPS_IN_ONE_WORLD, steps - done)
        tell(done)
    return counts
