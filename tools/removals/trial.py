"""A copy of the checkout in which handlings are taken out, one at a time."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tools.console import DevError, quiet
from tools.removals.catalogue import Removal
from tools.removals.change import Code

__all__ = ["Copy", "Verdict"]

#: What the tests need of a checkout.
_COPIED = ("src", "tests", "tools", "docs", "examples", "pyproject.toml", "dev.py", "README.md")
_LIMIT = 900.0


class Verdict(NamedTuple):
    """What came of one trial.

    Attributes:
        noticed: By fault, the first of its tests that failed.
        missed: The faults none of whose tests failed.
        seconds: How long it took.
    """

    noticed: dict[str, str]
    missed: list[str]
    seconds: float


class Copy:
    """A private copy; a context manager that makes and deletes it.

    Args:
        root: The checkout.
        tests: By fault, the file of its test.
    """

    def __init__(self, root: Path, tests: Mapping[str, str]) -> None:
        self._root = root
        self._tests = tests
        self._folder = tempfile.TemporaryDirectory(prefix="pyfly-removals-")
        self._path = Path(self._folder.name, "checkout")
        self._code: Code | None = None

    def __enter__(self) -> Self:
        self._path.mkdir()
        for name in _COPIED:
            source = self._root / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, self._path / name, ignore=ignored)
            elif source.is_file():
                shutil.copy(source, self._path / name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def without(self, removal: Removal) -> Verdict:
        """Run the tests of a handling's faults without it.

        Raises:
            DevError: A part of it is not in the source, or the tests could not be run.
        """
        self._code = self._code or Code(self._path)
        changed = self._code.without(removal.changes)
        before = {file: (self._path / file).read_text(encoding="utf-8") for file in changed}
        self._write(changed)
        try:
            return self.run(removal.rows, f"without {removal.handling!r}")
        finally:
            self._write(before)

    def _write(self, sources: Mapping[str, str]) -> None:
        for file, source in sources.items():
            (self._path / file).write_text(source, encoding="utf-8")

    def run(self, rows: Iterable[str], when: str) -> Verdict:
        """Run the tests of some faults in the copy as it is now."""
        wanted = list(rows)
        asked, answer = (Path(self._folder.name, name) for name in ("asked", "answer"))
        tests = sorted({self._tests[row] for row in wanted})
        asked.write_text(json.dumps({"rows": wanted, "tests": tests}), encoding="utf-8")
        answer.unlink(missing_ok=True)
        began = time.monotonic()
        command = [sys.executable, "-m", "tools.removals.watch", str(asked), str(answer)]
        env = {
            **{name: value for name, value in os.environ.items() if "COVERAGE" not in name},
            "PYTHONPATH": str(self._path / "src"),  # before the checkout of the installation
            "PYTHONDONTWRITEBYTECODE": "1",  # two changes in a second, of one size, look alike
        }
        status, said = quiet(command, cwd=self._path, env=env, timeout=_LIMIT)
        if status or not answer.exists():
            raise DevError(f"removals: {when} the tests do not run (status {status}):\n{said}")
        told = json.loads(answer.read_text(encoding="utf-8"))
        if idle := [row for row in wanted if not told["ran"][row] and row not in told["noticed"]]:
            raise DevError(f"removals: {when} no test was run for: {', '.join(idle)}")
        noticed: dict[str, str] = told["noticed"]
        missed = [row for row in wanted if row not in noticed]
        return Verdict(noticed, missed, time.monotonic() - began)
