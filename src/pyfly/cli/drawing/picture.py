"""Pictures in files, drawn by matplotlib in one look, and the options that ask for files."""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette, which people tell apart whatever their colour vision.
BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#6B6B6B", "#222222"
_LOOKS: Any = {
    "font.size": 9.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "hatch.color": ORANGE,
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "svg.hashsalt": "pyfly",  # the same figures give the same file
    "svg.fonttype": "none",  # text stays text
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
}


def has_matplotlib() -> bool:
    """Whether the library that draws is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def prepare() -> None:
    """Import what draws, before calls are measured: the first time can take seconds."""
    # It tells of its font cache, and of a folder where that cannot be kept: not our story.
    logging.getLogger("matplotlib").addHandler(logging.NullHandler())
    for name in ("figure", "backends.backend_svg", "backends.backend_agg"):
        importlib.import_module(f"matplotlib.{name}")


def draw(figure: Callable[[], Figure], *paths: Path) -> None:
    """Write a figure; the ending of a name says which kind (``.svg``, ``.png``).

    Args:
        figure: Makes it; called once the look is set.
        *paths: Where it is written.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: A file cannot be written.
    """
    prepare()
    from matplotlib import rc_context

    with rc_context(_LOOKS):
        drawn = figure()
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else {}
            drawn.savefig(path, metadata=metadata, dpi=160, facecolor="white")


if TYPE_CHECKING:
    from matplotlib.figure import Figure

F = TypeVar("F", bound=Callable[..., Any])
Say = Callable[[str], object]


def saving_options(what: str, plot: str) -> Callable[[F], F]:
    """``--json``, ``--save`` and ``--png``.

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
        click.option(
            "--save",
            "folder",
            type=click.Path(file_okay=False, path_type=Path),
            is_flag=False,
            flag_value=".",
            metavar="[DIR]",
            help=f"Save {plot} as SVG in DIR, or here. It needs matplotlib.",
        ),
        click.option("--png", is_flag=True, help=f"With --save: save {plot} as PNG as well."),
    )

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def check_saving(folder: Path | None, *, png: bool) -> None:
    """See to it, before anything runs, that pictures can be drawn if they are wanted.

    Raises:
        click.UsageError: ``--png`` without ``--save``.
        click.ClickException: matplotlib is not installed.
    """
    if png and folder is None:
        raise click.UsageError("--png saves nothing by itself: write --save --png")
    if folder is not None and not has_matplotlib():
        raise click.ClickException("--save needs matplotlib: pip install 'pyfly-client[plots]'")


def save_pictures(
    name: str, figure: Callable[[], Figure], folder: Path, *, png: bool, say: Say
) -> bool:
    """Write ``name.svg``, and ``name.png`` if wanted. Returns whether that worked."""
    kinds = ("svg", "png") if png else ("svg",)
    paths = [folder / f"{name}.{kind}" for kind in kinds]
    done = [save("the plot", path, lambda path: draw(figure, path), say) for path in paths]
    return all(done)


def save_json(what: str, found: Any, target: str, say: Say) -> bool:
    """Write something as JSON; ``-`` is standard output. Returns whether that worked."""
    text = json.dumps(found, indent=1)
    if target == "-":
        click.echo(text)
        return True
    return save(what, Path(target), lambda path: path.write_text(f"{text}\n", "utf-8"), say)


def save(what: str, path: Path, write: Callable[[Path], object], say: Say) -> bool:
    """Write a file, and say so. Returns whether that worked."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        click.echo(f"could not save {what} as {path}: {reason}", err=True)
        return False
    say(f"Saved {what}:  {path}")
    return True
