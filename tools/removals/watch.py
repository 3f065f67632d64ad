"""Run the tests of some faults, and tell which faults were noticed; a process of its own.

``python -m tools.removals.watch`` reads ``{"rows": [...], "tests": [...]}`` from a file and
writes what came of each row to another. Of a fault that was noticed no further test is run.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tools.limits import within

__all__ = ["Watch", "main"]

#: Seconds for one test, more on a machine that is busy: some removals make it wait for ever.
_PATIENCE = 6 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
_CPU = 600.0
_RAN = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}


class Watch:
    """A plugin of pytest: selects the tests of some faults and notes those that fail.

    Attributes:
        ran: How many tests of each fault were run.
        noticed: The first test of each fault that failed.
    """

    def __init__(self, rows: list[str]) -> None:
        self.ran = dict.fromkeys(rows, 0)
        self.noticed: dict[str, str] = {}
        self._row_of: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the tests of our faults."""
        for item in items:
            row = _fault(item)
            if row in self.ran:
                self._row_of[item.nodeid] = row
        items[:] = [item for item in items if item.nodeid in self._row_of]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip what cannot tell more."""
        if self._row_of[item.nodeid] in self.noticed:
            pytest.skip("its fault has been noticed")

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """What a test that was broken off has left is to be found in it, not in the next one."""
        if self._row_of[item.nodeid] in self.noticed:
            gc.collect()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what came of a test."""
        row = self._row_of[report.nodeid]
        if report.when == "call" and not report.skipped:
            self.ran[row] += 1
        if report.failed:
            self.noticed.setdefault(row, report.nodeid)


def _fault(item: pytest.Item) -> str:
    """The fault that a test is about: that of its mark, or that of its case."""
    mark = item.get_closest_marker("survives")
    if mark is not None:
        return str(mark.args[1])
    parameters: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    return str(getattr(parameters.get("case"), "name", ""))


def main(arguments: list[str]) -> int:
    """Run what the first file asks for, and write to the second what came of it."""
    asked, answer = map(Path, arguments)
    wanted = json.loads(asked.read_text(encoding="utf-8"))
    watch = Watch(wanted["rows"])
    within(_CPU)
    with tempfile.TemporaryDirectory() as scratch:
        options = [
            "-q",
            "-p",
            "no:cacheprovider",
            f"--timeout={_PATIENCE:.0f}",
            "-o",
            "timeout_func_only=true",  # not while its failure is told
            "--tb=native",
            f"--basetemp={scratch}/t",
        ]
        status = pytest.main([*options, *wanted["tests"]], plugins=[watch])
    if status not in _RAN:
        return int(status)
    told = {"ran": watch.ran, "noticed": watch.noticed}
    answer.write_text(json.dumps(told), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
