from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pyfly.resilience import TimeoutPolicy

SECOND = timedelta(seconds=1)


def test_an_attempt_has_30_seconds_and_a_call_no_limit_by_default() -> None:
    policy = TimeoutPolicy()
    assert (policy.attempt, policy.total) == (30 * SECOND, None)


def test_both_can_be_set_and_both_can_be_off() -> None:
    policy = TimeoutPolicy(2 * SECOND, 5 * SECOND)
    assert (policy.attempt, policy.total) == (2 * SECOND, 5 * SECOND)
    assert TimeoutPolicy(None, None) == TimeoutPolicy(attempt=None)


def test_the_default_attempt_timeout_gives_way_to_a_shorter_total() -> None:
    assert TimeoutPolicy(total=10 * SECOND).attempt == 10 * SECOND
    assert TimeoutPolicy(total=60 * SECOND).attempt == 30 * SECOND


def test_an_attempt_timeout_over_the_total_is_refused() -> None:
    with pytest.raises(ValueError, match=r"attempt \(30 s\) is over total \(10 s\)"):
        TimeoutPolicy(timedelta(seconds=30), 10 * SECOND)


@pytest.mark.parametrize(
    ("settings", "kind", "text"),
    [
        ({"attempt": 3}, TypeError, r"attempt must be a timedelta.* timedelta\(seconds=3\)"),
        ({"total": 3.5}, TypeError, r"total must be a timedelta.* timedelta\(seconds=3.5\)"),
        ({"attempt": timedelta(0)}, ValueError, "attempt must be longer than zero"),
        ({"total": -SECOND}, ValueError, "total must not be negative"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    settings: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=f"^TimeoutPolicy: {text}"):
        TimeoutPolicy(**settings)
