"""The demo's story over time, in characters: phases, goodput, attempts, circuit, axis."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from pyfly.cli.demo.run import Run
from pyfly.cli.demo.script import Phase, phase_at
from pyfly.cli.drawing.text import Glyphs, Line, Span
from pyfly.client import CircuitState

GUTTER = 13
"""Columns for the labels to the left."""

_CLOSED, _OPEN, _HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


def counts(times: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many of some sorted times fall between each two edges."""
    at = [bisect_left(times, edge) for edge in edges]
    return [after - before for before, after in pairwise(at)]


def smoothing(seconds: float) -> float:
    """The seconds that a point of a curve stands for, in a run that lasts so long."""
    return max(seconds / 40, 0.5)


def smooth_rates(
    times: Sequence[float], edges: Sequence[float], now: float, window: float
) -> list[float | None]:
    """Events per second around the middle between each two edges; None where that is to come.

    Args:
        times: When the events were, sorted.
        edges: Ascending.
        now: Up to when events are known.
        window: Over how many seconds, so that single events do not show as teeth.
    """
    rates: list[float | None] = []
    for start, end in pairwise(edges):
        middle, half = (start + end) / 2, max(window, end - start) / 2
        since, until = max(middle - half, 0.0), min(middle + half, now)
        known = end <= now and until > since
        rates.append(counts(times, (since, until))[0] / (until - since) if known else None)
    return rates


def bars(values: Sequence[float | None], top: float, height: int, glyphs: Glyphs) -> list[str]:
    """A bar chart, from its highest row to its lowest; None leaves a column empty."""
    steps = len(glyphs.bars) - 1
    filled = [0 if v is None else round(min(v / top, 1) * height * steps) for v in values]
    return [
        "".join(glyphs.bars[min(max(fill - row * steps, 0), steps)] for fill in filled)
        for row in reversed(range(height))
    ]


def timeline(
    run: Run, now: float, width: int, heights: tuple[int, int], glyphs: Glyphs
) -> list[Line]:
    """The whole picture.

    Args:
        run: What happened.
        now: Seconds since it began; what is later stays empty.
        width: Columns of the whole picture.
        heights: Rows for goodput and for attempts; 0 leaves the chart out.
        glyphs: What to draw with.
    """
    tally, phases = run.tally, run.phases
    columns = width - GUTTER
    seconds = phases[-1].end
    edges = [seconds * column / columns for column in range(columns + 1)]
    answered = [call.ended for call in tally.calls if call.failure is None]
    lines = [_phases(phases, now, columns, glyphs)]
    for label, times, height, style in (
        ("goodput", answered, heights[0], "goodput"),
        ("attempts", tally.attempts_started, heights[1], "attempts"),
    ):
        if height:
            lines += _chart(label, times, edges, now, height, style, glyphs)
    lines.append(_circuit(run, edges, now, glyphs))
    lines.append(_axis(seconds, columns))
    return lines


def _chart(
    label: str,
    times: Sequence[float],
    edges: Sequence[float],
    now: float,
    height: int,
    style: str,
    glyphs: Glyphs,
) -> list[Line]:
    rates = smooth_rates(times, edges, now, smoothing(edges[-1]))
    top = max(40, math.ceil(max((rate for rate in rates if rate), default=0) / 20) * 20)
    lines: list[Line] = []
    for row, drawn in enumerate(bars(rates, top, height, glyphs)):
        left = (label, "  per s")[row] if row < 2 else ""
        scale = str(top) if row == 0 else "0" if row == height - 1 else ""
        gutter = f"{left:<8}{scale:>3} "
        lines.append(
            (Span(gutter, "label"), Span(glyphs.axis, "dim"), Span(drawn, style)),
        )
    return lines


def _phases(phases: tuple[Phase, ...], now: float, columns: int, glyphs: Glyphs) -> Line:
    seconds = phases[-1].end
    current = phase_at(phases, now)
    spans = [Span(f"{'service':<{GUTTER - 1}}", "label")]
    for phase in phases:
        start, end = (round(columns * at / seconds) for at in (phase.start, phase.end))
        end += phase is phases[-1]  # each begins with its line, and nothing follows the last
        style = "phase now" if phase is current else "phase" if phase.end <= now else "dim"
        spans.append(Span(glyphs.axis, "dim"))
        spans.append(Span(f" {phase.name}"[: end - start - 1].ljust(end - start - 1), style))
    return tuple(spans)


def _circuit(run: Run, edges: Sequence[float], now: float, glyphs: Glyphs) -> Line:
    looks = {
        _CLOSED: (glyphs.closed, "circuit closed"),
        _HALF_OPEN: (glyphs.half_open, "circuit half-open"),
        _OPEN: (glyphs.open, "circuit open"),
    }
    spans = [Span(f"{'circuit':<{GUTTER - 1}}", "label"), Span(glyphs.axis, "dim")]
    if not run.breaker:
        return (*spans, Span(" no circuit breaker", "dim"))
    stretches = run.tally.stretches(now)
    for start, end in pairwise(edges):
        if end <= now:
            states = {s.state for s in stretches if s.start < end and s.end >= start}
            # A probe may last a millisecond: the rarer state shows.
            state = next(state for state in (_HALF_OPEN, _OPEN, _CLOSED) if state in states)
            spans.append(Span(*looks[state]))
    return tuple(spans)


def _axis(seconds: float, columns: int) -> Line:
    step = next(step for step in (1, 2, 5, 10, 20, 60, 120, 600) if seconds / step <= 8)
    row = [" "] * (columns + GUTTER)
    for tick in range(0, math.floor(seconds) + 1, step):
        text = f"{tick} s" if tick == 0 else str(tick)
        at = GUTTER + round(columns * tick / seconds)
        if at + len(text) <= len(row):
            row[at : at + len(text)] = text
    return (Span("".join(row).rstrip(), "dim"),)
