"""Three short runs of the demo, side by side, for all tests of what a run leaves."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.shell import Shell
from tests.cli.support import Command


class Told(NamedTuple):
    """What a run came to."""

    status: int
    printed: str
    complained: str
    folder: Path
    left_behind: list[str]
    counts: dict[str, Any]


class Runs(NamedTuple):
    """A plain run that saves everything, one for programs, one on a terminal."""

    plain: Told
    machine: Told
    terminal: str


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """They take as long as the longest of them."""
    short = ("demo", "--seconds", "5")
    folders = [tmp_path_factory.mktemp(name) for name in ("plain", "machine", "terminal")]
    saving = ("--json", "made/run.json", "--save", "made", "--png", "--screenshot", "screen.svg")
    plain = Command(*short, *saving, cwd=folders[0])
    machine = Command(*short, "--no-breaker", "--json", cwd=folders[1])
    terminal = OnTerminal([*short], folders[2])
    told = [_told(plain, folders[0]), _told(machine, folders[1])]
    saved = json.loads((folders[0] / "made" / "run.json").read_text("utf-8"))
    return Runs(
        told[0]._replace(counts=saved),
        told[1]._replace(counts=json.loads(told[1].printed)),
        terminal.wait(),
    )


def _told(command: Command, folder: Path) -> Told:
    status, printed, complained = command.wait()
    assert status == 0, complained
    return Told(status, printed, complained, folder, command.left_behind(), {})


class OnTerminal:
    """The command on a terminal of 80 columns and 24 rows; nothing where there is none."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self._seen = b""
        self._reader: threading.Thread | None = None
        if sys.platform == "win32":
            return
        import pty

        try:
            self._pid, self._fd = pty.fork()
        except OSError:  # a container may have none, or all may be in use
            return
        if self._pid == 0:
            os.chdir(folder)
            size = {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color"}
            ours = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
            command = [sys.executable, "-W", "error", "-m", "pyfly.cli", *arguments]
            os.execve(sys.executable, command, {**ours, **size})
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._fd, 65536)
            except OSError:  # the end, on Linux
                chunk = b""
            if not chunk:
                break
            self._seen += chunk

    def wait(self) -> str:
        """Everything the terminal was sent, and the exit status; empty if there was none."""
        if self._reader is None or sys.platform == "win32":
            return ""
        self._reader.join(60)
        os.close(self._fd)
        _, status = os.waitpid(self._pid, 0)
        return f"{self._seen.decode('utf-8')}\nstatus {os.waitstatus_to_exitcode(status)}"


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)
