"""What ``docs/command-line.md`` shows is what the commands print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.support import command

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
CLIENTS = next(text for language, text in BLOCKS if language == "python")
SHOWN = [text for language, text in BLOCKS if language == "text"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clients.py").write_text(CLIENTS, "utf-8")
    return tmp_path


def test_the_requests_that_check_prints(folder: Path) -> None:
    with command("check", "clients", cwd=folder, PYTHONIOENCODING="utf-8") as started:
        status, printed, complained = started.wait()
    assert (status, complained) == (0, "")
    assert printed in SHOWN


def test_the_mistake_that_check_prints(folder: Path) -> None:
    wrong = CLIENTS.replace('@get("/products/{product_id}")', '@get("/products/{id}")')
    (folder / "clients.py").write_text(wrong, "utf-8")
    with command("check", "clients", cwd=folder) as started:
        status, printed, _ = started.wait()
    assert status == 1
    mistake = next(line for line in printed.splitlines() if "error" in line)
    assert f"{mistake}\n" in SHOWN


def test_the_dry_run_that_call_prints(folder: Path) -> None:
    body = '{"id": "7", "name": "hammer"}'
    words = ("call", "clients:Inventory.create", "--body", body, "--dry-run")
    with command(*words, cwd=folder) as started:
        status, printed, complained = started.wait()
    assert (status, complained) == (0, "")
    assert f"$ pyfly call {words[1]} --body '{body}' --dry-run\n{printed}" in SHOWN
