"""Outages in a short form; the long one is ``python -m tests.resilience.outages``."""

from __future__ import annotations

import pytest

from tests.resilience.outages.__main__ import main
from tests.resilience.outages.checks import (
    blackout_mistakes,
    burst_mistakes,
    overload_mistakes,
    partial_mistakes,
)
from tests.resilience.outages.experiments import (
    Blackout,
    Burst,
    Cell,
    Overload,
    blackouts,
    bursts,
    overloads,
    partial_outages,
)
from tests.resilience.outages.world import World


def test_in_random_outages_the_defaults_serve_more_than_no_retry_and_near_naive_ones() -> None:
    cells = partial_outages([1.0, 20.0], [0.1, 0.3, 0.5], seeds=2, seconds=60.0)
    assert list(partial_mistakes(cells)) == []
    for errors in (0.1, 0.3, 0.5):
        none, naive = (cells[policy, 20.0, errors] for policy in ("no retry", "naive retry"))
        assert none.success == pytest.approx(1 - errors, abs=0.04)
        assert naive.success == pytest.approx(1 - errors**3, abs=0.04)
    assert cells["defaults", 20.0, 0.5].success > cells["no retry", 20.0, 0.5].success + 0.1
    assert cells["defaults", 20.0, 0.5].attempts < 1.4 < cells["naive retry", 20.0, 0.5].attempts


def test_in_a_total_outage_the_circuit_opens_soon_and_hardly_anything_is_sent_twice() -> None:
    gone = blackouts([20.0, 100.0], seeds=2)
    assert list(blackout_mistakes(gone)) == []
    assert all(row.refused > 0.97 for row in gone.values())


def test_calls_at_once_outlive_a_blip_as_far_as_the_budget_goes() -> None:
    met = bursts([5, 15, 100, 300])
    assert list(burst_mistakes(met)) == []
    assert [met["shipped", 0.5, size].failed for size in (5, 15, 100, 300)] == [0, 0, 0, 200]
    assert met["shipped", 3.5, 15].opened  # longer than all pauses


def test_a_slow_client_gives_every_call_its_retries_in_an_outage() -> None:
    (row,) = (row for (name, _), row in blackouts([1.0], seeds=1).items() if name == "shipped")
    assert 0.1 < row.load[0] < 0.5
    assert row.recovery[0] < 35


def test_after_an_overload_close_to_the_limit_clients_are_back_in_time() -> None:
    rows = overloads([0.9], seeds=2)
    assert list(overload_mistakes(rows)) == []
    assert rows["published", 0.9].recovery[1] > 1


def test_the_same_seed_gives_the_same_run() -> None:
    runs = [vars(World({}, 20.0, seed).run(30.0, 0.5)) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_a_worse_policy_would_be_noticed() -> None:
    def cell(success: float, unspent: bool) -> Cell:
        return Cell(success, 1.0, 0.0, 0.0, ((success, unspent),))

    cells = {
        ("no retry", 1.0, 0.1): cell(0.9, True),
        ("naive retry", 1.0, 0.1): cell(0.99, True),
        ("defaults", 1.0, 0.1): cell(0.89, True),
    }
    assert list(partial_mistakes(cells)) == [
        "1 calls/s, 10% errors: 89.00% succeed, and 90.00% without retries",
        "1 calls/s, 10% errors: more than 5% behind naive retries with a budget in hand",
    ]
    cells["defaults", 1.0, 0.1] = cell(0.91, False)
    assert list(partial_mistakes(cells)) == []
    late = Blackout((1.7, 2.0), (0.3, 0.35), (3.5, 4.5), (20.0, 62.0), 0.9)
    assert list(blackout_mistakes({("shipped", 20.0): late, ("shipped", 1.0): late})) == [
        "shipped settings at 20 calls/s: 0.300 attempts for each call that was wanted",
        "shipped settings at 20 calls/s: opens up to 4.50 s after the fifth failure",
        "shipped settings at 20 calls/s: back up to 62.0 s after the outage",
    ]
    slow = Overload(recovery=(6.0, 8.0), amplification=(1.5, 1.6))
    assert list(overload_mistakes({("published", 0.9): slow, ("shipped", 0.9): slow})) == [
        "published settings at 90% load: back 8 s after"
    ]
    lost = Burst(failed=3, denied=2, opened=True, pauses=True)
    assert list(burst_mistakes({("shipped", 0.5, 15): lost})) == [
        "shipped settings, 15 at once, a blip of 0.5 first pauses: 3 fail, and the budget denied 2",
        "shipped settings, 15 at once, a blip of 0.5 first pauses: the circuit opened",
    ]


def test_the_command_prints_its_tables_and_its_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["1", "20"]) == 0
    printed = capsys.readouterr().out
    assert "1 seeds × 20 s" in printed
    assert printed.count("shipped") == printed.count("published") == 10
    assert printed.endswith("Every promise holds.\n")
