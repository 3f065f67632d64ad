"""Every interleaving of a few callers and a clock, one after the other.

A schedule says who goes next, from beginning to end. After each one the explorer goes back to
the last point where somebody else could have gone, and runs everything again from there with
the other choice (stateless search, as in Godefroid's VeriSoft). Callers that do the same are
not told apart: of two that are equal, the first starts first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

__all__ = ["Run", "Violation", "explore"]


class Violation(AssertionError):
    """A schedule under which a property does not hold."""


class Run(Protocol):
    """One run from the beginning, driven step by step."""

    def enabled(self) -> Sequence[str]:
        """Who may go next; nobody: the run is over."""
        ...

    def go(self, who: str) -> None:
        """Let somebody make a step, and check the properties."""
        ...

    def finish(self) -> None:
        """Check what has to hold in the end."""
        ...


def explore(begin: Callable[[], Run]) -> int:
    """Run every schedule; how many there were.

    Raises:
        Violation: With the schedule that led there.
    """
    schedules = 0
    path: list[tuple[Sequence[str], int]] = []
    while True:
        _run(begin(), path)
        schedules += 1
        while path and path[-1][1] + 1 == len(path[-1][0]):
            path.pop()
        if not path:
            return schedules
        choices, taken = path.pop()
        path.append((choices, taken + 1))


def _run(run: Run, path: list[tuple[Sequence[str], int]]) -> None:
    """Follow the path, then always the first choice; what was chosen is added to it."""
    steps: list[str] = []
    try:
        while choices := run.enabled():
            if len(steps) == len(path):
                path.append((choices, 0))
            who = choices[path[len(steps)][1]]
            steps.append(who)
            run.go(who)
        run.finish()
    except Violation as violation:
        violation.add_note(f"schedule: {', '.join(steps)}")
        raise
