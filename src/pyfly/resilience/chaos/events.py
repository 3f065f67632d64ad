"""What chaos does, as immutable records."""

from __future__ import annotations

from pyfly.resilience.events import Event

__all__ = ["ChaosInjected"]


class ChaosInjected(Event):
    """Something was done to an attempt on purpose.

    ``kind`` is ``"behaviour"``, ``"latency"``, ``"fault"`` or ``"outcome"``.
    """

    attempt: int
    kind: str
