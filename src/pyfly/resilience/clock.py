"""Time as everything here sees it: a clock that can be replaced.

Policies never call :mod:`time` or :mod:`asyncio` for the time themselves. They ask the clock
they were given, so that a test can move time instead of waiting for it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol


class Clock(Protocol):
    """What policies need of a clock. All spans are seconds.

    A clock used with the asynchronous timeout stages must advance at the pace of
    ``loop.time()`` of the running loop (a common zero is not needed): the stages ask the
    clock how much time is left and set the loop's timer that far ahead.
    """

    def monotonic(self) -> float:
        """Returns the seconds since some fixed moment; never goes back."""
        ...

    def time(self) -> float:
        """Returns the seconds since 1970 in UTC, for comparing with dates."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Suspend the current task."""
        ...

    def sleep_sync(self, seconds: float) -> None:
        """Block the current thread."""
        ...


class SystemClock:
    """The clock of the machine.

    The functions are looked up through their modules at each use, so that freezegun,
    time-machine and ``mock.patch("asyncio.sleep")`` reach them.
    """

    __slots__ = ()

    def monotonic(self) -> float:
        """``time.monotonic()``."""
        return time.monotonic()

    def time(self) -> float:
        """``time.time()``."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """``asyncio.sleep(seconds)``."""
        await asyncio.sleep(seconds)

    def sleep_sync(self, seconds: float) -> None:
        """``time.sleep(seconds)``."""
        time.sleep(seconds)

    def __reduce__(self) -> str:
        return "SYSTEM_CLOCK"  # also after pickling there is one

    def __repr__(self) -> str:
        return "SYSTEM_CLOCK"


SYSTEM_CLOCK: Final = SystemClock()
