"""Hedging in a pipeline: inside the retry, so that each attempt of a call may be hedged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyfly.resilience.call import Call, Handler, SyncHandler
from pyfly.resilience.hedge.hedge import Hedge


class HedgeStage:
    """Sends an attempt once more beside itself when it has no answer in time.

    Each attempt that the retry makes may be hedged; hedges are not counted among its
    ``max_attempts``. The stages inside see each hedge as an attempt of its own: it has a copy of
    the call with the attempt's number and its own in ``call.hedge``, its permits, its timeout.
    For a circuit breaker the attempt and its hedges together weigh what an attempt weighs.
    A call in a half-open circuit, or with ``call.single_attempt``, is never hedged.

    Hedges take their tokens from the hedge's budget. The calls are noted there by the retry
    stage, which is to be given the same budget; where there is no retry stage, by this one.

    Args:
        hedge: The hedge, which several pipelines may share.
        may_hedge: Asked before an attempt: None if it may be sent twice, else why not. Only
            calls that do no harm when they run twice may.
    """

    name = "hedge"

    def __init__(self, hedge: Hedge, may_hedge: Callable[[Call], str | None]) -> None:
        if not callable(may_hedge):
            raise TypeError(
                "HedgeStage: may_hedge must be a function from a call to None (it may be sent "
                f"twice) or the reason why not, not {type(may_hedge).__name__}"
            )
        self.hedge = hedge
        self._may_hedge = may_hedge

    def wrap(self, inner: Handler) -> Handler:
        hedge, may_hedge, budget = self.hedge, self._may_hedge, self.hedge.budget

        async def hedge_stage(call: Call) -> Any:
            if budget is not None and call.against_retry is None:
                budget.deposit()
            if call.single_attempt is not None or may_hedge(call) is not None:
                return await inner(call)
            return await hedge.run(call, inner)

        return hedge_stage

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        raise TypeError(
            "HedgeStage: a synchronous pipeline cannot hedge: cancelling the slower attempt "
            "takes an event loop; leave the hedge out, or make the call asynchronous"
        )

    def describe(self) -> str:
        return self.hedge.describe()
