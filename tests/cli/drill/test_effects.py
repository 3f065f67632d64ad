"""What a drill has to show: the effects that are published, by the real policies."""

from __future__ import annotations

import pytest

from pyfly.cli.drill.run import POLICIES, UNPROTECTED, Policy, play
from pyfly.cli.drill.scenario import Scenario, drain_time, success
from pyfly.cli.drill.settings import SettingsSet, published, shipped
from pyfly.cli.drill.tally import DrillTally

#: As the command has it for the published settings, at half the size, with a shorter end.
OUTAGE = Scenario(clients=10, service_time=0.2, queue=100, after=15.0)
#: The same service with a tenth of the capacity and the times of the shipped settings.
SLOW_OUTAGE = Scenario(clients=2, service_time=1.0, queue=600, outage=60.0, after=130.0)
#: Two clients that make 20 calls a second each; then there is nobody any more.
GONE = Scenario(clients=2, load=0.4, lost=1.0, after=45.0)


def policy(name: str) -> Policy:
    return next(each for each in POLICIES if each.name == name)


def run(name: str, settings: SettingsSet, scenario: Scenario) -> DrillTally:
    return play(policy(name), settings, scenario)


def test_naive_retries_at_70_percent_load_never_let_a_service_recover() -> None:
    naive = run("naive retry", published(), OUTAGE.replace(after=30.0))
    assert naive.recovery is None
    assert naive.success(OUTAGE.outage_end, OUTAGE.end) < 0.02
    assert naive.amplification > 2.8


@pytest.mark.parametrize(
    ("name", "seed"), [("breaker", 1), ("adaptive", 1), ("defaults", 1), ("defaults", 2)]
)
def test_a_circuit_breaker_lets_it_recover_within_open_time_timeout_and_a_second(
    name: str, seed: int
) -> None:
    tally = run(name, published(), OUTAGE.replace(seed=seed))
    assert tally.recovery is not None
    assert tally.recovery <= published().recovery_bound == 7


def test_without_retries_it_recovers_when_the_fluid_model_says_so() -> None:
    tally = run("none", published(), OUTAGE)
    expected = drain_time(OUTAGE, 1.0, 1)
    assert expected == pytest.approx(50 / 15 + 1)
    assert tally.recovery == pytest.approx(expected, abs=3)


def test_below_a_load_of_one_third_even_three_naive_attempts_recover() -> None:
    tally = run("naive retry", published(), OUTAGE.replace(load=0.25))
    assert tally.recovery is not None


def test_a_retry_budget_alone_is_too_much_for_clients_that_call_seldom() -> None:
    """Each has a hundred retries in hand and one more a second, whatever it calls: ten clients
    of 3.5 calls/s each pay for every retry of the outage, one client of 35 does not."""
    assert run("budget", published(), OUTAGE).recovery is None
    alone = run("budget", published(), OUTAGE.replace(clients=1, after=35.0))
    assert alone.recovery is not None
    assert alone.amplification < 1.6


def test_with_the_shipped_times_it_is_the_same_on_another_scale() -> None:
    settings = shipped()
    assert settings.recovery_bound == 61
    defaults = run("defaults", settings, SLOW_OUTAGE)
    assert defaults.recovery is not None
    assert defaults.recovery <= settings.recovery_bound
    assert run("naive retry", settings, SLOW_OUTAGE).recovery is None


@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_total_outage_the_shipped_settings_send_hardly_anything_twice(seed: int) -> None:
    tally = run("defaults", shipped(), GONE.replace(seed=seed))
    during = [
        sum(GONE.quiet <= at < GONE.outage_end for at in times)
        for times in (tally.attempts, tally.calls)
    ]
    assert during[0] <= 0.35 * during[1]  # attempts ÷ calls wanted, of twenty seconds
    assert tally.refusals > 0.8
    assert tally.recovery is not None
    assert tally.recovery <= shipped().recovery_bound


@pytest.mark.parametrize("errors", [0.1, 0.3, 0.5])
def test_in_a_random_partial_outage_the_defaults_are_never_below_no_retry(errors: float) -> None:
    calm = Scenario(
        clients=2, workers=50, service_time=0.02, load=0.016, lost=0.0, quiet=20.0, outage=0.0,
        after=0.0, errors=errors,
    )  # fmt: skip
    parts = {
        each.name: play(each, published(), calm).success(0.0, 18.0)
        for each in (*UNPROTECTED, policy("defaults"))
    }
    assert parts["none"] == pytest.approx(success(errors, 1), abs=0.05)
    assert parts["naive retry"] == pytest.approx(success(errors, 3), abs=0.05)
    assert parts["none"] <= parts["defaults"] <= parts["naive retry"] + 0.02


def test_the_same_seed_gives_the_same_run() -> None:
    short = OUTAGE.replace(quiet=2.0, outage=3.0, after=5.0)
    first, again, other = (
        run("defaults", published(), short.replace(seed=seed)) for seed in (1, 1, 2)
    )
    assert vars(first) == {**vars(again), "origin": first.origin}
    assert first.calls != other.calls
