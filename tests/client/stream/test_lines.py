"""Lines, whatever they end with, wherever the pieces are cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client._stream.lines import TextLines, byte_lines, event_lines
from pyfly.client.errors import ResponseDecodeException, ResponseTooLargeException

CUTS = st.lists(st.integers(0, 60), max_size=8)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The same bytes, cut in places."""
    ends = sorted(min(cut, len(data)) for cut in cuts)
    return [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]


@given(st.text("ab\r\n", max_size=40), CUTS)
def test_every_cutting_of_the_same_bytes_gives_the_same_lines(text: str, cuts: list[int]) -> None:
    data = text.encode()
    lines = event_lines(100)
    found = [line for piece in pieces(data, cuts) for line in lines.feed(piece)]
    found += lines.end()
    expected = re.split(rb"\r\n|\n|\r", data)
    assert found == (expected if expected[-1] else expected[:-1])


def test_a_line_end_is_not_joined_with_the_next_one() -> None:
    lines = event_lines(100)
    assert [*lines.feed(b"a\r\n"), *lines.feed(b"\n"), *lines.feed(b"b\r"), *lines.feed(b"\n")] == [
        b"a",
        b"",
        b"b",
    ]


def test_lines_of_json_end_with_a_line_feed_alone() -> None:
    lines = byte_lines(100)
    assert [*lines.feed(b"a\rb\nc"), *lines.end()] == [b"a\rb", b"c"]


def test_a_line_over_the_limit_is_refused_before_it_ends() -> None:
    lines = byte_lines(10)
    assert list(lines.feed(b"0123456789\n01234")) == [b"0123456789"]
    with pytest.raises(ResponseTooLargeException, match="longer than 10 bytes"):
        list(lines.feed(b"567890"))


@given(st.text(max_size=30), CUTS, st.sampled_from(["utf-8", "utf-16", "latin-1", "shift_jis"]))
def test_text_is_decoded_across_cuts(text: str, cuts: list[int], charset: str) -> None:
    data = text.encode(charset, "ignore")
    lines = TextLines(charset, 1000)
    found = [line for piece in pieces(data, cuts) for line in lines.feed(piece)]
    found += lines.end()
    expected = re.split("\r\n|\n|\r", data.decode(charset))
    assert found == (expected if expected[-1] else expected[:-1])


@pytest.mark.parametrize("data", [b"\xff", b"caf\xc3"])
def test_text_that_is_none_is_an_error(data: bytes) -> None:
    lines = TextLines("utf-8", 100)
    with pytest.raises(ResponseDecodeException, match="is not the utf-8 text"):
        _ = [*lines.feed(data), *lines.end()]


@pytest.mark.parametrize("charset", ["no-such", "hex", "a\0"])
def test_an_unknown_charset_is_an_error(charset: str) -> None:
    with pytest.raises(ResponseDecodeException, match="is not known"):
        TextLines(charset, 100)
