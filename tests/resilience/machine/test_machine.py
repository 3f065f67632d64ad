"""Arbitrary interleavings on real policies, against models that share no code with them.

The long form is ``python -m tests.resilience.machine``.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.resilience.machine.__main__ import main
from tests.resilience.machine.breaker_world import BreakerWorld
from tests.resilience.machine.drive import drive
from tests.resilience.machine.driving import Clock, Difference, Pick
from tests.resilience.machine.world import OPERATIONS, World
from tests.resilience.planted import PLANTED, plant

SEEDS = st.integers(0, 2**20)


class PoliciesAgainstModels(RuleBasedStateMachine):
    steps = 0

    @initialize(seed=SEEDS)
    def choose_settings(self, seed: int) -> None:
        self.world = World(random.Random(seed).choice)

    @rule(operation=st.sampled_from(OPERATIONS), seed=SEEDS)
    def step(self, operation: str, seed: int) -> None:
        self.world.step(operation, random.Random(seed).choice)
        type(self).steps += 1

    def teardown(self) -> None:
        self.world.check()
        self.world.close()


def test_20_000_steps_of_a_state_machine_find_no_difference() -> None:
    PoliciesAgainstModels.steps = 0
    run_state_machine_as_test(  # more than it takes: some examples end before their last step
        PoliciesAgainstModels,
        settings=settings(max_examples=240, stateful_step_count=100, deadline=None, database=None),
    )
    assert PoliciesAgainstModels.steps >= 20_000


def test_a_seeded_driver_meets_every_operation_in_every_state() -> None:
    counts = drive(20_000, seed=11)
    for operation in OPERATIONS:
        for state in ("CLOSED", "OPEN", "HALF_OPEN"):
            assert counts[f"{operation}, {state}"] > 0


def test_the_same_seed_takes_the_same_steps() -> None:
    assert drive(1_000, seed=3) == drive(1_000, seed=3)


@pytest.mark.parametrize("bug", PLANTED.values(), ids=list(PLANTED))
def test_a_planted_bug_is_found_and_told_with_its_seed(bug: type) -> None:
    class Wrong(BreakerWorld):
        def __init__(self, clock: Clock, pick: Pick) -> None:
            super().__init__(clock, pick)
            plant(self.breaker, bug)

    with pytest.raises(Difference) as caught:
        drive(20_000, seed=5, breaker=Wrong)
    assert caught.value.__notes__[0].startswith("seed 5, step ")


def test_the_command_tells_how_far_it_got(capsys: pytest.CaptureFixture[str]) -> None:
    main(["2000", "1"])
    assert "2,000 steps with seed 1" in capsys.readouterr().out
