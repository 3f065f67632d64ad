"""``pyfly demo`` from start to end, in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Runs
from tests.cli.support import command
from tests.support.patience import slowdown

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals of POSIX")


def test_it_ends_well_and_complains_of_nothing(runs: Runs) -> None:
    assert (runs.plain.status, runs.plain.complained) == (0, "")
    assert (runs.machine.status, runs.machine.complained) == (0, "")


@pytest.mark.parametrize("which", ["plain", "machine"])
def test_every_call_and_every_attempt_is_accounted_for(runs: Runs, which: str) -> None:
    counts = getattr(runs, which).counts
    refused = counts["failures"].get("circuit open", 0)
    assert counts["calls"] == 150
    assert counts["calls"] == counts["succeeded"] + sum(counts["failures"].values())
    assert counts["attempts"] == counts["calls"] - refused + counts["retries"]
    assert counts["attempts"] == counts["attempts_succeeded"] + sum(
        counts["attempt_failures"].values()
    )
    assert counts["attempts_succeeded"] == counts["succeeded"]


@pytest.mark.parametrize("which", ["plain", "machine"])
def test_phases_and_timeline_add_up_to_the_whole(runs: Runs, which: str) -> None:
    counts = getattr(runs, which).counts
    assert sum(phase["calls"] for phase in counts["phases"]) == counts["calls"]
    assert sum(phase["attempts"] for phase in counts["phases"]) == counts["attempts"]
    timeline = counts["timeline"]
    for key in ("calls", "succeeded", "attempts", "retries"):
        assert sum(timeline[key]) == counts[key], key
    assert sum(timeline["failed"]) + sum(timeline["refused"]) == sum(counts["failures"].values())
    assert len({len(column) for key, column in timeline.items() if key != "step"}) == 1


def test_the_circuit_opens_in_the_outage_and_closes_after_it(runs: Runs) -> None:
    counts = runs.plain.counts
    down, back = counts["phases"][3]["start"], counts["phases"][4]["start"]
    first, *_, last = counts["transitions"]
    assert (first["from"], first["to"]) == ("CLOSED", "OPEN")
    assert down < first["at"] < back
    assert (last["from"], last["to"]) == ("HALF_OPEN", "CLOSED")
    assert last["at"] > back
    assert counts["circuit_at_end"] == "CLOSED"
    assert counts["failures"]["circuit open"] > 10
    assert 0 < counts["closed_after_seconds"] < 1
    assert 0 < counts["open_seconds"] < 2


def test_every_kind_of_trouble_happens(runs: Runs) -> None:
    counts = runs.plain.counts
    expected = {"status 503", "timed out", "no connection"}
    missing = expected - {*counts["attempt_failures"]}
    if missing and slowdown() > 1:
        pytest.skip(f"the machine has too much to do for: {', '.join(sorted(missing))}")
    assert not missing
    assert any(reason.startswith("the circuit ") for reason in counts["retries_not_made"])


def test_without_a_breaker_nothing_is_refused_and_attempts_go_on(runs: Runs) -> None:
    counts = runs.machine.counts
    assert counts["transitions"] == []
    assert "circuit open" not in counts["failures"]
    assert counts["configured"]["pyfly.client.clients.inventory.circuit-breaker.enabled"] == "false"
    down = counts["phases"][3]
    assert down["attempts"] > down["calls"]


def test_the_plain_run_shows_the_class_the_story_the_picture_and_what_to_try_next(
    runs: Runs,
) -> None:
    printed = runs.plain.printed
    for part in (
        "class InventoryClient(Protocol):",
        "timeout: 400ms",
        "the service is back",
        "the circuit goes from closed to open: too many consecutive attempts failed",
        "goodput  40 │",
        "half-open",
        "phase       calls  answered",
        "without an attempt or a wait",
        f"Saved the plot:  {Path('made', 'pyfly-demo.svg')}",
        "Next:  pyfly demo --no-breaker",
    ):
        assert part in printed
    seconds = [line for line in printed.splitlines() if re.match(r" +\d\.\d +\d+ +\d+ ", line)]
    assert len(seconds) in (5, 6)
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) <= 110


def test_the_pictures_are_saved_and_know_nothing_of_the_machine(runs: Runs) -> None:
    made = runs.plain.folder / "made"
    assert (made / "pyfly-demo.png").read_bytes().startswith(b"\x89PNG")
    for path in (made / "pyfly-demo.svg", runs.plain.folder / "screen.svg"):
        text = path.read_text("utf-8")
        assert "<svg" in text
        assert str(Path.home()) not in text
        assert "@font-face" not in text


def test_what_is_for_programs_is_json_and_nothing_else(runs: Runs) -> None:
    assert runs.machine.printed.startswith("{")
    assert list(runs.machine.folder.iterdir()) == []


@posix
def test_on_a_terminal_it_draws_on_the_second_screen_and_goes_back(runs: Runs) -> None:
    seen = runs.terminal
    if not seen:
        pytest.skip("there is no free terminal on this machine")
    enter, leave = "\x1b[?1049h", "\x1b[?1049l"
    assert seen.count(enter) == seen.count(leave) == 1
    before, _, rest = seen.partition(enter)
    live, _, after = rest.partition(leave)
    assert "class InventoryClient(Protocol):" in before
    assert live.count("pyfly demo") > 25  # about ten times a second
    assert " OPEN " in live
    assert "phase       calls" in after
    assert "\x1b[36m" in live  # in colour
    assert "status 0" in after


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
class TestNothingIsLeftBehind:
    def test_after_a_run(self, runs: Runs) -> None:
        assert runs.plain.left_behind == []
        assert runs.machine.left_behind == []

    @pytest.mark.parametrize(
        ("number", "status"),
        [
            (signal.SIGINT, 130),
            (signal.SIGTERM, 143),
            (signal.SIGKILL, -signal.SIGKILL),
        ],
    )
    def test_after_a_signal(self, number: int, status: int, tmp_path: Path) -> None:
        with command("demo", cwd=tmp_path, PYTHONUNBUFFERED="1") as demo:
            assert demo.process.stdout is not None
            while "the service answers" not in demo.process.stdout.readline():
                assert demo.process.poll() is None
            os.kill(demo.process.pid, number)
            ended, _, complained = demo.wait()
            assert ended == status
            assert complained.strip() == ("pyfly: interrupted" if status == 130 else "")
            end = time.monotonic() + 5
            while demo.left_behind():
                assert time.monotonic() < end, demo.left_behind()
                time.sleep(0.02)


@posix
def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    with command("demo", cwd=tmp_path, PYTHONUNBUFFERED="1") as demo:
        assert demo.process.stdout is not None
        while "the service answers" not in demo.process.stdout.readline():
            pass
        demo.process.stdout.close()
        assert demo.process.stderr is not None
        complained = demo.process.stderr.read()
        assert demo.process.wait(10) == 1
        assert complained == ""
