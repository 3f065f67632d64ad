from __future__ import annotations

import pytest

from pyfly.resilience.retry.state import told_by


class Busy(Exception):
    def __init__(self, retry_after: float) -> None:
        super().__init__("busy")
        self.retry_after = retry_after


@pytest.mark.parametrize("told", [0, 0.0, 0.5])
def test_to_be_told_to_come_back_at_once_is_to_be_told(told: float) -> None:
    assert told_by(Busy(told)) == told
