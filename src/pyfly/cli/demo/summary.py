"""What a run comes to, in a table and a few sentences."""

from __future__ import annotations

from pyfly.cli.demo.report import PhaseCounts, all_counts, phase_counts, recovery
from pyfly.cli.demo.run import Run
from pyfly.cli.demo.tally import REFUSED, DemoTally, percentile
from pyfly.cli.drawing.text import Glyphs, Line, Span

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
