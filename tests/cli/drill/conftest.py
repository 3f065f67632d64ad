"""Thousands of calls give up in a drill: nobody wants their log records."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="pyfly.client")
