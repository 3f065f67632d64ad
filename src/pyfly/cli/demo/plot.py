"""The run as a picture: answers, attempts and the state of the circuit over time."""

from __future__ import annotations

from pathlib import Path

from pyfly.cli.demo.report import per_second
from pyfly.cli.demo.run import Run
from pyfly.client import CircuitState

__all__ = ["draw"]

# Okabe and Ito's palette, which people see alike whatever their colour vision.
_GREEN, _BLUE, _ORANGE = "#009E73", "#0072B2", "#D55E00"
_STATES = {
    CircuitState.CLOSED: ("closed", "#FFFFFF", ""),
    CircuitState.HALF_OPEN: ("half-open", "#F0E442", "...."),
    CircuitState.OPEN: ("open", "#D55E00", "////"),
}


def draw(run: Run, path: Path) -> None:
    """Write the picture; the ending of the name says which kind (``.svg``, ``.png``).

    Raises:
        ImportError: matplotlib is not installed.
        OSError: The file cannot be written.
    """
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = "pyfly"
    from matplotlib import pyplot

    tally, seconds = run.tally, int(run.seconds)
    figure, (top, bottom) = pyplot.subplots(
        2, 1, figsize=(9, 4.6), sharex=True, height_ratios=(6, 1), layout="constrained"
    )
    try:
        middles = [second + 0.5 for second in range(seconds)]
        answers = per_second([c.ended for c in tally.calls if c.failure is None], seconds)
        attempts = per_second(tally.attempts_started, seconds)
        refused = per_second([c.ended for c in tally.calls if c.failure == "circuit open"], seconds)
        top.plot(middles, answers, color=_GREEN, lw=2.2, label="answers (goodput)")
        top.plot(middles, attempts, color=_BLUE, lw=1.6, ls="--", label="attempts")
        top.plot(middles, refused, color=_ORANGE, lw=1.6, ls=":", label="refused, circuit open")
        height = max([*answers, *attempts, *refused, 1])
        top.set_ylim(0, height * 1.35)
        top.set_ylabel("per second")
        top.legend(loc="upper right", ncols=3, frameon=False, fontsize=9)
        for number, phase in enumerate(run.phases):
            for axes in (top, bottom):
                axes.axvspan(phase.start, phase.end, color="#000000", alpha=0.05 * (number % 2))
            top.text(
                (phase.start + phase.end) / 2, height * 1.12, phase.name, ha="center", color="#444"
            )
        for stretch in tally.stretches(run.seconds):
            told, colour, hatch = _STATES[stretch.state]
            bottom.barh(
                0, stretch.end - stretch.start, left=stretch.start, height=1,
                color=colour, hatch=hatch, edgecolor="#666", linewidth=0.5,
            )  # fmt: skip
            if stretch.end - stretch.start > run.seconds / 14:
                bottom.text(
                    (stretch.start + stretch.end) / 2, 0, told, ha="center", va="center",
                    fontsize=9, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
                )  # fmt: skip
        bottom.set_yticks([0], ["circuit"])
        bottom.set_ylim(-0.5, 0.5)
        bottom.set_xlim(0, run.seconds)
        bottom.set_xlabel("seconds")
        for axes in (top, bottom):
            axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=150)
    finally:
        pyplot.close(figure)
