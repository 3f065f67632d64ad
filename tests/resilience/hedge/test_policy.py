from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pyfly.resilience import RetryBudget
from pyfly.resilience.hedge.hedge import Hedge
from pyfly.resilience.hedge.policy import HedgePolicy

SECOND = timedelta(seconds=1)


def test_settings_are_kept_and_cannot_be_changed() -> None:
    policy = HedgePolicy(SECOND, 0.95, 2, 5)
    assert (policy.delay, policy.quantile, policy.max_hedges, policy.min_samples) == (
        SECOND,
        0.95,
        2,
        5,
    )
    with pytest.raises(AttributeError, match="read-only"):
        policy.max_hedges = 3  # type: ignore[misc] # that is the point


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({}, ValueError, "Hedge: say when to hedge: delay=timedelta"),
        ({"delay": 1}, TypeError, "write timedelta\\(seconds=1\\)"),
        ({"delay": -SECOND}, ValueError, "delay must not be negative"),
        ({"quantile": 95}, ValueError, "quantile must be less than 1, not 95: write quantile=0.95"),
        ({"quantile": 1.0}, ValueError, "quantile must be less than 1, not 1.0$"),
        ({"quantile": 0}, ValueError, "quantile must be more than 0"),
        ({"quantile": "p95"}, TypeError, "quantile must be a number"),
        ({"delay": SECOND, "max_hedges": 0}, ValueError, "max_hedges must be at least 1"),
        ({"quantile": 0.9, "min_samples": 0}, ValueError, "min_samples must be at least 1"),
        ({"quantile": 0.9, "min_samples": 257}, ValueError, "min_samples must be at most 256"),
        ({"delay": SECOND, "budget": 3}, TypeError, "int lacks deposit, withdraw, describe"),
        ({"delay": SECOND, "clock": 3}, TypeError, "Hedge: clock must have the methods"),
    ],
)
def test_a_wrong_setting_is_named(
    settings: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        Hedge(**settings)


def test_settings_are_told_in_one_line() -> None:
    assert Hedge(SECOND).describe() == "1 hedge, 1 s after the attempt"
    assert Hedge(quantile=0.95, max_hedges=2).describe() == (
        "up to 2 hedges, after the 95% quantile of the latest attempts"
    )
    both = Hedge(SECOND, 0.5, budget=RetryBudget())
    assert both.describe().startswith(
        "1 hedge, after the 50% quantile of the latest attempts (1 s before there are 20); retries"
    )
    assert repr(Hedge(SECOND)) == "<Hedge after 1 s>"
    assert repr(Hedge(quantile=0.5)) == "<Hedge not yet>"
