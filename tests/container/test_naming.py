import functools
import json
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ForwardRef

import pytest

from pyfly.container import Qualifier
from pyfly.container.naming import default_bean_name, function_name, place_of, type_text


class Inner: ...


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (Inner, "Inner"),
        (Inner | None, "Inner | None"),
        (list[Inner], "list[Inner]"),
        (Mapping[str, Inner], "Mapping[str, Inner]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Callable[[int], str], "Callable[[int], str]"),
        (Annotated[Inner, Qualifier("x")], 'Annotated[Inner, Qualifier("x")]'),
        (ForwardRef("Later"), "Later"),
        ("Later", "Later"),
        (None, "None"),
        (7, "7"),
    ],
)
def test_a_type_is_written_as_a_person_would(annotation: Any, text: str) -> None:
    assert type_text(annotation) == text


def test_a_bean_is_named_after_its_class() -> None:
    assert default_bean_name(Inner) == "inner"


def test_an_enclosing_function_is_no_part_of_a_name() -> None:
    class Local:
        def method(self) -> None: ...

    assert function_name(Local.method) == "Local.method"
    assert function_name(functools.partial(print)) == "partial"


def test_a_place_is_relative_to_the_working_directory() -> None:
    assert place_of(Inner) == "tests/container/test_naming.py:14"


def test_a_place_elsewhere_keeps_the_path_of_the_module(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert place_of(Inner) == "tests/container/test_naming.py:14"
    assert place_of(json.JSONDecoder).startswith("json/decoder.py:")


def test_what_has_no_source_is_placed_in_its_module() -> None:
    assert place_of(int) == "module builtins"
    assert place_of(types.new_class("Made")).startswith("module ")
