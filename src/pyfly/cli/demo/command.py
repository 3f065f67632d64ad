"""``pyfly demo``."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from pyfly.cli.colour import colour_refused, no_color_option
from pyfly.cli.demo.client import source
from pyfly.cli.demo.live import LiveView, screen
from pyfly.cli.demo.plain import PlainView
from pyfly.cli.demo.plot import draw
from pyfly.cli.demo.report import NEXT, as_json, summary
from pyfly.cli.demo.run import Run, perform
from pyfly.cli.demo.script import DEFAULT_SECONDS

__all__ = ["demo"]

_EXAMPLES = """\b
Examples:
  pyfly demo                      half a minute, live on a terminal
  pyfly demo --no-breaker         the same outage without a circuit breaker
  pyfly demo --json demo.json     and everything that was counted
  pyfly demo --json - --plain     nothing but the counts on standard output
  pyfly demo --seconds 8 --png    shorter, with a PNG in place of the SVG
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--seconds",
    type=click.FloatRange(5, 35),
    default=DEFAULT_SECONDS,
    show_default=True,
    help="How long the service's script lasts.",
)
@click.option("--no-breaker", is_flag=True, help="Leave the circuit breaker out.")
@click.option("--plain", is_flag=True, help="Lines of text, also on a terminal.")
@click.option(
    "--json", "json_file", metavar="FILE", help="Write all counts; - for standard output."
)
@click.option("--png", is_flag=True, help="Save the plot as PNG instead of SVG.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to save the plot; default: here.",
)
@click.option(
    "--screenshot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the last screen as SVG.",
)
@no_color_option
def demo(
    seconds: float,
    no_breaker: bool,
    plain: bool,
    json_file: str | None,
    png: bool,
    output: Path,
    screenshot: Path | None,
) -> None:
    """Watch a client cope with a service that fails.

    Starts a small inventory service in a process of its own, on a free port of this machine.
    It answers, slows down, answers with 503, takes no connections, and recovers, by script. A
    declared client calls it 30 times a second. Every number comes from the client's events.
    """
    run = Run(seconds, breaker=not no_breaker)
    quiet = json_file == "-"
    console = None if plain or quiet or not sys.stdout.isatty() else _console()
    if not quiet:
        click.echo(f"{source()}\n")
    if console is None:
        view: Any = PlainView(_silent if quiet else click.echo)
        scope: Any = nullcontext(view)
    else:
        scope = LiveView(console)
    with scope as view:
        asyncio.run(perform(run, view))
    if console is not None:
        console.print(screen(run, min(console.width, 110), ended=True))
    elif not quiet:
        click.echo("\n" + "\n".join(summary(run)))
    _save(run, json_file, output / f"pyfly-demo.{'png' if png else 'svg'}", screenshot)
    if console is None and not quiet:
        click.echo(NEXT)


def _silent(line: str) -> None:
    """Nothing: standard output is for the JSON."""


def _console() -> Any:
    """Where to draw; None without rich."""
    if find_spec("rich") is None:
        click.echo("for the live view: pip install 'pyfly-client[cli]'", err=True)
        return None
    from rich.console import Console

    return Console(no_color=colour_refused())


def _save(run: Run, json_file: str | None, plot: Path, screenshot: Path | None) -> None:
    """Write what was asked for; a file that cannot be written is told, and the rest goes on."""
    if json_file is not None:
        text = json.dumps(as_json(run), indent=2)
        if json_file == "-":
            click.echo(text)
        else:
            _write("the counts", Path(json_file), lambda path: path.write_text(text + "\n"))
    if json_file == "-":
        return  # whoever reads the counts draws a picture of their own
    if find_spec("matplotlib") is None:
        click.echo("for the plot: pip install 'pyfly-client[cli]'", err=True)
    else:
        _write("the plot", plot, lambda path: draw(run, path))
    if screenshot is not None and find_spec("rich") is not None:
        _write("the screen", screenshot, lambda path: _screenshot(run, path))


def _write(what: str, path: Path, write: Any) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
    except OSError as error:
        click.echo(f"{what} could not be saved as {path}: {error.strerror}", err=True)
    else:
        click.echo(f"saved {what}: {path}", err=True)


def _screenshot(run: Run, path: Path) -> None:
    import io

    from rich.console import Console

    console = Console(record=True, width=96, file=io.StringIO(), force_terminal=True)
    console.print(screen(run, 96, ended=True))
    console.save_svg(str(path), title="pyfly demo")
