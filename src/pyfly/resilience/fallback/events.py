"""What happens to fallbacks, as immutable records."""

from __future__ import annotations

from pyfly.resilience.events import Event

__all__ = ["FallbackUsed"]


class FallbackUsed(Event):
    """A call failed with ``error``, and the fallback answered in its place."""

    name: str | None
    error: Exception
