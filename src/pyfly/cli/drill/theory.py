"""What a few lines of algebra say, to compare the simulation with.

The fluid model: an outage of T seconds leaves the part f of the capacity C. Calls come at ρC,
so a queue of (ρ - f)TC builds up, or of as many as fit. Afterwards it shrinks by (1 - ρ)C each
second, as long as nobody tries again; who makes n attempts of each call that fails takes n times
the room, and from a load of 1/n on the queue never shrinks. Calls that come when no more than
τC wait before them, τ being the attempt timeout, are answered in time: τ later.
"""

from __future__ import annotations

import math

from pyfly.cli.drill.scenario import Scenario

__all__ = ["drain_time", "highest_load", "success"]


def drain_time(scenario: Scenario, timeout: float, attempts: int) -> float:
    """Seconds from the end of the outage until calls are answered in time; infinite: never.

    Args:
        scenario: The service, its load and its outage.
        timeout: The attempt timeout.
        attempts: Those made of each call that fails.
    """
    capacity, load = scenario.capacity, scenario.load * attempts
    left = scenario.workers_left / scenario.workers
    waiting = min(max(load - left, 0.0) * scenario.outage * capacity, scenario.queue)
    excess = waiting - timeout * capacity
    if excess <= 0:
        return 0.0
    return math.inf if load >= 1 else excess / ((1 - load) * capacity) + timeout


def highest_load(attempts: int) -> float:
    """The load from which on a service does not recover from clients that retry unbounded."""
    return 1 / attempts


def success(errors: float, attempts: int) -> float:
    """The part of the calls that succeed if each attempt fails by itself as likely as that."""
    return 1 - errors**attempts
