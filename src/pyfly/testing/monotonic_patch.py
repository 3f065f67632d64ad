"""``time.monotonic`` follows an event loop whose time is not the machine's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, TypeVarTuple

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
