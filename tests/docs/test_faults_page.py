"""The page of faults says what the tests prove, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfly.testing.fault_server.script import read_script
from tests.docs.faults import PAGE, ROOT, page, rows
from tests.docs.test_code_blocks import BLOCK


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run: python -m tests.docs.faults"


def test_it_names_at_least_75_kinds_each_once() -> None:
    faults = [row.fault for row in rows()]
    assert len(set(faults)) >= 75
    twice = {fault for fault in faults if faults.count(fault) > 1}
    assert not twice


def test_every_row_is_proved_by_a_test_that_exists() -> None:
    for row in rows():
        path, _, name = row.test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), row


def test_a_mark_says_what_it_survives(pytestconfig: pytest.Config) -> None:
    marks = pytestconfig.getini("markers")
    assert any(mark.startswith("survives(area, fault, gets)") for mark in marks)
    assert all(row.fault and row.gets for row in rows())


def test_the_scripts_of_the_page_can_be_served(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    scripts = [code for kind, code in BLOCK.findall(text) if kind == "text" and "routes:" in code]
    assert scripts
    for script in scripts:
        path = tmp_path / "outage.yaml"
        path.write_text(script, encoding="utf-8")
        assert read_script(path).routes
