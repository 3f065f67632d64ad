"""``pyfly demo``."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

import click

from pyfly.cli.colour import no_color_option
from pyfly.cli.demo.chart import timeline
from pyfly.cli.demo.client import SECTION, source
from pyfly.cli.demo.plot import figure_of
from pyfly.cli.demo.report import as_json, next_commands, summary
from pyfly.cli.demo.run import Run, perform
from pyfly.cli.demo.screen import HEIGHT, WIDTH, frame, shown
from pyfly.cli.demo.script import DEFAULT_SECONDS
from pyfly.cli.demo.service import DemoService
from pyfly.cli.drawing.picture import (
    check_saving,
    prepare,
    save,
    save_json,
    save_pictures,
    saving_options,
)
from pyfly.cli.drawing.terminal import TextOutput, has_rich, save_screenshot
from pyfly.cli.drawing.text import UNICODE, Line, Span

_FAILED, _TERMINATED = 1, 128 + 15
_READING_SECONDS = 3.0

_EXAMPLES = """\b
Examples:
  pyfly demo                      half a minute, live on a terminal
  pyfly demo --no-breaker         the same without a circuit breaker
  pyfly demo --json demo.json     and everything that was counted
  pyfly demo --json               nothing but the counts, on standard output
  pyfly demo --seconds 8 --plain  shorter, as lines of text
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
@saving_options("all counts", "the plot")
@click.option(
    "--screenshot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the last screen as SVG, 96 columns by 28 rows.",
)
@no_color_option
def demo(
    seconds: float,
    no_breaker: bool,
    plain: bool,
    json_target: str | None,
    folder: Path | None,
    png: bool,
    screenshot: Path | None,
) -> int:
    """Watch a client cope with a failing service.

    A small inventory service starts on a free port of this machine.
    By script it answers, is slow, answers with 503, takes no connections, and recovers. A
    declared client calls it 30 times a second. Every number comes from the client's events.
    """
    check_saving(folder, png=png)
    if screenshot is not None and not has_rich():
        raise click.ClickException("--screenshot needs rich: pip install 'pyfly-client[cli]'")
    output = TextOutput(plain=plain, json=json_target == "-", least=(WIDTH, HEIGHT))
    run = Run(seconds, breaker=not no_breaker)
    _introduce(run, output)
    _play(run, output, plot=folder is not None)
    output.lines(_ending(run, output))
    output.line()
    saved = [True]
    if folder is not None:
        figure = partial(figure_of, run)
        saved.append(save_pictures("pyfly-demo", figure, folder, png=png, say=output.line))
    if screenshot is not None:
        last = partial(frame, run, run.seconds, glyphs=UNICODE)
        write = partial(save_screenshot, last, title="pyfly demo")
        saved.append(save("the screen", screenshot, write, output.line))
    if json_target is not None:
        saved.append(save_json("the counts", as_json(run), json_target, output.line))
    for command, purpose in next_commands(run):
        output.line(f"Next:  {command:<29}{purpose}")
    return 0 if all(saved) else _FAILED


def _introduce(run: Run, output: TextOutput) -> None:
    """Show the client: its class, and what the configuration adds."""
    output.code(source())
    output.line()
    output.line(f"In pyfly.yaml, under {SECTION}:")
    for key, value in run.settings.items():
        output.line(f"    {key.removeprefix(SECTION + '.')}: {value}")
    output.line()


def _play(run: Run, output: TextOutput, *, plot: bool) -> None:
    """The run itself, with the service around it."""
    with DemoService() as service:
        started = time.monotonic()
        if plot:
            prepare()
        if output.live:  # the class is behind the live screen then: time to read it
            taken = time.monotonic() - started
            time.sleep(max(min(_READING_SECONDS, run.seconds / 9) - taken, 0.0))
        with shown(output) as view:
            try:
                asyncio.run(perform(run, service, view))
            except asyncio.CancelledError:
                raise click.exceptions.Exit(_TERMINATED) from None


def _ending(run: Run, output: TextOutput) -> list[Line]:
    """The whole picture and what it comes to."""
    glyphs = output.glyphs
    drawn = timeline(run, run.seconds, output.width, (4, 3), glyphs)
    legend = f"{glyphs.closed} closed   {glyphs.half_open} half-open   {glyphs.open} open"
    key: Line = (Span(" " * 13, ""), Span(legend, "dim"))
    return [(), *drawn, *([key] if run.breaker else []), (), *summary(run, glyphs)]
