"""The pages of the reference are what the docstrings say."""

from __future__ import annotations

import importlib
import re

import pytest

from tools.reference import FOLDER, MODULES, page


@pytest.mark.parametrize("module", MODULES)
def test_a_page_is_up_to_date(module: str) -> None:
    text = (FOLDER / f"{MODULES[module]}.md").read_text(encoding="utf-8")
    assert text == page(module), "run: python3 dev.py docs"


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_entry_that_says_something(module: str) -> None:
    entries = re.split(r"^### ", page(module), flags=re.MULTILINE)[1:]
    told = {entry.partition("\n")[0]: entry.partition("\n")[2].strip() for entry in entries}
    names = set(importlib.import_module(module).__all__)
    assert names <= set(told)
    assert [name for name in names if len(told[name]) < 10] == []


def test_nothing_of_the_machine_or_the_run_is_in_them() -> None:
    for module in MODULES:
        text = page(module)
        assert " at 0x" not in text
        assert "<function" not in text


def test_a_record_shows_its_fields_and_options_their_keys() -> None:
    text = page("pyfly.client")
    assert "class Query(name: str | None = None" in text.replace("\n    ", "")
    assert "For `**options` see [VerbOptions](#verboptions)." in text
    assert "- `not_found: None` · `None`, to return None for a 404" in text
