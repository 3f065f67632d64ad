"""The throttle in a pipeline: it sees each attempt."""

from __future__ import annotations

from typing import Any

from pyfly.resilience._guard import tell_refusal
from pyfly.resilience.call import Call, Handler, SyncHandler
from pyfly.resilience.throttle.errors import ThrottledException
from pyfly.resilience.throttle.throttle import Throttle

__all__ = ["ThrottleStage"]


class ThrottleStage:
    """Holds back a part of the attempts while the other side turns many away.

    Args:
        throttle: The throttle, which several pipelines may share.
    """

    name = "throttle"

    def __init__(self, throttle: Throttle) -> None:
        self.throttle = throttle

    def wrap(self, inner: Handler) -> Handler:
        throttle = self.throttle

        async def throttle_stage(call: Call) -> Any:
            self._enter(call)
            try:
                result = await inner(call)
            except Exception as error:
                throttle.failed(error)
                raise
            throttle.succeeded()
            return result

        return throttle_stage

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        throttle = self.throttle

        def throttle_stage(call: Call) -> Any:
            self._enter(call)
            try:
                result = inner(call)
            except Exception as error:
                throttle.failed(error)
                raise
            throttle.succeeded()
            return result

        return throttle_stage

    def _enter(self, call: Call) -> None:
        try:
            self.throttle.admit(call.operation)
        except ThrottledException as refusal:
            tell_refusal(call.events, call.operation, call.clock, self.name, refusal)
            raise

    def describe(self) -> str:
        return self.throttle.describe()
