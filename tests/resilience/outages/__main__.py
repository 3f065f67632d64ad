"""Outages by chance and in full: ``python -m tests.resilience.outages [SEEDS] [SECONDS]``."""

from __future__ import annotations

import argparse
import sys
import time

from tests.resilience.outages.checks import mistakes_in
from tests.resilience.outages.experiments import blackouts, bursts, overloads, partial_outages
from tests.resilience.outages.page import PAGE, keep_drills, keep_outages, page
from tests.resilience.outages.tables import text_of

RATES = (1.0, 20.0, 100.0)
ERRORS = (0.1, 0.3, 0.5)
BLACKOUT_RATES = (1.0, 5.0, 20.0, 100.0)
LOADS = (0.3, 0.5, 0.7, 0.9)
BURSTS = (1, 5, 15, 50, 100, 300, 1_000)


def main(arguments: list[str]) -> int:
    """Print the tables, and what does not hold; 1 if anything does not."""
    parser = argparse.ArgumentParser("dev.py simulate", description="Outages in virtual time.")
    parser.add_argument("seeds", nargs="?", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("seconds", nargs="?", type=float, default=600.0, help="each (default: 600)")
    parser.add_argument(
        "--save", action="store_true",
        help="play `pyfly drill` as well, keep all figures, and rewrite docs/evidence/drills.md",
    )  # fmt: skip
    parser.add_argument(
        "--page", action="store_true", help="simulate nothing; rewrite the page from what is kept"
    )
    options = parser.parse_args(arguments)
    wrong = [] if options.page else _simulate(options.seeds, options.seconds, keep=options.save)
    if options.save or options.page:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 1 if wrong else 0


def _simulate(seeds: int, seconds: float, *, keep: bool) -> list[str]:
    started = time.perf_counter()
    cells = partial_outages(RATES, ERRORS, seeds, seconds)
    gone = blackouts(BLACKOUT_RATES, seeds)
    loaded = overloads(LOADS, seeds)
    met = bursts(BURSTS)
    print(text_of(cells, gone, loaded, met, seeds, seconds))
    mistakes = mistakes_in(cells, gone, loaded, met)
    if keep:
        keep_outages(cells, gone, loaded, met, seeds, seconds)
        keep_drills()
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    return mistakes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
