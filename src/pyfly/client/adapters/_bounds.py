"""What bounds a step of the caller's, a body or a client of their own, in each kind of adapter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from pyfly.client.message import BodyStream
from pyfly.transport.errors import ReadTimeout

#: Whether an adapter is for threads.
BLOCKING, NOT_BLOCKING = True, False


class bounded:
    """Ends what is awaited in it at ``deadline``, by ``time.monotonic()``; None for never.

    Raises:
        ReadTimeout: The deadline passed; a ``TimeoutError`` of somebody else stays what it is.
    """

    def __init__(self, deadline: float | None) -> None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise ReadTimeout("out of time")
        self._scope = asyncio.timeout(left)

    async def __aenter__(self) -> Self:
        await self._scope.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._scope.__aexit__(kind, error, traceback)
        except TimeoutError as exc:
            if not self._scope.expired():
                raise
            raise ReadTimeout("out of time") from exc


@contextmanager
def bounded_blocking(deadline: float | None) -> Generator[None]:
    """Begins nothing after ``deadline``; a thread cannot be ended."""
    if deadline is not None and deadline <= time.monotonic():
        raise ReadTimeout("out of time")
    yield


async def other_turn() -> None:
    """Let whoever was woken get to know."""
    await asyncio.sleep(0)


def no_turn() -> None:
    """Threads need none."""


def iterated(content: BodyStream) -> AsyncIterator[bytes]:
    """A body for an asynchronous library, which goes by what it can iterate over."""
    return content.__aiter__()


def iterated_blocking(content: BodyStream) -> Iterator[bytes]:
    """A body for a blocking library."""
    return content.__iter__()


def close_soon(close: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """What has ``close`` run in the present event loop, from any thread."""
    loop = asyncio.get_running_loop()

    async def closed() -> None:
        await close()

    def begin() -> None:
        task = loop.create_task(closed())  # it ends without waiting for anybody
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def soon() -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(begin)

    return soon


def close_now(close: Callable[[], None]) -> Callable[[], None]:
    """The twin of :func:`close_soon` for threads."""
    return close
