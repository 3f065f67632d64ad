"""The run as lines of text: one a second, and one for each change of the circuit."""

from __future__ import annotations

from collections.abc import Callable

from pyfly.cli.demo.run import Run
from pyfly.cli.demo.tally import percentile

__all__ = ["PlainView"]


class PlainView:
    """Prints what happened since the last line.

    Args:
        echo: Prints one line.
    """

    def __init__(self, echo: Callable[[str], None]) -> None:
        self._echo = echo
        self._second = 0
        self._transitions = 0
        self._phase = ""

    def update(self, run: Run) -> None:
        """Print what is new."""
        if run.phase.name != self._phase:
            self._phase = run.phase.name
            self._echo(f"{run.now:5.1f} s  the service {run.phase.told}")
        for transition in run.tally.transitions[self._transitions :]:
            self._transitions += 1
            self._echo(
                f"{transition.at:5.1f} s  circuit {transition.old.name} -> "
                f"{transition.new.name} ({transition.reason})"
            )
        if int(run.now) > self._second:
            self._second = int(run.now)
            self._echo(_line(run))


def _line(run: Run) -> str:
    tally, since = run.tally, run.now - 1
    latencies = [call.duration for call in tally.answered_since(since)]
    middle, late = percentile(latencies, 0.5), percentile(latencies, 0.95)
    return (
        f"{run.now:5.1f} s  calls {len(tally.calls):4}  ok {tally.succeeded:4}  "
        f"failed {tally.failed:3}  refused {tally.refused:3}  "
        f"attempts {len(tally.attempts_started):4}  {tally.state.name.lower():9}  "
        f"p50 {_milliseconds(middle)}  p95 {_milliseconds(late)}"
    )


def _milliseconds(seconds: float | None) -> str:
    return "     -" if seconds is None else f"{1000 * seconds:4.0f} ms"
