"""Time that passes when everybody waits: back-off, recovery and timeouts at once.

:func:`run_virtual` runs a coroutine on a :class:`VirtualTimeLoop`, whose clock jumps to the next
timer as soon as nothing is left to do: ``asyncio.sleep``, ``asyncio.timeout``, ``wait_for`` and
the policies of pyfly take microseconds, and always the same way. ``time.monotonic`` tells the
loop's time while it runs, in its thread and in those it starts, so code that asks the system's
clock is right as well; ``time.time`` and ``time.sleep`` stay real.

What happens outside the loop takes real time. While a thread works (``asyncio.to_thread``), the
loop's time stands still until it has an answer, or until as much real time has passed as the
next timer asks for. Peers behind sockets get 10 ms before each jump; test against them in real
time if they need more.

:class:`~pyfly.testing.VirtualClock` is a clock of pyfly for use with and without such a loop.
"""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, ProcessPoolExecutor
from selectors import DefaultSelector
from types import CodeType
from typing import Any, NamedTuple, Protocol, TypeVar, TypeVarTuple

from pyfly.kernel.exceptions import PyFlyException

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Timed(Protocol):
    """What knows the time, such as an event loop."""

    def time(self) -> float:
        """The time, in seconds."""
        ...


class _Monotonic:
    """What ``time.monotonic`` is while virtual loops run: theirs in their threads, else the real.

    Attributes:
        real: The function that it stands in for.
        loops: The loops of each thread, innermost last.
    """

    def __init__(self, real: Callable[[], float]) -> None:
        self.real = real
        self.loops: dict[int, list[Timed]] = {}

    def __call__(self) -> float:
        loops = self.loops.get(threading.get_ident())
        return loops[-1].time() if loops else self.real()


#: Guards the exchange of ``time.monotonic``, which belongs to the process.
_exchange = threading.RLock()


class MonotonicPatch:
    """Has ``time.monotonic`` follow a loop in the current thread while a ``with`` block runs."""

    __slots__ = ("_loop", "_monotonic")

    def __init__(self, loop: Timed) -> None:
        self._loop = loop

    def __enter__(self) -> None:
        with _exchange:
            current: Any = time.monotonic
            if not isinstance(current, _Monotonic):
                current = time.monotonic = _Monotonic(current)
            current.loops.setdefault(threading.get_ident(), []).append(self._loop)
            self._monotonic = current

    def __exit__(self, *_: object) -> None:
        ours: _Monotonic = self._monotonic
        thread = threading.get_ident()
        with _exchange:
            ours.loops[thread].pop()
            if not ours.loops[thread]:
                del ours.loops[thread]
            installed: object = time.monotonic  # somebody may have replaced it since
            if not ours.loops and installed is ours:
                time.monotonic = ours.real


def with_monotonic(loop: Timed, func: Callable[[*Ts], T]) -> Callable[[*Ts], T]:
    """A function that ``time.monotonic`` follows the loop in while it runs, in any thread."""

    def follow(*args: *Ts) -> T:
        with MonotonicPatch(loop):
            return func(*args)

    return follow


class _Place(NamedTuple):
    function: str
    file: str
    line: int


def waiting_tasks(loop: asyncio.AbstractEventLoop) -> list[str]:
    """A line for each unfinished task: its name, the places where it waits, and for what."""
    tasks = sorted(asyncio.all_tasks(loop), key=_number)
    return [_told(task) for task in tasks]


def _number(task: asyncio.Task[Any]) -> tuple[int, str]:
    """Tasks in the order of their making, where their names tell it: Task-2 before Task-10."""
    name = task.get_name()
    digits = name.rpartition("-")[2]
    return (int(digits) if digits.isdecimal() else 0, name)


def _told(task: asyncio.Task[Any]) -> str:
    places = " → ".join(
        f"{place.function} ({_short(place.file)}:{place.line})" for place in _way(task.get_coro())
    )
    return f"{task.get_name()}: {places}, waits for {_awaited(task)}"


def _way(coroutine: Any) -> list[_Place]:
    """From the task's coroutine through what it awaits to the innermost place."""
    places: list[_Place] = []
    current: Any = coroutine
    while (kind := _kind(current)) is not None:
        code: CodeType = getattr(current, f"{kind}_code")
        frame = getattr(current, f"{kind}_frame")
        line = code.co_firstlineno if frame is None else frame.f_lineno
        places.append(_Place(code.co_qualname, code.co_filename, line))
        current = getattr(current, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
    return places


def _kind(thing: Any) -> str | None:
    """The prefix of its attributes: of a coroutine, a generator, an asynchronous generator."""
    return next((kind for kind in ("cr", "gi", "ag") if hasattr(thing, f"{kind}_code")), None)


def _awaited(task: asyncio.Task[Any]) -> str:
    future = getattr(task, "_fut_waiter", None)  # not public, so it may be gone one day
    if isinstance(future, asyncio.Task):
        return future.get_name()
    return "something" if future is None else f"a {type(future).__name__}"


def _short(path: str) -> str:
    """The path as seen from here, if it is below; else the file's name."""
    here = os.getcwd() + os.sep
    return path.removeprefix(here) if path.startswith(here) else os.path.basename(path)


#: What a virtual clock shows at first, in seconds: not 0, which code may take for "unset".
START = 1_000.0
#: By how much a timer may be early for asyncio, in seconds, at the least.
_RESOLUTION = 1e-9
#: Real seconds for other threads to wake a loop that has nothing to do.
_LAST_CALL = 0.05
#: Real seconds for peers behind sockets before time jumps.
_GRACE = 0.01


class VirtualDeadlockException(PyFlyException):
    """Nothing can ever happen again on a virtual-time loop: all its tasks wait, and no timer runs.

    The message lists the tasks, where each waits, and for what.
    """


def run_virtual(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """Run a coroutine in virtual time, as ``asyncio.run`` does in real time.

    Args:
        main: The coroutine.
        debug: asyncio's debug mode; default: as its environment variable says.

    Raises:
        VirtualDeadlockException: All tasks wait, and nothing will wake them.
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop, debug=debug) as runner:
        return runner.run(main)


class _Selector(DefaultSelector):
    """Moves the loop's time on instead of waiting."""

    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        loop = self.loop
        if timeout is None and not loop.threads_at_work:
            if len(self.get_map()) > 1:  # more than the loop's own: a peer may wake it
                return super().select(None)
            ready = super().select(_LAST_CALL)
            if not ready:
                raise _deadlock(loop)
            return ready
        if loop.threads_at_work:
            ready = super().select(timeout)
        elif len(self.get_map()) > 1:
            ready = super().select(_GRACE if timeout is None else min(timeout, _GRACE))
        if not ready and timeout is not None:
            loop.advance(timeout)
            if loop.time() + _RESOLUTION == loop.time():  # far from 0: a timer would never be due
                loop.advance(math.ulp(loop.time()))
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer as soon as nothing is left to do.

    Give the class itself as ``loop_factory`` to ``asyncio.Runner``, or use :func:`run_virtual`.

    Attributes:
        threads_at_work: How many functions run in executors for it now.
    """

    def __init__(self) -> None:
        self._virtual_now = START
        self.threads_at_work = 0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """The virtual time, in seconds; a loop starts at 1,000."""
        return self._virtual_now

    def advance(self, seconds: float) -> None:
        """Move time on at once; the timers that are due then run in the next turn."""
        self._virtual_now += seconds

    def run_forever(self) -> None:
        """As any loop does, with ``time.monotonic`` following."""
        with MonotonicPatch(self):
            super().run_forever()

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As any loop does, counted, with ``time.monotonic`` following in the thread."""
        in_process = isinstance(executor, ProcessPoolExecutor)
        work = func if in_process else with_monotonic(self, func)
        future = super().run_in_executor(executor, work, *args)
        self.threads_at_work += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """As any loop does; it takes a thread as well."""
        self.threads_at_work += 1
        try:
            await super().shutdown_default_executor(*args, **kwargs)
        finally:
            self.threads_at_work -= 1

    def _thread_done(self, future: object) -> None:
        self.threads_at_work -= 1


def _deadlock(loop: VirtualTimeLoop) -> VirtualDeadlockException:
    waiting = "".join(f"\n  {line}" for line in waiting_tasks(loop)) or " there is no task"
    return VirtualDeadlockException(
        f"all tasks wait, no timer is set, and nothing from outside can come:{waiting}"
    )
