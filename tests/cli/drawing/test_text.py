"""Lines of styled text."""

from __future__ import annotations

import pytest

from pyfly.cli.drawing.text import (
    ASCII,
    UNICODE,
    Glyphs,
    Line,
    Span,
    beside,
    clip,
    glyphs_for,
    pad,
    width_of,
)

LINE: Line = (Span("answered", "good"), Span("  412"))


def text(line: Line) -> str:
    return "".join(span.text for span in line)


def test_a_line_that_fits_is_left_alone() -> None:
    assert clip(LINE, 13) == LINE


@pytest.mark.parametrize(
    ("width", "clipped"), [(12, "answered  4…"), (8, "answere…"), (1, "…"), (0, "")]
)
def test_what_does_not_fit_is_shown_to_be_missing(width: int, clipped: str) -> None:
    assert text(clip(LINE, width)) == clipped


def test_a_padded_line_has_exactly_its_width() -> None:
    assert [width_of(pad(LINE, width)) for width in (5, 13, 20)] == [5, 13, 20]


def test_blocks_of_different_heights_stand_side_by_side() -> None:
    left: list[Line] = [(Span("a"),), (Span("b"),)]
    lines = beside([left, [(Span("c"),)]], [3, 2], gap=1)
    assert [text(line) for line in lines] == ["a   c ", "b     "]


@pytest.mark.parametrize(
    ("encoding", "glyphs"),
    [("utf-8", UNICODE), ("ascii", ASCII), ("latin-1", ASCII), (None, ASCII), ("nonsense", ASCII)],
)
def test_the_characters_are_those_that_the_stream_can_show(
    encoding: str | None, glyphs: Glyphs
) -> None:
    assert glyphs_for(encoding) is glyphs


def test_a_text_is_spelled_with_the_glyphs_at_hand() -> None:
    assert ASCII.text("open → closed · …") == "open -> closed - ~"
    assert "".join(map(str, vars(ASCII).values())).isascii()
