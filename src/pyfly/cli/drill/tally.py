"""What happened in a run, and what it comes to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from pyfly.cli.drill.scenario import Scenario
from pyfly.resilience import CircuitState, CircuitTransition
from pyfly.resilience.events import Event

#: A service has recovered when this part of the calls that end return, and as many calls return
#: as are this part of those made: calls that only wait are no recovery.
_WELL, _MANY = 0.9, 0.5
#: Calls that are judged together, and the least seconds: chance must not look like a relapse.
_ENOUGH, _WINDOW = 150, 3


class DrillTally:
    """The calls of one run. It is a listener to the clients' circuits.

    Args:
        scenario: What was played.
        patience: How long a call may wait for its answer, in seconds.

    Attributes:
        origin: When it began, on the loop's clock; all other times are seconds from then.
        attempts: When attempts arrived at the service.
        calls: When the calls began.
        good: When those began that returned, and ``ends`` when they did.
        refused: When those began of which nothing was sent, as the client refused them.
        failures: When the others began that failed. The rest was under way at the end.
        bad_ends: When the refused and the failed ones ended.
        open_circuits: When the number of circuits that are not closed changed, and to what.
    """

    only = (CircuitTransition,)

    def __init__(self, scenario: Scenario, patience: float) -> None:
        self.scenario = scenario
        self.patience = patience
        self.origin = 0.0
        self.attempts: list[float] = []
        self.calls: list[float] = []
        self.good: list[float] = []
        self.ends: list[float] = []
        self.refused: list[float] = []
        self.failures: list[float] = []
        self.bad_ends: list[float] = []
        self.open_circuits: list[tuple[float, int]] = [(0.0, 0)]

    def __call__(self, event: Event, /) -> None:
        """Hear of a circuit."""
        if isinstance(event, CircuitTransition):
            change = (event.old is CircuitState.CLOSED) - (event.new is CircuitState.CLOSED)
            if change:
                at, count = event.at - self.origin, self.open_circuits[-1][1]
                self.open_circuits.append((at, count + change))

    def made(self, started: float) -> None:
        """A call began."""
        self.calls.append(started - self.origin)

    def succeeded(self, started: float, ended: float) -> None:
        """A call returned."""
        self.good.append(started - self.origin)
        self.ends.append(ended - self.origin)

    def failed(self, started: float, ended: float, *, sent: bool) -> None:
        """A call raised, after something was sent or before."""
        (self.failures if sent else self.refused).append(started - self.origin)
        self.bad_ends.append(ended - self.origin)

    @property
    def seconds(self) -> int:
        """The whole seconds of the run."""
        return int(self.scenario.end)

    @property
    def judged(self) -> float:
        """Until when calls began that had time to return."""
        return self.scenario.end - self.patience

    def success(self, start: float, end: float) -> float:
        """The part of the calls made in a span that returned; 1 where there were none."""
        made = _within(self.calls, start, end)
        return _within(self.good, start, end) / made if made else 1.0

    @property
    def amplification(self) -> float:
        """Attempts during the outage for each call that was admitted then; 0 without any."""
        span = self.scenario.quiet, self.scenario.outage_end
        admitted = _within(self.calls, *span) - _within(self.refused, *span)
        return _within(self.attempts, *span) / admitted if admitted else 0.0

    @property
    def refusals(self) -> float:
        """The part of the calls made during the outage of which nothing was sent."""
        span = self.scenario.quiet, self.scenario.outage_end
        made = _within(self.calls, *span)
        return _within(self.refused, *span) / made if made else 0.0

    @property
    def recovery(self) -> float | None:
        """Seconds from the end of the outage until calls are answered again, and go on to be.

        From then on in any three seconds (or in as many as 150 calls take, if those are more)
        at least 90 % of the calls that end return, and half as many return as are made. (Not
        90 % of those made: near full load a queue that comes and goes by chance would look like
        a relapse, though every call returns.) None: never within the run.
        """
        good, bad = per_second(self.ends, self.seconds), per_second(self.bad_ends, self.seconds)
        made = per_second(self.calls, self.seconds)
        width = max(_WINDOW, math.ceil(_ENOUGH / self.scenario.rate))
        back, last = int(self.scenario.outage_end), self.seconds - width
        well_since = back
        for second in range(back, last + 1):
            window = slice(second, second + width)
            returned = sum(good[window])
            ended = returned + sum(bad[window])
            if returned < _WELL * ended or returned < _MANY * sum(made[window]):
                well_since = second + 1
        return None if well_since > last else float(well_since - back)


def _within(times: Sequence[float], start: float, end: float) -> int:
    return sum(start <= at < end for at in times)


def per_second(times: Sequence[float], seconds: int) -> list[int]:
    """How many of the times lie in each second."""
    counts = Counter(int(at) for at in times)
    return [counts[second] for second in range(seconds)]
