"""What a run comes to, as numbers and in words.

The numbers are the client's events; only phases are the script's.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any, NamedTuple

from pyfly import __version__
from pyfly.cli.demo.chart import counts
from pyfly.cli.demo.client import declared
from pyfly.cli.demo.run import Run
from pyfly.cli.demo.script import Phase
from pyfly.cli.demo.tally import REFUSED, DemoTally, Ended, percentile
from pyfly.cli.drawing.text import Glyphs, Line, Span
from pyfly.client import CircuitState


class PhaseCounts(NamedTuple):
    """The calls that began in a phase, and what became of them, then or later."""

    phase: Phase
    calls: int
    succeeded: int
    refused: int
    attempts: int
    p50: float | None
    p95: float | None

    @property
    def failed(self) -> int:
        """Calls that failed, refused ones aside."""
        return self.calls - self.succeeded - self.refused


class Recovery(NamedTuple):
    """How the client came through the outage; None where that did not happen. Seconds.

    Attributes:
        opened: From the end of the service to the opening of the circuit.
        failed_before: Attempts that had failed by then, since the end of the service.
        answered: From the return of the service to the first answered call.
        closed: From the return of the service to the closing of the circuit.
    """

    opened: float | None
    failed_before: int
    answered: float | None
    closed: float | None


def phase_counts(run: Run) -> list[PhaseCounts]:
    """The counts of each phase; the last one's include what came a moment later."""
    return [
        _counts_of(phase, [call for call in run.tally.calls if run.phase_at(call.started) is phase])
        for phase in run.phases
    ]


def all_counts(run: Run) -> PhaseCounts:
    """The counts of the whole run, as if it were one phase."""
    return _counts_of(run.phases[-1], run.tally.calls)


def _counts_of(phase: Phase, calls: Sequence[Ended]) -> PhaseCounts:
    latencies = [call.duration for call in calls if call.failure is None]
    return PhaseCounts(
        phase,
        len(calls),
        len(latencies),
        sum(call.failure == REFUSED for call in calls),
        sum(call.number for call in calls),
        percentile(latencies, 0.5),
        percentile(latencies, 0.95),
    )


def recovery(run: Run) -> Recovery:
    """The times between what the service did and what the circuit did."""
    tally = run.tally
    down, back = run.phases[-2].start, run.phases[-1].start
    opened = next(
        (t.at for t in tally.transitions if t.new is CircuitState.OPEN and t.at >= down), None
    )
    closed = next(
        (t.at for t in tally.transitions if t.new is CircuitState.CLOSED and t.at >= back), None
    )
    before = [
        attempt
        for attempt in tally.attempts
        if attempt.failure is not None and down <= attempt.ended <= (opened or back)
    ]
    answered = tally.answered_since(back)
    return Recovery(
        None if opened is None else opened - down,
        len(before),
        answered[0].ended - back if answered else None,
        None if closed is None else closed - back,
    )


def end_of(run: Run) -> float:
    """When the last call had ended, or the script."""
    return max([run.seconds, *(call.ended for call in run.tally.calls[-1:])])


def as_json(run: Run) -> dict[str, Any]:
    """Everything that was counted. Times are seconds since the beginning, spans are seconds."""
    tally, end = run.tally, end_of(run)
    restored = recovery(run)
    return {
        "pyfly": __version__,
        "python": platform.python_version(),
        "seconds": run.seconds,
        "declared": declared(),
        "configured": run.settings,
        "calls": len(tally.calls),
        "succeeded": tally.succeeded,
        "failures": _failures(tally.call_outcomes),
        "attempts": len(tally.attempts_started),
        "attempts_succeeded": tally.attempt_outcomes[None],
        "attempt_failures": _failures(tally.attempt_outcomes),
        "retries": len(tally.retries_started),
        "retries_not_made": dict(tally.suppressed.most_common()),
        "latency_seconds": {
            "answered": _latency(call for call in tally.calls if call.failure is None),
            "refused": _latency(call for call in tally.calls if call.failure == REFUSED),
        },
        "phases": [_phase_as_json(each) for each in phase_counts(run)],
        "opened_after_seconds": restored.opened,
        "recovery_seconds": restored.answered,
        "closed_after_seconds": restored.closed,
        "transitions": [
            {"at": t.at, "from": t.old.name, "to": t.new.name, "reason": t.reason}
            for t in tally.transitions
        ],
        "circuit_at_end": tally.state.name,
        "open_seconds": sum(
            s.end - s.start for s in tally.stretches(end) if s.state is CircuitState.OPEN
        ),
        "timeline": _timeline(tally, end),
    }


def _failures(outcomes: dict[str | None, int]) -> dict[str, int]:
    return dict(sorted((kind, n) for kind, n in outcomes.items() if kind is not None))


def _latency(calls: Any) -> dict[str, float | None]:
    durations = [call.duration for call in calls]
    return {
        "p50": percentile(durations, 0.50),
        "p95": percentile(durations, 0.95),
        "max": max(durations, default=None),
    }


def _phase_as_json(each: PhaseCounts) -> dict[str, Any]:
    counts = each._asdict()
    return {**vars(counts.pop("phase")), **counts, "failed": each.failed}


def _timeline(tally: DemoTally, end: float, step: float = 0.5) -> dict[str, Any]:
    """Counts per ``step`` seconds; the state is that at the end of each."""
    edges = [step * number for number in range(int(end / step) + 2)]

    def ended(which: Sequence[Ended]) -> list[int]:
        # The first edge is open to the left: a call may come a moment before its time.
        return counts([each.ended for each in which], [-1.0, *edges[1:]])

    calls = tally.calls
    states = tally.stretches(edges[-1])
    return {
        "step": step,
        "calls": counts(tally.calls_started, [-1.0, *edges[1:]]),
        "succeeded": ended([call for call in calls if call.failure is None]),
        "refused": ended([call for call in calls if call.failure == REFUSED]),
        "failed": ended([call for call in calls if call.failure not in (None, REFUSED)]),
        "attempts": counts(tally.attempts_started, [-1.0, *edges[1:]]),
        "retries": counts(tally.retries_started, [-1.0, *edges[1:]]),
        "circuit": [[s.state for s in states if s.start <= edge][-1].name for edge in edges[1:]],
    }


_HEADINGS = ("phase", "calls", "answered", "failed", "refused", "attempts/call", "p50", "p95")
_WIDTHS = (10, 7, 10, 8, 9, 15, 9, 9)


def summary(run: Run, glyphs: Glyphs) -> list[Line]:
    """The end of the story."""
    lines: list[Line] = [
        (Span(_row(_HEADINGS), "heading"),),
        *((Span(_counts(each.phase.name, each)),) for each in phase_counts(run)),
        (Span(_counts("all", all_counts(run)), "heading"),),
        (),
        *((Span(glyphs.text(line)),) for line in _sentences(run)),
    ]
    return lines


def _row(cells: tuple[str, ...]) -> str:
    first, *rest = zip(cells, _WIDTHS, strict=True)
    return f"{first[0]:<{first[1]}}" + "".join(f"{cell:>{width}}" for cell, width in rest)


def _counts(name: str, each: PhaseCounts) -> str:
    return _row(
        (
            name,
            str(each.calls),
            f"{100 * each.succeeded / each.calls:.1f} %" if each.calls else "-",
            str(each.failed),
            str(each.refused),
            f"{each.attempts / each.calls:.2f}" if each.calls else "-",
            _milliseconds(each.p50),
            _milliseconds(each.p95),
        )
    )


def _sentences(run: Run) -> list[str]:
    tally, restored = run.tally, recovery(run)
    outcomes = [f"{count} {kind or 'succeeded'}" for kind, count in _outcomes(tally)]
    told = [f"{len(tally.attempts_started)} attempts: {', '.join(outcomes)}."]
    if tally.suppressed:
        told.append(
            f"{len(tally.retries_started)} retries were made; {len(tally.suppressed_at)} more "
            "were allowed and not made:"
        )
        told += [f"  {count:>4} · {reason}" for reason, count in tally.suppressed.most_common()]
    if restored.opened is not None:
        told.append(
            f"The circuit opened {restored.opened:.2f} s after the service went away, "
            f"on {restored.failed_before} failed attempts."
        )
    refusals = [call.duration for call in tally.calls if call.failure == REFUSED]
    if refusals:
        told.append(
            f"It refused {len(refusals)} calls without an attempt or a wait: each took "
            f"{1000 * (percentile(refusals, 0.5) or 0):.2f} ms (median)."
        )
    if restored.closed is not None:
        told.append(f"The circuit closed {restored.closed:.2f} s after the service was back.")
    elif restored.answered is not None:
        told.append(f"The first answer came {restored.answered:.2f} s after the service was back.")
    return told


def _outcomes(tally: DemoTally) -> list[tuple[str | None, int]]:
    """Of the attempts: success first, then the failures, the most frequent before others."""
    ranked = tally.attempt_outcomes.most_common()
    return sorted(ranked, key=lambda outcome: outcome[0] is not None)


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.0f} ms"


def next_commands(run: Run) -> list[tuple[str, str]]:
    """What to try now, each with its purpose."""
    other = ("pyfly demo --no-breaker", "the same without a circuit breaker")
    return [
        other if run.breaker else ("pyfly demo", "the same with a circuit breaker"),
        ("pyfly demo --json demo.json", "all counts, times and transitions"),
    ]
