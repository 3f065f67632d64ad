"""The run as a picture: calls, answers and attempts, latency, and the circuit over time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pyfly.cli.demo.chart import smooth_rates, smoothing
from pyfly.cli.demo.run import Run
from pyfly.cli.demo.tally import percentile
from pyfly.cli.drawing.picture import BLUE, GREY, INK, ORANGE
from pyfly.client import CircuitState

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STATES = {
    CircuitState.CLOSED: ("closed", "#FFFFFF", ""),
    CircuitState.HALF_OPEN: ("half-open", "#F0E442", "xxxx"),
    CircuitState.OPEN: ("open", "#F2B48C", "////"),
}


def figure_of(run: Run) -> Figure:
    """The figure of a run, to be drawn by :func:`pyfly.cli.drawing.picture.draw`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 5.2), layout="constrained")
    axes = figure.subplots(3, 1, sharex=True, height_ratios=(6, 2.6, 0.8))
    rates, latency, circuit = axes
    edges = [run.seconds * number / 112 for number in range(113)]
    middles = [(start + end) / 2 for start, end in pairwise(edges)]
    top = _draw_rates(rates, run, edges, middles)
    _draw_latency(latency, run, edges, middles)
    _draw_circuit(circuit, run)
    _draw_phases(axes, run, top)
    circuit.set_xlim(0, run.seconds)
    circuit.set_xlabel("time (s)")
    figure.align_ylabels(axes)
    return figure


def _draw_rates(axes: Axes, run: Run, edges: list[float], middles: list[float]) -> float:
    """The upper panel; returns where its labels may stand, above all curves."""
    tally, window = run.tally, smoothing(run.seconds)
    answered = [call.ended for call in tally.calls if call.failure is None]
    curves = [
        (tally.calls_started, "calls", GREY, "--", 1.3),
        (tally.attempts_started, "attempts", ORANGE, "-", 1.6),
        (answered, "calls answered (goodput)", BLUE, "-", 2.2),
    ]
    highest = 1.0
    for times, label, colour, style, width in curves:
        values = [rate or 0.0 for rate in smooth_rates(times, edges, run.seconds, window)]
        highest = max(highest, *values)
        axes.plot(middles, values, style, color=colour, lw=width, label=label)
        if colour == BLUE:
            axes.fill_between(middles, values, color=colour, alpha=0.12, lw=0)
    axes.set_ylim(0, highest * 1.32)
    axes.set_ylabel("per second")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=3, borderaxespad=0.2)
    axes.set_title("InventoryClient while its service is …", fontsize=10.5)
    return highest * 1.2


def _draw_latency(axes: Axes, run: Run, edges: list[float], middles: list[float]) -> None:
    """Percentiles of the answered calls around each moment, where there are any."""
    reach = smoothing(run.seconds) / 2
    answered = [call for call in run.tally.calls if call.failure is None]
    for share, label, colour, style in (
        (0.95, "p95", ORANGE, "-"),
        (0.5, "p50", BLUE, "-"),
    ):
        values = [
            1000 * (percentile(near, share) or 0) if len(near) > 3 else float("nan")
            for near in (
                [call.duration for call in answered if abs(call.ended - middle) <= reach]
                for middle in middles
            )
        ]
        axes.plot(middles, values, style, color=colour, lw=1.5, label=label)
    axes.set_yscale("log")
    axes.set_ylim(1, 3000)
    axes.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    axes.minorticks_off()
    axes.set_ylabel("latency (ms)")
    axes.legend(loc="upper right", ncols=2, borderaxespad=0.2)


def _draw_circuit(axes: Axes, run: Run) -> None:
    """The strip: white, dotted or hatched, with words where they fit."""
    axes.set_yticks([0.5], ["circuit"])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(0, 1)
    if not run.breaker:
        axes.text(run.seconds / 2, 0.5, "no circuit breaker", ha="center", va="center")
        return
    for start, end, state in run.tally.stretches(run.seconds):
        told, colour, hatch = _STATES[state]
        axes.axvspan(start, end, facecolor=colour, hatch=hatch, edgecolor=GREY, lw=0.6)
        if state is CircuitState.HALF_OPEN:  # it may last a millisecond
            axes.plot([start], [0.5], marker="D", ms=4, color=INK, zorder=3)
        elif end - start > run.seconds / 18:
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
            axes.text((start + end) / 2, 0.5, told, ha="center", va="center", bbox=box)
    if any(t.new is CircuitState.HALF_OPEN for t in run.tally.transitions):
        axes.annotate(
            "◆ half-open: one call probes", (1, 0), (0, -30), "axes fraction", "offset points",
            ha="right", va="baseline", color=GREY,
        )  # fmt: skip


def _draw_phases(axes: Any, run: Run, top: float) -> None:
    """What the service did: light bands behind everything, named once."""
    for number, phase in enumerate(run.phases):
        if number % 2:
            for each in axes[:2]:
                each.axvspan(phase.start, phase.end, color="#000000", alpha=0.05, lw=0, zorder=0)
        middle = (phase.start + phase.end) / 2
        axes[0].text(middle, top, phase.name, ha="center", va="bottom", color=GREY)
