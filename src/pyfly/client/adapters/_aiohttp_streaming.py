"""Responses of aiohttp whose bodies are handed over while they come."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, NoReturn

from pyfly.client.adapters._aiohttp_pool import AiohttpAnswer
from pyfly.client.adapters._bodies import too_large
from pyfly.client.adapters._errors import AttemptFacts, named
from pyfly.client.adapters._outgoing import HttpOrigin
from pyfly.client.adapters._upload import Upload
from pyfly.client.errors import ProtocolException, ReadException
from pyfly.client.message import Headers, Response


async def whole_body(
    method: str, answer: AiohttpAnswer, limit: int, origin: HttpOrigin
) -> Response[Any]:
    """Read the whole body.

    Args:
        method: The request's.
        answer: The response.
        limit: The largest body, in bytes.
        origin: Whom to name in an error.

    Raises:
        ResponseTooLargeException: It is too large.
        ReadException: A body that lasts until the end of the connection was cut off.
        ProtocolException: It is encoded for the way in a manner that is not known.
    """
    response = answer.response
    known = check_framing(answer, origin)
    if known is not None and known > limit and method != "HEAD" and response.status != 304:
        raise too_large(origin.peer, limit)
    content = response.content
    body: bytes = await content.readany()
    if len(body) > limit or not content.at_eof():
        body = await _more(body, content, limit, origin)
    if known is None:
        require_whole(answer, origin)
    fields, encoding = response.headers, None
    if body and "Content-Encoding" in fields:  # these look-ups are written in C
        encoding = ", ".join(fields.getall("Content-Encoding")) or None
    headers = Headers(response.raw_headers)
    return Response(response.status, headers, body, content_encoding=encoding)


async def _more(first: bytes, content: Any, limit: int, origin: HttpOrigin) -> bytes:
    chunks, size = [first], len(first)
    while size <= limit:
        chunk = await content.readany()
        chunks.append(chunk)
        size += len(chunk)
        if content.at_eof():
            break
    if size > limit:
        raise too_large(origin.peer, limit)
    return b"".join(chunks)


def check_framing(answer: AiohttpAnswer, origin: HttpOrigin) -> int | None:
    """The length that a response tells; None if it tells none.

    Raises:
        ProtocolException: Its transfer-encoding is other than ``chunked``: aiohttp passes
            that over, and takes the body for one that lasts until the end of the connection.
    """
    fields = answer.response.headers
    length = fields.get("Content-Length")
    if length is not None:
        return int(length) if length.isdecimal() else None
    coding = fields.get("Transfer-Encoding")
    if coding is not None and coding.strip().lower() != "chunked":
        raise ProtocolException(f"{origin.peer} broke HTTP: its transfer-encoding is not known")
    return None


def require_whole(answer: AiohttpAnswer, origin: HttpOrigin) -> None:
    """Refuse a body that ended with its connection, if that did not end in good order.

    aiohttp takes a reset for an end. And without the notice of TLS such a body may have been
    cut by anybody (RFC 8446, section 6.1).
    """
    tls, response, ended = answer.tls, answer.response, answer.ended
    framed = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
    if framed or response.content.total_bytes == 0:
        return
    if ended is not None and ended.done() and (error := ended.exception()) is not None:
        raise _cut_off(origin) from error
    if tls is None:
        return
    try:
        closed = not tls.read(1)
    except ssl.SSLZeroReturnError:  # the notice came, and was answered
        closed = True
    except (ssl.SSLError, ValueError):
        closed = False
    if not closed:
        raise _cut_off(origin)


def _cut_off(origin: HttpOrigin) -> ReadException:
    return ReadException(f"the connection to {origin.peer} broke before the whole response came")


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
