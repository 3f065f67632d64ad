"""The long form: ``python -m tests.fuzz --minutes 5``, or ``python3 dev.py fuzz``.

The targets take turns. Each turn tries new inputs, and measures the time that new shapes of
input take. What fails is printed with the input, shrunk to what matters, and is the end of
that target.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings

from tests.fuzz.inputs import inputs_for
from tests.fuzz.targets import TARGETS, Target
from tests.fuzz.work import FACTOR, Growth, growth_of, outcome

EXAMPLES = 250
SHAPES = 8
SIZE = 32 * 1024


class Run:
    """What one target has been through."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.examples = 0
        self.shapes = 0
        self.raised: set[str] = set()
        self.slowest = Growth(target, "", 0.0, 0.0)
        self.failure: str | None = None

    def turn(self, end: float) -> None:
        """Try some inputs, and some shapes until it is time to end."""
        try:
            self._inputs()
            self._shapes(end)
        except Exception:
            self.failure = traceback.format_exc()

    def _inputs(self) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(inputs_for(self.target))
        def check(text: str) -> None:
            self.examples += 1
            self.raised.add(outcome(self.target, text))

        check()

    def _shapes(self, end: float) -> None:
        for _ in range(SHAPES):
            if time.monotonic() > end:
                return
            self.shapes += 1
            growth = growth_of(self.target, shape(self.target), SIZE)
            if growth.ratio > self.slowest.ratio:
                self.slowest = growth
            if growth.is_too_fast:
                raise AssertionError(f"time grows faster than the input: {growth}")

    def __str__(self) -> str:
        raised = ", ".join(sorted(name for name in self.raised if name)) or "nothing"
        state = "FAILED" if self.failure else "ok"
        worst = f"×{self.slowest.ratio:.0f} for ×8" if self.slowest.ratio else "too fast to judge"
        if self.slowest.ratio > 2 * FACTOR:
            worst = f"{worst} {self.slowest.text[:40]!a}"
        return (
            f"{self.target.name:<24} {state:<7} {self.examples:>8} inputs {self.shapes:>5} shapes"
            f"   {worst:<18} raised {raised}"
        )


def shape(target: Target) -> Callable[[int], str]:
    """A beginning, one to three pieces again and again, and an end."""
    before, after = (
        "".join(random.choices(target.pieces, k=random.randint(0, 3))) for _ in range(2)
    )
    before = random.choice(target.beginnings) + before
    body = "".join(random.choices(target.pieces, k=random.randint(1, 3)))
    return lambda size: before + body * max(size // len(body), 1) + after


def main() -> int:
    """Fuzz for some minutes; 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="dev.py fuzz", description="Fuzz all that parses.")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long (default: 2)")
    parser.add_argument("--only", metavar="NAME", help="targets whose name holds this")
    options = parser.parse_args()
    runs = [Run(target) for target in TARGETS if (options.only or "") in target.name]
    end = time.monotonic() + 60 * options.minutes
    while time.monotonic() < end and (alive := [run for run in runs if run.failure is None]):
        for run in alive:
            if time.monotonic() < end:
                run.turn(end)
    for run in runs:
        print(run)
    failed = [run for run in runs if run.failure is not None]
    for run in failed:
        print(f"\n{run.target.name}:\n{run.failure}", file=sys.stderr)
    total = sum(run.examples for run in runs)
    print(f"{len(runs)} targets, {total} inputs, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
