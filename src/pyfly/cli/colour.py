"""One answer to "in colour?" for every command: ``--no-color``, NO_COLOR, the terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def no_color_option(function: F) -> F:
    """Add ``--no-color``; it holds for the whole command line, wherever it stands."""
    option = click.option(
        "--no-color",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_refuse,
        help="No colours. The variable NO_COLOR says the same.",
    )
    return option(function)


def colour_refused() -> bool:
    """Whether the user wants no colours, whatever the terminal can."""
    context = click.get_current_context(silent=True)
    asked = context is not None and context.find_root().color is False
    return asked or bool(os.environ.get("NO_COLOR"))


def _refuse(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.color = context.find_root().color = False
