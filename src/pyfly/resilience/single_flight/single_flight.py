"""Single flight: calls that ask for the same at the same time share one answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable
from inspect import isawaitable
from types import CoroutineType
from typing import Any, ParamSpec, TypeVar, cast

from pyfly.resilience._checks import clock_or_system, coroutine_in_sync, coroutine_passed
from pyfly.resilience.call import Call, Handler, SyncHandler
from pyfly.resilience.clock import Clock
from pyfly.resilience.events import Events, Listener
from pyfly.resilience.single_flight.table import Table, usable_key
from pyfly.resilience.single_flight.tasks import share
from pyfly.resilience.single_flight.threads import share_sync

P = ParamSpec("P")
T = TypeVar("T")


class SingleFlight:
    """Calls with the same key share one call while it is under way. Nothing is kept after it.

    All get the same value, which nobody should change, and exceptions of their own: copies, as
    far as they can be copied.

    On an event loop the shared call runs in a task of its own, in a copy of the first caller's
    context and free of its deadline. A caller who is cancelled or out of time leaves the others
    alone; the last one who leaves cancels the call, and waits for its end. In threads the first
    caller makes the call; if its own deadline passes or it is interrupted, the next one does.
    Calls of different event loops, and those of threads, share nothing with each other. A call
    that asks for its own key while it is made is made as if alone.

    Args:
        clock: Where the time comes from; default: the system. Asynchronous waits are timers
            of the running loop, so another clock has to advance with ``loop.time()``.
        listeners: Called with the events of ``call`` and ``call_sync``; a pipeline tells its
            own listeners.

    Attributes:
        events: Its listeners.
    """

    __slots__ = ("__weakref__", "_clock", "_table", "events")

    def __init__(self, *, clock: Clock | None = None, listeners: Iterable[Listener] = ()) -> None:
        self._clock = clock_or_system("SingleFlight", clock)
        self._table = Table()
        self.events = Events(listeners)

    def __len__(self) -> int:
        """How many shared calls are under way."""
        return len(self._table)

    def __bool__(self) -> bool:
        return True

    async def call(
        self, key: Hashable, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Await ``func(*args, **kwargs)``, or the result of the call with this key under way.

        Args:
            key: What is asked for, such as a tuple of the arguments; None: share nothing.
            func: Called by the first one only.
            args: Its arguments.
            kwargs: The same.

        Raises:
            DeadlineExceededException: The current deadline came before the answer.
            TypeError: What ``func`` returned cannot be awaited, or a key that is not hashable.
            Exception: Whatever ``func`` raised.
        """
        if isinstance(func, CoroutineType):
            raise coroutine_passed("SingleFlight.call", func)
        usable_key(key, "SingleFlight.call")

        async def make(_: Call) -> T:
            pending: Any = func(*args, **kwargs)
            if not isawaitable(pending):
                raise TypeError(
                    f"SingleFlight.call needs a function whose result can be awaited, and "
                    f"{_name_of(func)} returned {type(pending).__name__}: make it `async def`, "
                    "or use SingleFlight.call_sync"
                )
            return cast(T, await pending)

        return cast(T, await self.run(key, self._call(func), make))

    def call_sync(
        self, key: Hashable, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same in synchronous code, among threads.

        Raises:
            DeadlineExceededException: The current deadline came before another thread's answer.
            TypeError: ``func`` is ``async def``, or a key that is not hashable.
            Exception: Whatever ``func`` raised.
        """
        usable_key(key, "SingleFlight.call_sync")

        def make(_: Call) -> T:
            result = func(*args, **kwargs)
            if type(result) is CoroutineType:
                raise coroutine_in_sync("SingleFlight.call_sync", "SingleFlight.call", func, result)
            return result

        return cast(T, self.run_sync(key, self._call(func), make))

    async def run(self, key: Hashable, call: Call, inner: Handler) -> Any:
        """One call, shared with those of the same key; for stages."""
        return await (inner(call) if key is None else share(self._table, key, call, inner))

    def run_sync(self, key: Hashable, call: Call, inner: SyncHandler) -> Any:
        """The same in synchronous code."""
        return inner(call) if key is None else share_sync(self._table, key, call, inner)

    def _call(self, func: Any) -> Call:
        return Call(_name_of(func), None, clock=self._clock, events=self.events)

    def __repr__(self) -> str:
        return f"<SingleFlight {len(self)} under way>"


def _name_of(func: Any) -> str:
    return str(getattr(func, "__qualname__", type(func).__qualname__))
