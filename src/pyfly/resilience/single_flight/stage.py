"""Single flight in a pipeline: outside the deadline, so that each caller keeps to its own."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from pyfly.resilience.call import Call, Handler, SyncHandler
from pyfly.resilience.single_flight.single_flight import SingleFlight
from pyfly.resilience.single_flight.table import usable_key


class SingleFlightStage:
    """Lets calls with the same key share all that is inside: deadline, circuit, retries.

    The total timeout inside bounds the shared call; an earlier deadline of a caller, from
    :class:`~pyfly.resilience.deadlines.deadline` or ``call.deadline``, bounds only that
    caller's wait. What the first caller brought for itself, such as ``call.attempt_timeout``,
    holds for all: the key has to tell apart what must not be mixed.

    Args:
        single_flight: Who shares with whom; one for several pipelines mixes their keys.
        key: What a call asks for, or None: it is made alone. Only calls that are alike in all
            that matters, and without effects, may have one key.
    """

    name = "single-flight"

    def __init__(self, single_flight: SingleFlight, key: Callable[[Call], Hashable | None]) -> None:
        if not callable(key):
            raise TypeError(
                "SingleFlightStage: key must be a function from a call to a hashable value or "
                f"None, not {type(key).__name__}"
            )
        self.single_flight = single_flight
        self._key = key

    def wrap(self, inner: Handler) -> Handler:
        run, key_of = self.single_flight.run, self._key

        async def single_flight_stage(call: Call) -> Any:
            return await run(usable_key(key_of(call), self.name), call, inner)

        return single_flight_stage

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        run, key_of = self.single_flight.run_sync, self._key

        def single_flight_stage(call: Call) -> Any:
            return run(usable_key(key_of(call), self.name), call, inner)

        return single_flight_stage

    def describe(self) -> str:
        return "calls with the same key share one call while it is under way"
