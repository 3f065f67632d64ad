"""From a Python value to a piece of a URL or a header."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client._bind.values import (
    Unsendable,
    cookie_value,
    header_value,
    path_segment,
    path_segments,
    plain_text,
    query_text,
    text_of,
)


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Word(StrEnum):
    YES = "y"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (1.5, "1.5"),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02T03:04:00Z"),
        (Colour.RED, "red"),
        (Level.HIGH, "3"),
        (Word.YES, "y"),
    ],
)
def test_each_kind_of_value_has_one_text(value: object, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("-Infinity"),
        datetime(2026, 1, 2),
        object(),
        {"a": 1},
        b"bytes",
        None,
    ],
)
def test_values_without_a_text_are_refused(value: object) -> None:
    with pytest.raises(Unsendable):
        text_of(value)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_query_value_comes_back_whole_and_uses_only_unreserved_characters(text: str) -> None:
    encoded = query_text(text)
    assert unquote(encoded) == text
    assert all(c.isascii() and (c.isalnum() or c in "-._~%") for c in encoded)


@given(st.text())
def test_a_path_segment_never_leaves_its_slot(text: str) -> None:
    try:
        encoded = path_segment(text)
    except Unsendable:
        return
    assert unquote(encoded) == text
    assert encoded not in ("", ".", "..")
    assert not set(encoded) & set("/?#\\;:@ ")


@pytest.mark.parametrize("value", [None, "", ".", "..", "a\x00", "a\nb", "\x85", "\ud800"])
def test_these_have_no_place_in_a_path(value: object) -> None:
    with pytest.raises(Unsendable):
        path_segment(value)


def test_segments_keep_slashes_and_nothing_else() -> None:
    assert path_segments("a/b c/d?") == "a/b%20c/d%3F"
    for value in ("/a", "a/../b", "..", "a/.", "", "a/\n"):
        with pytest.raises(Unsendable):
            path_segments(value)


def test_plain_text_refuses_lone_surrogates() -> None:
    assert plain_text("ä b") == "ä b"
    with pytest.raises(Unsendable, match="surrogate"):
        plain_text("\udfff")


@pytest.mark.parametrize("value", ["a", "", "a b\tc", 7, "!#$%&'()*+,-./:;<=>?@[]^_`{|}~\""])
def test_these_are_header_values(value: object) -> None:
    assert header_value(value) == str(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\r\nb", "line break"),
        ("a\x00b", "control character"),
        ("ä", "ASCII only"),
        (" a", "space at its beginning or end"),
        ("a\t", "space at its beginning or end"),
    ],
)
def test_these_are_not(value: str, text: str) -> None:
    with pytest.raises(Unsendable, match=text):
        header_value(value)


def test_a_cookie_holds_no_separator() -> None:
    assert cookie_value("abc-1") == "abc-1"
    for value in ("a;b", "a,b", 'a"b', "a b", "a\tb", "a\\b"):
        with pytest.raises(Unsendable):
            cookie_value(value)


class Lazy:
    """Says that it is a str, as the lazy texts of web frameworks do."""

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def __class__(self) -> type:  # type: ignore[override]
        return str

    def __str__(self) -> str:
        return self.text


class Shouting(str):
    """Prints otherwise than it is."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


def test_a_lazy_text_is_what_it_prints_and_a_text_is_what_it_is() -> None:
    assert query_text(Lazy("a b")) == "a%20b"
    assert path_segment(Lazy("a/b")) == "a%2Fb"
    assert text_of(Shouting("abc")) == "abc"


@pytest.mark.parametrize("value", [10**5000, -(10**5000)], ids=["long", "negative"])
def test_a_number_of_thousands_of_digits_is_refused(value: int) -> None:
    with pytest.raises(Unsendable, match="thousands of digits"):
        text_of(value)
