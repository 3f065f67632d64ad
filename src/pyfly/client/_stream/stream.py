"""What a declared method gives for ``AsyncIterator[T]`` and ``Iterator[T]``."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from pyfly.client._stream.open_response import Head
from pyfly.client._stream.source import Source
from pyfly.client._stream.sync_source import SyncSource
from pyfly.client.errors import CallException, StreamStateException
from pyfly.client.message import Headers

T = TypeVar("T")


class _Progress:
    """Where a stream stands."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._opened = False
        self._closed = False
        self._released = False
        self._broken: str | None = None
        self._batch: Iterator[Any] = iter(())

    def _state_error(self, what: str) -> StreamStateException:
        return StreamStateException(f"{self._operation}: the stream {what}")

    def _require_new_pass(self) -> None:
        if self._closed:
            raise self._state_error(
                "is over: it can be read once (call the method again for another one)"
            )

    def _known(self, head: Head | None) -> Head:
        if head is None:
            raise self._state_error(
                "has no response yet (enter it with `with`, or read its first item)"
            )
        return head

    def _occupied(self) -> StreamStateException:
        return self._state_error("is being read already: one at a time can read it")

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._opened else "not open yet"
        return f"<{type(self).__name__} of {self._operation}, {state}>"


class Stream(_Progress, AsyncIterator[T], Generic[T]):
    """A result that comes piece by piece. It is read once, with ``async for``.

    Nothing is sent before the first item is asked for, or the stream is entered with
    ``async with``. Its end, an error, or leaving the ``async with`` block gives the connection
    back. So does leaving the loop early, once nobody holds the stream any more: enter it with
    ``async with``, or call :meth:`aclose`, where it is held longer than it is read::

        async with client.events() as events:
            print(events.headers)
            async for event in events:
                ...

    Items raise what a call raises, but nothing is retried once the headers have come: a
    connection that breaks is a :class:`~pyfly.client.TransportException`, what cannot be decoded
    a :class:`~pyfly.client.ResponseDecodeException` with the number of the item.

    Declare a method ``-> Stream[T]`` instead of ``-> AsyncIterator[T]`` for type checkers to know
    of what is beyond iteration.
    """

    __pyfly_stream__ = "async"

    def __init__(self, source: Source, operation: str) -> None:
        super().__init__(operation)
        self._source = source
        self._reading = False

    @property
    def status_code(self) -> int:
        """The status of the response.

        Raises:
            StreamStateException: There is none yet.
        """
        return self._known(self._source.head).status_code

    @property
    def headers(self) -> Headers:
        """The header fields of the response, for a paginated list those of the latest page.

        Raises:
            StreamStateException: There are none yet.
        """
        return self._known(self._source.head).headers

    def __aiter__(self) -> Self:
        self._require_new_pass()
        return self

    async def __anext__(self) -> T:
        if self._reading:
            raise self._occupied()
        if self._broken is not None:
            raise self._state_error(self._broken)
        if self._closed:
            raise StopAsyncIteration
        self._reading = True
        try:
            await self._open()
            while not self._closed:
                for item in self._batch:
                    return item  # type: ignore[no-any-return]  # by the decoder
                batch = await self._source.batch()
                if batch is None:
                    break
                self._batch = batch
        except BaseException as error:
            await self._fail(error)
            raise
        finally:
            self._reading = False
        await self._end()
        raise StopAsyncIteration

    async def _open(self) -> None:
        if not self._opened:
            self._opened = True
            await self._source.open()

    async def _fail(self, error: BaseException) -> None:
        closed_by_another = self._closed
        await self._end()
        if closed_by_another and isinstance(error, CallException):
            raise StopAsyncIteration from None
        self._broken = f"has ended before its time, by a {type(error).__name__}"
        if isinstance(error, CallException):
            self._source.tell(error)

    async def _end(self) -> None:
        self._closed = self._released = True
        self._batch = iter(())
        await self._source.aclose()

    async def aclose(self) -> None:
        """Close the connection, or give it back if everything was read. Harmless twice."""
        if self._reading:  # in another task, which goes on as if the stream had ended
            self._closed = True
            self._source.interrupt()
        else:
            await self._end()

    async def __aenter__(self) -> Self:
        self._require_new_pass()
        if self._reading:
            raise self._occupied()
        self._reading = True
        try:
            await self._open()
        except BaseException as error:
            await self._fail(error)
            raise
        finally:
            self._reading = False
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if self._opened and not self._released:
            self._closed = self._released = True
            self._source.abandon()


class SyncStream(_Progress, Iterator[T], Generic[T]):
    """:class:`Stream` for synchronous clients: read with ``for``, entered with ``with``."""

    __pyfly_stream__ = "sync"

    def __init__(self, source: SyncSource, operation: str) -> None:
        super().__init__(operation)
        self._source = source
        self._reading = threading.Lock()

    @property
    def status_code(self) -> int:
        """The status of the response; see :attr:`Stream.status_code`."""
        return self._known(self._source.head).status_code

    @property
    def headers(self) -> Headers:
        """The header fields of the response; see :attr:`Stream.headers`."""
        return self._known(self._source.head).headers

    def __iter__(self) -> Self:
        self._require_new_pass()
        return self

    def __next__(self) -> T:
        if not self._reading.acquire(blocking=False):
            raise self._occupied()
        try:
            if self._broken is not None:
                raise self._state_error(self._broken)
            return self._next()
        finally:
            self._reading.release()

    def _next(self) -> T:
        try:
            if not self._closed:
                self._open()
            while not self._closed:
                for item in self._batch:
                    return item  # type: ignore[no-any-return]  # by the decoder
                batch = self._source.batch()
                if batch is None:
                    break
                self._batch = batch
        except BaseException as error:
            self._fail(error)
            raise
        self._end()
        raise StopIteration

    def _open(self) -> None:
        if not self._opened:
            self._opened = True
            self._source.open()

    def _fail(self, error: BaseException) -> None:
        closed_by_another = self._closed
        self._end()
        if closed_by_another and isinstance(error, CallException):
            raise StopIteration from None
        self._broken = f"has ended before its time, by a {type(error).__name__}"
        if isinstance(error, CallException):
            self._source.tell(error)

    def _end(self) -> None:
        self._closed = self._released = True
        self._batch = iter(())
        self._source.close()

    def close(self) -> None:
        """Close the connection, or give it back if everything was read. Harmless twice."""
        if self._reading.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._reading.release()
        else:  # another thread reads, and goes on as if the stream had ended
            self._closed = True
            self._source.interrupt()

    def __enter__(self) -> Self:
        self._require_new_pass()
        if not self._reading.acquire(blocking=False):
            raise self._occupied()
        try:
            self._open()
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self._reading.release()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._opened and not self._released:
            self._closed = self._released = True
            self._source.abandon()
