"""``pyfly drill``."""

from __future__ import annotations

import difflib
import re
import shutil
import sys
from collections.abc import Callable
from functools import partial
from math import nan
from pathlib import Path

import click

from pyfly.cli.colour import no_color_option
from pyfly.cli.drawing.picture import check_saving, save_json, save_pictures, saving_options
from pyfly.cli.drill.drill import Drill, Plan, perform, plan_for
from pyfly.cli.drill.plot import figure_of
from pyfly.cli.drill.scenario import Scenario
from pyfly.cli.drill.settings import SettingsSet, clients_in, published, shipped, users
from pyfly.cli.drill.text import as_json, parameters, show, tables
from pyfly.core import Config
from pyfly.core.errors import ConfigException


def part(least: float, most: float) -> Callable[[str | float], float]:
    """Reads a part of something, ``0.7`` or ``70%``, from ``least`` to ``most``."""
    wanted = f"a part from {least:g} to {most:g}: write 0.7, or 70%, for seven tenths"

    def read(value: str | float) -> float:
        text = str(value)
        percent = text.endswith("%")
        number = _number(text.removesuffix("%"))
        return _within(least, number / 100 if percent else number, most, text, wanted)

    return read


def seconds(least: float, most: float) -> Callable[[str | float], float]:
    """Reads a span, ``20`` or ``20s``, from ``least`` to ``most`` seconds."""
    wanted = f"a number of seconds from {least:g} to {most:g}: write 20, or 20s"

    def read(value: str | float) -> float:
        text = str(value)
        return _within(least, _number(text.removesuffix("s")), most, text, wanted)

    return read


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


def _within(least: float, number: float, most: float, text: str, wanted: str) -> float:
    if not least <= number <= most:  # nor is it if it is no number
        raise click.BadParameter(f"{text!r} is not {wanted}")
    return number


_FAILED = 1

_EXAMPLES = """\b
Examples:
  pyfly drill                                         both sets of settings
  pyfly drill --settings published --load 50%         an outage at half the load
  pyfly drill --lose 100% --no-sweeps                 the service is gone altogether
  pyfly drill --config pyfly.yaml --client inventory  your own settings
  pyfly drill --save                                  and pictures, as SVG
  pyfly drill --json drill.json                       and everything that was counted
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--settings",
    "which",
    type=click.Choice(["both", "published", "shipped"]),
    show_default="both",
    help="Timeouts and delays as publications have them, or as pyfly ships.",
)
@click.option(
    "--config",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Drill the settings of a client in this file instead.",
)
@click.option("--client", help="Its name below pyfly.client.clients.")
@click.option(
    "--clients",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="Client processes.",
)
@click.option(
    "--load",
    type=part(0.01, 2.0),
    metavar="PART",
    default=0.7,
    show_default=True,
    help="Calls made, as a part of what the service can do.",
)
@click.option(
    "--lose",
    type=part(0.0, 1.0),
    metavar="PART",
    default=0.9,
    show_default=True,
    help="The part of its workers that the service loses; 1: it is gone.",
)
@click.option(
    "--outage",
    type=seconds(1, 600),
    metavar="SECONDS",
    show_default="20, or twice the attempt timeout",
    help="How long it lasts.",
)
@click.option(
    "--errors",
    type=part(0.0, 1.0),
    metavar="PART",
    default=0.0,
    show_default=True,
    help="The part of the answers that are 503, at all times.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of everything random.")
@click.option("--no-sweeps", is_flag=True, help="Leave the loads and error rates out.")
@saving_options("everything", "the plots")
@no_color_option
def drill(
    which: str | None,
    file: Path | None,
    client: str | None,
    clients: int,
    load: float,
    lose: float,
    outage: float | None,
    errors: float,
    seed: int,
    no_sweeps: bool,
    json_target: str | None,
    folder: Path | None,
    png: bool,
) -> int:
    """See what retries, circuit breakers and budgets do in an outage.

    The policies themselves, in declared clients, run against a simulated service with workers, a
    queue, and no idea who still waits for an answer. Time is virtual: minutes take seconds, and
    the same seed gives the same figures. The service loses most of its workers for a while;
    what counts is whether the clients let it recover.
    """
    check_saving(folder, png=png)
    if which is not None and file is not None:
        raise click.UsageError(
            f"--settings {which} and --config {file} are different settings: give one of them"
        )
    scenario = Scenario(clients=clients, load=load, lost=lose, errors=errors, seed=seed)
    if outage is not None:
        scenario = scenario.replace(outage=outage)
    own = _own_settings(file, client)
    chosen = [own] if own is not None else _chosen(which or "both")
    plans = [
        plan_for(
            settings,
            scenario,
            own=own is not None,
            fixed_outage=outage is not None,
            sweeps=not no_sweeps and settings is chosen[0],
        )
        for settings in chosen
    ]
    quiet = json_target == "-"
    drills = [_carry_out(plan, quiet=quiet) for plan in plans]
    say = (lambda _: None) if quiet else click.echo
    saved = [True]
    if folder is not None:
        for each in drills:
            name = "pyfly-drill-" + re.sub(r"[^\w.-]", "-", each.plan.settings.name)
            figure = partial(figure_of, each)
            saved.append(save_pictures(name, figure, folder, png=png, say=say))
    if json_target is not None:
        saved.append(save_json("everything", as_json(drills), json_target, say))
    return 0 if all(saved) else _FAILED


def _own_settings(file: Path | None, client: str | None) -> SettingsSet | None:
    """The settings of the client that is named; None if none is."""
    if file is None:
        if client is not None:
            raise click.UsageError(
                f"--client {client} needs --config: pass the pyfly.yaml it is in"
            )
        return None
    try:
        config = Config.from_file(file)
        names = clients_in(config)
        if client not in names:
            there = f"there is {', '.join(names)}" if names else "it has no section of any client"
            asked = "say which with --client" if client is None else f"no client {client!r}"
            near = difflib.get_close_matches(client or "", names, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise click.UsageError(f"{file}: {asked}: {there}{hint}")
        return users(config, client)
    except ConfigException as error:
        raise click.UsageError(str(error)) from None


def _chosen(which: str) -> list[SettingsSet]:
    known = {"published": published, "shipped": shipped}
    return [make() for name, make in known.items() if which in (name, "both")]


def _carry_out(plan: Plan, *, quiet: bool) -> Drill:
    """One drill, with its parameters before and its tables after."""
    if not quiet:
        click.echo("\n".join(parameters(plan)) + "\n")
    if sys.stderr.isatty():
        with click.progressbar(
            length=plan.runs, label=plan.settings.name, file=sys.stderr, width=_bar_width()
        ) as progress:
            done = perform(plan, lambda: progress.update(1))
    else:
        done = perform(plan, lambda: None)
    if not quiet:
        show(tables(done))
    return done


def _bar_width() -> int:
    """As many characters as fit beside the name and the time; 36 are plenty."""
    return max(4, min(36, shutil.get_terminal_size().columns - 36))
