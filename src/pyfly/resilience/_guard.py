"""What the limits share: a function run under one of them, and how long one may wait.

A limit lets a call in, or refuses it by an exception; when the call has ended, it is told
how. The drivers here see to it that it is told once, whatever ends the call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import Any, Generic, ParamSpec, TypeVar

from pyfly.kernel.exceptions import RefusedException
from pyfly.resilience._checks import coroutine_in_sync, coroutine_passed, misuse
from pyfly.resilience._decorate import decorated
from pyfly.resilience.call import Call
from pyfly.resilience.clock import Clock
from pyfly.resilience.deadlines import time_left
from pyfly.resilience.events import Events, PermitRefused

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
L = TypeVar("L")


class Guard(Generic[L]):
    """A limit around functions: ``call``, ``call_sync``, and the limit itself as a decorator.

    ``L`` is what a call holds while it runs, such as a permit.
    """

    __slots__ = ()

    async def _enter(self) -> L:
        """Let a call in, perhaps after a wait, or raise."""
        raise NotImplementedError

    def _enter_sync(self) -> L:
        """The same in synchronous code."""
        raise NotImplementedError

    def _succeeded(self, lease: L) -> None:
        """The call returned."""
        raise NotImplementedError

    def _failed(self, lease: L, error: BaseException) -> None:
        """The call raised, or was cancelled."""
        raise NotImplementedError

    def _misused(self, lease: L) -> None:
        """There was no call: what was to be called is of the wrong kind."""
        raise NotImplementedError

    async def call(
        self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Await ``func(*args, **kwargs)`` under the limit.

        Raises:
            RefusedException: The limit did not let it pass; ``func`` was not called.
            TypeError: What ``func`` returned cannot be awaited. This does not count.
            Exception: Whatever ``func`` raised.
        """
        if isinstance(func, CoroutineType):
            raise coroutine_passed(f"{type(self).__name__}.call", func)
        lease = await self._enter()
        pending: Any = func
        try:
            pending = func(*args, **kwargs)
            result: T = await pending
        except BaseException as error:
            owner = type(self).__name__
            wrong = misuse(f"{owner}.call", f"{owner}.call_sync", func, pending, error)
            if wrong is None:
                self._failed(lease, error)
                raise
            self._misused(lease)
            raise wrong from None
        self._succeeded(lease)
        return result

    def call_sync(self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``func(*args, **kwargs)`` under the limit.

        Raises:
            RefusedException: The limit did not let it pass; ``func`` was not called.
            TypeError: ``func`` is ``async def``. This does not count.
            Exception: Whatever ``func`` raised.
        """
        lease = self._enter_sync()
        try:
            result = func(*args, **kwargs)
        except BaseException as error:
            self._failed(lease, error)
            raise
        if type(result) is CoroutineType:
            self._misused(lease)
            owner = type(self).__name__
            raise coroutine_in_sync(f"{owner}.call_sync", f"{owner}.call", func, result)
        self._succeeded(lease)
        return result

    def __call__(self, func: F) -> F:
        """As a decorator: each call of the function, plain or ``async def``, is under the limit.

        Raises:
            TypeError: Something that cannot be called, or a generator function.
        """
        return decorated(type(self).__name__, func, self.call, self.call_sync)


def least(one: float | None, other: float | None) -> float | None:
    """Returns the shorter of two spans, where None is without end."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def time_for(call: Call) -> float | None:
    """Returns the seconds until the call has to be done, None without a deadline.

    ``call.attempt_deadline`` is no help here: limits stand outside the attempt timeout, which
    sets it.
    """
    now = call.clock.monotonic()
    own = None if call.deadline is None else call.deadline - now
    return least(own, time_left(call.clock, now))


def tell_refusal(
    events: Events, operation: str, clock: Clock, policy: str, refusal: RefusedException
) -> None:
    """Tell listeners that a call was refused."""
    if events.on and events.wants(PermitRefused):
        at = clock.monotonic()
        events.emit(PermitRefused(operation, at, policy, refusal.name, refusal.retry_after))
