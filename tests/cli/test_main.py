"""The command line around the commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from pyfly import __version__
from pyfly.cli import main as entry
from pyfly.cli.colour import colour_refused
from pyfly.cli.main import COMMANDS, CommandEntry, main, program
from tests.cli.support import command


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"pyfly-client {__version__}\n"


def test_help_lists_every_command_with_its_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    for name, command_entry in COMMANDS.items():
        assert f"{name} " in printed
        assert command_entry.help in printed
    assert "Examples:" in printed


def test_help_imports_no_command_and_no_client() -> None:
    ask = "from pyfly.cli.main import main; main(['--help']); import sys; print(*sys.modules)"
    code = f"import sys; sys.argv = ['pyfly']; {ask}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert "click" in loaded
    assert not {"pyfly.client", "pyfly.cli.demo", "rich", "asyncio"} & set(loaded)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    printed = capsys.readouterr().out
    assert f"Usage: pyfly {name}" in printed
    assert "Example" in printed


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("dmo", "did you mean 'demo'?"),
        ("Completion", "did you mean 'completion'?"),
        ("x", "there is demo, "),
        ("?", "there is demo"),
    ],
)
def test_an_unknown_command_is_a_usage_error_with_a_suggestion(
    typed: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([typed]) == 2
    complaint = capsys.readouterr().err
    assert f"no command {typed!r}" in complaint
    assert hint in complaint


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--jso"], "--json"),
        (["--seconds", "x"], "'x' is not a valid float"),
        (["--seconds", "4"], "5"),
        (["--seconds", "36"], "35"),
        (["more"], "unexpected extra argument"),
        (["--json", "."], "is a directory"),
    ],
)
def test_a_mistake_in_the_options_is_a_usage_error(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_an_unknown_option_of_the_program_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--nonsense"]) == 2
    assert "--nonsense" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_and_how_to_install_it(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"# Completion of pyfly for {shell}.")
    assert f"pyfly completion {shell}" in printed
    assert f"_PYFLY_COMPLETE={shell}_complete" in printed


def test_completion_knows_three_shells(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "csh"]) == 2
    assert "'bash', 'zsh', 'fish'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "completed"), [("pyfly de", "demo"), ("pyfly demo --js", "--json")]
)
def test_the_shell_is_told_what_fits(typed: str, completed: str, tmp_path: Path) -> None:
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    with command(cwd=tmp_path, _PYFLY_COMPLETE="bash_complete", **asked) as started:
        status, printed, complained = started.wait()
    assert (status, complained) == (0, "")
    assert f"plain,{completed}" in printed.splitlines()


def test_the_shell_is_told_nothing_about_what_is_unknown(tmp_path: Path) -> None:
    asked = {"COMP_WORDS": "pyfly dmo --js", "COMP_CWORD": "2"}
    with command(cwd=tmp_path, _PYFLY_COMPLETE="bash_complete", **asked) as started:
        status, printed, complained = started.wait()
    assert (status, printed.strip(), complained) == (0, "", "")


class TestHowACommandEnds:
    @pytest.fixture(autouse=True)
    def commands(self, monkeypatch: pytest.MonkeyPatch) -> None:
        entries = {
            name: CommandEntry(f"{__name__}:{name}_command", "For tests.")
            for name in ("fine", "three", "broken", "stopped", "asks")
        }
        monkeypatch.setattr(program, "entries", entries)

    @pytest.mark.parametrize(
        ("name", "status"), [("fine", 0), ("three", 3), ("broken", 1), ("stopped", 130)]
    )
    def test_its_status_is_the_programs(self, name: str, status: int) -> None:
        assert main([name]) == status

    def test_a_failure_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        main(["broken"])
        assert "Error: it broke" in capsys.readouterr().err

    def test_an_interrupt_is_told_without_a_traceback(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        main(["stopped"])
        assert capsys.readouterr().err.strip() == "pyfly: interrupted"

    @pytest.mark.parametrize(
        ("arguments", "variable", "refused"),
        [
            (["asks"], "", False),
            (["--no-color", "asks"], "", True),
            (["asks", "--no-color"], "", True),
            (["asks"], "1", True),
        ],
    )
    def test_colour_can_be_refused_anywhere(
        self,
        arguments: list[str],
        variable: str,
        refused: bool,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("NO_COLOR", variable)
        assert main(arguments) == int(refused)


@click.command()
def fine_command() -> None:
    """Returns nothing."""


@click.command()
def three_command() -> int:
    """Returns a status."""
    return 3


@click.command()
def broken_command() -> None:
    """Fails."""
    raise click.ClickException("it broke")


@click.command()
def stopped_command() -> None:
    """Is interrupted."""
    raise KeyboardInterrupt


@click.command()
@entry.no_color_option
def asks_command() -> int:
    """Returns whether colour is refused."""
    return int(colour_refused())
