from __future__ import annotations

import pytest

from pyfly.resilience.timeout.state import CALLER, TOTAL_TIMEOUT, attempt_end, call_end


@pytest.mark.parametrize(
    ("given", "around", "total", "end"),
    [
        (None, None, None, (None, None)),
        (3.0, None, None, (3.0, CALLER)),
        (None, 3.0, None, (3.0, CALLER)),
        (None, None, 3.0, (3.0, TOTAL_TIMEOUT)),
        (3.0, 2.0, 1.0, (1.0, TOTAL_TIMEOUT)),
        (3.0, 2.0, 2.0, (2.0, CALLER)),
        (1.0, 2.0, 3.0, (1.0, CALLER)),
        (2.0, 1.0, None, (1.0, CALLER)),
    ],
)
def test_the_nearest_end_wins_and_of_equal_ones_the_callers(
    given: float | None,
    around: float | None,
    total: float | None,
    end: tuple[float | None, str | None],
) -> None:
    assert call_end(given, around, total) == end


@pytest.mark.parametrize(
    ("span", "deadline", "end"),
    [(None, None, None), (None, 5.0, 5.0), (2.0, None, 12.0), (2.0, 11.0, 11.0), (2.0, 13.0, 12.0)],
)
def test_an_attempt_ends_with_its_span_or_with_the_call(
    span: float | None, deadline: float | None, end: float | None
) -> None:
    assert attempt_end(10.0, span, deadline) == end
