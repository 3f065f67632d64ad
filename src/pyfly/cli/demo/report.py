"""What a run comes to: numbers for programs, and a few lines for people."""

from __future__ import annotations

from typing import Any

from pyfly.cli.demo.client import declared
from pyfly.cli.demo.run import Run
from pyfly.cli.demo.tally import Tally, percentile
from pyfly.client import CircuitState

__all__ = ["NEXT", "as_json", "per_second", "recovery_seconds", "summary"]

NEXT = "Next: pyfly demo --no-breaker   (the same outage without a circuit breaker)"


def summary(run: Run) -> list[str]:
    """The end of the story, a line each."""
    tally = run.tally
    made, refused = len(tally.calls), tally.refused
    attempts, admitted = len(tally.attempts_started), made - tally.refused
    lines = [
        f"{made} calls: {tally.succeeded} succeeded, {tally.failed} failed, "
        f"{refused} refused by the open circuit",
        f"{attempts} attempts for {admitted} admitted calls "
        f"({attempts / max(admitted, 1):.2f} each, {len(tally.retries_started)} retries)",
    ]
    waits = sorted(call.duration for call in tally.calls if call.failure == "circuit open")
    if waits:
        lines.append(
            f"a refusal took {1e6 * waits[len(waits) // 2]:.0f} µs in the middle, "
            f"where a failing call took {_failing(tally):.2f} s"
        )
    back = recovery_seconds(run)
    if back is not None:
        lines.append(f"the first call succeeded {back:.1f} s after the service was back")
    if tally.suppressed:
        most = tally.suppressed.most_common(2)
        told = "; ".join(f"{count}× {reason}" for reason, count in most)
        lines.append(f"retries not made: {told}")
    return lines


def _failing(tally: Tally) -> float:
    durations = [
        call.duration for call in tally.calls if call.failure not in (None, "circuit open")
    ]
    return percentile(durations, 0.5) or 0.0


def recovery_seconds(run: Run) -> float | None:
    """From the end of the outage to the first success; None if there was none."""
    back = run.phases[-1].start
    answered = run.tally.answered_since(back)
    return max(answered[0].ended - back, 0.0) if answered else None


def per_second(times: list[float], seconds: int) -> list[int]:
    """How many of some times fall into each second."""
    counts = [0] * seconds
    for at in times:
        if 0 <= at < seconds:
            counts[int(at)] += 1
    return counts


def as_json(run: Run) -> dict[str, Any]:
    """Everything that was counted."""
    tally = run.tally
    end = max([run.seconds, *(call.ended for call in tally.calls[-1:])])
    whole = int(end) + 1
    latencies = [call.duration for call in tally.calls if call.failure is None]
    kinds = {str(kind): count for kind, count in tally.call_outcomes.items() if kind is not None}
    return {
        "seconds": run.seconds,
        "declared": declared(),
        "configured": run.settings,
        "phases": [
            {"name": p.name, "told": p.told, "start": p.start, "end": p.end} for p in run.phases
        ],
        "calls": len(tally.calls),
        "succeeded": tally.succeeded,
        "failures": dict(sorted(kinds.items())),
        "attempts": len(tally.attempts_started),
        "retries": len(tally.retries_started),
        "retries_not_made": dict(tally.suppressed),
        "latency_seconds": {
            "p50": percentile(latencies, 0.50),
            "p95": percentile(latencies, 0.95),
        },
        "recovery_seconds": recovery_seconds(run),
        "transitions": [
            {"at": t.at, "from": t.old.name, "to": t.new.name, "reason": t.reason}
            for t in tally.transitions
        ],
        "timeline": {
            "succeeded": per_second([c.ended for c in tally.calls if c.failure is None], whole),
            "attempts": per_second(tally.attempts_started, whole),
            "refused": per_second(
                [c.ended for c in tally.calls if c.failure == "circuit open"], whole
            ),
        },
        "circuit_at_end": tally.state.name,
        "open_seconds": sum(
            s.end - s.start for s in tally.stretches(end) if s.state is CircuitState.OPEN
        ),
    }
