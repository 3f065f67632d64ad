"""What events add up to."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pyfly.cli.demo.tally import REFUSED, DemoTally, kind_of, percentile
from pyfly.client import (
    AttemptTimeoutException,
    CircuitBreakerException,
    CircuitState,
    ConnectException,
    ConnectTimeoutException,
    ReadException,
)
from pyfly.resilience import BudgetEmpty
from tests.cli.support import OPERATION, UNAVAILABLE, failure, outage, refusal, run_of, success


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (None, None),
        (CircuitBreakerException(), REFUSED),
        (UNAVAILABLE, "status 503"),
        (AttemptTimeoutException(), "timed out"),
        (ConnectTimeoutException("late"), "timed out"),
        (ConnectException("refused"), "no connection"),
        (ReadException("reset"), "connection lost"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_each_failure_has_a_kind(error: BaseException | None, kind: str | None) -> None:
    assert kind_of(error) == kind


def test_calls_are_answered_failed_refused_or_in_flight() -> None:
    under_way = success(4.0)[:1]
    tally = run_of(*success(1.0), *failure(2.0), *refusal(3.0), *under_way).tally
    assert (tally.succeeded, tally.failed, tally.refused, tally.in_flight) == (1, 1, 1, 1)
    assert tally.calls_started == [1.0, 2.0, 3.0, 4.0]
    assert [call.number for call in tally.calls] == [1, 1, 0]
    assert tally.calls[0].duration == pytest.approx(0.01)


def test_times_count_from_the_origin() -> None:
    tally = DemoTally(100.0)
    for event in success(101.5):
        tally(event)
    assert tally.attempts_started == [1.5]


def test_a_kind_of_event_that_was_not_asked_for_is_no_mistake() -> None:
    tally = DemoTally(0.0)
    tally(BudgetEmpty(OPERATION, 1.0))
    assert tally.calls_started == []


def test_the_circuit_is_closed_until_told_otherwise() -> None:
    tally = DemoTally(0.0)
    assert tally.state is CircuitState.CLOSED
    assert [(s.start, s.end, s.state) for s in tally.stretches(5.0)] == [
        (0.0, 5.0, CircuitState.CLOSED)
    ]


def test_the_stretches_of_the_circuit_follow_each_other_without_a_gap() -> None:
    stretches = outage().tally.stretches(28.0)
    assert stretches[0].start == 0.0
    assert stretches[-1].end == 28.0
    assert all(a.end == b.start for a, b in pairwise(stretches))
    assert [s.state.name for s in stretches] == [
        "CLOSED", "OPEN", "HALF_OPEN", "OPEN", "HALF_OPEN", "CLOSED",
    ]  # fmt: skip


def test_only_answers_after_the_time_are_recent() -> None:
    tally = run_of(*success(1.0), *success(2.0), *failure(3.0), *success(4.0)).tally
    assert [round(call.started) for call in tally.answered_since(1.5)] == [2, 4]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([3.0], 0.95, 3.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 3.0), ([2.0, 1.0], 1.0, 2.0)],
)
def test_a_percentile_is_one_of_the_values(
    values: list[float], share: float, expected: float | None
) -> None:
    assert percentile(values, share) == expected
