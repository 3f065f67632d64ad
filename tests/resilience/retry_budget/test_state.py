from __future__ import annotations

from pyfly.resilience.retry_budget.state import BudgetRules, RatioRules


class TestTokens:
    def test_a_new_bucket_is_full_and_a_deposit_leaves_it_so(self) -> None:
        rules = BudgetRules(ratio=0.0, max_tokens=10.0, per_second=1.0, now=0.0)
        assert rules.full
        rules.deposit_needs_lock(0.0)
        assert rules.full
        assert rules.withdraw_needs_lock(0.0)
        assert not rules.full


class TestRatio:
    def test_a_call_counts_from_when_it_is_made_and_not_from_the_call_before(self) -> None:
        rules = RatioRules(percent=1.0, reserve=0.0, window=10.0, now=0.0)
        rules.deposit_needs_lock(9.5)
        assert rules.tokens_at(18.5) == 1.0
        assert rules.tokens_at(19.5) == 0.0

    def test_slices_are_equal_on_both_sides_of_the_clocks_zero(self) -> None:
        rules = RatioRules(percent=1.0, reserve=0.0, window=10.0, now=-0.5)
        rules.deposit_needs_lock(-0.5)
        assert rules.tokens_at(8.5) == 1.0
        assert rules.tokens_at(9.2) == 0.0

    def test_a_retry_that_only_rounding_is_missing_is_made(self) -> None:
        rules = RatioRules(percent=1.0 - 1e-9, reserve=0.0, window=10.0, now=0.0)
        rules.deposit_needs_lock(0.0)
        assert rules.withdraw_needs_lock(0.0)

    def test_a_jump_of_centuries_takes_no_time(self) -> None:
        rules = RatioRules(percent=1.0, reserve=0.0, window=1.0, now=0.0)
        rules.deposit_needs_lock(0.0)
        assert rules.tokens_at(1e13) == 0.0
