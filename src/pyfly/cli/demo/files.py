"""What a run leaves behind: JSON, the plot, the last screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

from pyfly.cli.demo.live import has_rich
from pyfly.cli.demo.output import Output
from pyfly.cli.demo.plot import draw, has_matplotlib
from pyfly.cli.demo.report import as_json
from pyfly.cli.demo.run import Run
from pyfly.cli.demo.screenshot import save_screenshot

__all__ = ["save_json", "save_plot", "save_screen"]


def save_json(run: Run, target: str, output: Output) -> bool:
    """Write all counts; ``-`` is standard output. Returns whether that worked."""
    text = json.dumps(as_json(run), indent=2)
    if target == "-":
        click.echo(text)
        return True
    return _save(
        "the counts", Path(target), lambda path: path.write_text(f"{text}\n", "utf-8"), output
    )


def save_plot(run: Run, folder: Path, *, png: bool, output: Output) -> bool:
    """Write ``pyfly-demo.svg``, and ``.png`` if wanted. Returns whether that worked."""
    if not has_matplotlib():
        output.line("For a plot:  pip install 'pyfly-client[cli]'")
        return not png
    kinds = ("svg", "png") if png else ("svg",)
    paths = [folder / f"pyfly-demo.{kind}" for kind in kinds]
    worked = [_save("the plot", path, lambda path: draw(run, path), output) for path in paths]
    return all(worked)


def save_screen(run: Run, path: Path, output: Output) -> bool:
    """Write the last screen as SVG. Returns whether that worked."""
    if not has_rich():
        click.echo("a screenshot needs rich: pip install 'pyfly-client[cli]'", err=True)
        return False
    return _save("the screen", path, lambda path: save_screenshot(run, path), output)


def _save(what: str, path: Path, write: Callable[[Path], object], output: Output) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        click.echo(f"could not save {what} as {path}: {reason}", err=True)
        return False
    output.line(f"Saved {what}:  {path}")
    return True
