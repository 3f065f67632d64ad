"""Time as the tests of the guide and of the rules see it: moved by hand, through the modules.

The system clock looks ``time.monotonic`` and ``asyncio.sleep`` up at each use, so patching them
is enough.
"""

from __future__ import annotations

import asyncio
import time

import pytest


class Monotonic:
    """``time.monotonic``, moved forward by hand; it stands still in between if ``frozen``."""

    def __init__(self, *, frozen: bool) -> None:
        self._real = time.monotonic
        self._start = self._real()
        self._frozen = frozen
        self._added = 0.0

    def __call__(self) -> float:
        return (self._start if self._frozen else self._real()) + self._added

    def advance(self, seconds: float) -> None:
        self._added += seconds


def patched_monotonic(monkeypatch: pytest.MonkeyPatch, *, frozen: bool) -> Monotonic:
    """Put a :class:`Monotonic` in the place of ``time.monotonic``."""
    clock = Monotonic(frozen=frozen)
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def patched_sleep(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let ``asyncio.sleep`` return at once; the list tells what was asked of it."""
    real, asked = asyncio.sleep, []

    async def sleep(delay: float, result: object = None) -> object:
        if delay > 0:
            asked.append(delay)
        await real(0)
        return result

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return asked
