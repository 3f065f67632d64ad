"""The page of exceptions has a row for each, and each row has an exception."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

from tools.reference import MODULES

PAGE = Path(__file__).parents[2] / "docs" / "exceptions.md"
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", re.MULTILINE)


def public() -> dict[str, type[BaseException]]:
    """Every exception and warning that a front door names."""
    found: dict[str, type[BaseException]] = {}
    for module in MODULES:
        door = importlib.import_module(module)
        for name in door.__all__:
            value = getattr(door, name)
            if inspect.isclass(value) and issubclass(value, BaseException):
                found[name] = value
    return found


def rows() -> list[str]:
    return [name for name, _, _ in ROW.findall(PAGE.read_text(encoding="utf-8"))]


def test_every_public_exception_has_one_row() -> None:
    assert sorted(rows()) == sorted(public())


def test_in_a_table_the_bases_stand_above_what_is_derived_from_them() -> None:
    kinds = public()
    for table in PAGE.read_text(encoding="utf-8").split("\n## "):
        names = [name for name, _, _ in ROW.findall(table)]
        for at, name in enumerate(names):
            below = [each for each in names[at + 1 :] if issubclass(kinds[name], kinds[each])]
            assert not below, f"{below} below {name}"
