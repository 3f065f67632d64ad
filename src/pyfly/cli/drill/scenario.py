"""What a drill plays: the service, its callers, and what goes wrong."""

from __future__ import annotations

from pyfly.kernel.record import Record

__all__ = ["Scenario"]


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
