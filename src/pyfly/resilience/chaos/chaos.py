"""Chaos: the rules of :mod:`.state` with random numbers of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pyfly.kernel.fork import ForkAware
from pyfly.resilience.call import Call
from pyfly.resilience.chaos.policy import ChaosPolicy
from pyfly.resilience.chaos.state import drawn


class Chaos(ForkAware):
    """Does harm to a part of all attempts, on purpose and repeatably. Off unless named.

    In this order: ``behaviour`` runs a function, ``latency`` waits, ``fault`` raises, ``outcome``
    returns a value; after the last two the attempt itself is not made. As in Polly's Simmy.

    The n-th attempt that asks gets what the seed says; what the n-th one is depends on the
    order of the attempts. Several pipelines and threads may share one.

    Args:
        seed: Of the random numbers.
        fault: A rate from 0 to 1, and a function that makes the exception to raise.
        latency: A rate, and the time to wait. Who waits past the end of its attempt gets the
            attempt's timeout.
        outcome: A rate, and the value to return. All get the same one.
        behaviour: A rate, and a function of the call to run before the attempt; ``async def``
            for asynchronous calls only. What it raises is raised.

    Attributes:
        policy: The settings.

    Raises:
        TypeError: A value of the wrong type, such as a rate without its partner.
        ValueError: A rate that is not within 0 and 1.
    """

    __slots__ = ("_random", "_rates", "policy")

    def __init__(
        self,
        seed: int,
        *,
        fault: tuple[float, Callable[[], BaseException]] | None = None,
        latency: tuple[float, timedelta] | None = None,
        outcome: tuple[float, Any] | None = None,
        behaviour: tuple[float, Callable[[Call], object]] | None = None,
    ) -> None:
        self.policy = ChaosPolicy(seed, fault, latency, outcome, behaviour)
        self._rates = self.policy.rates
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Begin the sequence of injections again."""
        from random import Random  # who has no chaos does not pay for its import

        self._random = Random(self.policy.seed)

    def draw(self) -> frozenset[str]:
        """What is done to the next attempt, by kind."""
        with self._lock:
            return drawn(self._random, self._rates)

    def __repr__(self) -> str:
        return f"<Chaos {self.policy.describe()}>"
