"""Outages by chance and in full: ``python -m tests.resilience.outages [SEEDS] [SECONDS]``."""

from __future__ import annotations

import argparse
import sys
import time

from tests.resilience.outages.checks import blackout_mistakes, partial_mistakes
from tests.resilience.outages.experiments import (
    SETS,
    Blackout,
    Cell,
    Key,
    blackouts,
    partial_outages,
)
from tests.resilience.outages.world import LATENCY

RATES = (1.0, 20.0, 100.0)
ERRORS = (0.1, 0.3, 0.5)
BLACKOUT_RATES = (1.0, 5.0, 20.0, 100.0)


def main(arguments: list[str]) -> int:
    """Print both tables, and what does not hold; 1 if anything does not."""
    parser = argparse.ArgumentParser("dev.py simulate", description="Outages in virtual time.")
    parser.add_argument("seeds", nargs="?", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("seconds", nargs="?", type=float, default=600.0, help="each (default: 600)")
    options = parser.parse_args(arguments)
    seeds, seconds = options.seeds, options.seconds
    started = time.perf_counter()
    cells = partial_outages(RATES, ERRORS, seeds, seconds)
    print(
        f"Random partial outages: means of {seeds} seeds × {seconds:g} s, attempts of {LATENCY:g} s"
    )
    print()
    print(partial_table(cells))
    gone = blackouts(BLACKOUT_RATES, seeds)
    print(f"\nTotal outages: a service that is gone for 120 s, {seeds} seeds (mean, worst)\n")
    print(blackout_table(gone))
    mistakes = [*partial_mistakes(cells), *blackout_mistakes(gone)]
    print("\n" + ("\n".join(f"WRONG: {each}" for each in mistakes) or "Every promise holds."))
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    return 1 if mistakes else 0


def partial_table(cells: dict[Key, Cell]) -> str:
    """Success by policy, a line for each rate and error rate."""
    lines = [
        "calls/s  errors   no retry  naive retry  defaults   attempts/call   denied   openings",
        "                        (calls that succeed)        naive defaults  by the   of the",
        "                                                                    budget   circuit",
    ]
    for rate in RATES:
        for errors in ERRORS:
            none, naive, ours = (
                cells[policy, rate, errors] for policy in ("no retry", "naive retry", "defaults")
            )
            lines.append(
                f"{rate:>7g}  {errors:>6.0%}  {none.success:>8.2%}  {naive.success:>11.2%}  "
                f"{ours.success:>8.2%}   {naive.attempts:>5.2f} {ours.attempts:>8.2f}  "
                f"{ours.denied:>6.1%}   {ours.openings:>7.2f}"
            )
    return "\n".join(lines)


def blackout_table(gone: dict[tuple[str, float], Blackout]) -> str:
    """What an outage costs, a line for each set and rate."""
    lines = [
        "settings   calls/s   attempts ÷ admitted   opens after the   back after the   refused",
        "                                           fifth failure     outage",
    ]
    for name in SETS:
        for rate in BLACKOUT_RATES:
            row = gone[name, rate]
            lines.append(
                f"{name:<9}  {rate:>7g}   {_pair(row.amplification, '.3f'):>19}   "
                f"{_pair(row.opening, '.2f'):>13} s   {_pair(row.recovery, '.1f'):>12} s   "
                f"{row.refused:>7.1%}"
            )
    return "\n".join(lines)


def _pair(values: tuple[float, float], form: str) -> str:
    return f"{values[0]:{form}} ({values[1]:{form}})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
