"""The run as lines of text: one a second, and one for each change of service and circuit."""

from __future__ import annotations

from collections.abc import Callable

from pyfly.cli.demo.run import Run
from pyfly.cli.demo.tally import percentile

__all__ = ["PlainView"]

_HEADINGS = "       s   calls answered  failed refused attempts retries      p50      p95  circuit"


class PlainView:
    """Prints what happened since the last line.

    Args:
        echo: Prints one line.
    """

    def __init__(self, echo: Callable[[str], object]) -> None:
        self._echo = echo
        self._second = 0
        self._transitions = 0
        self._phase = ""

    def update(self, run: Run) -> None:
        """Print what is new."""
        now = run.now
        phase = run.phase_at(now)
        if not self._phase:
            self._echo(_HEADINGS)
        if phase.name != self._phase:
            self._phase = phase.name
            self._echo(f"{max(phase.start, 0.0):8.1f}   the service {phase.told}")
        for transition in run.tally.transitions[self._transitions :]:
            self._transitions += 1
            self._echo(
                f"{transition.at:8.1f}   the circuit goes from {_word(transition.old.name)} to "
                f"{_word(transition.new.name)}: {transition.reason}"
            )
        if int(now) > self._second:
            self._second = int(now)
            self._echo(_line(run, now))


def _line(run: Run, now: float) -> str:
    tally = run.tally
    latencies = [call.duration for call in tally.answered_since(now - 1)]
    return (
        f"{now:8.1f}{len(tally.calls):8}{tally.succeeded:9}{tally.failed:8}{tally.refused:8}"
        f"{len(tally.attempts_started):9}{len(tally.retries_started):8}"
        f"{_milliseconds(percentile(latencies, 0.5))}{_milliseconds(percentile(latencies, 0.95))}"
        f"  {_word(tally.state.name)}"
    )


def _word(state: str) -> str:
    return state.lower().replace("_", "-")


def _milliseconds(seconds: float | None) -> str:
    return f"{'-':>9}" if seconds is None else f"{1000 * seconds:6.0f} ms"
