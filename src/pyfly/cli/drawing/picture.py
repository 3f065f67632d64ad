"""Pictures in files, drawn by matplotlib: one look for all of them."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
