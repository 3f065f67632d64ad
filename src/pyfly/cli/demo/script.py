"""What the service does, and when: the phases of the demo."""

from __future__ import annotations

from pyfly.kernel.record import Record

DEFAULT_SECONDS = 28.0


class Phase(Record):
    """A stretch of the script.

    Attributes:
        name: How the service behaves, in a word; also the command that it takes.
        told: The same for a reader, as the end of "the service …".
        start: Seconds since the demo began.
        end: Likewise.
    """

    name: str
    told: str
    start: float
    end: float


_PARTS = (
    ("healthy", "answers within milliseconds", 5),
    ("slow", "takes up to a second", 5),
    ("failing", "answers two of five requests with 503", 5),
    ("down", "resets and refuses all connections", 7),
    ("recovered", "is back", 6),
)


def script(seconds: float) -> tuple[Phase, ...]:
    """The phases of a demo that lasts so many seconds."""
    unit = seconds / sum(share for _, _, share in _PARTS)
    phases: list[Phase] = []
    end = 0.0
    for name, told, share in _PARTS:
        start, end = end, end + share * unit
        phases.append(Phase(name, told, start, end))
    return tuple(phases)


def phase_at(phases: tuple[Phase, ...], at: float) -> Phase:
    """The phase at a time; the last one has no end."""
    return next((phase for phase in phases if at < phase.end), phases[-1])
