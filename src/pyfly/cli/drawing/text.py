"""Lines of styled text, and the characters to draw with. No library of terminals needed.

A style is a word for what the text means (``good``, ``circuit open``); :mod:`.terminal` gives it a
colour. Without colours everything has to be readable as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from pyfly.kernel.record import Record


class Span(NamedTuple):
    """A piece of a line in one style."""

    text: str
    style: str = ""


Line: TypeAlias = tuple[Span, ...]
"""What stands in one row."""


class Glyphs(Record):
    """Characters for drawings.

    Attributes:
        bars: From empty to full.
        closed: A circuit's state over a moment, and so the other two.
        half_open: The second state.
        open: The third state.
        axis: A vertical line.
        dot: What separates.
        arrow: What leads from one state to the next.
        more: What stands for text that has been left out.
    """

    bars: str
    closed: str
    half_open: str
    open: str
    axis: str
    dot: str
    arrow: str
    more: str

    def text(self, text: str) -> str:
        """A text with the characters that these glyphs may use."""
        return text.replace("→", self.arrow).replace("·", self.dot).replace("…", self.more)


UNICODE = Glyphs(" ▁▂▃▄▅▆▇█", "─", "▒", "█", "│", "·", "→", "…")
ASCII = Glyphs(" .:-=+*#@", "-", "?", "#", "|", "-", "->", "~")


def glyphs_for(encoding: str | None) -> Glyphs:
    """The finest glyphs that a stream of this encoding can show."""
    try:
        "".join(str(value) for value in vars(UNICODE).values()).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def width_of(line: Iterable[Span]) -> int:
    """How many columns a line takes."""
    return sum(len(span.text) for span in line)


def clip(line: Iterable[Span], width: int, more: str = "…") -> Line:
    """A line that takes at most so many columns; what is left out shows as ``more``."""
    spans = tuple(line)
    if width_of(spans) <= width:
        return spans
    kept: list[Span] = []
    left = max(width - len(more), 0)
    for span in spans:
        kept.append(Span(span.text[:left], span.style))
        left -= len(span.text)
        if left <= 0:
            break
    return (*kept, Span(more[:width]))


def pad(line: Iterable[Span], width: int, more: str = "…") -> Line:
    """A line that takes exactly so many columns."""
    clipped = clip(line, width, more)
    gap = width - width_of(clipped)
    return (*clipped, Span(" " * gap)) if gap else clipped


def beside(blocks: Sequence[Sequence[Line]], widths: Sequence[int], gap: int) -> list[Line]:
    """Blocks of lines side by side, each cut or filled to its width."""
    rows = max(map(len, blocks))
    lines: list[Line] = []
    for row in range(rows):
        spans: list[Span] = []
        for number, (block, width) in enumerate(zip(blocks, widths, strict=True)):
            if number:
                spans.append(Span(" " * gap))
            spans += pad(block[row] if row < len(block) else (), width)
        lines.append(tuple(spans))
    return lines
