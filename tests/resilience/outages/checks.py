"""What the experiments have to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean

from tests.resilience.outages.experiments import (
    Blackout,
    Burst,
    Cell,
    Key,
    Overload,
    bound_of,
    pauses_of,
)

__all__ = [
    "blackout_mistakes",
    "burst_mistakes",
    "mistakes_in",
    "overload_mistakes",
    "partial_mistakes",
]

_MOST_ATTEMPTS = 0.1
"""For each call that is wanted in 120 s of outage."""
_LATEST_OPENING = 1.0
"""Seconds after the pauses of a call."""
_CLOSE = 0.05
"""How far from naive retries the shipped ones may be while their budget lasts."""
_BUSY = 20.0
"""Calls per second from which on an outage is short work; slower clients are only reported."""


def partial_mistakes(cells: Mapping[Key, Cell]) -> Iterator[str]:
    """Where the shipped settings do worse than they must."""
    for (policy, rate, errors), ours in cells.items():
        if policy != "defaults":
            continue
        where = f"{rate:g} calls/s, {errors:.0%} errors"
        none = cells["no retry", rate, errors].success
        if ours.success < none:
            yield f"{where}: {ours.success:.2%} succeed, and {none:.2%} without retries"
        naive = cells["naive retry", rate, errors].runs
        pairs = [
            (mine[0], other[0]) for mine, other in zip(ours.runs, naive, strict=True) if mine[1]
        ]
        if pairs and fmean(mine for mine, _ in pairs) < fmean(other for _, other in pairs) - _CLOSE:
            yield f"{where}: more than {_CLOSE:.0%} behind naive retries with a budget in hand"


def blackout_mistakes(gone: Mapping[tuple[str, float], Blackout]) -> Iterator[str]:
    """Where a client with many calls makes too many attempts, or sees an outage too late."""
    for (settings, rate), row in gone.items():
        if rate < _BUSY:
            continue
        where = f"{settings} settings at {rate:g} calls/s"
        if row.load[0] > _MOST_ATTEMPTS:
            yield f"{where}: {row.load[0]:.3f} attempts for each call that was wanted"
        if row.opening[1] > pauses_of(settings)[1] + _LATEST_OPENING:
            yield f"{where}: opens up to {row.opening[1]:.2f} s after the fifth failure"
        if row.recovery[1] > bound_of(settings):
            yield f"{where}: back up to {row.recovery[1]:.1f} s after the outage"


def burst_mistakes(rows: Mapping[tuple[str, float, int], Burst]) -> Iterator[str]:
    """Where a blip shorter than the pauses makes more fail than the budget cannot pay."""
    for (settings, blip, size), row in rows.items():
        if not row.pauses:
            continue
        where = f"{settings} settings, {size} at once, a blip of {blip:g} first pauses"
        if row.failed > row.denied:
            yield f"{where}: {row.failed} fail, and the budget denied {row.denied}"
        if row.opened:
            yield f"{where}: the circuit opened"


def overload_mistakes(rows: Mapping[tuple[str, float], Overload]) -> Iterator[str]:
    """Where clients are not back within open time, attempt timeout and a second."""
    for (settings, load), row in rows.items():
        if row.recovery[1] > bound_of(settings):
            yield f"{settings} settings at {load:.0%} load: back {row.recovery[1]:.0f} s after"


def mistakes_in(
    cells: Mapping[Key, Cell],
    gone: Mapping[tuple[str, float], Blackout],
    loaded: Mapping[tuple[str, float], Overload],
    met: Mapping[tuple[str, float, int], Burst],
) -> list[str]:
    """Whatever does not hold."""
    return [
        *partial_mistakes(cells),
        *blackout_mistakes(gone),
        *overload_mistakes(loaded),
        *burst_mistakes(met),
    ]
