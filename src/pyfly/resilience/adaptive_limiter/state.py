"""The rules of an adaptive limiter: who may run, and what each call teaches. No clock.

Theory of operation, as in Netflix's concurrency-limits. Each call is a *sample* when it
ends: how long it took (its round-trip time, rtt), how many ran when it began (itself
included), and whether it was *dropped*, that is, turned away or timed out. Calls that prove
nothing are no samples.

Gradient2 takes the mean of a window of samples (a second and ten samples at least; as
``WindowedLimit`` there) and compares it with a long average of such means. While it is within
the tolerance, the limit grows by the queue size; beyond, the limit shrinks in proportion, at
most by half, and a part (``smoothing``) of the change is made. Samples from when less than
half of the limit was in use tell nothing about the limit and leave it alone.

It differs in one point: there, Gradient2 takes a dropped sample for any other, and a service
that turns calls away in a millisecond is sent more of them. Here the gradient is no more than
the share of samples that were not dropped, whatever was in use, and only that share of the
queue size is added; drops tell nothing about the rtt. If all are dropped, the limit becomes
0.9 of what it was, as with AIMD.

The lock has to be re-entrant: see :mod:`..circuit_breaker.state`. Permits that are lost (see
:mod:`.._leases`) are looked for when a call would be refused.
"""

from __future__ import annotations

from typing import Protocol

from pyfly.resilience._leases import Lease, Leases
from pyfly.resilience.adaptive_limiter.policy import AIMDPolicy, Gradient2Policy

_WARM_UP = 10
_DRIFT = 0.95
_LEAST_GRADIENT = 0.5
_WINDOW_SAMPLES = 10


class Algorithm(Protocol):
    """What finds the limit."""

    limit: int

    def sample_needs_lock(self, now: float, rtt: float, in_flight: int, dropped: bool) -> None:
        """Learn from a call that has ended."""
        ...


class LongAverage:
    """An exponential average: of the first ten samples the mean, then ``2 / (window + 1)``."""

    __slots__ = ("_count", "_factor", "_sum", "value")

    def __init__(self, window: int) -> None:
        self._factor = 2.0 / (window + 1)
        self._count = 0
        self._sum = 0.0
        self.value = 0.0

    def add(self, sample: float) -> float:
        """Take a sample in; the new average."""
        if self._count < _WARM_UP:
            self._count += 1
            self._sum += sample
            self.value = self._sum / self._count
        else:
            self.value = self.value * (1 - self._factor) + sample * self._factor
        return self.value


class Window:
    """Samples that are judged together.

    Attributes:
        until: When it may end.
        samples: How many there are.
        dropped: How many of them were drops.
        most: The largest number of calls under way.
        total_rtt: Of those that were no drops.
    """

    __slots__ = ("dropped", "most", "samples", "total_rtt", "until")

    def __init__(self, until: float) -> None:
        self.until = until
        self.samples = 0
        self.dropped = 0
        self.most = 0
        self.total_rtt = 0.0

    def add(self, rtt: float, in_flight: int, dropped: bool) -> None:
        """Take a sample in."""
        self.samples += 1
        self.most = max(self.most, in_flight)
        if dropped:
            self.dropped += 1
        else:
            self.total_rtt += rtt


class Gradient2Rules:
    """The limit by the gradient of the round-trip time.

    Attributes:
        limit: Calls at once.
        estimate: The same before it is rounded down.
        long_rtt: The long average of the round-trip time, in seconds.
    """

    __slots__ = ("_least_samples", "_length", "_policy", "_window", "estimate", "limit", "long_rtt")

    def __init__(self, policy: Gradient2Policy) -> None:
        self._policy = policy
        self._length = policy.window.total_seconds()
        self._least_samples = _WINDOW_SAMPLES if policy.window else 1
        self._window: Window | None = None
        self.estimate = float(policy.initial_limit)
        self.limit = policy.initial_limit
        self.long_rtt = LongAverage(policy.long_window)

    def sample_needs_lock(self, now: float, rtt: float, in_flight: int, dropped: bool) -> None:
        """Learn from a call that has ended."""
        window = self._window
        if window is None:
            self._window = window = Window(now + self._length)
        window.add(rtt, in_flight, dropped)
        if now >= window.until and window.samples >= self._least_samples:
            self._window = None
            self._judge(window)

    def _judge(self, window: Window) -> None:
        policy = self._policy
        kept = (window.samples - window.dropped) / window.samples
        gradient = kept
        if kept:
            rtt = window.total_rtt / (window.samples - window.dropped)
            gradient = min(self._gradient(rtt), kept)
        target = self.estimate * max(_LEAST_GRADIENT, gradient) + policy.queue_size * kept
        if window.most < self.estimate / 2:
            if kept == 1:
                return
            target = min(target, self.estimate)
        self._move(target)

    def _gradient(self, rtt: float) -> float:
        long_rtt = self.long_rtt.add(rtt)
        if long_rtt > 2 * rtt:  # latency is back to normal after a long time of overload
            self.long_rtt.value *= _DRIFT
        tolerated = self._policy.rtt_tolerance * long_rtt
        return 1.0 if tolerated >= rtt else tolerated / rtt

    def _move(self, target: float) -> None:
        policy = self._policy
        estimate = self.estimate * (1 - policy.smoothing) + target * policy.smoothing
        self.estimate = max(policy.min_limit, min(policy.max_limit, estimate))
        self.limit = int(self.estimate)


class AIMDRules:
    """The limit by additive increase and multiplicative decrease.

    Attributes:
        limit: Calls at once.
    """

    __slots__ = ("_policy", "_timeout", "limit")

    def __init__(self, policy: AIMDPolicy) -> None:
        self._policy = policy
        self._timeout = policy.timeout.total_seconds()
        self.limit = policy.initial_limit

    def sample_needs_lock(self, now: float, rtt: float, in_flight: int, dropped: bool) -> None:
        """Learn from a call that has ended."""
        policy = self._policy
        limit = self.limit
        if dropped or rtt > self._timeout:
            limit = int(limit * policy.backoff_ratio)
        elif in_flight * 2 >= limit:
            limit += 1
        self.limit = max(policy.min_limit, min(policy.max_limit, limit))


class LimiterPermit(Lease):
    """Permission to run one call.

    Attributes:
        started: When it was given.
        in_flight: Calls under way then, this one included.
    """

    __slots__ = ("in_flight", "started")

    def __init__(self) -> None:
        super().__init__()
        self.started = 0.0
        self.in_flight = 0


class LimiterRules:
    """The permits of one limiter: ``acquired == released + in_flight`` at any time.

    Attributes:
        algorithm: What finds the limit.
        acquired: Permits given out so far.
        refused: Calls refused so far.
    """

    __slots__ = ("_out", "acquired", "algorithm", "refused")

    def __init__(self, algorithm: Algorithm) -> None:
        self.algorithm = algorithm
        self._out = Leases()
        self.acquired = 0
        self.refused = 0

    @property
    def in_flight(self) -> int:
        """Permits out; more than the limit for a while after it was lowered."""
        return len(self._out)

    @property
    def released(self) -> int:
        """Permits that have come back so far."""
        return self.acquired - len(self._out)

    def admit_needs_lock(self, permit: LimiterPermit, now: float) -> bool:
        """Take a permit. False: as many run as may."""
        if len(self._out) >= self.algorithm.limit:
            self._out.drop_lost()
            if len(self._out) >= self.algorithm.limit:
                self.refused += 1
                return False
        self._out.add(permit)
        self.acquired += 1
        permit.started = now
        permit.in_flight = len(self._out)
        return True

    def release_needs_lock(self, permit: LimiterPermit) -> bool:
        """Give a permit back; the call proves nothing. False: it was back already."""
        held = permit.held
        self._out.discard(permit)
        return held

    def finish_needs_lock(self, permit: LimiterPermit, now: float, dropped: bool) -> None:
        """Give a permit back, and learn from the call."""
        if self.release_needs_lock(permit):
            rtt = max(now - permit.started, 0.0)
            self.algorithm.sample_needs_lock(now, rtt, permit.in_flight, dropped)
