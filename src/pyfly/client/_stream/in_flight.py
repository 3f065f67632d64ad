"""Streams among the calls that a stop waits for.

A call belongs to one task from its beginning to its end. A stream is read by whoever holds
it, and between two reads by nobody: a stop wakes the reader if there is one, and closes the
connection if there is none. To wait for a stream is to stand in a ``with`` block of it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from pyfly.client._call.lifecycle import InFlight, SyncInFlight
from pyfly.client.errors import CallException, ClientStoppedException


def stopped() -> ClientStoppedException:
    """The error for a stream of a client that was stopped."""
    return ClientStoppedException(
        "the client was stopped while the stream was open (stop it after its last stream, or "
        "raise stop-timeout)"
    )


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

    def meaning(self, error: BaseException) -> BaseException:
        """What ended a wait: a stop, if that alone is behind a ``CancelledError``."""
        ours = isinstance(error, asyncio.CancelledError) and self.was_stopped()
        return stopped() if ours else error

    def __enter__(self) -> None:
        if self.stopped:
            raise stopped()
        self.enter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()
        if error is not None and (meant := self.meaning(error)) is not error:
            raise meant from error

    def opened(self, connection: Any, opener: Any) -> None:
        """A stop closes a connection, and ends the stream, if nobody reads."""

        def cut() -> None:
            connection.abort()
            opener.end(self)

        self.on_stop = cut

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
        on_stop: Closes the connection, whoever reads.
    """

    __slots__ = ("on_stop", "stopped")

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.stopped = False
        self.on_stop: Callable[[], None] | None = None

    def enter(self) -> None:
        """The current thread is going to wait for the stream."""
        self.thread = threading.get_ident()

    def leave(self) -> None:
        """It does not wait any more."""

    def meaning(self, error: BaseException) -> BaseException:
        """What ended a wait: a stop has closed the connection, if there was one."""
        if self.stopped and isinstance(error, CallException):
            return error if isinstance(error, ClientStoppedException) else stopped()
        return error

    def __enter__(self) -> None:
        if self.stopped:
            raise stopped()
        self.enter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None and (meant := self.meaning(error)) is not error:
            raise meant from error

    def opened(self, connection: Any, opener: Any) -> None:
        """A stop closes a connection; its reader ends the stream."""
        self.on_stop = connection.response.abort

    def cancel(self) -> None:
        """Stop the stream; whoever reads it gets a ``ClientStoppedException``."""
        self.stopped = True
        if self.on_stop is not None:
            self.on_stop()
