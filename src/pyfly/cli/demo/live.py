"""The demo on a terminal, drawn by rich."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from pyfly.cli.demo.run import Run
from pyfly.cli.demo.screen import frame
from pyfly.cli.demo.text import Glyphs, Line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["LiveView", "has_rich", "print_lines", "rich_text"]

_STYLES = {
    "": "",
    "title": "bold",
    "heading": "bold",
    "label": "bold",
    "dim": "bright_black",
    "code": "cyan",
    "good": "green",
    "bad": "red",
    "warn": "yellow",
    "phase": "",
    "phase now": "bold reverse",
    "goodput": "cyan",
    "attempts": "magenta",
    "circuit closed": "green",
    "circuit half-open": "yellow",
    "circuit open": "red",
    "circuit closed now": "bold black on green",
    "circuit half-open now": "bold black on yellow",
    "circuit open now": "bold white on red",
}


def has_rich() -> bool:
    """Whether the library that draws is installed."""
    return find_spec("rich") is not None


class LiveView:
    """Draws on the terminal's second screen, for a ``with`` block; it leaves no trace there.

    Args:
        stream: The terminal.
        color: False for none.
        glyphs: What to draw with.
    """

    def __init__(self, stream: TextIO, *, color: bool, glyphs: Glyphs) -> None:
        from rich.live import Live

        self._console = _console(stream, color=color)
        self._glyphs = glyphs
        self._live = Live(console=self._console, screen=True, auto_refresh=False)

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def update(self, run: Run) -> None:
        """Show it as it stands."""
        width, height = self._console.size
        self._live.update(rich_text(frame(run, run.now, width, height, self._glyphs)), refresh=True)


def print_lines(lines: Iterable[Line], stream: TextIO, *, color: bool) -> None:
    """Print lines with their styles."""
    _console(stream, color=color).print(rich_text(lines), soft_wrap=True)


def rich_text(lines: Iterable[Line]) -> Text:
    """Lines as rich knows them."""
    from rich.text import Text

    text = Text(no_wrap=True, overflow="crop")
    for number, line in enumerate(lines):
        if number:
            text.append("\n")
        for span, style in line:
            text.append(span, _STYLES[style])
    return text


def _console(stream: TextIO, *, color: bool) -> Console:
    from rich.console import Console

    return Console(file=stream, no_color=not color, highlight=False)
