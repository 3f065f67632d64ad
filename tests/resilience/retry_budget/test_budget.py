from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.resilience import RetryBudget
from tests.resilience.support import ManualClock


def test_an_idle_client_has_a_hundred_retries_in_hand(clock: ManualClock) -> None:
    budget = RetryBudget(clock=clock)
    assert budget.tokens == 100.0
    assert [budget.withdraw() for _ in range(101)] == [True] * 100 + [False]
    assert budget.tokens == 0.0


def test_each_call_adds_the_ratio_up_to_the_most(clock: ManualClock) -> None:
    budget = RetryBudget(ratio=0.25, max_tokens=2.0, per_second=0.0, clock=clock)
    for _ in range(2):
        budget.withdraw()
    for _ in range(3):
        budget.deposit()
    assert not budget.withdraw()
    budget.deposit()
    assert budget.withdraw()
    for _ in range(100):
        budget.deposit()
    assert budget.tokens == 2.0


def test_time_refills_it_up_to_the_most(clock: ManualClock) -> None:
    budget = RetryBudget(ratio=0.0, max_tokens=2.0, per_second=0.5, clock=clock)
    for _ in range(2):
        budget.withdraw()
    clock.now += 1.9
    assert not budget.withdraw()
    clock.now += 0.1
    assert budget.withdraw()
    clock.now += 1_000
    assert budget.tokens == 2.0


def test_a_refusal_takes_nothing_and_what_came_with_time_is_not_lost(clock: ManualClock) -> None:
    budget = RetryBudget(max_tokens=1.0, per_second=1.0, clock=clock)
    budget.withdraw()
    for _ in range(4):
        clock.now += 0.25
        last = budget.withdraw()
    assert last


@pytest.mark.survives(
    "Retries, breakers and time", "a clock that goes back", "no retries out of nothing"
)
def test_a_clock_that_goes_back_adds_nothing(clock: ManualClock) -> None:
    budget = RetryBudget(clock=clock)
    for _ in range(100):
        budget.withdraw()
    clock.now -= 50
    assert not budget.withdraw()
    assert budget.tokens == 0.0
    clock.now += 50
    assert budget.tokens == 0.0


def test_deposits_into_a_full_budget_do_not_count_later(clock: ManualClock) -> None:
    budget = RetryBudget(max_tokens=1.0, per_second=0.0, clock=clock)
    for _ in range(50):
        budget.deposit()
    assert budget.withdraw()
    assert not budget.withdraw()


@given(
    steps=st.lists(
        st.one_of(st.sampled_from(["deposit", "withdraw"]), st.floats(0, 5)), max_size=60
    ),
    ratio=st.sampled_from([0.0, 0.25, 1.0]),
    cap=st.sampled_from([1.0, 2.0, 10.0]),
)
def test_it_never_lends_and_never_holds_more_than_the_most(
    steps: list[Any], ratio: float, cap: float
) -> None:
    clock = ManualClock()
    budget = RetryBudget(ratio, cap, 0.5, clock)
    expected = cap
    for step in steps:
        if step == "deposit":
            budget.deposit()
            expected = min(expected + ratio, cap)
        elif step == "withdraw":
            granted = budget.withdraw()
            if expected > 1.000001 or expected < 0.999999:
                assert granted == (expected > 1)
            expected -= granted
        else:
            clock.now += step
            expected = min(expected + 0.5 * step, cap)
        assert budget.tokens == pytest.approx(expected, abs=1e-6)


def test_threads_together_get_no_more_than_there_is(clock: ManualClock) -> None:
    budget = RetryBudget(max_tokens=1_000.0, per_second=0.0, ratio=0.0, clock=clock)
    granted: list[int] = []

    def work() -> None:
        granted.append(sum(budget.withdraw() for _ in range(200)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 1_000


@pytest.mark.parametrize(
    ("settings", "kind", "text"),
    [
        ({"ratio": -0.1}, ValueError, "ratio must be at least 0, not -0.1"),
        ({"ratio": float("nan")}, ValueError, "ratio must be finite, not nan"),
        ({"ratio": True}, TypeError, "ratio must be a number, not bool True"),
        ({"max_tokens": 0.5}, ValueError, "max_tokens must be at least 1, not 0.5"),
        ({"max_tokens": float("inf")}, ValueError, "max_tokens must be finite"),
        ({"per_second": "1"}, TypeError, "per_second must be a number, not str '1'"),
        ({"clock": 3}, TypeError, "int lacks monotonic"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    settings: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=f"^RetryBudget: .*{text}"):
        RetryBudget(**settings)


def test_it_shows_its_tokens(clock: ManualClock) -> None:
    budget = RetryBudget(clock=clock)
    budget.withdraw()
    assert repr(budget) == "<RetryBudget 99 of 100 tokens>"
