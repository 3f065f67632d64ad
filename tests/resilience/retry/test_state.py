from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pyfly.resilience import RetryPolicy
from pyfly.resilience.retry.state import told_by


class Busy(Exception):
    def __init__(self, retry_after: float) -> None:
        super().__init__("busy")
        self.retry_after = retry_after


@pytest.mark.parametrize("told", [0, 0.0, 0.5])
def test_to_be_told_to_come_back_at_once_is_to_be_told(told: float) -> None:
    assert told_by(Busy(told)) == told


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({}, 3.0),
        ({"max_attempts": 1}, 0.0),
        ({"max_attempts": 2}, 1.0),
        ({"max_attempts": 10, "max_delay": timedelta(seconds=1)}, 9.0),
        ({"max_attempts": 10}, 30.0),  # it would be 511
        ({"max_attempts": 10**9, "base_delay": timedelta(0)}, 0.0),
        ({"max_attempts": 10**9, "base_delay": timedelta(milliseconds=1), "multiplier": 1}, 30.0),
        ({"max_attempts": 561, "base_delay": timedelta(seconds=1 / 32), "multiplier": 1}, 17.5),
        ({"jitter": "full"}, 3.0),
        ({"jitter": "equal", "multiplier": 3.0}, 4.0),
        ({"jitter": "decorrelated"}, 12.0),
        ({"jitter": "decorrelated", "max_delay": timedelta(seconds=4)}, 7.0),
    ],
)
def test_the_pauses_of_a_call_add_up_to_what_the_settings_allow(
    settings: dict[str, Any], seconds: float
) -> None:
    assert RetryPolicy(**settings).longest_pauses() == seconds
