"""Behaviour that both halves share is tested over both."""

from __future__ import annotations

import pytest

from tests.resilience.support import AsyncDriver, Driver, ManualClock, SyncDriver


@pytest.fixture(params=[AsyncDriver(), SyncDriver()], ids=["async", "sync"])
def driver(request: pytest.FixtureRequest) -> Driver:
    driver: Driver = request.param
    return driver


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
