"""Fixtures of the rules' tests."""

from __future__ import annotations

import pytest

from tests.guide.clocks import Monotonic, patched_monotonic, patched_sleep
from tests.rules.support import PlainPort
from tests.support.ways import WAYS, take


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    """``time.monotonic``, which runs on and can be moved forward."""
    return patched_monotonic(monkeypatch, frozen=False)


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays that were asked of ``asyncio.sleep``, which takes no time."""
    return patched_sleep(monkeypatch)


@pytest.fixture
def port() -> PlainPort:
    return PlainPort()


@pytest.fixture(autouse=True, params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here, over both ways of a first attempt."""
    take(request.param, monkeypatch)
