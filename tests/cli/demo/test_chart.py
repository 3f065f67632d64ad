"""The story over time, in characters."""

from __future__ import annotations

import pytest

from pyfly.cli.demo.chart import GUTTER, bars, counts, smooth_rates, smoothing, timeline
from pyfly.cli.demo.run import Run
from pyfly.cli.drawing.text import ASCII, UNICODE, Glyphs
from tests.cli.support import outage, run_of


def drawn(run: Run, now: float = 28.0, width: int = 80, glyphs: Glyphs = UNICODE) -> list[str]:
    lines = timeline(run, now, width, (4, 3), glyphs)
    return ["".join(span.text for span in line) for line in lines]


def test_each_time_falls_between_two_edges() -> None:
    assert counts([0.0, 0.5, 1.0, 1.5, 2.5], [0.0, 1.0, 2.0]) == [2, 2]


def test_a_steady_rate_is_drawn_as_steady() -> None:
    times = [number / 30 for number in range(150)]
    edges = [number * 0.25 for number in range(21)]
    rates = smooth_rates(times, edges, 5.0, 1.0)
    assert all(rate == pytest.approx(30, abs=1.5) for rate in rates)


def test_what_is_to_come_has_no_rate() -> None:
    rates = smooth_rates([0.1, 0.2], [0.0, 1.0, 2.0, 3.0], 2.2, 1.0)
    assert [rate is None for rate in rates] == [False, False, True]


def test_a_short_run_is_smoothed_over_half_a_second_at_least() -> None:
    assert [smoothing(seconds) for seconds in (5, 40)] == [0.5, 1.0]


def test_bars_grow_in_eighths_from_the_lowest_row() -> None:
    assert bars([0, 1, 8, 9, 16, 99, None], 16, 2, UNICODE) == ["   ▁██ ", " ▁████ "]


def test_the_picture_has_a_row_for_the_service_the_charts_the_circuit_and_the_time() -> None:
    lines = drawn(outage())
    assert len(lines) == 1 + 4 + 3 + 1 + 1
    starts = [" ".join(line[: GUTTER - 1].split()) for line in lines]
    assert starts == [
        "service", "goodput 40", "per s", "", "0", "attempts 40", "per s", "0", "circuit", "",
    ]  # fmt: skip
    assert max(map(len, lines)) == 80
    for name in ("healthy", "slow", "failing", "down", "recovered"):
        assert name in lines[0]


def test_the_circuit_is_readable_without_colour_and_even_a_short_probe_shows() -> None:
    circuit = drawn(outage())[-2][GUTTER:]
    assert set(circuit) == set("─█▒")
    assert circuit.startswith("─" * 30)
    assert circuit.count("▒") in (2, 3)


def test_nothing_is_drawn_that_has_not_happened_yet() -> None:
    lines = drawn(outage(), now=14.0)
    half = GUTTER + (80 - GUTTER) // 2 + 1
    assert all(not line[half:].strip() for line in lines[1:-1])


def test_a_run_without_a_breaker_has_no_strip() -> None:
    assert "no circuit breaker" in drawn(run_of(breaker=False))[-2]


def test_it_can_be_drawn_in_ascii() -> None:
    assert "".join(drawn(outage(), glyphs=ASCII)).isascii()


def test_a_chart_can_be_left_out() -> None:
    assert len(timeline(outage(), 28.0, 80, (1, 0), UNICODE)) == 4


@pytest.mark.parametrize("seconds", [5.0, 8.5, 28.0, 35.0])
def test_the_axis_has_a_few_numbers_for_any_length(seconds: float) -> None:
    axis = drawn(run_of(seconds=seconds), now=seconds)[-1].split()
    assert axis[:2] == ["0", "s"]
    assert 4 <= len(axis[2:]) <= 8
