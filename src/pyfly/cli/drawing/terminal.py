"""Where a command speaks, and how: live on a terminal (drawn by rich), in lines, or not at all."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO, TypeAlias

import click

from pyfly.cli.colour import colour_refused
from pyfly.cli.drawing.text import UNICODE, Line, Span, glyphs_for

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Frame: TypeAlias = Callable[[int, int], list[Line]]
"""What a screen shows, for a number of columns and of rows."""

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
_FONTS = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"


def has_rich() -> bool:
    """Whether rich, which draws on terminals, is installed."""
    return importlib.util.find_spec("rich") is not None


class TextOutput:
    """What the user sees while a command runs and when it is over.

    Args:
        plain: Lines, even on a terminal.
        json: Whether standard output is taken by JSON: then a terminal may still be shown
            things on standard error, and nobody else is.
        least: The columns and rows that the live screen needs.

    Attributes:
        live: Whether there is a live screen.
        width: Columns to use.
        glyphs: Characters to draw with.
    """

    def __init__(self, *, plain: bool, json: bool, least: tuple[int, int]) -> None:
        stream = sys.stderr if json else sys.stdout
        terminal = stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        size = shutil.get_terminal_size((80, 24))
        fits = size.columns >= least[0] and size.lines >= least[1]
        wanted = terminal and not plain and fits
        self._stream: TextIO | None = None if json and not terminal else stream
        self._color = terminal and not plain and not colour_refused()
        self.live = wanted and has_rich()
        self.width = min(size.columns, 100) if terminal else 80
        self.glyphs = glyphs_for(stream.encoding)
        if wanted and not self.live:
            click.echo("for the live view: pip install 'pyfly-client[cli]'", err=True)

    def line(self, text: str = "") -> None:
        """Print a line."""
        if self._stream is not None:
            click.echo(self.glyphs.text(text), self._stream)

    def lines(self, lines: Iterable[Line]) -> None:
        """Print styled lines, in colour where that makes sense."""
        if self._stream is not None and self._color and has_rich():
            _console(self._stream, color=True).print(_rich_text(lines), soft_wrap=True)
        else:
            for line in lines:
                self.line("".join(span.text for span in line).rstrip())

    def code(self, text: str) -> None:
        """Print source code."""
        self.lines([(Span(line, "code"),) for line in text.splitlines()])

    def screen(self) -> LiveScreen:
        """The live screen; only where ``live`` is true."""
        assert self._stream is not None  # it is live
        return LiveScreen(self._stream, color=self._color)


class LiveScreen:
    """Draws on the terminal's second screen, for a ``with`` block; it leaves no trace there.

    Args:
        stream: The terminal.
        color: False for none.
    """

    def __init__(self, stream: TextIO, *, color: bool) -> None:
        from rich.live import Live

        self._console = _console(stream, color=color)
        self._live = Live(console=self._console, screen=True, auto_refresh=False)

    def __enter__(self) -> LiveScreen:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, frame: Frame) -> None:
        """Draw a frame for the present size of the terminal."""
        self._live.update(_rich_text(frame(*self._console.size)), refresh=True)


def save_screenshot(
    frame: Frame, path: Path, title: str, width: int = 96, height: int = 28
) -> None:
    """Write what a terminal of that size shows, as SVG.

    Raises:
        ImportError: rich is not installed.
        OSError: The file cannot be written.
    """
    from rich.console import Console

    console = Console(
        record=True,
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(_rich_text(frame(width, height)))
    drawn = console.export_svg(title=title, unique_id="pyfly")
    # A picture must not fetch fonts from the network.
    local = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    path.write_text(_without_gaps(local.replace("Fira Code, monospace", _FONTS)), encoding="utf-8")


def _without_gaps(svg: str) -> str:
    """Lines are farther apart than most fonts' blocks are high: a stroke closes the bars."""
    fills = dict(re.findall(r"\.(pyfly-r\d+) \{ fill: (#\w+)", svg))

    def stroked(match: re.Match[str]) -> str:
        fill = fills.get(match["style"])
        return f'<text stroke="{fill}" stroke-width="1.3" {match["rest"]}' if fill else match[0]

    bars = UNICODE.bars.strip()
    return re.sub(
        rf'<text (?P<rest>class="(?P<style>pyfly-r\d+)"[^>]*>(?:[{bars}]|&#160;)+</text>)',
        stroked,
        svg,
    )


def _rich_text(lines: Iterable[Line]) -> Text:
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
