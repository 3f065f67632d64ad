"""When a client may be called: it starts with its first call, and drains when it stops.

::

    new ──start──▶ running ──stop──▶ draining ──▶ stopped
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from concurrent.futures import Future
from enum import Enum, auto

from pyfly.client.errors import ClientStoppedException
from pyfly.client.ports import SyncWirePort, WirePort

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
    """One call under way, so that a stop can wait for it, and cancel it in the end."""

    __slots__ = ("_cancelling", "stopped", "task")

    #: Whether it may be under way while its task does something else.
    is_stream = False

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # a coroutine of asyncio runs in a task
        self.task = task
        self._cancelling = task.cancelling()
        self.stopped = False

    def cancel(self) -> None:
        """Cancel the call; its caller gets a :class:`ClientStoppedException`."""
        self.stopped = True
        self.task.get_loop().call_soon_threadsafe(self.task.cancel)

    def was_stopped(self) -> bool:
        """After a ``CancelledError``: whether the stop alone is behind it; takes it back then."""
        return self.stopped and self.task.uncancel() <= self._cancelling


class Lifecycle:
    """The lifecycle of an asynchronous client; safe for several event loops and threads.

    Args:
        name: The client's name, for messages.
        port: Started before the first call, stopped after the last.
        stop_timeout: How long a stop waits for the calls under way, in seconds.
    """

    def __init__(self, name: str, port: WirePort, stop_timeout: float) -> None:
        self.name = name
        self.running = False
        self._port = port
        self._stop_timeout = stop_timeout
        self._lock = threading.RLock()
        self._state = State.NEW
        self._change: Future[None] | None = None  # a start or stop that is under way
        self._flights: set[Flight] = set()
        self._landed: asyncio.Event | None = None
        self._landing_loop: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()

    def take_off(self) -> Flight:
        """Note a call under way.

        Raises:
            ClientStoppedException: The client has been stopped, or is stopping.
        """
        if not self.running:
            raise _stopped(self.name)
        flight = Flight()
        self._flights.add(flight)
        return flight

    def join(self, flight: Flight) -> None:
        """Note a stream under way; as :meth:`take_off`."""
        if not self.running:
            raise _stopped(self.name)
        self._flights.add(flight)

    def land(self, flight: Flight) -> None:
        """Note that a call has ended."""
        self._flights.discard(flight)
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
                    self.running = False
            if not is_ours:
                await asyncio.shield(asyncio.wrap_future(change))
                continue
            try:
                if not was_new:
                    await self._drain()
            finally:
                try:
                    await self._port.stop()
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
        if os.getpid() != self._pid:
            self._flights.clear()  # they fly in the parent process
        if await self._all_landed(self._stop_timeout):
            for flight in list(self._flights):
                if flight.is_stream:  # left open by the task that makes this stop
                    flight.cancel()
            return
        flights = list(self._flights)
        _logger.warning(
            "Calls were cancelled by a stop",
            extra={"client": self.name, "calls": len(flights), "waited": self._stop_timeout},
        )
        for flight in flights:
            flight.cancel()
        await self._all_landed(_GRACE)

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
        return any(flight.task is not own for flight in list(self._flights))


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


class SyncLifecycle:
    """The lifecycle of a synchronous client; safe for threads. See :class:`Lifecycle`."""

    def __init__(self, name: str, port: SyncWirePort, stop_timeout: float) -> None:
        self.name = name
        self.running = False
        self._port = port
        self._stop_timeout = stop_timeout
        self._landed = threading.Condition(threading.RLock())
        self._state = State.NEW
        self._flights = 0
        self._streams: set[SyncFlight] = set()
        self._pid = os.getpid()

    def take_off(self) -> None:
        """Note a call under way.

        Raises:
            ClientStoppedException: The client has been stopped, or is stopping.
        """
        with self._landed:
            if not self.running:
                raise _stopped(self.name)
            self._flights += 1

    def land(self) -> None:
        """Note that a call has ended."""
        with self._landed:
            self._flights -= 1
            if not self._flights:
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
            self.running = False
            if os.getpid() != self._pid:
                self._flights = 0
                self._streams.clear()
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
        return self._flights + sum(stream.thread != own for stream in self._streams)


def _stopped(name: str) -> ClientStoppedException:
    return ClientStoppedException(
        f"{name} has been stopped and takes no more calls (make a new client)"
    )
