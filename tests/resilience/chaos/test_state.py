from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyfly.resilience.chaos.chaos import Chaos
from pyfly.resilience.chaos.state import KINDS, drawn


class Numbers:
    def __init__(self, *numbers: float) -> None:
        self.numbers = list(numbers)

    def random(self) -> float:
        return self.numbers.pop(0)


def test_what_is_below_its_rate_is_done() -> None:
    rates = dict.fromkeys(KINDS, 0.5)
    assert drawn(Numbers(0.4, 0.6, 0.6, 0.4), rates) == {"behaviour", "outcome"}
    assert drawn(Numbers(0.5, 0.5, 0.5, 0.5), rates) == set()


def test_a_fault_leaves_no_room_for_an_outcome() -> None:
    assert drawn(Numbers(0, 0, 0, 0), dict.fromkeys(KINDS, 1.0)) == {
        "behaviour",
        "latency",
        "fault",
    }


def test_each_attempt_takes_the_same_count_of_numbers_whatever_is_on() -> None:
    numbers = Numbers(0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.1, 0.9)
    assert drawn(numbers, {"fault": 0.5}) == {"fault"}
    assert len(numbers.numbers) == 4


@given(st.integers(), st.floats(0, 1), st.floats(0, 1))
def test_another_rate_does_not_move_what_a_fault_hits(seed: int, rate: float, other: float) -> None:
    one = Chaos(seed, fault=(rate, OSError))
    two = Chaos(seed, fault=(rate, OSError), outcome=(other, 1), behaviour=(other, print))
    assert [("fault" in one.draw()) for _ in range(20)] == [
        ("fault" in two.draw()) for _ in range(20)
    ]


@given(st.integers())
def test_one_seed_gives_one_sequence_which_can_be_begun_again(seed: int) -> None:
    one, two = (Chaos(seed, fault=(0.3, OSError), outcome=(0.5, 1)) for _ in range(2))
    first = [one.draw() for _ in range(30)]
    assert [two.draw() for _ in range(30)] == first
    one.reset()
    assert [one.draw() for _ in range(30)] == first


def test_a_rate_is_kept_over_many_attempts() -> None:
    chaos = Chaos(3, fault=(0.2, OSError))
    assert 1_900 < sum("fault" in chaos.draw() for _ in range(10_000)) < 2_100
