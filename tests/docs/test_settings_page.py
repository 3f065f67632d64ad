"""The page of all settings says what the table of settings says."""

from __future__ import annotations

import re

import pytest

from pyfly.client._settings.config import ClientConfig
from pyfly.client._settings.schema import ROWS
from pyfly.core import Choice, Config, Duration, Flag, Leaf, Text
from tests.docs.settings import PAGE, page

ROW = re.compile(r"^\| `([\w.-]+)` \| .* \| `(PYFLY_CLIENT_[\w<>]+)` \|", re.MULTILINE)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python3 dev.py docs"


def test_every_setting_has_one_row() -> None:
    assert [key for key, _ in ROW.findall(page())] == list(ROWS)


@pytest.mark.parametrize(("key", "variable"), ROW.findall(page()))
def test_the_variable_of_a_row_sets_that_setting(key: str, variable: str) -> None:
    name = variable.replace("<NAME>", "SHOP")
    config = ClientConfig(Config(environ={name: example(ROWS[key].kind)}))
    found = config.settings("shop", {}, {}).find(key)
    assert found.origin == f"environment variable {name}"


def example(kind: Leaf) -> str:
    if isinstance(kind, Choice):
        return kind.options[-1]
    if isinstance(kind, Text):
        return "a text" if kind.check is None else "409"
    if isinstance(kind, Flag):
        return "true"
    if isinstance(kind, Duration):
        return "7s"
    return "500" if getattr(kind, "minimum", None) == 400 else "1"
