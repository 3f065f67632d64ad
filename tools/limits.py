"""Bounds for a process in which anything may go wrong."""

from __future__ import annotations

__all__ = ["within"]

_MEMORY = 4 << 30


def within(seconds: float) -> None:
    """Bound the CPU time of this process and of its children, each, and their memory to 4 GiB."""
    import resource  # Windows has none

    whole = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
