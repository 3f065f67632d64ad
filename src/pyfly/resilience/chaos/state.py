"""The rules of chaos: which attempt gets what. No I/O, no clock.

Each attempt takes one number for each kind, whether that kind is on or not, so that changing
one rate does not move what the others hit.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyfly.resilience._checks import Draw

KINDS = ("behaviour", "latency", "fault", "outcome")
"""In the order in which they are done."""


def drawn(draw: Draw, rates: Mapping[str, float]) -> frozenset[str]:
    """What is done to the next attempt. If it gets a fault, it gets no outcome."""
    numbers = {kind: draw.random() for kind in KINDS}
    hit = {kind for kind, rate in rates.items() if numbers[kind] < rate}
    if "fault" in hit:
        hit.discard("outcome")
    return frozenset(hit)
