"""What happens to limits that move, as immutable records."""

from __future__ import annotations

from pyfly.resilience.events import Event

__all__ = ["LimitChanged"]


class LimitChanged(Event):
    """An adaptive limiter now lets another number of calls run at once."""

    name: str | None
    old: int
    new: int
