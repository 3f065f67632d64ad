"""Every interleaving of up to three callers; four are ``python -m tests.resilience.explore``."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.resilience.explore.__main__ import find, main
from tests.resilience.explore.explorer import Violation, explore
from tests.resilience.planted import PLANTED

FOUND_BY = {
    "the pauses of retries ignored": "the circuit opened before a retry that is due was heard",
    "the generation guard dropped": "a late result changed",
    "the permit leaked": "stuck half-open",
    "the half-open timeout ignored": "stuck half-open",
    "one permit too many": "more than 1 probes",
}


def test_no_interleaving_breaks_the_promises_of_the_circuit_breaker() -> None:
    assert find(3).total() > 20_000


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found_by_the_property_that_it_breaks(bug: str) -> None:
    with pytest.raises(Violation, match=f"^{FOUND_BY[bug]}") as caught:
        find(3, PLANTED[bug])
    assert caught.value.__notes__[0].startswith("schedule: ")


def test_the_command_tells_what_it_explored(capsys: pytest.CaptureFixture[str]) -> None:
    main(["2"])
    printed = capsys.readouterr().out
    assert "schedules of up to 2 callers" in printed
    assert all(f"planted: {bug}\n    found: {how}" in printed for bug, how in FOUND_BY.items())


class Lanes:
    """Two lanes of two steps each: six ways to merge them."""

    def __init__(self, seen: set[str]) -> None:
        self.seen = seen
        self.steps = ""

    def enabled(self) -> Sequence[str]:
        return [lane for lane in "ab" if self.steps.count(lane) < 2]

    def go(self, who: str) -> None:
        self.steps += who

    def finish(self) -> None:
        self.seen.add(self.steps)
        if self.steps == "baab":
            raise Violation("as planned")


def test_the_explorer_runs_each_schedule_once_and_names_the_one_that_fails() -> None:
    seen: set[str] = set()
    with pytest.raises(Violation) as caught:
        explore(lambda: Lanes(seen))
    assert seen == {"aabb", "abab", "abba", "baab"}
    assert caught.value.__notes__ == ["schedule: b, a, a, b"]
