"""A million steps against the models: ``python -m tests.resilience.machine [STEPS] [SEED]``."""

from __future__ import annotations

import argparse
import sys
import time

from tests.resilience.machine.drive import drive


def main(arguments: list[str]) -> None:
    """Print how far it got, and what it met."""
    parser = argparse.ArgumentParser("dev.py machine", description="Policies and their models.")
    parser.add_argument("steps", nargs="?", type=int, default=1_000_000, help="default: a million")
    parser.add_argument("seed", nargs="?", type=int, default=7, help="default: 7")
    options = parser.parse_args(arguments)
    steps, seed = options.steps, options.seed
    started = time.perf_counter()

    def tell(done: int) -> None:
        if done % 100_000 == 0:
            print(f"{done:>9,} steps, {time.perf_counter() - started:.0f} s", flush=True)

    counts = drive(steps, seed, tell=tell)
    seconds = time.perf_counter() - started
    for what, times in sorted(counts.items()):
        print(f"{times:>9,} × {what}")
    print(
        f"{steps:,} steps with seed {seed} in {seconds:.0f} s ({steps / seconds:,.0f} a second): "
        "breaker, retry budget, bulkhead and rate limiter agree with their models"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
