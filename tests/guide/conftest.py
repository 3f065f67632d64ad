"""Fixtures of the guide's tests."""

from __future__ import annotations

import pytest

from tests.guide.clocks import Monotonic, patched_monotonic, patched_sleep


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    """``time.monotonic``, which only moves by ``advance``."""
    return patched_monotonic(monkeypatch, frozen=True)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    """``time.monotonic``, which runs on and can be moved forward."""
    return patched_monotonic(monkeypatch, frozen=False)


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays that were asked of ``asyncio.sleep``, which takes no time."""
    return patched_sleep(monkeypatch)
