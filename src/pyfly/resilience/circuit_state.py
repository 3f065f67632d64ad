"""The three states of a circuit. A module of its own, since events name them too."""

from __future__ import annotations

from enum import Enum, auto

__all__ = ["CircuitState"]


class CircuitState(Enum):
    """Where a circuit breaker stands."""

    CLOSED = auto()
    """Calls pass."""
    OPEN = auto()
    """Calls are refused at once."""
    HALF_OPEN = auto()
    """A limited number of calls pass, to see whether the other side has recovered."""
