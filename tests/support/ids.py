"""Names of cases that are the same in each process that runs tests."""

from __future__ import annotations

import re


def stable(value: object) -> str:
    """``str(value)`` without the addresses of objects, and with sets in order."""
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__} of {sorted(map(repr, value))}"
    return re.sub(" at 0x[0-9a-f]+", "", str(value))
