"""Where the demo speaks, and how: live, in lines, or not at all."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TextIO

import click

from pyfly.cli.colour import colour_refused
from pyfly.cli.demo.live import LiveView, has_rich, print_lines
from pyfly.cli.demo.plain import PlainView
from pyfly.cli.demo.run import View
from pyfly.cli.demo.screen import HEIGHT, WIDTH
from pyfly.cli.demo.text import Line, Span, glyphs_for

__all__ = ["Output"]


class Output:
    """What the user sees while a run goes on and when it is over.

    Args:
        plain: Lines, even on a terminal.
        json: Whether standard output is taken by JSON: then a terminal may still be shown
            things on standard error, and nobody else is.

    Attributes:
        live: Whether the run is drawn on the terminal's second screen.
        width: Columns to use.
        glyphs: Characters to draw with.
    """

    def __init__(self, *, plain: bool, json: bool) -> None:
        stream = sys.stderr if json else sys.stdout
        terminal = stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        size = shutil.get_terminal_size((80, 24))
        wanted = terminal and not plain and size.columns >= WIDTH and size.lines >= HEIGHT
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
            print_lines(lines, self._stream, color=True)
        else:
            for line in lines:
                self.line("".join(span.text for span in line).rstrip())

    def code(self, text: str) -> None:
        """Print source code."""
        self.lines([(Span(line, "code"),) for line in text.splitlines()])

    def view(self) -> AbstractContextManager[View]:
        """What shows the run, as a context."""
        if self.live and self._stream is not None:
            return LiveView(self._stream, color=self._color, glyphs=self.glyphs)
        return nullcontext(PlainView(self.line))
