from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.soak import __main__ as command
from benchmarks.soak.__main__ import differences
from benchmarks.soak.losses import LOSSES


def test_a_short_soak_finds_nothing_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        command.main(["--calls", "300", "--cycles", "3", "--losses", "0", "--adapter", "httpx2"])
        == 0
    )
    said = capsys.readouterr().out
    assert "the server counted 303 requests" in said
    assert "every count agrees; no socket, file, task or thread is left" in said


def test_whatever_does_not_agree_is_told() -> None:
    left = {"descriptors": 3, "tasks": 2, "threads": 0}
    found = {"counts": Counter(ok=8, transport=1), **left, "grown": 1 << 30}
    server = Counter({"ok": 9, "no response": 1, "requests": 10, "open": 1})
    assert differences(found, server, 10) == [
        "ok: the server did it 9 times, the client saw it 8 times",
        "10 calls, 9 ends, 10 requests",
        "1 connections left",
        "3 descriptors left",
        "2 tasks left",
        "memory grew by 1073.7 MB after the first tenth",
    ]


@pytest.mark.survives(
    "Many callers at once",
    "forks under calling threads, event loops closed under their calls, signal handlers that raise",
    "no child hangs or is refused for its parent's calls; no permit, socket or task is left",
)
def test_a_short_soak_of_losses_finds_nothing_lost() -> None:
    # In a process that nothing measures: coverage has a lock too, and a child may wait for it.
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--calls", "0", "--losses", "100"],
        cwd=Path(__file__).parents[2],
        env={name: value for name, value in os.environ.items() if "COV" not in name},
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    nothing = "none hung or was refused; no permit, socket or file is left"
    assert run.stdout.count(nothing) == len(LOSSES)


def test_what_was_lost_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "LOSSES", {"forks": lambda url, count: Counter(ok=1, hung=2)})
    assert command.main(["--calls", "0", "--losses", "3"]) == 1
    said = capsys.readouterr().out
    assert "wrong: 2 hung" in said
    assert re.search(r"3 forks in \d+ s: 1 ok, 2 hung", said)
