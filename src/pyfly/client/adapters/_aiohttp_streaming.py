"""Responses of aiohttp whose bodies are handed over while they come."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any, NoReturn

from pyfly.client.adapters._aiohttp_body import require_whole, whole_body
from pyfly.client.adapters._aiohttp_pool import AiohttpAnswer
from pyfly.client.adapters._errors import AttemptFacts, named
from pyfly.client.adapters._outgoing import HttpOrigin
from pyfly.client.adapters._upload import Upload
from pyfly.client.errors import ReadException
from pyfly.client.message import Headers, Response


class AiohttpOpened:
    """A response that holds its connection, and a place at the gate, until it is closed.

    Args:
        method: The request's.
        answer: The response.
        origin: Where it comes from.
        exchange: What to tell in an error; its deadline is for :meth:`read_all`.
        idle: How long one read may take, in seconds.
        fail: Raises what an exception of aiohttp means.
        leave: Gives the place at the gate back.
        upload: The request's body, if the answer came before all of it was taken.
    """

    def __init__(
        self,
        method: str,
        answer: AiohttpAnswer,
        origin: HttpOrigin,
        exchange: AttemptFacts,
        idle: float,
        fail: Callable[[Exception, AttemptFacts], NoReturn],
        leave: Callable[[], None],
        upload: Upload | None,
    ) -> None:
        self._leave: Callable[[], None] | None = leave
        self._loop = asyncio.get_running_loop()
        self._answer = answer
        self._origin = origin
        self.status_code: int = answer.response.status
        self.headers = Headers(answer.response.raw_headers)
        self.content_encoding = self.headers.get("content-encoding")
        self._method = method
        self._exchange = exchange
        self._idle = idle
        self._fail = fail
        self._upload = upload
        self._aborted = False

    async def read_all(self) -> Response[Any]:
        """The body as a whole, within the deadline of the attempt."""
        deadline = self._exchange.deadline
        scope = asyncio.timeout(None if deadline is None else deadline - time.monotonic())
        try:
            async with scope:
                limit = self._exchange.settings.max_response_size
                return await whole_body(self._method, self._answer, limit, self._origin)
        except TimeoutError as exc:
            if scope.expired():
                raise self._exchange.timed_out() from exc
            raise
        except Exception as exc:
            self._fail(exc, self._exchange)
        finally:
            await self.aclose()

    async def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        if self._aborted:
            raise ReadException("the connection was closed while the body was read")
        self._exchange.deadline = None  # it was for the headers
        left = self._idle if until is None else min(self._idle, until - time.monotonic())
        scope = asyncio.timeout(left)
        try:
            async with scope:
                chunk: bytes = await self._answer.response.content.readany()
            if not chunk:
                require_whole(self._answer, self._origin)
        except BaseException as exc:
            await self.aclose()
            if isinstance(exc, TimeoutError) and scope.expired():
                self._exchange.read_timeout = self._idle
                raise named("ReadTimeout", exc, self._exchange) from exc
            if isinstance(exc, Exception):
                self._fail(exc, self._exchange)
            raise
        if not chunk:
            await self.aclose()
        return chunk

    async def aclose(self) -> None:
        """Give the connection back if the body was read, else close it."""
        self._close()
        upload, self._upload = self._upload, None
        if upload is not None:
            await upload.aclose()

    def _close(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            if self._upload is not None:
                self._upload.cut_off()
            self._answer.response.close()  # nothing happens if the connection was given back
            leave()

    def abort(self) -> None:
        """End the connection at once, and close it in the next turn of its loop."""
        if self._leave is None:
            return
        self._aborted = True
        with contextlib.suppress(OSError, TypeError):  # it is closed, or uvloop's
            self._answer.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(RuntimeError):  # the loop has ended, and closed everything
            self._loop.call_soon_threadsafe(self._close)

    def __del__(self) -> None:
        self.abort()
