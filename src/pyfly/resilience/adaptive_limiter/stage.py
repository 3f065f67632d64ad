"""The adaptive limiter in a pipeline: each attempt holds a permit, and is a sample."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pyfly.kernel.exceptions import BulkheadException
from pyfly.resilience._guard import tell_refusal
from pyfly.resilience.adaptive_limiter.limiter import AdaptiveLimiter
from pyfly.resilience.adaptive_limiter.state import LimiterPermit
from pyfly.resilience.call import Call, Handler, SyncHandler


class AdaptiveLimiterStage:
    """Lets as many attempts run at once as the other side can take.

    Args:
        limiter: The limiter, which several pipelines may share.
        is_drop: Whether an exception means that the other side has too much to do, unless the
            limiter was made with a rule of its own.
    """

    name = "adaptive limit"

    def __init__(
        self, limiter: AdaptiveLimiter, is_drop: Callable[[Exception], bool] | None = None
    ) -> None:
        self.limiter = limiter
        self._is_drop = is_drop

    def wrap(self, inner: Handler) -> Handler:
        async def adaptive_limit(call: Call) -> Any:
            permit = self._enter(call)
            try:
                result = await inner(call)
            except BaseException as error:
                self._failed(call, permit, error)
                raise
            self._succeeded(call, permit)
            return result

        return adaptive_limit

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        def adaptive_limit(call: Call) -> Any:
            permit = self._enter(call)
            try:
                result = inner(call)
            except BaseException as error:
                self._failed(call, permit, error)
                raise
            self._succeeded(call, permit)
            return result

        return adaptive_limit

    def _failed(self, call: Call, permit: LimiterPermit, error: BaseException) -> None:
        limiter = self.limiter
        if call.stood_still:
            limiter.released(permit)
        else:
            limiter.failed(permit, error, operation=call.operation, is_drop=self._is_drop)

    def _succeeded(self, call: Call, permit: LimiterPermit) -> None:
        """Give the permit back; for a stream, when that is closed: its length is no sample."""
        if call.on_close is not None:
            call.on_close.append(partial(self.limiter.released, permit))
        elif call.stood_still:
            self.limiter.released(permit)
        else:
            self.limiter.succeeded(permit, operation=call.operation)

    def _enter(self, call: Call) -> LimiterPermit:
        try:
            return self.limiter.admit(call.operation)
        except BulkheadException as refusal:
            tell_refusal(call.events, call.operation, call.clock, self.name, refusal)
            raise

    def describe(self) -> str:
        return self.limiter.describe()
