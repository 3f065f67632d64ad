"""The rules, against numbers computed by hand from the published ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pyfly.resilience.adaptive_limiter.policy import AIMDPolicy, Gradient2Policy
from pyfly.resilience.adaptive_limiter.state import (
    AIMDRules,
    Gradient2Rules,
    LimiterPermit,
    LimiterRules,
    LongAverage,
    Window,
)


def warm(rules: Gradient2Rules) -> Gradient2Rules:
    """After ten samples of one second, with the limit in use: 20 + 10 × 0.8 calls at once."""
    for _ in range(10):
        rules.sample_needs_lock(0.0, 1.0, 100, False)
    assert rules.estimate == pytest.approx(28.0)
    rules.estimate = 28.0  # without the rounding of ten additions
    return rules


def each(*limits: int, **settings: Any) -> Gradient2Policy:
    """The policy that judges each sample by itself."""
    return Gradient2Policy(*limits, window=timedelta(0), **settings)


# The long average


def test_the_first_ten_samples_make_a_mean_and_the_others_weigh_2_in_window_plus_1() -> None:
    average = LongAverage(99)
    assert [average.add(float(sample)) for sample in range(1, 5)] == [1.0, 1.5, 2.0, 2.5]
    for sample in range(5, 11):
        average.add(float(sample))
    assert average.value == 5.5
    assert average.add(55.5) == pytest.approx(5.5 * 0.98 + 55.5 * 0.02)
    assert average.value == pytest.approx(6.5)


# Gradient2


def test_the_published_settings_are_the_default() -> None:
    assert Gradient2Policy() == Gradient2Policy(
        20,
        20,
        200,
        smoothing=0.2,
        long_window=600,
        rtt_tolerance=1.5,
        queue_size=4,
        window=timedelta(seconds=1),
    )


def test_while_the_rtt_is_within_the_tolerance_the_limit_grows_by_a_part_of_the_queue() -> None:
    rules = Gradient2Rules(each())
    seen = []
    for _ in range(3):
        rules.sample_needs_lock(0.0, 1.0, 20, False)
        seen.append((round(rules.estimate, 9), rules.limit))
    assert seen == [(20.8, 20), (21.6, 21), (22.4, 22)]


def test_beyond_the_tolerance_the_limit_shrinks_with_the_gradient() -> None:
    rules = warm(Gradient2Rules(each()))
    rules.sample_needs_lock(0.0, 2.0, 28, False)
    # long: 1 + 1 × 2/601 = 1.003327787; gradient: 1.5 × long / 2 = 0.752495840
    # 28 × 0.8 + (28 × 0.752495840 + 4) × 0.2
    assert rules.estimate == pytest.approx(27.413976705)
    assert rules.limit == 27


def test_the_gradient_is_at_least_one_half() -> None:
    rules = warm(Gradient2Rules(each()))
    rules.sample_needs_lock(0.0, 50.0, 28, False)
    # 28 × 0.8 + (28 × 0.5 + 4) × 0.2
    assert rules.estimate == pytest.approx(26.0)


def test_the_gradient_is_at_most_one() -> None:
    rules = warm(Gradient2Rules(each()))
    rules.sample_needs_lock(0.0, 0.9, 28, False)
    assert rules.estimate == pytest.approx(28.8)


def test_an_rtt_right_at_the_tolerance_lets_the_limit_grow() -> None:
    rules = Gradient2Rules(each(rtt_tolerance=1.0))
    rules.sample_needs_lock(0.0, 1.0, 20, False)  # the average is the sample itself
    assert rules.estimate == pytest.approx(20.8)


def test_a_long_average_more_than_twice_the_rtt_drifts_down() -> None:
    rules = warm(Gradient2Rules(each()))
    rules.sample_needs_lock(0.0, 0.4, 28, False)
    # (1 - 0.6 × 2/601) × 0.95
    assert rules.long_rtt.value == pytest.approx(0.948103161)


def test_a_long_average_of_just_twice_the_rtt_does_not_drift() -> None:
    rules = Gradient2Rules(each(long_window=1))
    warm(rules).sample_needs_lock(0.0, 1.0, 28, False)
    rules.long_rtt.value = 3.0
    rules.sample_needs_lock(0.0, 1.0, 28, False)  # a window of one: the average is the sample
    assert rules.long_rtt.value == 1.0
    rules = Gradient2Rules(each())
    rules.sample_needs_lock(0.0, 3.0, 20, False)
    rules.sample_needs_lock(0.0, 1.0, 20, False)  # the mean is 2.0
    assert rules.long_rtt.value == 2.0


@pytest.mark.parametrize(("in_flight", "estimate"), [(13, 28.0), (14, 28.8)])
def test_under_half_of_the_limit_nothing_is_learnt_about_it(
    in_flight: int, estimate: float
) -> None:
    rules = warm(Gradient2Rules(each()))
    before = rules.long_rtt.value
    rules.sample_needs_lock(0.0, 1.0, in_flight, False)
    assert rules.estimate == pytest.approx(estimate)
    rules.sample_needs_lock(0.0, 2.0, 1, False)
    assert rules.estimate == pytest.approx(estimate)  # nor is it lowered
    assert rules.long_rtt.value > before  # yet the average takes all in


def test_the_limit_stays_between_its_bounds() -> None:
    rules = Gradient2Rules(each(20, 19, 21))
    for _ in range(5):
        rules.sample_needs_lock(0.0, 1.0, 100, False)
    assert (rules.estimate, rules.limit) == (21, 21)
    for _ in range(20):
        rules.sample_needs_lock(0.0, 1.0, 100, True)
    assert (rules.estimate, rules.limit) == (19, 19)


@pytest.mark.parametrize("in_flight", [1, 28])
def test_a_drop_is_the_worst_gradient_and_no_sample_of_the_rtt(in_flight: int) -> None:
    rules = warm(Gradient2Rules(each()))
    rules.sample_needs_lock(0.0, 0.001, in_flight, True)
    assert rules.estimate == pytest.approx(25.2)  # 28 × 0.9
    assert rules.long_rtt.value == 1.0


def test_a_drop_never_raises_a_small_limit() -> None:
    rules = Gradient2Rules(each(2, 1))
    rules.sample_needs_lock(0.0, 1.0, 2, True)
    assert rules.estimate == pytest.approx(1.8)


def test_an_rtt_of_zero_is_a_fast_one() -> None:
    rules = Gradient2Rules(each())
    for _ in range(2):
        rules.sample_needs_lock(0.0, 0.0, 20, False)
    assert rules.estimate == pytest.approx(21.6)


# Gradient2 in windows


def test_a_window_is_one_sample_of_the_mean_rtt_and_the_most_calls_under_way() -> None:
    rules = Gradient2Rules(Gradient2Policy())
    for number in range(19):
        rules.sample_needs_lock(number / 10, 1.0 + number % 2, 20 if number == 3 else 1, False)
        ended = number >= 10  # the first second is over then
        assert rules.estimate == pytest.approx(20.8 if ended else 20.0)
    assert rules.long_rtt.value == pytest.approx(16 / 11)  # of 6 × 1 and 5 × 2


def test_a_window_waits_for_ten_samples() -> None:
    rules = Gradient2Rules(Gradient2Policy())
    for number in range(10):
        assert rules.estimate == 20.0
        rules.sample_needs_lock(number * 60.0, 1.0, 20, False)
    assert rules.estimate == pytest.approx(20.8)


@pytest.mark.parametrize(
    ("dropped", "rtt", "in_flight", "estimate"),
    [
        (1, 1.0, 28, 28.16),  # 28 × 0.8 + (28 × 0.9 + 4 × 0.9) × 0.2
        (3, 1.0, 28, 26.88),  # 28 × 0.8 + (28 × 0.7 + 4 × 0.7) × 0.2
        (8, 1.0, 28, 25.36),  # 28 × 0.8 + (28 × 0.5 + 4 × 0.2) × 0.2
        (10, 1.0, 28, 25.2),
        (1, 50.0, 28, 25.92),  # 28 × 0.8 + (28 × 0.5 + 4 × 0.9) × 0.2
        (1, 1.8, 28, 27.799092),  # gradient 1.5 × (1 + 0.8 × 2/601) / 1.8 = 0.835552
        (1, 1.0, 1, 28.0),  # little was in use: it is not raised,
        (3, 1.0, 1, 26.88),  # but lowered
    ],
)
def test_the_gradient_of_a_window_is_at_most_the_share_that_was_not_dropped(
    dropped: int, rtt: float, in_flight: int, estimate: float
) -> None:
    rules = Gradient2Rules(Gradient2Policy(28))
    rules.long_rtt.value = 1.0
    for _ in range(10):
        rules.long_rtt.add(1.0)
    for number in range(10):
        taken = 0.001 if number < dropped else rtt
        rules.sample_needs_lock(number / 9, taken, in_flight, number < dropped)
    assert rules.estimate == pytest.approx(estimate)


# AIMD


def test_the_published_settings_of_aimd_are_the_default() -> None:
    policy = AIMDPolicy()
    assert (policy.initial_limit, policy.min_limit, policy.max_limit) == (20, 20, 200)
    assert (policy.backoff_ratio, policy.timeout.total_seconds()) == (0.9, 5.0)


@pytest.mark.parametrize(
    ("limit", "rtt", "in_flight", "dropped", "after"),
    [
        (20, 1.0, 10, False, 21),  # half in use: one more
        (20, 1.0, 9, False, 20),  # less: as it was
        (21, 1.0, 10, False, 21),
        (21, 1.0, 11, False, 22),
        (100, 1.0, 100, True, 90),  # a drop: nine tenths
        (100, 1.0, 1, True, 90),  # whatever was in use
        (55, 1.0, 55, True, 49),  # rounded down
        (100, 5.0, 100, False, 101),
        (100, 5.001, 100, False, 90),  # over the timeout: a drop
        (21, 1.0, 21, True, 20),  # not under the least
        (200, 1.0, 200, False, 200),  # not over the most
    ],
)
def test_one_more_after_a_success_and_nine_tenths_after_a_drop(
    limit: int, rtt: float, in_flight: int, dropped: bool, after: int
) -> None:
    rules = AIMDRules(AIMDPolicy(limit))
    rules.sample_needs_lock(0.0, rtt, in_flight, dropped)
    assert rules.limit == after


# Permits


class Noting:
    """An algorithm that notes its samples."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.samples: list[tuple[float, int, bool]] = []

    def sample_needs_lock(self, now: float, rtt: float, in_flight: int, dropped: bool) -> None:
        self.samples.append((rtt, in_flight, dropped))


def test_a_sample_tells_how_long_and_among_how_many_the_call_ran() -> None:
    algorithm = Noting(3)
    rules = LimiterRules(algorithm)
    first, second, third = LimiterPermit(), LimiterPermit(), LimiterPermit()
    for now, permit in ((10.0, first), (11.0, second), (12.0, third)):
        assert rules.admit_needs_lock(permit, now)
    rules.finish_needs_lock(second, 15.0, False)
    rules.finish_needs_lock(first, 16.0, True)
    rules.release_needs_lock(third)
    assert algorithm.samples == [(4.0, 2, False), (6.0, 1, True)]
    assert (rules.acquired, rules.released, rules.in_flight) == (3, 3, 0)


def test_a_permit_is_given_back_once_and_is_one_sample() -> None:
    algorithm = Noting(2)
    rules = LimiterRules(algorithm)
    permit, other = LimiterPermit(), LimiterPermit()
    rules.admit_needs_lock(permit, 1.0)
    rules.admit_needs_lock(other, 1.0)
    rules.finish_needs_lock(permit, 2.0, False)
    rules.finish_needs_lock(permit, 3.0, True)
    assert not rules.release_needs_lock(permit)
    assert (len(algorithm.samples), rules.in_flight, rules.released) == (1, 1, 1)


def test_a_permit_that_was_never_given_cannot_be_given_back() -> None:
    rules = LimiterRules(Noting(1))
    assert not rules.release_needs_lock(LimiterPermit())
    assert (rules.in_flight, rules.released) == (0, 0)


def test_at_the_limit_and_over_a_lowered_one_calls_are_refused() -> None:
    algorithm = Noting(2)
    rules = LimiterRules(algorithm)
    permits = [LimiterPermit() for _ in range(3)]
    assert [rules.admit_needs_lock(permit, 0.0) for permit in permits] == [True, True, False]
    algorithm.limit = 1
    rules.release_needs_lock(permits[0])
    assert not rules.admit_needs_lock(permits[2], 0.0)
    rules.release_needs_lock(permits[1])
    assert rules.admit_needs_lock(permits[2], 0.0)
    assert rules.refused == 2


def test_a_clock_that_two_threads_read_out_of_order_makes_no_negative_rtt() -> None:
    algorithm = Noting(1)
    rules = LimiterRules(algorithm)
    permit = LimiterPermit()
    rules.admit_needs_lock(permit, 5.0)
    rules.finish_needs_lock(permit, 4.9, False)
    assert algorithm.samples == [(0.0, 1, False)]


# What is there before anything has happened


def test_before_the_first_sample_the_averages_are_zero() -> None:
    assert Gradient2Rules(Gradient2Policy()).long_rtt.value == 0.0
    window = Window(1.0)
    assert (window.samples, window.dropped, window.most, window.total_rtt) == (0, 0, 0, 0.0)


def test_a_permit_that_nobody_has_is_not_held_and_cannot_be_given_back() -> None:
    permit = LimiterPermit()
    assert (permit.held, permit.started, permit.in_flight) == (False, 0.0, 0)
    assert LimiterRules(AIMDRules(AIMDPolicy())).release_needs_lock(permit) is False
