"""A drill as a picture: the outage over time, and the sweeps beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pyfly.cli.drawing.picture import BLUE, GREY, INK, ORANGE
from pyfly.cli.drill.drill import Drill
from pyfly.cli.drill.scenario import drain_time, highest_load, success
from pyfly.cli.drill.tally import DrillTally, per_second

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES: dict[str, tuple[str, Any, float]] = {
    "none": (GREY, "--", 1.4),
    "naive retry": (ORANGE, "-", 1.6),
    "breaker": ("#56B4E9", "-", 4.0),
    "budget": ("#CC79A7", "-.", 1.5),
    "defaults": (BLUE, "-", 1.8),
    "adaptive": ("#009E73", (0, (1, 1)), 1.8),
}
_OWN = (BLUE, "-", 1.8)


def figure_of(drill: Drill) -> Figure:
    """The figure of a drill, to be drawn by :func:`pyfly.cli.drawing.picture.draw`."""
    from matplotlib.figure import Figure

    wide = bool(drill.plan.loads)
    figure = Figure(figsize=(12.5 if wide else 8.5, 6.2), layout="constrained")
    parts: Any = figure.subfigures(1, 2, width_ratios=(1.5, 1)) if wide else (figure,)
    left = parts[0]
    goodput, attempts, circuits = left.subplots(3, 1, sharex=True, height_ratios=(3, 2, 0.8))
    _draw_run(drill, goodput, attempts, circuits)
    if wide:
        recoveries, successes = parts[1].subplots(2, 1)
        _draw_recoveries(drill, recoveries)
        _draw_successes(drill, successes)
    left.align_ylabels([goodput, attempts, circuits])
    plan = drill.plan
    figure.suptitle(
        f"{plan.settings.name} settings: attempt timeout {plan.settings.timeout:g} s, open "
        f"{plan.settings.open_time:g} s, {plan.settings.attempts} attempts; "
        f"{plan.scenario.clients} clients at {plan.scenario.load:.0%} load",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    return figure


def _style(name: str) -> dict[str, Any]:
    colour, line, width = _LINES.get(name, _OWN)
    return {"color": colour, "ls": line, "lw": width, "label": name}


def _draw_run(drill: Drill, goodput: Axes, attempts: Axes, circuits: Axes) -> None:
    scenario = drill.plan.scenario
    for name, tally in drill.tallies.items():
        middles = [second + 0.5 for second in range(tally.seconds)]
        goodput.plot(middles, _smooth(per_second(tally.ends, tally.seconds)), **_style(name))
        attempts.plot(middles, _smooth(per_second(tally.attempts, tally.seconds)), **_style(name))
        if len(tally.open_circuits) > 1:
            circuits.step(*_open_share(tally), where="post", **_style(name))
    for axes in (goodput, attempts, circuits):
        axes.axvspan(scenario.quiet, scenario.outage_end, color="#000000", alpha=0.07, lw=0)
    most = 1.5 * max(scenario.rate, scenario.capacity)
    goodput.set_ylim(-0.02 * most, most)  # below 0, where some stay for ever: a line, not an axis
    attempts.set_ylim(bottom=-0.03 * attempts.get_ylim()[1])
    for axes in (goodput, attempts):
        axes.axhline(scenario.rate, color=INK, lw=0.8, ls=":")
        axes.text(scenario.end, scenario.rate, " calls", va="center", color=GREY, fontsize=8.5)
    goodput.set_ylabel("calls answered\nper second")
    goodput.legend(loc="upper right", ncols=3)
    goodput.set_title(
        f"While the service loses {scenario.lost:.0%} of its workers (grey), and after"
    )
    attempts.set_ylabel("attempts\nper second")
    circuits.set_ylabel("circuits\nnot closed")
    circuits.set_ylim(-0.08, 1.08)
    circuits.set_yticks([0, 1], ["0%", "100%"])
    circuits.set_xlim(0, scenario.end)
    circuits.set_xlabel("time (s)")


def _smooth(counts: list[int]) -> list[float]:
    """A mean over three seconds: what comes by chance would hide what matters."""
    near = [counts[max(i - 1, 0) : i + 2] for i in range(len(counts))]
    return [sum(window) / len(window) for window in near]


def _open_share(tally: DrillTally) -> tuple[list[float], list[float]]:
    points = [*tally.open_circuits, (float(tally.seconds), tally.open_circuits[-1][1])]
    return [at for at, _ in points], [count / tally.scenario.clients for _, count in points]


def _draw_recoveries(drill: Drill, axes: Axes) -> None:
    plan = drill.plan
    settings, scenario = plan.settings, plan.scenario
    top = scenario.after
    for name, row in drill.recoveries.items():
        axes.plot(
            plan.loads, [top if value is None else value for value in row], "o", **_style(name)
        )
    loads = [0.2 + 0.005 * step for step in range(146)]
    for attempts in (1, settings.attempts):
        drained = [drain_time(scenario.replace(load=x), settings.timeout, attempts) for x in loads]
        _draw_theory(axes, loads, [value if value < top else math.nan for value in drained])
    axes.axvline(highest_load(settings.attempts), color=ORANGE, lw=0.8, ls=":")
    axes.axhline(settings.recovery_bound, color=BLUE, lw=0.8, ls=":")
    axes.annotate(
        "open + timeout + 1 s", (0.45, settings.recovery_bound), (0, 3), textcoords="offset points",
        ha="left", color=BLUE, fontsize=8.5,
    )  # fmt: skip
    axes.set_ylim(0, top * 1.06)
    ticks = [tick for tick in (0, 10, 20, 30, 40, 50, 60, 80, 100) if tick < top]
    axes.set_yticks([*ticks, top], [*map(str, ticks), "never"])
    axes.set_xticks(plan.loads, [f"{load:.0%}" for load in plan.loads])
    axes.set_title("Seconds until calls succeed again (thin: fluid model)")
    axes.set_xlabel("load, as a part of the capacity")


def _draw_successes(drill: Drill, axes: Axes) -> None:
    for name, row in drill.successes.items():
        axes.plot(drill.plan.errors, row, "o", **_style(name))
    errors = [0.01 * step for step in range(91)]
    for attempts in (1, drill.plan.settings.attempts):
        _draw_theory(axes, errors, [success(each, attempts) for each in errors])
    axes.set_ylim(0, 1.04)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xticks(drill.plan.errors, [f"{each:.0%}" for each in drill.plan.errors])
    axes.set_title("Calls that succeed (thin: 1 − p and 1 − pⁿ)")
    axes.set_xlabel("attempts that fail, at random")
    axes.legend(loc="lower left")


def _draw_theory(axes: Axes, x: list[float], y: list[float]) -> None:
    axes.plot(x, y, color=INK, lw=0.7, zorder=1)
