"""A part of a JSON body, as bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client._stream.page_decoder import bytes_at
from tests.client.stream.test_json_items import VALUES


@given(
    st.dictionaries(st.sampled_from(['a"', "b\\", "é", "c]", "d"]), VALUES),
    VALUES,
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_the_part_is_the_value_that_json_finds(
    rest: dict[str, Any], value: Any, indent: int | None, ascii_only: bool
) -> None:
    body = {**rest, "data": {**rest, "items": value, "z": rest}, "y": rest}
    content = json.dumps(body, indent=indent, ensure_ascii=ascii_only).encode()
    found = bytes_at(content, "data.items")
    assert found is not None
    assert json.loads(found) == value


def test_numbers_keep_every_digit() -> None:
    assert bytes_at(b'{"a": {"b": [0.10000000000000000001]}}', "a.b") == b"[0.10000000000000000001]"


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"b": 1}', b'{"a": 1}', b'{"a": {}}', b'"a"'])
def test_there_may_be_no_such_part(content: bytes) -> None:
    assert bytes_at(content, "a.b") is None


def test_of_two_members_of_one_name_the_last_counts_as_for_json() -> None:
    content = b'{"a": 1, "a" : [2] , "\\u0061":[3]}'
    assert bytes_at(content, "a") == b"[3]"
    assert json.loads(content)["a"] == [3]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-le", "utf-8-sig"])
def test_other_encodings_of_json_are_known(encoding: str) -> None:
    assert bytes_at('{"a": ["é"]}'.encode(encoding), "a") == '["é"]'.encode()
