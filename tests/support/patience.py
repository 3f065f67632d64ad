"""How long a test waits on a machine that has other things to do."""

from __future__ import annotations

import os


def at_most(seconds: float) -> float:
    """The bound of something that takes at most so long on an idle machine.

    It grows with what waits for each core: a bound tells one timeout from another, and not a
    quick machine from a slow one.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # Windows has none
    return seconds * max(1.0, 2 * load / (os.cpu_count() or 1))
