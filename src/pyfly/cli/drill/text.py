"""A drill in words and tables, for a terminal or a pipe, and as JSON."""

from __future__ import annotations

import math
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Any

import click

from pyfly import __version__
from pyfly.cli.colour import colour_refused
from pyfly.cli.drill.drill import Drill, Plan
from pyfly.cli.drill.scenario import drain_time, highest_load, success
from pyfly.cli.drill.tally import DrillTally, per_second

Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""A title, the heads of the columns, and the rows; the first column is names, the rest numbers."""


_TIED = "\0"  # a space where no line is broken


def parameters(plan: Plan) -> list[str]:
    """Everything that decides what comes out, one line each."""
    scenario, settings = plan.scenario, plan.settings
    lost = "all of them" if scenario.workers_left == 0 else f"{scenario.lost:.0%} of them"
    return [
        f"Settings: {settings.name}",
        *(f"    {key}: {_yaml(value)}" for key, value in settings.shown.items()),
        f"Service: {scenario.workers} workers, {1000 * scenario.service_time:g} ms a request on "
        f"average (exponential), so {scenario.capacity:g} requests/s; {scenario.queue:,} may queue",
        f"Load: {scenario.load:.0%}, {scenario.rate:g} calls/s by {scenario.clients} clients, "
        f"{scenario.rate / scenario.clients:g} each, at random",
        f"Outage: after {scenario.quiet:g} s the service loses {lost} for {scenario.outage:g} s; "
        f"then {scenario.after:g} s more",
        f"Errors: {scenario.errors:.0%} of the answers are 503; seed {scenario.seed}",
    ]


def tables(drill: Drill) -> list[Table]:
    """The runs side by side, and the sweeps if there were any."""
    found = [_runs(drill)]
    if drill.plan.loads:
        found += [_recoveries(drill), _successes(drill)]
    return found


def seconds(value: float | None) -> str:
    """A span, or that it never ended."""
    return "never" if value is None or value == math.inf else f"{value:.0f} s"


def _runs(drill: Drill) -> Table:
    settings = drill.plan.settings
    return (
        f"{settings.name}: an outage of {drill.plan.scenario.outage:g} s "
        f"(back within {settings.recovery_bound:g} s is the aim)",
        ("policy", "before", "in the outage", "after", "attempts/call", "refused", "back after"),
        [(name, *_row(tally)) for name, tally in drill.tallies.items()],
    )


def _row(tally: DrillTally) -> tuple[str, ...]:
    scenario = tally.scenario
    return (
        f"{tally.success(0.0, scenario.quiet / 2):.0%}",
        f"{tally.success(scenario.quiet, scenario.outage_end):.0%}",
        f"{tally.success(scenario.outage_end, tally.judged):.0%}",
        f"{tally.amplification:.2f}",
        f"{tally.refusals:.0%}",
        seconds(tally.recovery),
    )


def _recoveries(drill: Drill) -> Table:
    plan = drill.plan
    theory = [
        drain_time(plan.scenario.replace(load=load), plan.settings.timeout, 1)
        for load in plan.loads
    ]
    return (
        f"{plan.settings.name}: back after, by load "
        f"(above {highest_load(plan.settings.attempts):.0%} naive retries keep the queue full)",
        ("policy", *(f"{load:.0%}" for load in plan.loads)),
        [
            *((name, *map(seconds, row)) for name, row in drill.recoveries.items()),
            ("none, by the fluid model", *map(seconds, theory)),
        ],
    )


def _successes(drill: Drill) -> Table:
    plan = drill.plan
    attempts = plan.settings.attempts
    return (
        f"{plan.settings.name}: calls that succeed, by error rate "
        "(20 calls/s for each client, no queue)",
        ("policy", *(f"{errors:.0%}" for errors in plan.errors)),
        [
            *((name, *(f"{part:.0%}" for part in row)) for name, row in drill.successes.items()),
            ("1 - p, one attempt", *(f"{success(errors, 1):.0%}" for errors in plan.errors)),
            (
                f"1 - p^{attempts}, {attempts} attempts",
                *(f"{success(errors, attempts):.0%}" for errors in plan.errors),
            ),
        ],
    )


def show(found: Iterable[Table]) -> None:
    """Print tables: drawn by rich on a terminal where it is installed, else in columns.

    On a terminal that is too narrow for a table, each of its rows is a paragraph.
    """
    from importlib.util import find_spec

    for table in found:
        on_terminal = sys.stdout.isatty()
        if on_terminal and _width(table) > shutil.get_terminal_size().columns:
            click.echo("\n".join(_paragraphs(table)) + "\n")
        elif on_terminal and find_spec("rich") is not None:
            _draw(table)
        else:
            click.echo("\n".join(columns(table)) + "\n")


def _draw(table: Table) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable

    title, heads, rows = table
    drawn = RichTable(title=title, title_justify="left")
    for number, head in enumerate(heads):
        drawn.add_column(head, justify="right" if number else "left")
    for row in rows:
        style = {"never": "red"}.get(row[-1], "green" if row[-1].endswith(" s") else "")
        drawn.add_row(*row[:-1], f"[{style}]{row[-1]}[/]" if style else row[-1])
    Console(no_color=colour_refused()).print(drawn)


def columns(table: Table) -> list[str]:
    """A table as lines of text."""
    title, heads, rows = table
    widths = _widths(table)
    lines = [title]
    for row in (heads, *rows):
        cells = [f"{row[0]:<{widths[0]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  " + "   ".join(cells))
    return lines


def _widths(table: Table) -> list[int]:
    _, heads, rows = table
    return [max(len(row[number]) for row in (heads, *rows)) for number in range(len(heads))]


def _width(table: Table) -> int:
    """The characters that a table takes, whichever way it is drawn."""
    return sum(width + 3 for width in _widths(table)) + 1


def _paragraphs(table: Table) -> list[str]:
    """A table row by row: the first cell, then each other one with its head."""
    title, heads, rows = table
    columns = shutil.get_terminal_size().columns
    lines = textwrap.wrap(title, columns)
    for row in rows:
        pairs = zip(heads[1:], row[1:], strict=True)
        cells = ", ".join(f"{head} {cell}".replace(" ", _TIED) for head, cell in pairs)
        wrapped = textwrap.wrap(cells, columns, initial_indent="    ", subsequent_indent="    ")
        lines += [f"  {row[0]}", *(line.replace(_TIED, " ") for line in wrapped)]
    return lines


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_json(drills: list[Drill]) -> dict[str, Any]:
    """All parameters and everything counted. Times are seconds, series have one value a second."""
    return {"pyfly": __version__, "drills": [_drill_data(each) for each in drills]}


def _drill_data(drill: Drill) -> dict[str, Any]:
    plan = drill.plan
    found: dict[str, Any] = {
        "settings": {"name": plan.settings.name, **plan.settings.shown},
        "scenario": vars(plan.scenario),
        "recovery_bound": plan.settings.recovery_bound,
        "policies": {name: _tally_data(tally) for name, tally in drill.tallies.items()},
    }
    if plan.loads:
        timeout, scenario = plan.settings.timeout, plan.scenario
        drained = [drain_time(scenario.replace(load=load), timeout, 1) for load in plan.loads]
        found["recovery_by_load"] = {"load": plan.loads, **drill.recoveries, "fluid model": drained}
        found["success_by_error_rate"] = {"error_rate": plan.errors, **drill.successes}
    return found


def _tally_data(tally: DrillTally) -> dict[str, Any]:
    scenario = tally.scenario
    return {
        "calls": len(tally.calls),
        "succeeded": len(tally.good),
        "failed": len(tally.failures),
        "refused": len(tally.refused),
        "attempts": len(tally.attempts),
        "success_in_outage": tally.success(scenario.quiet, scenario.outage_end),
        "attempts_per_admitted_call_in_outage": tally.amplification,
        "recovery": tally.recovery,
        "goodput_per_second": per_second(tally.ends, tally.seconds),
        "attempts_per_second": per_second(tally.attempts, tally.seconds),
        "open_circuits": tally.open_circuits,
    }
