"""``pyfly demo``, and the command line around it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pyfly.cli.demo.live import LiveView, screen
from pyfly.cli.demo.run import Run
from pyfly.cli.main import main


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Path]:
    """The counts, what was printed, and the folder of a short run."""
    folder = tmp_path_factory.mktemp("demo")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", printed)
        arguments = ["demo", "--seconds", "6", "--plain", "--json", str(folder / "d.json")]
        more = ["--output", str(folder), "--screenshot", str(folder / "screen.svg")]
        assert main([*arguments, *more]) == 0
    return json.loads((folder / "d.json").read_text()), printed.getvalue(), folder


def test_every_call_is_accounted_for(told: tuple[dict[str, Any], str, Path]) -> None:
    counts = told[0]
    assert counts["calls"] == counts["succeeded"] + sum(counts["failures"].values())
    admitted = counts["calls"] - counts["failures"].get("circuit open", 0)
    assert counts["attempts"] == admitted + counts["retries"]
    assert sum(counts["timeline"]["succeeded"]) == counts["succeeded"]


def test_the_circuit_opened_and_closed_again(told: tuple[dict[str, Any], str, Path]) -> None:
    counts = told[0]
    assert counts["transitions"][0]["to"] == "OPEN"
    assert counts["circuit_at_end"] == "CLOSED"
    assert counts["recovery_seconds"] is not None


def test_it_shows_the_class_the_story_and_what_to_try_next(
    told: tuple[dict[str, Any], str, Path],
) -> None:
    printed = told[1]
    assert "class InventoryClient(Protocol):" in printed
    assert "the service is back" in printed
    assert "circuit CLOSED -> OPEN" in printed
    assert "Next: pyfly demo --no-breaker" in printed


def test_the_pictures_are_saved(told: tuple[dict[str, Any], str, Path]) -> None:
    for name in ("pyfly-demo.svg", "screen.svg"):
        assert "<svg" in (told[2] / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 120])
def test_the_live_picture_fits_a_terminal(width: int) -> None:
    console = Console(width=width, height=24, file=io.StringIO(), force_terminal=True)
    run = Run(6.0)
    with LiveView(console) as view:
        view.update(run)
    plain = Console(width=width, file=io.StringIO())
    plain.print(screen(run, width))
    lines = plain.file.getvalue().splitlines()  # type: ignore[attr-defined]  # a StringIO
    assert len(lines) <= 24
    assert max(map(len, lines)) <= width


def test_a_mistyped_command_is_a_usage_error_with_a_suggestion(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["dmo"]) == 2
    assert "demo" in capsys.readouterr().err
    assert main(["demo", "--seconds", "x"]) == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_PYFLY_COMPLETE" in capsys.readouterr().out
