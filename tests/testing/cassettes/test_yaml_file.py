"""What is written comes back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pyfly.testing.cassettes.yaml_file import read, survives, write

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
LINES = st.text(st.sampled_from("a:#-'\"|> \t\r\n\x85\u2028\ufeff\x00\x1bé😀~0.{}[],&*!%@`?"))
VALUES = st.recursive(
    SCALARS | LINES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | LINES, inner, max_size=4)
    ),
    max_leaves=8,
)


@pytest.fixture(params=["fast", "slow"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """libyaml, and the twin that is there where it is not."""
    if request.param == "slow":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
        monkeypatch.delattr(yaml, "CSafeDumper", raising=False)


@given(VALUES)
def test_json_values_that_survive_come_back_as_they_were(value: Any) -> None:
    if survives(value):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "new" / "file.yaml"
            write(path, value)
            assert repr(read(path)) == repr(value)


@pytest.mark.usefixtures("library")
def test_text_stands_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    write(path, {"b": "one\n  two\n", "a": "2026-01-02", "same": [["x"]] * 2})
    assert path.read_text().splitlines()[1:] == [
        "b: |",
        "  one",
        "    two",
        "a: '2026-01-02'",
        "same:",
        "- - x",
        "- - x",
    ]
    assert read(path) == {"b": "one\n  two\n", "a": "2026-01-02", "same": [["x"], ["x"]]}


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "\ud800", {"a": ["\udfff"]}])
def test_what_no_json_holds_does_not_survive(value: Any) -> None:
    assert not survives(value)
