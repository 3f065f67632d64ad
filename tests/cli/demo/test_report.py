"""What a run comes to: the JSON, the summary and the plain lines."""

from __future__ import annotations

import json

import pytest

from pyfly.cli.demo.report import as_json, next_commands, phase_counts, recovery, summary
from pyfly.cli.demo.run import Run
from pyfly.cli.demo.screen import PlainView
from pyfly.cli.drawing.text import UNICODE
from tests.cli.support import outage, run_of, success


def told(run: Run) -> str:
    return "\n".join("".join(span.text for span in line) for line in summary(run, UNICODE))


def test_a_call_belongs_to_the_phase_in_which_it_began() -> None:
    run = run_of(*success(4.95, duration=0.2), *success(5.0))
    assert [each.calls for each in phase_counts(run)] == [1, 1, 0, 0, 0]


def test_the_phases_of_an_outage() -> None:
    _, _, failing, down, recovered = phase_counts(outage())
    assert (failing.calls, failing.succeeded, failing.failed, failing.refused) == (50, 50, 0, 0)
    assert (down.calls, down.succeeded, down.failed, down.refused) == (46, 0, 6, 40)
    assert (down.attempts, down.p50) == (6, None)
    assert (recovered.calls, recovered.succeeded, recovered.refused) == (51, 41, 10)


def test_recovery_is_measured_from_what_the_service_did() -> None:
    restored = recovery(outage())
    assert restored.opened == pytest.approx(0.5)
    assert restored.failed_before == 5
    assert restored.answered == pytest.approx(1.01)
    assert restored.closed == pytest.approx(1.01)


def test_without_an_outage_there_is_nothing_to_recover_from() -> None:
    assert recovery(run_of(*success(1.0))) == (None, 0, None, None)


def test_the_json_can_be_written_and_adds_up() -> None:
    counts = json.loads(json.dumps(as_json(outage())))
    assert counts["calls"] == sum(counts["timeline"]["calls"]) == 247
    assert counts["succeeded"] == sum(counts["timeline"]["succeeded"]) == 191
    assert counts["failures"] == {"circuit open": 50, "no connection": 6}
    assert counts["open_seconds"] == pytest.approx(2.1 + 5.399)
    assert counts["timeline"]["circuit"][30:33] == ["OPEN", "OPEN", "OPEN"]
    assert counts["declared"]["retry"] == 3


def test_an_empty_run_can_be_told_too() -> None:
    counts = as_json(run_of())
    assert counts["calls"] == 0
    assert counts["latency_seconds"]["answered"] == {"p50": None, "p95": None, "max": None}
    assert "0 attempts" in told(run_of())


def test_the_summary_tells_the_story() -> None:
    seen = told(outage())
    for part in (
        "down           46     0.0 %       6       40           0.13",
        "all           247    77.3 %       6       50           0.80",
        "197 attempts: 191 succeeded, 6 no connection.",
        "0 retries were made; 6 more were allowed and not made:",
        "5 · the retry budget is empty",
        "The circuit opened 0.50 s after the service went away, on 5 failed attempts.",
        "It refused 50 calls without an attempt or a wait: each took 0.00 ms (median).",
        "The circuit closed 1.01 s after the service was back.",
    ):
        assert part in seen


def test_without_a_breaker_the_first_answer_counts() -> None:
    run = run_of(*success(1.0), *success(22.5), breaker=False)
    assert "The first answer came 0.51 s after the service was back." in told(run)
    assert next_commands(run)[0][0] == "pyfly demo"
    assert next_commands(outage())[0][0] == "pyfly demo --no-breaker"


class TestPlainLines:
    @pytest.fixture
    def lines(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What is printed at 0, 0.5, 1.2, 15.6 and 15.7 seconds of an outage."""
        printed: list[str] = []
        view, run = PlainView(printed.append), outage()
        for now in (0.0, 0.5, 1.2, 15.6, 15.7):
            monkeypatch.setattr(Run, "now", property(lambda _, now=now: now))
            view.update(run)
        return printed

    def test_there_is_one_a_second(self, lines: list[str]) -> None:
        assert [line.split()[0] for line in lines if line.split()[1].isdigit()] == ["1.2", "15.6"]

    def test_the_service_and_the_circuit_are_told_once(self, lines: list[str]) -> None:
        assert sum("the service" in line for line in lines) == 2
        changes = [line for line in lines if "the circuit goes" in line]
        assert len(changes) == 5
        assert changes[1] == (
            "    17.6   the circuit goes from open to half-open: the recovery time has passed"
        )

    def test_the_columns_have_headings(self, lines: list[str]) -> None:
        assert lines[0].split()[:3] == ["s", "calls", "answered"]
        line = next(line for line in lines if line.startswith("    15.6  "))
        assert "closed" in line
        assert line.index("247") + 3 == lines[0].index("calls") + 5
