"""How long a test waits on a machine that has other things to do."""

from __future__ import annotations

import os


def slowdown() -> float:
    """How much longer things may take than on an idle machine: what waits for each core counts."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # Windows has none
    return max(1.0, 2 * load / (os.cpu_count() or 1))


def at_most(seconds: float) -> float:
    """The bound of what takes at most so long on an idle machine.

    It tells one timeout from another, and not a quick machine from a slow one.
    """
    return seconds * slowdown()
