"""Streams among the calls that a stop waits for.

A call belongs to one task from its beginning to its end. A stream is read by whoever holds
it, and between two reads by nobody: a stop wakes the reader if there is one, and closes the
connection if there is none.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from pyfly.client._call.lifecycle import InFlight, SyncInFlight

__all__ = ["StreamInFlight", "SyncStreamInFlight"]


class StreamInFlight(InFlight):
    """A stream of an asynchronous client.

    Attributes:
        on_stop: Called in the stream's event loop when it is stopped and nobody reads.
    """

    __slots__ = ("_busy", "_loop", "on_stop")

    def __init__(self) -> None:
        super().__init__()
        self._busy = False
        self._loop = asyncio.get_running_loop()
        self.on_stop: Callable[[], None] | None = None

    def enter(self) -> None:
        """The current task is going to wait for the stream."""
        task = asyncio.current_task()
        assert task is not None  # a coroutine of asyncio runs in a task
        self.task = task
        self._cancelling = task.cancelling()
        self._busy = True

    def leave(self) -> None:
        """It does not wait any more."""
        self._busy = False

    def cancel(self) -> None:
        """Stop the stream; whoever reads it gets a ``ClientStoppedException``."""
        self.stopped = True
        self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if self._busy:
            self.task.cancel()
        elif self.on_stop is not None:
            self.on_stop()


class SyncStreamInFlight(SyncInFlight):
    """A stream of a synchronous client.

    Attributes:
        stopped: Whether it was stopped.
        abort: Closes the connection, whoever reads.
    """

    __slots__ = ("abort", "stopped")

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.stopped = False
        self.abort: Callable[[], None] | None = None

    def enter(self) -> None:
        """The current thread is going to wait for the stream."""
        self.thread = threading.get_ident()

    def cancel(self) -> None:
        """Stop the stream; whoever reads it gets a ``ClientStoppedException``."""
        self.stopped = True
        if self.abort is not None:
            self.abort()
