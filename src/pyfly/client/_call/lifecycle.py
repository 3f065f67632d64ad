"""When a client may be called: it starts with its first call, and drains when it stops.

::

    new ──start──▶ running ──stop──▶ draining ──▶ stopped
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from enum import Enum, auto
from typing import Any

from pyfly.client.errors import ClientStoppedException
from pyfly.client.ports import SyncWirePort, WirePort
from pyfly.kernel.fork import ForkAware

__all__ = ["Flight", "Lifecycle", "SyncFlight", "SyncLifecycle"]

_logger = logging.getLogger("pyfly.client.lifecycle")

#: How long calls that were cancelled by a stop may take to notice, in seconds.
_GRACE = 1.0


class State(Enum):
    """Where a client stands."""

    NEW = auto()
    RUNNING = auto()
    DRAINING = auto()
    STOPPED = auto()


class Flight:
    """One stream under way, so that a stop can wait for it, and end it.

    Unlike a call it may be under way while its task does something else.
    """

    __slots__ = ("_cancelling", "stopped", "task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # a coroutine of asyncio runs in a task
        self.task = task
        self._cancelling = task.cancelling()
        self.stopped = False

    def cancel(self) -> None:
        """Stop the stream; whoever reads it gets a :class:`ClientStoppedException`."""
        raise NotImplementedError

    def was_stopped(self) -> bool:
        """After a ``CancelledError``: whether the stop alone is behind it; takes it back then."""
        return self.stopped and self.task.uncancel() <= self._cancelling


class Lifecycle(ForkAware):
    """The lifecycle of an asynchronous client; safe for several event loops and threads.

    Args:
        name: The client's name, for messages.
        port: Started before the first call, stopped after the last.
        stop_timeout: How long a stop waits for the calls under way, in seconds.
        settle: Waits for what calls have left behind, such as hedges that lost; awaited before
            the port is stopped, and no longer than a moment.

    Attributes:
        running: Whether calls may be made.
        draining: Whether a stop waits for those under way.
        calls: Those under way, by whatever is the call's own, such as its request: the task,
            and its ``cancelling()`` when the call began; or None, if the port's own stop ends
            it. A plain dictionary, so that a call costs no more than an entry.
    """

    def __init__(
        self,
        name: str,
        port: WirePort,
        stop_timeout: float,
        settle: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.running = False
        self.draining = False
        self.calls: dict[object, tuple[asyncio.Task[Any], int] | None] = {}
        self._port = port
        self._stop_timeout = stop_timeout
        self._settle = settle
        self._state = State.NEW
        self._change: Future[None] | None = None  # a start or stop that is under way
        self._streams: set[Flight] = set()
        self._stopped: set[object] = set()
        self._landed: asyncio.Event | None = None
        self._landing_loop: asyncio.AbstractEventLoop | None = None
        super().__init__()

    def after_fork(self) -> None:
        super().after_fork()
        self.calls.clear()  # those of the parent process
        self._streams.clear()
        self._stopped.clear()
        self._change = self._landed = self._landing_loop = None

    def take_off(self, key: object) -> None:
        """Note a call under way.

        Args:
            key: Whatever is the call's own; for :meth:`land` and :meth:`was_stopped`.

        Raises:
            ClientStoppedException: The client has been stopped, or is stopping.
        """
        if not self.running:
            raise _stopped(self.name)
        self.note_task(key)

    def note_task(self, key: object) -> None:
        """Note which task makes a call, so that a stop can cancel it in the end."""
        task = asyncio.current_task()
        assert task is not None  # a coroutine of asyncio runs in a task
        self.calls[key] = task, task.cancelling()

    def land(self, key: object) -> None:
        """Note that a call has ended."""
        self.calls.pop(key, None)
        if self.draining:
            self.landed(key)

    def was_stopped(self, key: object) -> bool:
        """After a ``CancelledError``: whether the stop alone is behind it; takes it back then."""
        entry = self.calls.get(key)
        if entry is None or key not in self._stopped:
            return False
        task, cancelling = entry
        return task.uncancel() <= cancelling

    def join(self, stream: Flight) -> None:
        """Note a stream under way; as :meth:`take_off`."""
        if not self.running:
            raise _stopped(self.name)
        self._streams.add(stream)

    def leave(self, stream: Flight) -> None:
        """Note that a stream has ended."""
        self._streams.discard(stream)
        if self.draining:
            self.landed(stream)

    def landed(self, key: object) -> None:
        """Tell the stop that waits; called while :attr:`draining`."""
        self._stopped.discard(key)
        landed, loop = self._landed, self._landing_loop
        if landed is not None and loop is not None:
            loop.call_soon_threadsafe(landed.set)

    async def start(self) -> None:
        """Start the port; harmless if it has been started.

        Raises:
            ClientStoppedException: The client has been stopped, or is stopping.
        """
        while self._state is not State.RUNNING:
            with self._lock:
                if self._state in (State.DRAINING, State.STOPPED):
                    raise _stopped(self.name)
                change, is_ours = self._claim()
            if not is_ours:
                await asyncio.shield(asyncio.wrap_future(change))
                continue
            try:
                await self._port.start()
                with self._lock:
                    self._state = State.RUNNING
                    self.running = True
            finally:
                self._finish(change)

    async def stop(self) -> None:
        """Refuse new calls, wait for those under way, close the port; harmless if stopped.

        Calls that take longer than the limit are cancelled: they raise
        :class:`ClientStoppedException`.
        """
        while self._state is not State.STOPPED:
            with self._lock:
                change, is_ours = self._claim()
                was_new = self._state is State.NEW
                if is_ours:
                    self._state = State.DRAINING
                    self.running, self.draining = False, True
            if not is_ours:
                await asyncio.shield(asyncio.wrap_future(change))
                continue
            try:
                if not was_new:
                    await self._drain()
                    await self._settled()
            finally:
                try:
                    await self._port.stop()
                    if self.calls:  # those that it ended
                        await self._all_landed(_GRACE)
                finally:
                    self._state = State.STOPPED
                    self._finish(change)

    def _claim(self) -> tuple[Future[None], bool]:
        """The change that is under way; True if it is a new one, the caller's to carry out."""
        if self._change is not None:
            return self._change, False
        self._change = Future()
        return self._change, True

    def _finish(self, change: Future[None]) -> None:
        with self._lock:
            self._change = None
        change.set_result(None)

    async def _drain(self) -> None:
        if await self._all_landed(self._stop_timeout):
            for stream in list(self._streams):  # left open by the task that makes this stop
                stream.cancel()
            return
        calls, streams = list(self.calls.items()), list(self._streams)
        _logger.warning(
            "Calls were cancelled by a stop",
            extra={
                "client": self.name,
                "calls": len(calls) + len(streams),
                "waited": self._stop_timeout,
            },
        )
        for key, entry in calls:
            if entry is not None:
                task = entry[0]
                self._stopped.add(key)
                task.get_loop().call_soon_threadsafe(task.cancel)
        for stream in streams:
            stream.cancel()
        if streams or any(entry is not None for _, entry in calls):
            await self._all_landed(_GRACE)

    async def _settled(self) -> None:
        if self._settle is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await self._settle()

    async def _all_landed(self, limit: float) -> bool:
        self._landing_loop = asyncio.get_running_loop()
        self._landed = asyncio.Event()
        try:
            async with asyncio.timeout(limit):
                while self._others():
                    await self._landed.wait()
                    self._landed.clear()
        except TimeoutError:
            return False
        finally:
            self._landed = self._landing_loop = None
        return True

    def _others(self) -> bool:
        """Whether calls are under way besides one that makes this stop."""
        own = asyncio.current_task()
        calls, streams = list(self.calls.values()), list(self._streams)
        return any(entry is None or entry[0] is not own for entry in calls) or any(
            stream.task is not own for stream in streams
        )


class SyncFlight:
    """One stream under way in a synchronous client.

    Attributes:
        thread: The one that reads it.
    """

    __slots__ = ("thread",)

    thread: int

    def cancel(self) -> None:
        """Close its connection; its reader gets a :class:`ClientStoppedException`."""
        raise NotImplementedError


class SyncLifecycle(ForkAware):
    """The lifecycle of a synchronous client; safe for threads. See :class:`Lifecycle`.

    Taking off and landing take no lock. A call is noted before it looks whether it may, and a
    stop forbids before it looks for calls, so one of the two sees the other; likewise for
    landing and :attr:`draining`.
    """

    def __init__(self, name: str, port: SyncWirePort, stop_timeout: float) -> None:
        self.name = name
        self.running = False
        self.draining = False
        self.calls: set[object] = set()
        self._port = port
        self._stop_timeout = stop_timeout
        self._state = State.NEW
        self._streams: set[SyncFlight] = set()
        super().__init__()
        self._landed = threading.Condition(self._lock)

    def after_fork(self) -> None:
        super().after_fork()
        self._landed = threading.Condition(self._lock)
        self.calls.clear()  # those of the parent process
        self._streams.clear()

    def take_off(self, key: object) -> None:
        """Note a call under way.

        Raises:
            ClientStoppedException: The client has been stopped, or is stopping.
        """
        self.calls.add(key)
        if not self.running:
            self.land(key)
            raise _stopped(self.name)

    def land(self, key: object) -> None:
        """Note that a call has ended."""
        self.calls.discard(key)
        if self.draining:
            self.landed()

    def landed(self) -> None:
        """Tell the stop that waits; called while :attr:`draining`."""
        with self._landed:
            self._landed.notify_all()

    def join(self, stream: SyncFlight) -> None:
        """Note a stream under way; as :meth:`take_off`."""
        with self._landed:
            if not self.running:
                raise _stopped(self.name)
            self._streams.add(stream)

    def leave(self, stream: SyncFlight) -> None:
        """Note that a stream has ended."""
        with self._landed:
            self._streams.discard(stream)
            self._landed.notify_all()

    def start(self) -> None:
        """Start the port; harmless if it has been started."""
        with self._landed:
            if self._state is State.RUNNING:
                return
            if self._state is not State.NEW:
                raise _stopped(self.name)
            self._port.start()
            self._state = State.RUNNING
            self.running = True

    def stop(self) -> None:
        """Refuse new calls, wait for those under way up to the limit, close the port."""
        with self._landed:
            if self._state in (State.DRAINING, State.STOPPED):
                return
            self._state = State.DRAINING
            self.running, self.draining = False, True
            until = time.monotonic() + self._stop_timeout
            while (under_way := self._others()) and (left := until - time.monotonic()) > 0:
                self._landed.wait(left)
            if under_way:
                _logger.warning(
                    "Connections were closed under calls by a stop",
                    extra={"client": self.name, "calls": under_way},
                )
            streams = list(self._streams)
        for stream in streams:
            stream.cancel()
        try:
            self._port.stop()
        finally:
            self._state = State.STOPPED

    def _others(self) -> int:
        """How much is under way besides streams that the stopping thread has left open."""
        own = threading.get_ident()
        return len(self.calls) + sum(stream.thread != own for stream in self._streams)


def _stopped(name: str) -> ClientStoppedException:
    return ClientStoppedException(
        f"{name} has been stopped and takes no more calls (make a new client)"
    )
