"""Modules of a user's own, in a folder of their own, and the command run on them."""

from __future__ import annotations

import itertools
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from pyfly.cli.main import main

_numbers = itertools.count(1)
HEAD = """\
from __future__ import annotations
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from pyfly.client import *
"""


class Ran(NamedTuple):
    """What came of a command."""

    status: int
    printed: str
    complained: str


class Shell:
    """A current folder, and the command in it."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.folder = folder
        self._capsys = capsys
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "path", list(sys.path))

    def module(self, source: str, head: str = HEAD) -> str:
        """Write a module; its name, which no other has."""
        name = f"clients_{next(_numbers)}"
        (self.folder / f"{name}.py").write_text(head + textwrap.dedent(source), encoding="utf-8")
        return name

    def file(self, name: str, text: str | bytes) -> Path:
        """Write a file."""
        path = self.folder / name
        path.write_bytes(textwrap.dedent(text).encode() if isinstance(text, str) else text)
        return path

    def run(self, *arguments: str) -> Ran:
        """Run ``pyfly`` with some arguments."""
        self._capsys.readouterr()
        status = main(arguments)
        printed, complained = self._capsys.readouterr()
        return Ran(status, printed, complained)
