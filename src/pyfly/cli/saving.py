"""The options of commands that save what they found: JSON, and plots."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["check_saving", "saving_options"]

F = TypeVar("F", bound=Callable[..., Any])


def saving_options(what: str, plot: str) -> Callable[[F], F]:
    """``--json``, ``--no-plot``, ``--png`` and ``--output``.

    Args:
        what: What the JSON holds, for the help.
        plot: What is drawn: ``the plot``, ``the plots``.
    """
    options = (
        click.option(
            "--json",
            "json_target",
            type=click.Path(dir_okay=False, allow_dash=True),
            is_flag=False,
            flag_value="-",
            metavar="[FILE]",
            help=f"Write {what} as JSON; without FILE or with -, to standard output.",
        ),
        click.option("--no-plot", is_flag=True, help="Draw no picture."),
        click.option("--png", is_flag=True, help=f"Save {plot} as PNG as well."),
        click.option(
            "--output",
            "folder",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help=f"Where to save {plot}; default: here.",
        ),
    )

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def check_saving(*, no_plot: bool, png: bool, folder: Path | None) -> None:
    """See to it that no option is without effect.

    Raises:
        click.UsageError: A picture is wanted and refused at once.
    """
    useless = "--png" if png else "--output" if folder is not None else None
    if no_plot and useless:
        raise click.UsageError(f"--no-plot leaves nothing for {useless} to save: drop one of them")
