"""Responses whose bodies are handed over while they come.

An exchange holds a place at the gate and a connection until it is over; a stream holds both
until it is closed. Whatever ends it, and whoever, they are given back once.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from typing import Any, NoReturn

from pyfly.client.adapters._adapter import Attempt
from pyfly.client.adapters._deadline import Until
from pyfly.client.errors import ReadException
from pyfly.client.message import Headers, Response

__all__ = ["AsyncOpened", "BlockingOpened", "Fail", "open_blocking", "open_stream"]

#: Raises what an exception of the core means.
Fail = Callable[[Exception], NoReturn]


class _Opened:
    """What both kinds of response over our own connections share.

    Args:
        attempt: The exchange.
        connection: The core's connection, taken from the pool.
        response: The core's response, its body still to come.
        idle: How long one read may take, in seconds.
        fail: Raises what an exception means.
    """

    def __init__(
        self, attempt: Attempt, connection: Any, response: Any, idle: float, fail: Fail
    ) -> None:
        self._lease = [True]  # whoever pops it gives back place and connection; popping is atomic
        self.status_code: int = response.status
        self.headers = Headers(response.headers)
        self.content_encoding = self.headers.get("content-encoding")
        self._attempt = attempt
        self._connection = connection
        self._response = response
        self._pace = Until(idle, math.inf)
        self._fail = fail
        self._chunks: Any = None
        self._aborted = False

    def _until(self, until: float | None) -> None:
        """Let the next read end by ``until``, and by the idle timeout."""
        if self._aborted:
            raise ReadException("the connection was closed while the body was read")
        self._pace.when = math.inf if until is None else until
        if self._chunks is None:
            # From here on the attempt's deadline does not count any more.
            exchange = self._attempt.exchange
            exchange.deadline, exchange.read_timeout = None, float(self._pace)
            self._attempt.request.extensions["timeout"]["read"] = self._pace

    def _ends(self) -> bool:
        """Whether it is for the caller to give everything back: True once."""
        try:
            return self._lease.pop()
        except IndexError:
            return False

    def _raw(self) -> Any:
        """The stream that holds the socket."""
        return self._response.extensions["network_stream"].get_extra_info("stream")

    def _leave(self) -> None:
        """Give the place at the gate back."""
        self._attempt.pool.gate.leave()

    def abort(self) -> None:
        """Close the connection at once; whoever waits for it is woken, and gives it back."""
        if not self._lease:
            return
        self._aborted = True
        raw = self._raw()
        if raw.busy:
            raw.close()
        elif self._ends():
            raw.close()
            self._leave()

    def __del__(self) -> None:
        self.abort()


class AsyncOpened(_Opened):
    """A response of the asynchronous adapter; see ``StreamedResponse``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._loop = asyncio.get_running_loop()

    async def read_all(self) -> Response[Any]:
        """The body as a whole, within the deadline of the attempt."""
        try:
            body = self._attempt.body(self._response)
            self._chunks = self._response.stream.__aiter__()
            async for chunk in self._chunks:
                body.add(chunk)
        except BaseException as exc:
            await self._give_up(exc)
        await self.aclose()
        return body.response()

    async def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        self._until(until)
        if self._chunks is None:
            self._chunks = self._response.stream.__aiter__()
        try:
            chunk: bytes = await self._chunks.__anext__()
        except StopAsyncIteration:
            chunk = b""
        except BaseException as exc:
            await self._give_up(exc)
        if not chunk:
            await self.aclose()
        return chunk

    async def _give_up(self, exc: BaseException) -> NoReturn:
        await self.aclose()
        if isinstance(exc, Exception):
            self._fail(exc)
        raise exc

    async def aclose(self) -> None:
        """Give the connection back if the body was read, else close it."""
        if not self._ends():
            return
        pool = self._attempt.pool
        try:
            if self._chunks is not None:
                await self._chunks.aclose()
            await self._response.aclose()
            for each in pool.put(self._attempt.origin, self._connection):
                await each.aclose()
        except BaseException:
            self._raw().close()
            raise
        finally:
            pool.gate.leave()

    def _leave(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits at the gate
            self._loop.call_soon_threadsafe(super()._leave)


class BlockingOpened(_Opened):
    """A response of the blocking adapter; see ``SyncStreamedResponse``."""

    def read_all(self) -> Response[Any]:
        """The body as a whole, within the deadline of the attempt."""
        try:
            body = self._attempt.body(self._response)
            for chunk in self._response.stream:
                body.add(chunk)
        except BaseException as exc:
            self._give_up(exc)
        self.close()
        return body.response()

    def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        self._until(until)
        if self._chunks is None:
            self._chunks = iter(self._response.stream)
        try:
            chunk: bytes = next(self._chunks, b"")
        except BaseException as exc:
            self._give_up(exc)
        if not chunk:
            self.close()
        return chunk

    def _give_up(self, exc: BaseException) -> NoReturn:
        self.close()
        if isinstance(exc, Exception):
            self._fail(exc)
        raise exc

    def close(self) -> None:
        """Give the connection back if the body was read, else close it."""
        if not self._ends():
            return
        pool = self._attempt.pool
        try:
            if self._chunks is not None:
                self._chunks.close()
            self._response.close()
            for each in pool.put(self._attempt.origin, self._connection):
                each.close()
        except BaseException:
            self._raw().close()
            raise
        finally:
            pool.gate.leave()


async def open_stream(attempt: Attempt, idle: float, fail: Fail) -> AsyncOpened:
    """Make an exchange up to the headers of the response."""
    pool, timeouts = attempt.pool, _own_timeouts(attempt)
    await pool.gate.enter(timeouts["pool"])
    try:
        connection, stale = pool.take(attempt.origin)
        try:
            for each in stale:
                await each.aclose()
            response = await connection.handle_async_request(attempt.request)
        except BaseException:
            await connection.aclose()
            raise
    except BaseException:
        pool.gate.leave()
        raise
    return AsyncOpened(attempt, connection, response, idle, fail)


def open_blocking(attempt: Attempt, idle: float, fail: Fail) -> BlockingOpened:
    """The twin of :func:`open_stream`."""
    pool, timeouts = attempt.pool, _own_timeouts(attempt)
    pool.gate.enter(timeouts["pool"])
    try:
        connection, stale = pool.take(attempt.origin)
        try:
            for each in stale:
                each.close()
            response = connection.handle_request(attempt.request)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        pool.gate.leave()
        raise
    return BlockingOpened(attempt, connection, response, idle, fail)


def _own_timeouts(attempt: Attempt) -> dict[str, Any]:
    """Timeouts that nobody shares: they change when the headers have come."""
    timeouts: dict[str, Any] = dict(attempt.request.extensions["timeout"])
    attempt.request.extensions["timeout"] = timeouts
    return timeouts
