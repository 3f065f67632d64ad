"""Something that belongs to an event loop: made in it, closed in it, and never left behind.

A library's own pool can be closed only inside its event loop. A loop tells the asynchronous
generators that began in it when it ends (``loop.shutdown_asyncgens``, which ``asyncio.run``
and ``asyncio.Runner`` call), so the life of each pool is such a generator.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Tracked:
    """The sockets of one pool of a library, so that they can be closed from anywhere.

    Attributes:
        closed: Whether the pool is closed for good.
    """

    def __init__(self) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.closed = False

    def __len__(self) -> int:
        return sum(sock.fileno() >= 0 for sock in list(self._sockets))

    def add(self, sock: socket.socket) -> None:
        """Note a socket, before it connects."""
        if self.closed:
            sock.close()
            raise ConnectionAbortedError("the pool is closed")
        self._sockets.add(sock)

    def shut(self) -> None:
        """End every connection: whoever waits for one is woken, in its own loop."""
        self.closed = True
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):  # closed, or not connected yet
                sock.shutdown(socket.SHUT_RDWR)

    def abandon(self) -> None:
        """After a fork: give this process's copies back, without a word to the peers."""
        self.closed = True
        for sock in list(self._sockets):
            descriptor = sock.detach()
            if descriptor >= 0:
                os.close(descriptor)


class _Life(Generic[T]):
    """One value and the generator that closes it."""

    def __init__(self, value: T, tracked: Tracked, close: Callable[[T], Awaitable[None]]) -> None:
        self.loop = weakref.ref(asyncio.get_running_loop())
        self.value = value
        self.tracked = tracked
        self.span = _span(value, close)

    async def end(self) -> None:
        """Close the value, in its own loop; what waits in another loop is woken."""
        self.tracked.shut()
        if self.loop() is asyncio.get_running_loop():
            await self.span.aclose()
        # Else letting go of the generator makes its own loop close it.


async def _span(value: T, close: Callable[[T], Awaitable[None]]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await close(value)


class PerLoop(Generic[T]):
    """One value for each event loop.

    After a fork the child gets values of its own and lets go of the parent's sockets.

    Args:
        make: Makes one, in its event loop; its sockets are to be added to the tracked ones.
        close: Closes one, in the same loop.
    """

    def __init__(self, make: Callable[[Tracked], T], close: Callable[[T], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._lives: list[_Life[T]] = []
        self._inherited: list[_Life[T]] = []
        self._last: tuple[Any, _Life[T] | None] = (None, None)
        # For whoever drops an adapter without stop(): the peers see the connections end.
        self._finalizer = weakref.finalize(self, _shut_all, self._lives, self._pid)

    async def current(self) -> T:
        """The value of the running loop."""
        loop, life = self._last
        if life is None or loop is not asyncio.get_running_loop() or os.getpid() != self._pid:
            life = await self._of(asyncio.get_running_loop())
        return life.value

    def tracked(self) -> Tracked | None:
        """The sockets of the value that was used last."""
        life = self._last[1]
        return None if life is None else life.tracked

    async def end(self) -> None:
        """Close all of them; a later call makes new ones."""
        if os.getpid() != self._pid:
            self._forked()
        with self._lock:
            lives = list(self._lives)
            self._lives.clear()
            self._last = (None, None)
        for life in lives:
            await life.end()

    async def _of(self, loop: asyncio.AbstractEventLoop) -> _Life[T]:
        if os.getpid() != self._pid:
            self._forked()
        with self._lock:
            for life in list(self._lives):
                owner = life.loop()
                if owner is loop and not life.tracked.closed:
                    self._last = (loop, life)
                    return life
                if owner is None or owner.is_closed():
                    self._lives.remove(life)
            tracked = Tracked()
            life = _Life(self._make(tracked), tracked, self._close)
            self._lives.append(life)
            self._last = (loop, life)
        await life.span.__anext__()  # does not wait; from now on the loop knows of it
        return life

    def _forked(self) -> None:
        self._lock = threading.Lock()  # another thread may have held the parent's
        self._finalizer.detach()
        for life in self._lives:
            life.tracked.abandon()
        # Kept: what they would do at their end is for the parent's loop, which is not here.
        self._inherited += self._lives
        self._lives = []
        self._last = (None, None)
        self._pid = os.getpid()
        self._finalizer = weakref.finalize(self, _shut_all, self._lives, self._pid)


def _shut_all(lives: list[_Life[Any]], pid: int) -> None:
    if os.getpid() == pid:
        for life in lives:
            life.tracked.shut()
    lives.clear()
