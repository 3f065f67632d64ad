"""Streamed responses of a client of the user's own.

Its own timeouts stay in force; an asynchronous one is held to the idle timeout as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, NoReturn

from pyfly.client.adapters._adapter import plain
from pyfly.client.adapters._streaming import Fail
from pyfly.client.adapters._wire import Body
from pyfly.client.errors import ReadTimeoutException
from pyfly.client.message import Headers, Response

__all__ = ["AsyncClientOpened", "BlockingClientOpened"]


class _ClientOpened:
    """What both kinds share.

    Args:
        response: The library's response, its body still to come unless a hook has read it.
        body: Makes the place where a whole body is collected.
        fail: Raises what an exception means.
    """

    def __init__(self, response: Any, body: Callable[[], Body], fail: Fail) -> None:
        self.status_code: int = response.status_code
        self.headers = Headers(response.headers.raw)
        read = response.is_stream_consumed  # then it was decoded, too
        self.content_encoding = None if read else self.headers.get("content-encoding")
        self._response = response
        self._body = body
        self._fail = fail
        self._rest: bytes | None = response.content if read else None
        self._chunks: Any = None

    def _read_already(self) -> bytes | None:
        """What a hook has read, and ``b""`` after that; None if none has."""
        rest = self._rest
        if rest is not None:
            self._rest = b""
        return rest


class AsyncClientOpened(_ClientOpened):
    """A response of an ``AsyncClient``; see ``StreamedResponse``.

    Args:
        *arguments: Those of the base.
        deadline: When :meth:`read_all` has to be done, by ``time.monotonic()``.
        idle: How long one read may take, in seconds.
        late: Makes the error for a passed deadline.
    """

    def __init__(
        self,
        *arguments: Any,
        deadline: float | None,
        idle: float,
        late: Callable[[], Exception],
        peer: str,
    ) -> None:
        self._closed = False
        self._loop = asyncio.get_running_loop()
        super().__init__(*arguments)
        self._deadline = deadline
        self._idle = idle
        self._late = late
        self._peer = peer

    async def read_all(self) -> Response[Any]:
        """The body as a whole, within the deadline of the attempt."""
        left = None if self._deadline is None else self._deadline - time.monotonic()
        scope = asyncio.timeout(left)
        try:
            async with scope:
                return await self._whole()
        except TimeoutError as exc:
            if not scope.expired():
                raise
            raise self._late() from exc
        except Exception as exc:
            self._fail(exc)
        finally:
            await self.aclose()

    async def _whole(self) -> Response[Any]:
        body = self._body()
        if self._rest is not None:
            return plain(body, self._response)
        self._chunks = self._response.aiter_raw()
        async for chunk in self._chunks:
            body.add(chunk)
        return body.response()

    async def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        known = self._read_already()
        if known is not None:
            return known
        if self._chunks is None:
            self._chunks = self._response.aiter_raw()
        left = self._idle if until is None else min(self._idle, until - time.monotonic())
        scope = asyncio.timeout(left)
        try:
            async with scope:
                chunk = await self._next()
        except BaseException as exc:
            await self.aclose()
            if isinstance(exc, TimeoutError) and scope.expired():
                raise ReadTimeoutException(
                    f"{self._peer} sent nothing for {self._idle:g} s"
                ) from exc
            if isinstance(exc, Exception):
                self._fail(exc)
            raise
        if not chunk:
            await self.aclose()
        return chunk

    async def _next(self) -> bytes:
        async for chunk in self._chunks:
            if chunk:
                return bytes(chunk)
        return b""

    async def aclose(self) -> None:
        """Close the response."""
        if self._closed:
            return
        self._closed = True
        if self._chunks is not None:
            with contextlib.suppress(RuntimeError):  # somebody reads: what follows wakes them
                await self._chunks.aclose()
        await self._response.aclose()

    def abort(self) -> None:
        """Close the response in the next turn of its loop."""
        if not self._closed:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(_spawn, self._loop, self.aclose)


def _spawn(loop: asyncio.AbstractEventLoop, close: Callable[[], Any]) -> None:
    loop.create_task(close())  # it ends without waiting for anybody


class BlockingClientOpened(_ClientOpened):
    """A response of a blocking ``Client``; see ``SyncStreamedResponse``."""

    def read_all(self) -> Response[Any]:
        """The body as a whole."""
        try:
            body = self._body()
            if self._rest is not None:
                return plain(body, self._response)
            for chunk in self._response.iter_raw():
                body.add(chunk)
        except Exception as exc:
            self._fail(exc)
        finally:
            self.close()
        return body.response()

    def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        known = self._read_already()
        if known is not None:
            return known
        if self._chunks is None:
            self._chunks = self._response.iter_raw()
        try:
            for chunk in self._chunks:
                if chunk:
                    return bytes(chunk)
        except BaseException as exc:
            self._give_up(exc)
        self.close()
        return b""

    def _give_up(self, exc: BaseException) -> NoReturn:
        self.close()
        if isinstance(exc, Exception):
            self._fail(exc)
        raise exc

    def close(self) -> None:
        """Close the response."""
        self._response.close()

    def abort(self) -> None:
        """Close the response."""
        self.close()
