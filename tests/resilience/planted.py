"""Bugs that the explorer and the machine must find. Each is one rule left out."""

from __future__ import annotations

from typing import Any

from pyfly.resilience import CircuitBreaker
from pyfly.resilience.circuit_breaker.state import Admission, CircuitRules
from pyfly.resilience.circuit_breaker.window import WindowRules

__all__ = ["PLANTED", "plant"]


class _GuardDropped:
    """The generation of an admission is not compared."""

    __slots__ = ()

    def _spend(self, admission: Admission) -> bool:
        valid = admission.held is admission.probe
        admission.held = False
        return valid


class _PermitLeaked:
    """A probe that proves nothing keeps its permit."""

    __slots__ = ()

    def release_needs_lock(self, admission: Admission) -> None:
        admission.held = False


class _NeverExpires:
    """Probes that never answer keep the circuit half-open."""

    __slots__ = ()

    def expire_needs_lock(self, now: float) -> bool:
        return False


class _OneTooMany:
    """A permit is given out although none is left."""

    __slots__ = ()

    def surely_refuses(self, now: float) -> bool:
        rules: Any = self  # what it is mixed into
        if rules.permits == 0:
            rules.permits = 1
        refuses: bool = CircuitRules.surely_refuses(rules, now)
        return refuses


class _SpanIgnored:
    """A burst of failures opens the circuit before any retry is heard."""

    __slots__ = ()

    def fail_needs_lock(
        self, admission: Admission, now: float, weight: int, slow: bool, span: float
    ) -> None:
        kind: Any = WindowRules if isinstance(self, WindowRules) else CircuitRules
        kind.fail_needs_lock(self, admission, now, weight, slow, 0.0)


PLANTED: dict[str, type] = {
    "the pauses of retries ignored": _SpanIgnored,
    "the generation guard dropped": _GuardDropped,
    "the permit leaked": _PermitLeaked,
    "the half-open timeout ignored": _NeverExpires,
    "one permit too many": _OneTooMany,
}


def plant(breaker: CircuitBreaker, bug: type | None) -> CircuitBreaker:
    """Make the rules of a breaker wrong in this way."""
    if bug is not None:
        rules: Any = breaker.rules
        kind = WindowRules if isinstance(rules, WindowRules) else CircuitRules
        rules.__class__ = type(bug.__name__, (bug, kind), {"__slots__": ()})
    return breaker
