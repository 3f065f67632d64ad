"""The run on a terminal, redrawn as it goes on."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from pyfly.cli.demo.report import NEXT, per_second, summary
from pyfly.cli.demo.run import Run
from pyfly.cli.demo.script import Phase
from pyfly.cli.demo.tally import percentile
from pyfly.client import CircuitState

__all__ = ["LiveView", "screen"]

_BARS = " ▁▂▃▄▅▆▇█"
_STATES: dict[CircuitState, tuple[str, str, str]] = {
    CircuitState.CLOSED: ("green", "─", "closed"),
    CircuitState.HALF_OPEN: ("yellow", "▒", "half-open"),
    CircuitState.OPEN: ("red", "█", "open"),
}


class LiveView:
    """Draws with rich, for a ``with`` block.

    Args:
        console: A ``rich.console.Console``.
    """

    def __init__(self, console: Any) -> None:
        from rich.live import Live

        self._console = console
        self._live: Any = Live(console=console, refresh_per_second=12, transient=False)

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def update(self, run: Run) -> None:
        """Draw it as it stands."""
        self._live.update(screen(run, min(self._console.width, 110)))


def screen(run: Run, width: int, ended: bool = False) -> Any:
    """The whole picture, at most 24 lines high while the run goes on.

    Args:
        run: What to show.
        width: Columns.
        ended: Whether the run is over: then with what it came to.
    """
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    parts: list[Any] = [_headline(run), Text(), _numbers(run), Text(), *_timeline(run, width - 4)]
    parts += [Text(), *_transitions(run)]
    if ended:
        parts += [Text(), *(Text(f"• {line}") for line in summary(run)), Text(NEXT, style="dim")]
    return Panel(
        Group(*parts),
        title="pyfly demo: an inventory client and a service that fails",
        width=width,
        border_style="cyan",
    )


def _headline(run: Run) -> Any:
    from rich.text import Text

    colour, _, told = _STATES[run.tally.state]
    line = Text.assemble(
        (f"{min(run.now, run.seconds):5.1f} s ", "bold"),
        f"of {run.seconds:.0f}   the service ",
        (run.phase.told, "bold"),
        "   circuit ",
        (f" {told.upper()} ", f"bold white on {colour}"),
    )
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _numbers(run: Run) -> Any:
    from rich.columns import Columns
    from rich.table import Table

    tally = run.tally
    recent = [call.duration for call in tally.answered_since(run.now - 3)]
    calls = Table.grid(padding=(0, 2))
    for name, value, colour in (
        ("calls", len(tally.calls), "bold"),
        ("succeeded", tally.succeeded, "green"),
        ("failed", tally.failed, "red"),
        ("refused, circuit open", tally.refused, "yellow"),
        ("in flight", tally.in_flight, "none"),
    ):
        calls.add_row(name, f"[{colour}]{value:5}[/]")
    attempts = Table.grid(padding=(0, 2))
    for name, text in (
        ("attempts", f"{len(tally.attempts_started):7}"),
        ("retries", f"{len(tally.retries_started):7}"),
        ("retries not made", f"{len(tally.suppressed_at):7}"),
        ("latency p50, last 3 s", _milliseconds(percentile(recent, 0.5))),
        ("latency p95", _milliseconds(percentile(recent, 0.95))),
    ):
        attempts.add_row(name, text)
    return Columns([calls, attempts], padding=(0, 6))


def _milliseconds(seconds: float | None) -> str:
    return f"{'-':>7}" if seconds is None else f"{1000 * seconds:4.0f} ms"


def _timeline(run: Run, width: int) -> list[Any]:
    """Three rows over time: answers, attempts, and the state of the circuit."""
    from rich.text import Text

    label = 12
    columns = max(width - label - 8, 10)
    tally, step = run.tally, run.seconds / columns
    succeeded = [call.ended / step for call in tally.calls if call.failure is None]
    started = [at / step for at in tally.attempts_started]
    rows: list[Any] = []
    scale = 1 / step
    for name, times, colour in (
        ("answers/s", succeeded, "green"),
        ("attempts/s", started, "cyan"),
    ):
        counts = per_second(times, columns)
        top = max([*counts, 1])
        bars = "".join(_BARS[-(-count * 8 // top)] for count in counts)
        rows.append(Text.assemble(f"{name:<{label}}", (bars, colour), f" ≤{top * scale:3.0f}"))
    strip = Text(f"{'circuit':<{label}}")
    for column in range(columns):
        at = column * step
        if at > run.now:
            strip.append(" ")
            continue
        state = next((s.state for s in tally.stretches(run.now) if s.start <= at < s.end), None)
        colour, mark, _ = _STATES[state or tally.state]
        strip.append(mark, colour)
    rows.append(strip)
    rows.append(Text(" " * label + _ruler(run.phases, step, columns), style="dim"))
    rows.append(Text(" " * label + "─ closed   ▒ half-open   █ open", style="dim"))
    for row in rows:
        row.no_wrap, row.overflow = True, "crop"
    return rows


def _ruler(phases: tuple[Phase, ...], step: float, columns: int) -> str:
    line = [" "] * columns
    for phase in phases:
        start = int(phase.start / step)
        for offset, letter in enumerate(f"|{phase.name}"):
            if start + offset < columns:
                line[start + offset] = letter
    return "".join(line)


def _transitions(run: Run) -> list[Any]:
    from rich.text import Text

    shown: list[Any] = []
    for transition in run.tally.transitions[-4:]:
        colour, _, told = _STATES[transition.new]
        line = Text.assemble(
            f"{transition.at:5.1f} s  circuit ", (told, colour), f": {transition.reason}"
        )
        line.no_wrap, line.overflow = True, "ellipsis"
        shown.append(line)
    return shown + [Text("")] * (4 - len(shown))
