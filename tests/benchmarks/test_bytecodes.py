from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import bytecodes

ROOT = Path(__file__).parents[2]


def fresh() -> dict[str, int]:
    """Counted in an interpreter of its own, which nobody else traces."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bytecodes", "--json"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, int] = json.loads(done.stdout)
    return found


def test_a_call_executes_no_more_bytecodes_than_it_did() -> None:
    kept = json.loads(bytecodes.FIGURES.read_text())["bytecodes"]
    if bytecodes.version() not in kept:
        pytest.skip(f"no figures are kept for Python {bytecodes.version()}")
    assert bytecodes.compare(kept[bytecodes.version()], fresh()) == [], (
        "if that is meant: python3 dev.py bytecodes --update"
    )


def test_the_count_is_exact() -> None:
    assert fresh() == fresh()


def test_three_per_cent_are_tolerated_and_less_is_always_well() -> None:
    assert bytecodes.compare({"a": 1000, "b": 1000}, {"a": 1030, "b": 10}) == []
    assert bytecodes.compare({"a": 1000}, {"a": 1031, "c": 5}) == [
        "a: 1031, +3.1% over 1000",
        "c: 5, and no figure is kept",
    ]


def test_figures_are_kept_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bytecodes, "FIGURES", tmp_path / "figures.json")
    counts = {"a": 100}
    monkeypatch.setattr(bytecodes, "counted", lambda: counts)
    assert bytecodes.main([]) == 0
    assert "nothing is kept" in capsys.readouterr().out
    assert bytecodes.main(["--update"]) == 0
    counts["a"] = 120
    assert bytecodes.main([]) == 1
    assert "too many: a: 120, +20.0% over 100" in capsys.readouterr().out
