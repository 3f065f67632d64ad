from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from pyfly.resilience.hedge.state import Durations


def test_there_is_no_quantile_before_there_are_enough_durations() -> None:
    durations = Durations(10)
    durations.add_needs_lock(1.0)
    assert durations.quantile_needs_lock(0.5, 2) is None
    durations.add_needs_lock(2.0)
    assert durations.quantile_needs_lock(0.5, 2) == 1.0


def test_the_quantile_is_the_nearest_rank() -> None:
    durations = Durations(100)
    for milliseconds in range(100, 0, -1):
        durations.add_needs_lock(float(milliseconds))
    assert [durations.quantile_needs_lock(q, 1) for q in (0.001, 0.5, 0.95, 0.99, 0.999)] == [
        1.0,
        50.0,
        95.0,
        99.0,
        100.0,
    ]


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=60),
    st.floats(0.01, 0.99),
    st.integers(1, 20),
)
def test_only_the_latest_durations_count(values: list[float], quantile: float, size: int) -> None:
    durations = Durations(size)
    for value in values:
        durations.add_needs_lock(value)
    latest = sorted(values[-size:])
    rank = max(math.ceil(quantile * len(latest) - 1e-9), 1)
    assert len(durations) == len(latest)
    assert durations.quantile_needs_lock(quantile, 1) == latest[rank - 1]
