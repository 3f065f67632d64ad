from __future__ import annotations

import pytest

from pyfly.resilience.rate_limiter.state import RateRules, Reservation


def reserve(rules: RateRules, now: float, weight: float = 1.0) -> Reservation:
    reservation = Reservation()
    assert rules.reserve_needs_lock(reservation, now, weight, None)
    return reservation


def test_waits_grow_by_one_interval_each() -> None:
    rules = RateRules(0.5, 2)
    assert [reserve(rules, 10.0).wait for _ in range(5)] == [0, 0, 0.5, 1.0, 1.5]
    assert rules.tokens_at(10.0) == -3
    assert rules.wait_at(10.0, 2.0) == 2.5
    assert rules.tokens_at(12.5) == 2
    assert rules.tokens_at(99.0) == 2


def test_a_wait_of_just_as_long_as_may_be_is_allowed() -> None:
    rules = RateRules(0.1, 1)
    for _ in range(3):
        reserve(rules, 0.1)
    # 3 × 0.1 s, which is a little more than 0.3 in floating point
    assert rules.reserve_needs_lock(Reservation(), 0.1, 1.0, 0.3)
    assert not rules.reserve_needs_lock(Reservation(), 0.1, 1.0, 0.3)
    assert rules.wait_at(0.1, 1.0) == pytest.approx(0.4)  # neither more nor less


def test_a_reservation_is_used_or_cancelled_once() -> None:
    rules = RateRules(1.0, 1)
    at_once, used, cancelled = (reserve(rules, 0.0) for _ in range(3))
    assert (at_once.pending, used.pending) == (False, True)
    for _ in range(2):
        rules.use_needs_lock(at_once)
        rules.cancel_needs_lock(at_once)
        rules.cancel_needs_lock(cancelled)
        rules.use_needs_lock(used)
        rules.cancel_needs_lock(used)
        rules.use_needs_lock(cancelled)
    assert (rules.acquired, rules.cancelled, rules.waiting) == (2, 1, 0)
    assert rules.tokens_at(0.0) == -1


def test_the_last_reservation_goes_back() -> None:
    rules = RateRules(1.0, 1)
    reserve(rules, 0.0)
    kept, last = reserve(rules, 0.0), reserve(rules, 0.0)
    rules.cancel_needs_lock(last)
    assert rules.wait_at(0.0, 1.0) == 2.0
    rules.cancel_needs_lock(kept)
    assert rules.wait_at(0.0, 1.0) == 1.0
    assert reserve(rules, 0.0).previous is None  # nothing is kept of them


def test_those_before_one_that_was_used_do_not_go_back() -> None:
    rules = RateRules(1.0, 1)
    reserve(rules, 0.0)
    late, punctual = reserve(rules, 0.0), reserve(rules, 0.0)
    rules.use_needs_lock(punctual)
    rules.cancel_needs_lock(late)
    assert rules.tokens_at(2.0) == 0


def test_those_before_one_that_needed_no_wait_do_not_go_back() -> None:
    rules = RateRules(1.0, 1)
    reserve(rules, 0.0)
    late = reserve(rules, 0.0)
    assert reserve(rules, 2.0).wait == 0.0
    rules.cancel_needs_lock(late)
    assert rules.tokens_at(2.0) == 0


def test_those_behind_one_that_was_used_go_back_as_far_as_it() -> None:
    rules = RateRules(1.0, 1)
    reserve(rules, 0.0)
    used, last = reserve(rules, 0.0), reserve(rules, 0.0)
    rules.use_needs_lock(used)
    rules.cancel_needs_lock(last)
    assert rules.tokens_at(1.0) == 0


def test_the_past_of_used_reservations_is_not_kept() -> None:
    rules = RateRules(1.0, 1)
    reserve(rules, 0.0)
    reservations = [reserve(rules, 0.0) for _ in range(5)]
    for reservation in reservations:
        rules.use_needs_lock(reservation)
    assert all(reservation.previous is None for reservation in reservations)


@pytest.mark.parametrize("weight", [0.5, 1.0, 2.0])
def test_a_weight_takes_so_many_tokens(weight: float) -> None:
    rules = RateRules(2.0, 2)
    reserve(rules, 0.0, weight)
    assert rules.tokens_at(0.0) == 2 - weight
    assert rules.wait_at(0.0, 2.0) == 2.0 * weight


def test_a_reservation_that_nobody_made_waits_for_nothing() -> None:
    reservation = Reservation()
    assert (reservation.wait, reservation.before, reservation.previous) == (0.0, 0.0, None)
    assert not reservation.pending
    assert not reservation.cancelled


def test_a_wait_that_is_only_rounding_is_none() -> None:
    rules = RateRules(1e-9, 1)
    reserve(rules, 0.0)
    assert rules.wait_at(0.0, 1.0) == 0.0


def test_a_wait_that_is_too_long_by_rounding_alone_is_accepted() -> None:
    rules = RateRules(1.0 + 1e-9, 1)
    reserve(rules, 0.0)
    assert rules.reserve_needs_lock(Reservation(), 0.0, 1.0, 1.0)
