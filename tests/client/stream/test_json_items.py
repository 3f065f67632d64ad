"""Items of JSON before the body is whole."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client._stream.json_items import ArrayItems, JsonLines, JsonSequence, LinesOrArray
from pyfly.client.errors import ResponseDecodeException, ResponseTooLargeException
from tests.client.stream.test_lines import CUTS, pieces

LIMIT = 10_000
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text('a"\\[]{},:é'),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\],'), inner, max_size=3)
    ),
    max_leaves=6,
)


def read(framing: Any, data: bytes, cuts: list[int] | None = None) -> list[bytes]:
    """All items."""
    found = [item for piece in pieces(data, cuts or []) for item in framing.feed(piece)]
    return [*found, *framing.end()]


def outcome(framing: Any, data: bytes, cuts: list[int]) -> Any:
    """The items, and the error at their end if there is one."""
    found: list[Any] = []
    try:
        for piece in pieces(data, cuts):
            for item in framing.feed(piece):
                found.append(item)  # those before an error count
        found += framing.end()
    except ResponseDecodeException as error:
        found.append(str(error))
    return found


# Arrays


@given(st.lists(VALUES, max_size=5), CUTS, st.sampled_from([None, 1]))
def test_the_items_of_an_array_are_those_of_json_wherever_it_is_cut(
    values: list[Any], cuts: list[int], indent: int | None
) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=False).encode()
    assert [json.loads(item) for item in read(ArrayItems(LIMIT), data, cuts)] == values


@given(st.text('[]{},"\\ 1:a\n', max_size=25), CUTS)
def test_nonsense_has_the_same_outcome_wherever_it_is_cut(text: str, cuts: list[int]) -> None:
    data = text.encode()
    assert outcome(ArrayItems(LIMIT), data, cuts) == outcome(ArrayItems(LIMIT), data, [])
    either = [outcome(LinesOrArray(LIMIT, True), data, c) for c in (cuts, [])]
    assert either[0] == either[1]


@given(st.text('[]{},"\\ 1:a\n', max_size=25))
def test_whatever_is_no_array_for_json_is_an_error_in_the_array_or_in_an_item(text: str) -> None:
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    try:
        items = [json.loads(item) for item in read(ArrayItems(LIMIT), text.encode())]
    except ValueError:  # ResponseDecodeException is one, too
        assert not isinstance(values, list)
    else:
        assert items == values


@pytest.mark.parametrize("data", [b"[]", b" [ ] ", b"[\n]\r\n"])
def test_an_empty_array_has_no_items(data: bytes) -> None:
    assert read(ArrayItems(LIMIT), data) == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "the body is empty"),
        (b"[1, 2", "the body ends within it"),
        (b'["a]', "the body ends within it"),
        (b"[1,]", "nothing between two commas, or after the last"),
        (b"[1,,2]", "nothing between two commas"),
        (b"[,1]", "nothing between two commas"),
        (b"[1] 2", "something follows its end"),
        (b"[1]]", "something follows its end"),
        (b"[1}", "it ends with }"),
        (b'{"a": 1}', r"does not begin with \["),
        (b"\x0b[1]", r"does not begin with \["),
    ],
)
def test_what_is_no_array_is_an_error_that_says_why(data: bytes, why: str) -> None:
    with pytest.raises(ResponseDecodeException, match=why):
        read(ArrayItems(LIMIT), data)


def test_items_come_as_soon_as_they_end() -> None:
    array = ArrayItems(LIMIT)
    assert list(array.feed(b'[{"a": [1')) == []
    assert list(array.feed(b", 2]}, tr")) == [b'{"a": [1, 2]}']
    assert list(array.feed(b"ue, 3]")) == [b"true", b"3"]


@pytest.mark.parametrize("head", [b"[", b"[1, ", b'["', b"[{"])
def test_an_item_over_the_limit_is_refused_before_it_ends(head: bytes) -> None:
    array = ArrayItems(100)
    list(array.feed(head))
    with pytest.raises(ResponseTooLargeException, match="larger than 100 bytes"):
        _ = [list(array.feed(b"1111")) for _ in range(30)]


@pytest.mark.parametrize(
    "unit",
    [b"1,", b'"",', b'"\\\\",', b"[[[]]],", b'{"a":"b"},', b"        1,"],
)
def test_an_array_takes_linear_time(unit: bytes) -> None:
    def seconds(count: int, size: int) -> float:
        data = b"[" + unit * count + b"1]"
        array = ArrayItems(LIMIT)
        began = time.thread_time()
        for start in range(0, len(data), size):
            for _ in array.feed(data[start : start + size]):
                pass
        return time.thread_time() - began

    small = min(seconds(2_000, 1000) for _ in range(3))
    large = min(seconds(20_000, 1000) for _ in range(3))
    assert large < 30 * small  # ten times, and room for a noisy machine


def test_one_large_item_in_small_pieces_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        array = ArrayItems(10**9)
        began = time.thread_time()
        list(array.feed(b'["'))
        for _ in range(size):
            list(array.feed(b"x" * 64))
        return time.thread_time() - began

    small = min(seconds(1_000) for _ in range(3))
    assert min(seconds(10_000) for _ in range(3)) < 30 * small


# Lines and sequences


@given(st.lists(VALUES, max_size=5), CUTS, st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_the_items_of_lines_are_those_of_json(values: list[Any], cuts: list[int], end: str) -> None:
    data = end.join(json.dumps(value) for value in values).encode()
    assert [json.loads(item) for item in read(JsonLines(LIMIT), data, cuts)] == values


@given(st.lists(VALUES, max_size=5), CUTS)
def test_the_items_of_a_sequence_are_those_of_json(values: list[Any], cuts: list[int]) -> None:
    data = "".join(f"\x1e{json.dumps(value)}\n" for value in values).encode()
    assert [json.loads(item) for item in read(JsonSequence(LIMIT), data, cuts)] == values


def test_a_sequence_begins_with_a_separator() -> None:
    with pytest.raises(ResponseDecodeException, match="record separator"):
        read(JsonSequence(LIMIT), b"{}\n")


def test_an_item_of_a_sequence_is_bounded() -> None:
    with pytest.raises(ResponseTooLargeException):
        read(JsonSequence(10), b"\x1e" + b"1" * 11)


# Whichever it is


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("data", "items"),
    [
        (b"[1, 2]", [b"1", b"2"]),
        (b" \n [1]", [b"1"]),
        (b"{}\n{}", [b"{}", b"{}"]),
        (b"7", [b"7"]),
        (b"", []),
        (b"  \n ", []),
    ],
)
def test_a_body_is_an_array_or_lines(mark: bytes, data: bytes, items: list[bytes]) -> None:
    for cut in range(6):
        assert read(LinesOrArray(LIMIT, True), mark + data, [cut]) == items


def test_half_a_byte_order_mark_is_an_item_that_nothing_decodes() -> None:
    assert read(LinesOrArray(LIMIT, True), b"\xef\xbb") == [b"\xef\xbb"]


def test_a_mark_elsewhere_is_a_part_of_the_body() -> None:
    for cuts in ([], [1]):
        assert read(LinesOrArray(LIMIT, True), b" \xef\xbb\xbf[1]", cuts) == [b"\xef\xbb\xbf[1]"]


def test_an_empty_body_is_no_json() -> None:
    with pytest.raises(ResponseDecodeException, match="it is empty"):
        read(LinesOrArray(LIMIT, False), b" ")
