"""The rate limiter in a pipeline: each attempt takes its tokens before it begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyfly.kernel.exceptions import RateLimitException
from pyfly.resilience._guard import tell_refusal, time_for
from pyfly.resilience.call import Call, Handler, SyncHandler
from pyfly.resilience.rate_limiter.limiter import RateLimiter


class RateLimiterStage:
    """Lets attempts begin at no more than a rate.

    An attempt that would have to wait past the deadline of its call is refused at once.

    Args:
        limiter: The rate limiter, which several pipelines may share.
        weight: How many tokens an attempt takes; default: one.
    """

    name = "rate limiter"

    def __init__(self, limiter: RateLimiter, weight: Callable[[Call], float] | None = None) -> None:
        self.limiter = limiter
        self._weight = weight

    def wrap(self, inner: Handler) -> Handler:
        limiter = self.limiter

        async def rate_limiter(call: Call) -> Any:
            weight = self._tokens(call)
            if not limiter.try_acquire(weight):
                try:
                    await limiter.take(call.operation, weight, time_for(call))
                except RateLimitException as refusal:
                    tell_refusal(call.events, call.operation, call.clock, self.name, refusal)
                    raise
            return await inner(call)

        return rate_limiter

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        limiter = self.limiter

        def rate_limiter(call: Call) -> Any:
            weight = self._tokens(call)
            if not limiter.try_acquire(weight):
                try:
                    limiter.take_sync(call.operation, weight, time_for(call))
                except RateLimitException as refusal:
                    tell_refusal(call.events, call.operation, call.clock, self.name, refusal)
                    raise
            return inner(call)

        return rate_limiter

    def _tokens(self, call: Call) -> float:
        return 1.0 if self._weight is None else self._weight(call)

    def describe(self) -> str:
        text = self.limiter.describe()
        return text if self._weight is None else f"{text}, by weight"
