"""Every code block of the README and the docs: Python runs, YAML is read, commands exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyfly.client._settings.config import ClientConfig
from pyfly.core import Config
from tests.support.servers import ServerHandle

ROOT = Path(__file__).parents[2]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [*GUIDES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "evidence").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Fences that hold no code: drawings, and output.
PROSE = ("text",)


def blocks(language: str) -> list[object]:
    return list(_found(language))


def _found(language: str) -> Iterator[object]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in BLOCK.finditer(text):
            if found[1] == language:
                line = text.count("\n", 0, found.start()) + 1
                yield pytest.param(found[2], id=f"{page.name}:{line}")


@pytest.mark.parametrize("code", blocks("python"))
def test_a_python_block_runs(code: str, guide_server: ServerHandle, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    settings = next(text for language, text in BLOCK.findall(readme) if language == "yaml")
    (tmp_path / "pyfly.yaml").write_text(settings, encoding="utf-8")
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    environment = {**os.environ, "INVENTORY_URL": guide_server.url}
    done = subprocess.run(
        [sys.executable, "-W", "error", "example.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_yaml_block_is_a_configuration_without_a_mistake(text: str, tmp_path: Path) -> None:
    path = tmp_path / "pyfly.yaml"
    path.write_text(text, encoding="utf-8")
    ClientConfig(Config.from_file(path, environ={}))


@pytest.mark.parametrize("text", blocks("sh"))
def test_a_command_of_a_shell_block_exists(text: str) -> None:
    for line in text.splitlines():
        command = line.partition("#")[0].split()
        if command:
            assert is_known(command), f"what is `{line}`?"


def is_known(command: list[str]) -> bool:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    match command:
        case ["python3", "dev.py"]:
            return True
        case ["make", verb] | ["python3", "dev.py", verb, *_]:
            return (
                re.search(rf'"{verb}"', (ROOT / "dev.py").read_text(encoding="utf-8")) is not None
            )
        case ["pip", "install", target]:
            name, _, extras = target.strip("'").partition("[")
            known = project["optional-dependencies"]
            return name == project["name"] and all(
                extra in known for extra in extras.rstrip("]").split(",") if extra
            )
        case ["pyfly", name, *_]:
            done = subprocess.run(
                [sys.executable, "-m", "pyfly.cli", name, "--help"],
                capture_output=True,
                timeout=30,
                check=False,
            )
            return done.returncode == 0
        case _:
            return False


def test_every_block_says_what_it_is() -> None:
    for page in PAGES:
        for language, _ in BLOCK.findall(page.read_text(encoding="utf-8")):
            assert language in ("python", "yaml", "sh", *PROSE), f"{page.name}: ```{language}"
