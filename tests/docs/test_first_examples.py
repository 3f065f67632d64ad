"""The first example of each page runs with what the page says to install, and no more.

A page that says nothing before its first example is about the plain install.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.docs.test_code_blocks import BLOCK, GUIDES, ROOT
from tests.support.servers import ServerHandle

INSTALL = re.compile(r"pip install '?pyfly-client(?:\[([\w,]+)\])?'?")
#: What a reader has, whatever is installed: tests are run by pytest.
THERE = ("pytest",)
#: Hides the modules of all distributions that are not installed with a page's command.
HIDING = """
import sys
class Hiding:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {hidden!r}:
            return self.finder.find_spec(name, path, target)
sys.meta_path[:] = map(Hiding, sys.meta_path)
"""


def examples() -> list[object]:
    found: list[object] = []
    for page in GUIDES:
        text = page.read_text(encoding="utf-8")
        first = next((block for block in BLOCK.finditer(text) if block[1] == "python"), None)
        if first is not None:
            named = INSTALL.findall(text[: first.start()])
            extras = named[-1].split(",") if named and named[-1] else []
            found.append(pytest.param(first[2], extras, id=page.name))
    return found


def installed_with(extras: list[str]) -> set[str]:
    """The distributions that an install of ours brings, by the metadata of what is installed."""
    seen: set[str] = set()
    waiting = [("pyfly-client", extras), *((name, []) for name in THERE)]
    while waiting:
        name, wanted = waiting.pop()
        if plain(name) in seen:
            continue
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another system or another Python
            continue
        seen.add(plain(name))
        for requirement in requires:
            target, _, marker = requirement.partition(";")
            of_extra = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
            if of_extra is None or of_extra[1] in wanted:
                found = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", target)
                assert found is not None
                waiting.append((found[1], (found[2] or "").split(",")))
    return seen


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(("code", "extras"), examples())
def test_the_first_example_runs_on_the_install_that_its_page_names(
    code: str, extras: list[str], guide_server: ServerHandle, tmp_path: Path
) -> None:
    allowed = installed_with(extras)
    hidden = {
        module
        for module, owners in metadata.packages_distributions().items()
        if not any(plain(owner) in allowed for owner in owners)
    }
    assert "pydantic" in hidden or "pydantic" in extras
    (tmp_path / "sitecustomize.py").write_text(HIDING.format(hidden=hidden), "utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    settings = next(text for language, text in BLOCK.findall(readme) if language == "yaml")
    (tmp_path / "pyfly.yaml").write_text(settings, encoding="utf-8")
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(ROOT / "src")])
    commands = [["example.py"]]
    if "@service_client" in code:  # also classes that the example does not call
        commands.append(["-m", "pyfly.cli", "check", "example"])
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-W", "error", *command],
            cwd=tmp_path,
            env={**os.environ, "INVENTORY_URL": guide_server.url, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        told = f"with {', '.join(extras) or 'no extra'}: {done.stdout}{done.stderr}"
        assert done.returncode == 0, told
