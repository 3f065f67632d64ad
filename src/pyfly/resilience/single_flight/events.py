"""What happens to shared calls, as immutable records."""

from __future__ import annotations

from pyfly.resilience.events import Event

__all__ = ["FlightJoined"]


class FlightJoined(Event):
    """A call found another one with its key under way, and waits for that one's answer."""
