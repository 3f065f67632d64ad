"""What a circuit breaker tells of itself."""

from __future__ import annotations

from pyfly.kernel.record import Record
from pyfly.resilience.circuit_breaker.state import SCALE, CircuitMode, CircuitRules
from pyfly.resilience.circuit_breaker.window import WindowRules
from pyfly.resilience.circuit_state import CircuitState

__all__ = ["CircuitBreakerSnapshot", "snapshot_of"]


class CircuitBreakerSnapshot(Record):
    """A circuit breaker at one moment. Spans are seconds; parts of calls make fractions.

    ``failures`` are consecutive ones, or those in the window. ``calls_in_window`` is None without
    a window; ``failure_rate`` and ``slow_rate`` are None as well while the window holds fewer
    calls than it judges. ``opened_ago`` and ``time_left`` (until a probe may start) are None while
    the circuit is closed. ``permits_held`` counts the probes under way, ``refused`` the calls
    refused so far.
    """

    name: str | None
    state: CircuitState
    mode: CircuitMode
    failures: float
    calls_in_window: float | None
    failure_rate: float | None
    slow_rate: float | None
    opened_ago: float | None
    time_left: float | None
    permits_held: int
    refused: int


def snapshot_of(name: str | None, rules: CircuitRules, now: float) -> CircuitBreakerSnapshot:
    """The numbers of some rules, read under their lock."""
    failures, calls = rules.fails / SCALE, None
    failure_rate = slow_rate = None
    if isinstance(rules, WindowRules):
        ring = rules.ring
        ring.roll(now)
        failures, calls = ring.failed / SCALE, ring.calls / SCALE
        failure_rate, slow_rate = rules.rates() or (None, None)
    closed = rules.state is CircuitState.CLOSED
    return CircuitBreakerSnapshot(
        name,
        rules.state_at(now),
        rules.mode,
        failures,
        calls,
        failure_rate,
        slow_rate,
        None if closed else max(now - rules.opened_at, 0.0),
        rules.time_left(now),
        rules.out,
        rules.refused_needs_lock(),
    )
