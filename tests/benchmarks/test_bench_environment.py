from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import bench_environment
from tools.bench_environment import FAILED, OTHERS, BenchEnvironment
from tools.console import DevError
from tools.interpreter import running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    done: list[str] = []

    def install(python: str, *what: str) -> None:
        done.append(what[-1])
        if what[-1] == "hyx":
            raise DevError(
                "ERROR: Ignored: 0.5.1 Requires-Python >=3.12\nERROR: No matching distribution"
            )
        if what[-1] == "gracy":
            raise DevError("ERROR: it does not build\npip could not install gracy.")

    monkeypatch.setattr(bench_environment, "pip_install", install)
    monkeypatch.setattr(bench_environment, "make_venv", lambda python, folder: None)
    return done


def test_one_that_cannot_be_installed_stops_no_other_and_is_noted(
    root: Path, installed: list[str]
) -> None:
    there = BenchEnvironment(root, running())
    there.ensure()
    assert installed[1:] == list(OTHERS)
    failed = json.loads((there.folder / FAILED).read_text())["failed"]
    assert failed == {"hyx": "needs Python >=3.12", "gracy": "it does not build"}


def test_what_a_slow_index_does_not_give_in_time_is_left_out(
    root: Path, installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_environment, "PATIENCE", -1)
    there = BenchEnvironment(root, running())
    there.ensure()
    assert len(installed) == 1
    failed = json.loads((there.folder / FAILED).read_text())["failed"]
    assert failed == dict.fromkeys(OTHERS, "the package index is too slow")


def test_made_once_it_is_ready_until_what_it_is_made_from_changes(
    root: Path, installed: list[str]
) -> None:
    there = BenchEnvironment(root, running())
    assert not there.ready()
    there.ensure()
    count = len(installed)
    there.ensure()
    assert len(installed) == count
    (root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    there.ensure()
    assert len(installed) == 2 * count
