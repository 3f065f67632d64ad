"""Run tests with a mutant in place of the real module, in a process of its own."""

from __future__ import annotations

import ast
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

import hypothesis  # here, so that the forked processes have them already
import pytest

from tools.limits import within

__all__ = ["KILLED", "SURVIVED", "TIMED_OUT", "Target", "judge"]

KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "timed out"
_WAITED = 60.0


class Target(NamedTuple):
    """A module, and the tests that are about it.

    Attributes:
        path: The file, below the checkout.
        tests: What pytest is given.
    """

    path: Path
    tests: Sequence[str]

    @property
    def module(self) -> str:
        """Its name in an import."""
        return ".".join(self.path.relative_to("src").with_suffix("").parts)


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, tree: ast.Module) -> None:
        super().__init__(name, path)
        self._tree = tree

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._tree, self.get_filename(fullname), "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, name: str, path: str, tree: ast.Module) -> None:
        self._name = name
        self._path = path
        self._tree = tree

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._path, self._tree)
        return spec_from_file_location(fullname, self._path, loader=loader)


def judge(target: Target, root: Path, tree: ast.Module | None, limit: float) -> tuple[str, float]:
    """What the tests say of a mutant (None: the real module), and the CPU time they took.

    Args:
        target: The module and its tests.
        root: The checkout.
        tree: The module with a change.
        limit: Seconds of CPU time after which it counts as noticed: the tests do not end. So that
            a busy machine makes no difference; tests that wait instead have a minute more.
    """
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _in_child(target, root, tree, limit)
    while True:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            taken = used.ru_utime + used.ru_stime
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
                return TIMED_OUT, taken
            return (SURVIVED if status == 0 else KILLED), taken
        if time.monotonic() - began > _WAITED + 20 * limit:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.005)


def _in_child(target: Target, root: Path, tree: ast.Module | None, limit: float) -> None:
    status = 70
    try:
        os.setpgid(0, 0)
        _quiet()
        os.chdir(root)
        within(limit)
        if tree is not None:
            finder = _Finder(target.module, str(root / target.path), tree)
            sys.meta_path.insert(0, finder)
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = scratch
            status = int(_pytest(target.tests))
    finally:
        os._exit(status)  # nothing of the parent's runs in the child


def _pytest(tests: Sequence[str]) -> int:
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # a failure is enough
    hypothesis.settings.register_profile(
        "mutation", phases=phases, derandomize=True, database=None, deadline=None
    )
    options = ("-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=mutation")
    # pytest's import hook, which rewrites asserts, would come before ours: pyfly has a plugin.
    plain = ("--assert=plain", "-W", "ignore::pytest.PytestAssertRewriteWarning")
    return pytest.main([*options, *plain, *tests])


def _quiet() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
