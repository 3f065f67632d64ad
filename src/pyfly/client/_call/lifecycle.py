"""When a client may be called: it starts with its first call, and drains when it stops.

::

    new ──start──▶ running ──stop──▶ draining ──▶ stopped
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from asyncio import current_task
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from enum import Enum, auto
from typing import Any, TypeAlias
from weakref import ref

from pyfly.client.errors import ClientStoppedException
from pyfly.client.ports import SyncWirePort, WirePort
from pyfly.kernel.fork import ForkAware

_logger = logging.getLogger("pyfly.client.lifecycle")

#: How long calls that were cancelled by a stop may take to notice, in seconds.
_GRACE = 1.0


class State(Enum):
    """Where a client stands."""

    NEW = auto()
    RUNNING = auto()
    DRAINING = auto()
    STOPPED = auto()


class InFlight:
    """One stream in flight, so that a stop can wait for it, and end it.

    Unlike a call it may be in flight while its task does something else.
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


Task: TypeAlias = "asyncio.Task[Any]"


class Lifecycle(ForkAware):
    """The lifecycle of an asynchronous client; safe for several event loops and threads.

    Args:
        name: The client's name, for messages.
        port: Started before the first call, stopped after the last.
        stop_timeout: How long a stop waits for the calls in flight, in seconds.
        settle: Waits for what calls have left behind, such as hedges that lost; awaited before
            the port is stopped, and no longer than a moment.

    Attributes:
        running: Whether calls may be made.
        draining: Whether a stop waits for those in flight.
        calls: Those in flight, by whatever is the call's own, such as its request: a weak
            reference to its task, and the task's ``cancelling()`` when the call began; or the
            event loop, if the port's own stop ends the call. A plain dictionary, so that a
            call costs no more than an entry. Calls of a loop that is closed are in flight no
            more, although nobody takes them out.
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
        self.calls: dict[object, tuple[ref[Task], int] | asyncio.AbstractEventLoop | None] = {}
        self._port = port
        self._stop_timeout = stop_timeout
        self._settle = settle
        self._state = State.NEW
        # A start or stop that is going on, and the event loop that it runs in.
        self._change: tuple[Future[None], asyncio.AbstractEventLoop] | None = None
        self._streams: set[InFlight] = set()
        self._stopped: set[object] = set()
        self._ended: asyncio.Event | None = None
        self._stopping_loop: asyncio.AbstractEventLoop | None = None
        super().__init__()

    def after_fork(self) -> None:
        super().after_fork()
        self.calls.clear()  # those of the parent process
        self._streams.clear()
        self._stopped.clear()
        self._change = self._ended = self._stopping_loop = None

    def begin(self, key: object) -> None:
        """Note a call in flight.

        Args:
            key: Whatever is the call's own; for :meth:`end` and :meth:`was_stopped`.

        Raises:
            ClientStoppedException: The client has been stopped, or is stopping.
        """
        if not self.running:
            raise _stopped(self.name)
        self.note_task(key)

    def note_task(self, key: object) -> None:
        """Note which task makes a call, so that a stop can cancel it in the end."""
        task: Any = current_task()  # there is one: a coroutine of asyncio runs in a task
        self.calls[key] = ref(task), task.cancelling()

    def end(self, key: object) -> None:
        """Note that a call has ended."""
        self.calls.pop(key, None)
        if self.draining:
            self.ended(key)

    def was_stopped(self, key: object) -> bool:
        """After a ``CancelledError``: whether the stop alone is behind it; takes it back then."""
        task = asyncio.current_task()
        entry = self.calls.get(key)
        if task is None or not isinstance(entry, tuple) or key not in self._stopped:
            return False
        return task.uncancel() <= entry[1]

    def add(self, stream: InFlight) -> None:
        """Note a stream in flight; as :meth:`begin`."""
        if not self.running:
            raise _stopped(self.name)
        self._streams.add(stream)

    def remove(self, stream: InFlight) -> None:
        """Note that a stream has ended."""
        self._streams.discard(stream)
        if self.draining:
            self.ended(stream)

    def ended(self, key: object) -> None:
        """Tell the stop that waits; called while :attr:`draining`."""
        self._stopped.discard(key)
        ended, loop = self._ended, self._stopping_loop
        if ended is not None and loop is not None:
            with suppress(RuntimeError):  # it is closed
                loop.call_soon_threadsafe(ended.set)

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
        """Refuse new calls, wait for those in flight, close the port; harmless if stopped.

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
                        await self._all_ended(_GRACE)
                finally:
                    self._state = State.STOPPED
                    self._finish(change)

    def _claim(self) -> tuple[Future[None], bool]:
        """The change that is going on; True if it is a new one, the caller's to carry out."""
        if self._change is not None and not self._change[1].is_closed():
            return self._change[0], False
        self._change = Future(), asyncio.get_running_loop()
        return self._change[0], True

    def _finish(self, change: Future[None]) -> None:
        with self._lock:
            self._change = None
        change.set_result(None)

    async def _drain(self) -> None:
        if await self._all_ended(self._stop_timeout):
            for stream in list(self._streams):  # left open by the task that makes this stop
                stream.cancel()
            return
        calls, streams = self._in_flight()
        _logger.warning(
            "Calls were cancelled by a stop",
            extra={
                "client": self.name,
                "calls": len(calls) + len(streams),
                "waited": self._stop_timeout,
            },
        )
        for key, task in calls.items():
            if task is not None:
                self._stopped.add(key)
                task.get_loop().call_soon_threadsafe(task.cancel)
        for stream in streams:
            stream.cancel()
        if streams or any(calls.values()):
            await self._all_ended(_GRACE)

    async def _settled(self) -> None:
        if self._settle is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await self._settle()

    async def _all_ended(self, limit: float) -> bool:
        own = asyncio.current_task()  # what is left open by the task that stops is no matter
        self._stopping_loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        try:
            async with asyncio.timeout(limit):
                while True:
                    calls, streams = self._in_flight()
                    tasks = [*calls.values(), *(stream.task for stream in streams)]
                    if all(task is own for task in tasks):
                        return True
                    await self._ended.wait()
                    self._ended.clear()
        except TimeoutError:
            return False
        finally:
            self._ended = self._stopping_loop = None

    def _in_flight(self) -> tuple[dict[object, Task | None], list[InFlight]]:
        """The calls by their keys, with the tasks that are known, and the streams.

        Those whose event loop is closed will never end: they are forgotten.
        """
        calls: dict[object, Task | None] = {}
        for key, entry in list(self.calls.items()):
            task = entry[0]() if isinstance(entry, tuple) else None
            loop = task.get_loop() if task is not None else entry
            if isinstance(loop, tuple) or (loop is not None and loop.is_closed()):
                self.calls.pop(key, None)
            else:
                calls[key] = task
        for stream in list(self._streams):
            if stream.task.get_loop().is_closed():
                self._streams.discard(stream)
        return calls, list(self._streams)


class SyncInFlight:
    """One stream in flight in a synchronous client.

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

    To begin and to end take no lock. A call is noted before it looks whether it may, and a
    stop forbids before it looks for calls, so one of the two sees the other; likewise for
    the end of a call and :attr:`draining`.
    """

    def __init__(self, name: str, port: SyncWirePort, stop_timeout: float) -> None:
        self.name = name
        self.running = False
        self.draining = False
        self.calls: set[object] = set()
        self._port = port
        self._stop_timeout = stop_timeout
        self._state = State.NEW
        self._streams: set[SyncInFlight] = set()
        super().__init__()
        self._ended = threading.Condition(self._lock)

    def after_fork(self) -> None:
        super().after_fork()
        self._ended = threading.Condition(self._lock)
        self.calls.clear()  # those of the parent process
        self._streams.clear()

    def begin(self, key: object) -> None:
        """Note a call in flight.

        Raises:
            ClientStoppedException: The client has been stopped, or is stopping.
        """
        self.calls.add(key)
        if not self.running:
            self.end(key)
            raise _stopped(self.name)

    def end(self, key: object) -> None:
        """Note that a call has ended."""
        self.calls.discard(key)
        if self.draining:
            self.ended()

    def ended(self) -> None:
        """Tell the stop that waits; called while :attr:`draining`."""
        with self._ended:
            self._ended.notify_all()

    def add(self, stream: SyncInFlight) -> None:
        """Note a stream in flight; as :meth:`begin`."""
        with self._ended:
            if not self.running:
                raise _stopped(self.name)
            self._streams.add(stream)

    def remove(self, stream: SyncInFlight) -> None:
        """Note that a stream has ended."""
        with self._ended:
            self._streams.discard(stream)
            self._ended.notify_all()

    def start(self) -> None:
        """Start the port; harmless if it has been started."""
        with self._ended:
            if self._state is State.RUNNING:
                return
            if self._state is not State.NEW:
                raise _stopped(self.name)
            self._port.start()
            self._state = State.RUNNING
            self.running = True

    def stop(self) -> None:
        """Refuse new calls, wait for those in flight up to the limit, close the port."""
        with self._ended:
            if self._state in (State.DRAINING, State.STOPPED):
                return
            self._state = State.DRAINING
            self.running, self.draining = False, True
            until = time.monotonic() + self._stop_timeout
            while (in_flight := self._others()) and (left := until - time.monotonic()) > 0:
                self._ended.wait(left)
            if in_flight:
                _logger.warning(
                    "Connections were closed under calls by a stop",
                    extra={"client": self.name, "calls": in_flight},
                )
            streams = list(self._streams)
        for stream in streams:
            stream.cancel()
        try:
            self._port.stop()
        finally:
            self._state = State.STOPPED

    def _others(self) -> int:
        """How much is in flight besides streams that the stopping thread has left open."""
        own = threading.get_ident()
        return len(self.calls) + sum(stream.thread != own for stream in self._streams)


def _stopped(name: str) -> ClientStoppedException:
    return ClientStoppedException(
        f"{name} has been stopped and takes no more calls (make a new client)"
    )
