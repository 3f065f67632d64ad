"""The experiments as text."""

from __future__ import annotations

from collections.abc import Mapping

from tests.resilience.outages.checks import mistakes_in
from tests.resilience.outages.experiments import (
    SETS,
    Blackout,
    Burst,
    Cell,
    Key,
    Overload,
    bound_of,
    pauses_of,
)
from tests.resilience.outages.world import LATENCY

__all__ = ["blackout_table", "burst_table", "overload_table", "partial_table", "text_of"]


def text_of(
    cells: Mapping[Key, Cell],
    gone: Mapping[tuple[str, float], Blackout],
    loaded: Mapping[tuple[str, float], Overload],
    met: Mapping[tuple[str, float, int], Burst],
    seeds: int,
    seconds: float,
) -> str:
    """All four tables with their titles, and whether what they have to show is there."""
    wrong = "\n".join(f"WRONG: {each}" for each in mistakes_in(cells, gone, loaded, met))
    return "\n\n".join(
        (
            f"Random partial outages: means of {seeds} seeds × {seconds:g} s, "
            f"attempts of {LATENCY:g} s",
            partial_table(cells),
            f"Total outages: a service that is gone for 120 s, {seeds} seeds (mean, worst)",
            blackout_table(gone),
            f"Overloads: 20 clients of a service that loses 90% of its workers, {seeds} seeds "
            "(mean, worst)",
            overload_table(loaded),
            "Bursts: calls at once that meet a blip (how many fail; !: the circuit opened)",
            burst_table(met),
            wrong or "Every promise holds.",
        )
    )


def partial_table(cells: Mapping[Key, Cell]) -> str:
    """Success by policy, a line for each rate and error rate."""
    lines = [
        "calls/s  errors   no retry  naive retry  defaults   attempts/call   denied   openings",
        "                        (calls that succeed)        naive defaults  by the   of the",
        "                                                                    budget   circuit",
    ]
    for rate, errors in dict.fromkeys(key[1:] for key in cells):
        none, naive, ours = (
            cells[policy, rate, errors] for policy in ("no retry", "naive retry", "defaults")
        )
        lines.append(
            f"{rate:>7g}  {errors:>6.0%}  {none.success:>8.2%}  {naive.success:>11.2%}  "
            f"{ours.success:>8.2%}   {naive.attempts:>5.2f} {ours.attempts:>8.2f}  "
            f"{ours.denied:>6.1%}   {ours.openings:>7.2f}"
        )
    return "\n".join(lines)


def blackout_table(gone: Mapping[tuple[str, float], Blackout]) -> str:
    """What an outage costs, a line for each set and rate."""
    lines = [
        "settings   calls/s    attempts ÷ calls wanted     opens after    back after    refused",
        "                     in 20 s        in 120 s      fifth failure  the outage",
    ]
    lines += [
        f"{name:<9}  {rate:>7g}   {_pair(row.soon, '.3f')}   {_pair(row.load, '.3f')}   "
        f"{_pair(row.opening, '.2f'):>11} s  {_pair(row.recovery, '.1f'):>11} s  "
        f"{row.refused:>7.1%}"
        for (name, rate), row in gone.items()
    ]
    return "\n".join(lines)


def overload_table(loaded: Mapping[tuple[str, float], Overload]) -> str:
    """How soon clients are back, a line for each load."""
    heads = [f"{name}: back within {bound_of(name):g} s" for name in SETS]
    lines = [
        "load    " + "".join(f"{head:<38}" for head in heads).rstrip(),
        "        "
        + "".join(f"{'back after      attempts ÷ admitted':<38}" for _ in heads).rstrip(),
    ]
    for load in dict.fromkeys(load for _, load in loaded):
        cells = (
            f"{_pair(row.recovery, '.1f') + ' s':<16}{_pair(row.amplification, '.2f')}"
            for row in (loaded[name, load] for name in SETS)
        )
        lines.append(f"{load:<8.0%}" + "".join(f"{cell:<38}" for cell in cells).rstrip())
    return "\n".join(lines)


def burst_table(met: Mapping[tuple[str, float, int], Burst]) -> str:
    """How many calls fail, a line for each set of settings and blip, a column for each size."""
    sizes = list(dict.fromkeys(size for _, _, size in met))
    lines = ["settings        blip    " + "".join(f"{size:>8,}" for size in sizes).rstrip()]
    for name, blip in dict.fromkeys(key[:2] for key in met):
        cells = (met[name, blip, size] for size in sizes)
        seconds = f"{blip * pauses_of(name)[0]:g} s"
        shown = "".join(f"{row.failed:>7}{'!' if row.opened else ' '}" for row in cells)
        lines.append(f"{name:<14}{seconds:>8}  {shown}".rstrip())
    return "\n".join(lines)


def _pair(values: tuple[float, float], form: str) -> str:
    return f"{values[0]:{form}} ({values[1]:{form}})"
