"""The ratio form of the budget: a window of calls and retries."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from pyfly.resilience import RetryBudget, RetryPolicy, RetryStage, assemble
from tests.resilience.support import Driver, ManualClock, Scripted, a_call, outcome


def granted(budget: RetryBudget, asked: int = 1_000) -> int:
    return sum(budget.withdraw() for _ in range(asked))


def calls(budget: RetryBudget, number: int) -> None:
    for _ in range(number):
        budget.deposit()


def test_an_idle_client_has_one_retry_per_second_of_the_window_in_hand(clock: ManualClock) -> None:
    assert granted(RetryBudget.ratio(clock=clock)) == 10


def test_retries_are_a_part_of_the_calls_besides(clock: ManualClock) -> None:
    budget = RetryBudget.ratio(0.2, min_per_second=0.5, clock=clock)
    calls(budget, 100)
    assert budget.tokens == 25
    assert granted(budget) == 25
    calls(budget, 4)
    assert granted(budget) == 0
    calls(budget, 1)
    assert granted(budget) == 1


@pytest.mark.parametrize(("percent", "number", "most"), [(0.29, 100, 29), (0.1, 30, 3)])
def test_rounding_costs_no_retry(
    clock: ManualClock, percent: float, number: int, most: int
) -> None:
    budget = RetryBudget.ratio(percent, min_per_second=0.0, clock=clock)
    calls(budget, number)
    assert granted(budget) == most


def test_calls_and_retries_are_forgotten_when_the_window_has_passed(clock: ManualClock) -> None:
    budget = RetryBudget.ratio(0.5, timedelta(seconds=10), 0.1, clock=clock)
    calls(budget, 10)
    clock.now += 5
    assert granted(budget) == 6
    clock.now += 5  # the calls are gone, the retries are not
    assert granted(budget) == 0
    clock.now += 5
    assert granted(budget) == 1
    clock.now += 1e6
    assert granted(budget) == 1


def test_whenever_a_retry_is_made_those_of_the_window_are_within_the_bound(
    clock: ManualClock,
) -> None:
    budget = RetryBudget.ratio(0.2, timedelta(seconds=10), 1.0, clock=clock)
    made: list[float] = []
    retries: list[float] = []
    for _ in range(600):
        budget.deposit()
        made.append(clock.now)
        since = int(clock.now) - 9
        while budget.withdraw():
            retries.append(clock.now)
            bound = 0.2 * sum(at >= since for at in made) + 10
            assert sum(at >= since for at in retries) <= bound
        clock.now += 0.125
    assert len(retries) > 100


def test_a_clock_that_goes_back_adds_nothing(clock: ManualClock) -> None:
    budget = RetryBudget.ratio(clock=clock)
    granted(budget)
    clock.now -= 50
    assert granted(budget) == 0


def test_it_bounds_the_retries_of_a_pipeline(driver: Driver, clock: ManualClock) -> None:
    budget = RetryBudget.ratio(0.0, timedelta(hours=1), 1 / 1_800, clock=clock)
    stage = RetryStage(RetryPolicy(5, timedelta(0)), budget=budget)
    send = Scripted(OSError())
    outcome(lambda: driver.pipeline(assemble([stage]), send, a_call(clock)))
    assert send.calls == 3
    assert stage.describe().endswith(
        "retries at most 0% of the calls of the last 3600 s plus 0.000555556 per second"
    )


def test_threads_together_get_no_more_than_there_is(clock: ManualClock) -> None:
    budget = RetryBudget.ratio(0.5, min_per_second=0.0, clock=clock)
    got: list[int] = []

    def work() -> None:
        calls(budget, 100)
        got.append(granted(budget, 200))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) + granted(budget) == 400


@pytest.mark.parametrize(
    ("settings", "kind", "text"),
    [
        ({"percent": 20}, ValueError, "percent is a part of the calls.*write 0.2 for 20 %"),
        ({"percent": -0.1}, ValueError, "percent must be at least 0"),
        ({"window": 10}, TypeError, r"window must be a timedelta.*timedelta\(seconds=10\)"),
        ({"window": timedelta(0)}, ValueError, "window must be longer than zero"),
        ({"min_per_second": -1}, ValueError, "min_per_second must be at least 0"),
        (
            {"percent": 0, "min_per_second": 0.05},
            ValueError,
            "min_per_second × window is 0.5, and there would never be a retry",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    settings: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=rf"^RetryBudget.ratio: .*{text}"):
        RetryBudget.ratio(**settings)


def test_it_shows_the_retries_in_hand(clock: ManualClock) -> None:
    assert repr(RetryBudget.ratio(clock=clock)) == "<RetryBudget 10 tokens>"
