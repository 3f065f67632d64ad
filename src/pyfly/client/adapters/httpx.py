"""The default port: HTTP/1.1 over connections of its own, or over a client of the httpx family."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from pyfly.client.adapters._adapter import HttpxAdapter
from pyfly.client.adapters._bodies import close_body
from pyfly.client.adapters._bounds import NOT_BLOCKING, bounded, other_turn
from pyfly.client.adapters._httpx_client import AsyncClientPort
from pyfly.client.errors import ReadException
from pyfly.client.message import Headers, Request, Response
from pyfly.client.ports import StreamedResponse
from pyfly.transport.deadline import Timeouts
from pyfly.transport.errors import BodyTooLarge, ReadTimeout, TransportError
from pyfly.transport.pool import AsyncExchange, AsyncPool


class HttpxClientAdapter(HttpxAdapter):
    """A port over connections of its own, or over a client of yours of httpx2 or httpx.

    Connections belong to the event loop that they were made in: a second loop, or a forked
    child, gets its own. No HTTP library is imported unless a ``client`` is one's.

    Args:
        base_url: Where paths begin; its own path is kept. ``""`` if every request brings an
            absolute URL, or the ``client`` has a base URL.
        timeout: How long a single read or write may take; ``send`` ends by its
            deadline.
        headers: Sent with every request, over ``accept``, ``accept-encoding`` and ``user-agent``.
        client: An ``AsyncClient`` of yours, of either library. It sends everything, so that
            its auth, hooks, cookies, proxies and timeouts stay in force; ``settings`` count
            for ``max_response_size`` alone, and it is yours to close.
        settings: How connections are made.

    Raises:
        ConnectionSettingsException: A setting cannot be used.
        ClientArgumentException: ``base_url`` cannot be used.
        MissingLibraryException: The library of ``client`` is not installed.
    """

    _blocking = NOT_BLOCKING
    _make_pool = AsyncPool
    _client_port = AsyncClientPort

    async def start(self) -> None:
        """Check that the TLS files are there; connections come on demand."""
        self._start()

    async def stop(self) -> None:
        """Close every connection. A ``client`` of yours stays open."""
        self._stop()
        await other_turn()

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        json: Any = None,
        headers: Any = None,
        content: Any = None,
        data: Any = None,
        timeout: float | None = None,
        **others: Any,
    ) -> Any:
        """Send one request as HTTP libraries do.

        Args:
            method: ``GET``, ``POST``, …
            url: A path below ``base_url``, or an absolute URL.
            params: Query parameters: a mapping, or pairs; a list stands for several values.
            json: A body that is sent as JSON.
            headers: Header fields over those of the adapter.
            content: A body as ``bytes`` or ``str``.
            data: A form, as a mapping; or a body as ``bytes`` or ``str``.
            timeout: How long a single read or write may take, in seconds.
            **others: What the ``client`` of yours takes beyond that.

        Returns:
            The response, read and decompressed: a :class:`~pyfly.client.Response`; over a
            ``client`` of yours, that library's own.

        Raises:
            TransportException: No complete response came back.
            ResponseTooLargeException: It is larger than ``max_response_size``.
            TypeError: An argument is not known.
        """
        self._require_running()
        if self._client is not None:
            given = {"params": params, "json": json, "headers": headers, "content": content}
            given |= {"data": data, "timeout": timeout}
            others |= {name: value for name, value in given.items() if value is not None}
            return await self._client.request(method, url, others)
        if others:
            raise TypeError(f"request() has no argument {next(iter(others))!r}")
        request = self._plain_request(method, url, params, json, headers, content, data)
        timeouts = self._timeouts if timeout is None else self._timeouts._replace(step=timeout)
        return self._decompressed(await self._exchange(request, None, timeouts))

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt: what is in ``request``, byte for byte.

        Args:
            request: What to send.
            deadline: When to give up, by ``time.monotonic()``; None for never.

        Raises:
            TransportException: No complete response came back.
            AttemptTimeoutException: The deadline passed.
            ResponseTooLargeException: The body is larger than ``max_response_size``.
            ClientStoppedException: The adapter was stopped.
        """
        if self._stopped:
            self._require_running()
        if self._client is not None:
            response: Response[Any] = await self._client.send(request, deadline)
            return response
        content = request.content
        if content is None or isinstance(content, bytes):
            return await self._exchange(request, deadline, self._timeouts)
        origin, began = self._targets.resolve(request.url).origin, time.monotonic()
        try:
            # The deadline is kept by every operation on the network, but a body of the caller's
            # may be slow by itself.
            async with bounded(deadline):
                return await self._exchange(request, deadline, self._timeouts)
        except ReadTimeout as exc:
            self._raise(exc, origin, deadline, began)
        finally:
            close_body(content)

    async def _exchange(
        self, request: Request, deadline: float | None, timeouts: Timeouts
    ) -> Response[Any]:
        target = self._targets.resolve(request.url)
        outgoing = self._fields.outgoing(request, target)
        began = end = math.inf
        if deadline is not None:
            began, end = time.monotonic(), deadline
            if end <= began:
                self._raise(ReadTimeout("out of time"), target.origin, deadline, began)
        try:
            pool = self._pools.current()
            incoming = await pool.exchange(target.origin, outgoing, timeouts, end, self._limit)
        except TransportError as exc:
            self._raise(exc, target.origin, deadline, began, timeouts.step)
        content = incoming.take()
        return Response(
            incoming.status,
            Headers.indexed(incoming.fields, incoming.index),
            content,
            content_encoding=(content and incoming.index.get("content-encoding")) or None,
        )

    async def open(self, request: Request, deadline: float | None, idle: float) -> StreamedResponse:
        """Make one attempt that ends at the headers of the response.

        Args:
            request: What to send.
            deadline: When to give up, by ``time.monotonic()``; None for never.
            idle: How long each read of the body may take, in seconds.

        Raises:
            TransportException: No headers came back.
            AttemptTimeoutException: The deadline passed.
            ClientStoppedException: The adapter was stopped.
        """
        self._require_running()
        if self._client is not None:
            opened: StreamedResponse = await self._client.open(request, deadline, idle)
            return opened
        target = self._targets.resolve(request.url)
        outgoing = self._fields.outgoing(request, target)
        began = time.monotonic()
        end = math.inf if deadline is None else deadline
        try:
            async with bounded(deadline):
                pool = self._pools.current()
                exchange = await pool.open(target.origin, outgoing, self._timeouts, end)
        except TransportError as exc:
            self._raise(exc, target.origin, deadline, began)
        finally:
            close_body(request.content)
        fail = partial(self._raise, origin=target.origin)
        return AsyncOwnOpened(exchange, self._limit, idle, fail, deadline, began)


class AsyncOwnOpened:
    """A response of our own connections, its body still to come; see ``StreamedResponse``.

    Args:
        exchange: The transport's.
        limit: The largest body that is read whole.
        idle: How long one read may take, in seconds.
        fail: Raises what an exception of the transport means.
        deadline: When a body that is read whole has to be there.
        began: When the attempt began.
    """

    def __init__(
        self,
        exchange: AsyncExchange,
        limit: int,
        idle: float,
        fail: Callable[..., NoReturn],
        deadline: float | None,
        began: float,
    ) -> None:
        incoming = exchange.incoming
        self.status_code = incoming.status
        self.headers = Headers.indexed(incoming.fields, incoming.index)
        self.content_encoding = self.headers.get("content-encoding")
        self._exchange = exchange
        self._limit = limit
        self._idle = idle
        self._fail = fail
        self._deadline = deadline
        self._began = began

    async def read_all(self) -> Response[Any]:
        """The body as a whole, within the deadline of the attempt."""
        incoming = self._exchange.incoming
        pieces: list[bytes] = []
        size = 0
        try:
            incoming.require_at_most(self._limit)
            while piece := await self._exchange.read():
                size += len(piece)
                if size > self._limit:
                    raise BodyTooLarge(self._limit)
                pieces.append(piece)
        except BaseException as exc:
            self._exchange.close()
            if isinstance(exc, Exception):
                self._fail(exc, deadline=self._deadline, began=self._began)
            raise
        whole = b"".join(pieces)
        encoding = self.content_encoding if whole else None
        return Response(self.status_code, self.headers, whole, content_encoding=encoding or None)

    async def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        exchange = self._exchange
        exchange.timeouts = exchange.timeouts._replace(step=self._idle)
        exchange.end = math.inf if until is None else until
        try:
            return await exchange.read()
        except TransportError as exc:
            if exchange.aborted:
                raise ReadException("the connection was closed while the body was read") from exc
            self._fail(exc, step=self._idle)

    async def aclose(self) -> None:
        """Give the connection back if the body was read, else close it."""
        self._exchange.close()

    def abort(self) -> None:
        """Close the connection at once; whoever waits for it is woken, and gives it back."""
        self._exchange.abort()
