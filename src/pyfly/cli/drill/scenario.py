"""What a drill plays: the service, its callers, and what goes wrong; and what algebra says of it.

The fluid model: an outage of T seconds leaves the part f of the capacity C. Calls come at ρC,
so a queue of (ρ - f)TC builds up, or of as many as fit. Afterwards it shrinks by (1 - ρ)C each
second, as long as nobody tries again; who makes n attempts of each call that fails takes n times
the room, and from a load of 1/n on the queue never shrinks. Calls that come when no more than
τC wait before them, τ being the attempt timeout, are answered in time: τ later.
"""

from __future__ import annotations

import math

from pyfly.kernel.record import Record


class Scenario(Record):
    """The parameters of a drill. Times are in seconds.

    Attributes:
        clients: Client processes, each with a circuit breaker and a retry budget of its own.
        workers: Requests that the service works on at once; the others queue.
        queue: How many may queue; more are answered with 503 at once.
        service_time: What one takes on average, exponentially distributed.
        load: Calls made, as a part of the capacity.
        lost: The part of the workers that the outage takes; 1: the service accepts nothing.
        errors: How likely the service answers 503, at all times.
        quiet: How long all is well at first.
        outage: How long the outage lasts.
        after: How long the drill goes on then.
        seed: Of the chance.
    """

    clients: int = 20
    workers: int = 10
    queue: int = 200
    service_time: float = 0.1
    load: float = 0.7
    lost: float = 0.9
    errors: float = 0.0
    quiet: float = 10.0
    outage: float = 20.0
    after: float = 60.0
    seed: int = 1

    @property
    def capacity(self) -> float:
        """Requests per second that the service can do."""
        return self.workers / self.service_time

    @property
    def rate(self) -> float:
        """Calls per second of all clients together."""
        return self.capacity * self.load

    @property
    def outage_end(self) -> float:
        """When the service is as before."""
        return self.quiet + self.outage

    @property
    def end(self) -> float:
        """When the drill ends."""
        return self.outage_end + self.after

    @property
    def workers_left(self) -> int:
        """The workers that the outage leaves."""
        return round(self.workers * (1.0 - self.lost))


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
