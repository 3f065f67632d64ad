"""Fixtures of the guide's tests."""

from __future__ import annotations

import sys

import pytest

from tests.guide.clocks import Monotonic, patched_monotonic, patched_sleep
from tests.support.ways import WAYS, take


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


@pytest.fixture(autouse=True, params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here, over both ways of a first attempt."""
    take(request.param, monkeypatch)
    # The tests of a module share its classes, and connect them more often than a program should.
    monkeypatch.setattr(sys.modules["pyfly.client.standalone"], "_MANY", 100)
