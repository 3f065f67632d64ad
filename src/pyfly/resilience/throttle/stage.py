"""The throttle in a pipeline: it sees each attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyfly.resilience._guard import tell_refusal
from pyfly.resilience.call import Call, Handler, SyncHandler
from pyfly.resilience.throttle.policy import ThrottledException
from pyfly.resilience.throttle.throttle import Throttle


class ThrottleStage:
    """Holds back a part of the attempts while the other side turns many away.

    Args:
        throttle: The throttle, which several pipelines may share.
        is_rejection: Whether an exception means that the other side turned the attempt away,
            unless the throttle was made with a rule of its own.
    """

    name = "throttle"

    def __init__(
        self, throttle: Throttle, is_rejection: Callable[[Exception], bool] | None = None
    ) -> None:
        self.throttle = throttle
        self._is_rejection = is_rejection

    def wrap(self, inner: Handler) -> Handler:
        throttle, is_rejection = self.throttle, self._is_rejection

        async def throttle_stage(call: Call) -> Any:
            self._enter(call)
            try:
                result = await inner(call)
            except Exception as error:
                throttle.failed(error, is_rejection)
                raise
            throttle.succeeded()
            return result

        return throttle_stage

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        throttle, is_rejection = self.throttle, self._is_rejection

        def throttle_stage(call: Call) -> Any:
            self._enter(call)
            try:
                result = inner(call)
            except Exception as error:
                throttle.failed(error, is_rejection)
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
