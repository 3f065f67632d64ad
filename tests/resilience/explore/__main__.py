"""Every interleaving of up to four callers: ``python -m tests.resilience.explore [CALLERS]``."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from functools import partial

from tests.resilience.explore.callers import BreakerRun
from tests.resilience.explore.explorer import Violation, explore
from tests.resilience.explore.scenarios import scenarios
from tests.resilience.planted import PLANTED

__all__ = ["find", "main"]


def find(most: int, bug: type | None = None) -> Counter[str]:
    """Explore all scenarios; how many schedules each had.

    Raises:
        Violation: A property does not hold.
    """
    schedules: Counter[str] = Counter()
    for scenario in scenarios(most, bug):
        try:
            schedules[scenario.name] += explore(partial(BreakerRun, scenario))
        except Violation as violation:
            before = f"{schedules.total():,} schedules"
            violation.add_note(f"{scenario.name}, {scenario.permits} permits, after {before}")
            raise
    return schedules


def main(arguments: list[str]) -> None:
    """Print how many schedules there are, and how soon the planted bugs are found."""
    parser = argparse.ArgumentParser("dev.py explore", description="Every interleaving of callers.")
    parser.add_argument("callers", nargs="?", type=int, default=4, help="at most (default: 4)")
    most = parser.parse_args(arguments).callers
    for name, bug in PLANTED.items():
        try:
            find(most, bug)
        except Violation as violation:
            schedule, where = violation.__notes__
            print(f"planted: {name}\n    found: {violation}\n    {where}\n    {schedule}")
        else:
            sys.exit(f"planted: {name}, and not found")
    started = time.perf_counter()
    schedules = find(most)
    for name, count in schedules.items():
        print(f"{count:>10,} × {name}")
    seconds = time.perf_counter() - started
    print(
        f"{schedules.total():,} schedules of up to {most} callers in {seconds:.0f} s: never more "
        "probes than permits, no late result changed the state, never stuck half-open"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
