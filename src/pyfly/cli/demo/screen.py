"""The demo while it runs: a screen for any size of terminal, or a line of text a second."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from pyfly.cli.demo.chart import timeline
from pyfly.cli.demo.run import Run, View
from pyfly.cli.demo.tally import DemoTally, Transition, percentile
from pyfly.cli.drawing.terminal import LiveScreen, TextOutput
from pyfly.cli.drawing.text import Glyphs, Line, Span, beside, clip, pad
from pyfly.client import CircuitState

_HEADINGS = "       s   calls answered  failed refused attempts retries      p50      p95  circuit"


class PlainView:
    """Prints what happened since the last line.

    Args:
        echo: Prints one line.
    """

    def __init__(self, echo: Callable[[str], object]) -> None:
        self._echo = echo
        self._second = 0
        self._transitions = 0
        self._phase = ""

    def update(self, run: Run) -> None:
        """Print what is new."""
        now = run.now
        phase = run.phase_at(now)
        if not self._phase:
            self._echo(_HEADINGS)
        if phase.name != self._phase:
            self._phase = phase.name
            self._echo(f"{max(phase.start, 0.0):8.1f}   the service {phase.told}")
        for transition in run.tally.transitions[self._transitions :]:
            self._transitions += 1
            self._echo(
                f"{transition.at:8.1f}   the circuit goes from {_word(transition.old.name)} to "
                f"{_word(transition.new.name)}: {transition.reason}"
            )
        if int(now) > self._second:
            self._second = int(now)
            self._echo(_line(run, now))


def _line(run: Run, now: float) -> str:
    tally = run.tally
    latencies = [call.duration for call in tally.answered_since(now - 1)]
    return (
        f"{now:8.1f}{len(tally.calls):8}{tally.succeeded:9}{tally.failed:8}{tally.refused:8}"
        f"{len(tally.attempts_started):9}{len(tally.retries_started):8}"
        f"{_milliseconds(percentile(latencies, 0.5))}{_milliseconds(percentile(latencies, 0.95))}"
        f"  {_word(tally.state.name)}"
    )


def _word(state: str) -> str:
    return state.lower().replace("_", "-")


def _milliseconds(seconds: float | None) -> str:
    return f"{'-':>9}" if seconds is None else f"{1000 * seconds:6.0f} ms"


WIDTH, HEIGHT = 72, 18
"""The least that the screen needs."""

_RECENT = 2.0
"""Seconds that “now” stands for."""
_BLOCK_ROWS, _BLOCK_WIDTH = 7, 34

_STATES = {
    CircuitState.CLOSED: ("closed", "circuit closed"),
    CircuitState.OPEN: ("open", "circuit open"),
    CircuitState.HALF_OPEN: ("half-open", "circuit half-open"),
}
_SHORT = {
    "must not be sent twice": "unsafe to repeat",
    "budget": "budget empty",
    "half-open": "only a probe",
    "the circuit has opened": "circuit opened",
}


class _LiveView:
    def __init__(self, screen: LiveScreen, glyphs: Glyphs) -> None:
        self._screen = screen
        self._glyphs = glyphs

    def update(self, run: Run) -> None:
        self._screen.show(partial(frame, run, run.now, glyphs=self._glyphs))


@contextmanager
def shown(output: TextOutput) -> Generator[View]:
    """What shows a run: the live screen where there is one, else lines."""
    if not output.live:
        yield PlainView(output.line)
        return
    with output.screen() as screen:
        yield _LiveView(screen, output.glyphs)


def frame(run: Run, now: float, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The screen at a time, in at most so many columns and rows.

    At 80 by 24 everything is there. Smaller screens lose the log of the circuit and then rows
    of the charts; larger ones gain them.
    """
    roomy = height > 26
    spare = height - _BLOCK_ROWS - 7 - roomy  # for charts and log
    log = max(min((spare + 2) // 3, 6), 0)
    attempts = min((spare - log) * 2 // 5, 9)
    heights = (min(spare - log - attempts, 12), attempts if attempts > 1 else 0)
    lines = [_title(run, now, width), *[()] * roomy]
    lines += timeline(run, now, width, heights, glyphs)
    lines += [(), *_numbers(run.tally, now, width), (), _circuit(run, width, glyphs)]
    lines += _log(run.tally, width, log, glyphs)
    shown = [clip(line, width, glyphs.more) for line in lines[:height]]
    return [tuple(Span(glyphs.text(text), style) for text, style in line) for line in shown]


def _transition_line(transition: Transition, width: int, glyphs: Glyphs) -> Line:
    """``16.4 s  open  why``."""
    name, style = _STATES[transition.new]
    spans = (
        Span(f"{transition.at:6.1f} s  ", "dim"),
        Span(f"{name:<11}", style),
        Span(transition.reason, "dim"),
    )
    return clip(spans, width, glyphs.more)


def short_reason(reason: str) -> str:
    """Why a retry was not made, in at most three words."""
    return next((short for part, short in _SHORT.items() if part in reason), reason)


def _title(run: Run, now: float, width: int) -> Line:
    over = now >= run.seconds
    told = "a client and a service that fails" if over else f"the service {run.phase_at(now).told}"
    right = f"{min(now, run.seconds):.1f} of {run.seconds:g} s"
    left = pad((Span("pyfly demo", "title"), Span(f"   {told}")), width - len(right) - 2)
    return (*left, Span(f"  {right}", "dim"))


# The blocks of numbers


class _Row(NamedTuple):
    label: str
    number: str
    style: str = ""
    note: str = ""


class _Column(NamedTuple):
    title: str
    rate: str
    rows: list[_Row]

    def lines(self, width: int) -> list[Line]:
        lines: list[Line] = [_apart(Span(self.title, "heading"), Span(self.rate, "dim"), width)]
        noted = any(row.note for row in self.rows)
        for row in self.rows[: _BLOCK_ROWS - 1]:
            right = f"{row.number:>5}{row.note:>8}" if noted else f"{row.number:>5}"
            lines.append(_apart(Span(row.label, row.style), Span(right), width))
        return lines


def _apart(left: Span, right: Span, width: int) -> Line:
    return (*pad((left,), width - len(right.text)), right)


def _numbers(tally: DemoTally, now: float, width: int) -> list[Line]:
    blocks = [_calls(tally, now), _attempts(tally, now), _retries(tally, now)]
    size = min((width - 6) // 3, _BLOCK_WIDTH)
    gap = (width - 3 * size) // 2
    lines = beside([block.lines(size) for block in blocks], [size] * 3, gap)
    return [*lines, *[()] * (_BLOCK_ROWS - len(lines))]


def _calls(tally: DemoTally, now: float) -> _Column:
    total = max(len(tally.calls), 1)
    recent = [call.duration for call in tally.answered_since(now - _RECENT)]

    def outcome(label: str, count: int, style: str) -> _Row:
        return _Row(label, str(count), style, f"{100 * count / total:.1f} %")

    def latency(label: str, part: float) -> _Row:
        value = percentile(recent, part)
        return _Row(label, "", "", "–" if value is None else f"{1000 * value:.0f} ms")

    return _Column(
        "calls",
        f"{_rate([call.ended for call in tally.calls], now):.0f}/s",
        [
            outcome("answered", tally.succeeded, "good"),
            outcome("failed", tally.failed, "bad"),
            outcome("refused", tally.refused, "warn"),
            _Row("in flight", str(tally.in_flight)),
            latency("p50 now", 0.5),
            latency("p95 now", 0.95),
        ],
    )


def _attempts(tally: DemoTally, now: float) -> _Column:
    failures = {kind: n for kind, n in tally.attempt_outcomes.items() if kind is not None}
    rows = [_Row("succeeded", str(tally.attempt_outcomes[None]), "good")]
    rows += [_Row(kind, str(count), "bad") for kind, count in _most(failures, 5).items()]
    return _Column("attempts", f"{_rate(tally.attempts_started, now):.0f}/s", rows)


def _retries(tally: DemoTally, now: float) -> _Column:
    reasons: dict[str, int] = {}
    for reason, count in tally.suppressed.items():
        reasons[short_reason(reason)] = reasons.get(short_reason(reason), 0) + count
    rows = [
        _Row("made", str(len(tally.retries_started)), "good"),
        _Row("not made", str(len(tally.suppressed_at)), "warn"),
    ]
    rows += [_Row(f"  {kind}", str(count), "dim") for kind, count in _most(reasons, 4).items()]
    return _Column("retries", f"{_rate(tally.retries_started, now):.0f}/s", rows)


def _rate(times: list[float], now: float) -> float:
    span = min(_RECENT, max(now, 0.1))
    recent = sum(1 for at in reversed(times[-400:]) if now - span < at <= now)
    return recent / span


def _most(counts: Mapping[str, int], rows: int) -> dict[str, int]:
    """The largest counts, the rest of them as one."""
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    if len(ranked) > rows:
        ranked = [*ranked[: rows - 1], ("other", sum(n for _, n in ranked[rows - 1 :]))]
    return dict(ranked)


# The circuit


def _circuit(run: Run, width: int, glyphs: Glyphs) -> Line:
    """The state, large, and what the characters of the strip mean."""
    if not run.breaker:
        return (
            Span("circuit  ", "heading"),
            Span("none: run without --no-breaker to compare", "dim"),
        )
    name, style = _STATES[run.tally.state]
    last = run.tally.transitions[-1:]
    left = (
        Span("circuit  ", "heading"),
        Span(f" {name.upper()} ", f"{style} now"),
        Span(f"  since {last[0].at:.1f} s" if last else "", "dim"),
    )
    legend = (
        Span(f"{glyphs.closed} ", "circuit closed"),
        Span("closed   ", "dim"),
        Span(f"{glyphs.half_open} ", "circuit half-open"),
        Span("half-open   ", "dim"),
        Span(f"{glyphs.open} ", "circuit open"),
        Span("open", "dim"),
    )
    return (*pad(left, width - sum(len(span.text) for span in legend)), *legend)


def _log(tally: DemoTally, width: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """The latest transitions, newest first."""
    # A probe that is over shows by what came of it.
    told = [t for t in tally.transitions[:-1] if t.new is not CircuitState.HALF_OPEN]
    latest = [*told, *tally.transitions[-1:]][::-1][: max(rows, 0)]
    return [_transition_line(each, width, glyphs) for each in latest]
