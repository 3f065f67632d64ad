"""The fallback in a pipeline: outermost, so that it answers whatever fails inside."""

from __future__ import annotations

from typing import Any

from pyfly.resilience.call import Call, Handler, SyncHandler
from pyfly.resilience.fallback.fallback import Fallback, FallbackUsed


class FallbackStage:
    """Answers calls that fail; what it answers is never cached.

    Its own listeners and those of the call are told.

    Args:
        fallback: The fallback, which several pipelines may share.
    """

    name = "fallback"

    def __init__(self, fallback: Fallback[Any]) -> None:
        self.fallback = fallback

    def wrap(self, inner: Handler) -> Handler:
        policy = self.fallback.policy

        async def fallback_stage(call: Call) -> Any:
            try:
                return await inner(call)
            except Exception as error:
                if not policy.answers(error):
                    raise
                answer = await policy.answer(error)
                self._tell(call, error)
                return answer

        return fallback_stage

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        policy = self.fallback.policy
        if policy.asynchronous:
            raise policy.no_use()

        def fallback_stage(call: Call) -> Any:
            try:
                return inner(call)
            except Exception as error:
                if not policy.answers(error):
                    raise
                answer = policy.answer_sync(error)
                self._tell(call, error)
                return answer

        return fallback_stage

    def _tell(self, call: Call, error: Exception) -> None:
        self.fallback.tell(call.operation, error)
        if call.events.on:
            at = call.clock.monotonic()
            call.events.emit(FallbackUsed(call.operation, at, self.fallback.name, error))

    def describe(self) -> str:
        name = f"{self.fallback.name}: " if self.fallback.name else ""
        return name + self.fallback.policy.describe()
