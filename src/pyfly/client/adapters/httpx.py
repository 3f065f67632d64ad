"""The default port: httpx2, or classic httpx, for asynchronous clients."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from functools import partial
from typing import Any

from pyfly.client.adapters._adapter import Attempt, HttpxAdapter, plain
from pyfly.client.adapters._client_streaming import AsyncClientOpened
from pyfly.client.adapters._errors import Exchange
from pyfly.client.adapters._streaming import open_stream
from pyfly.client.adapters._transport import AsyncTransport, async_exchange
from pyfly.client.adapters._wire import let_go
from pyfly.client.message import Request, Response
from pyfly.client.ports import StreamedResponse

__all__ = ["HttpxClientAdapter"]


class HttpxClientAdapter(HttpxAdapter):
    """A port over httpx2 or httpx.

    Connections belong to the event loop that they were made in: a second loop, or a forked
    child, gets its own.

    Args:
        base_url: Where paths begin; its own path is kept. ``""`` if every request brings an
            absolute URL, or the ``client`` has a base URL.
        timeout: How long a single read or write may take; ``send`` as a whole is bounded by
            its deadline.
        headers: Sent with every request, over ``accept``, ``accept-encoding`` and ``user-agent``.
        client: An ``AsyncClient`` of yours, of either library. It sends everything, so that
            its auth, hooks, cookies, proxies and timeouts stay in force; ``settings`` count
            for ``max_response_size`` alone, and it is yours to close.
        settings: How connections are made.

    Raises:
        ConnectionSettingsException: A setting cannot be used.
        ClientArgumentException: ``base_url`` cannot be used.
        MissingLibraryException: When first used: the library is not installed.
    """

    _blocking = False
    _client_kind = "AsyncClient"
    _transport = AsyncTransport

    async def start(self) -> None:
        """Check that the library and the TLS files are there; connections come on demand."""
        self._start()

    async def stop(self) -> None:
        """Close every connection. A ``client`` of yours stays open."""
        self._stop()
        await asyncio.sleep(0)  # whoever was woken by the closing gets to know

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        """Send one request by the library's own client.

        Args:
            method: ``GET``, ``POST``, …
            url: A path below ``base_url``, or an absolute URL.
            **kwargs: What the library takes: ``params``, ``json``, ``headers``, ``content``,
                ``data``, ``files``, ``timeout``, …

        Returns:
            The library's own response, read.

        Raises:
            TransportException: No complete response came back.
            ResponseTooLargeException: It is larger than ``max_response_size``.
        """
        client, pool = self._client()
        try:
            return await client.request(method, url, **kwargs)
        except Exception as exc:
            self._raise(exc, self._exchange_of(exc), pool)

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
        try:
            if self._given is not None:
                return await self._send_by_client(request, deadline)
            return await self._send(request, deadline)
        finally:
            let_go(request.content)

    async def _send(self, request: Request, deadline: float | None) -> Response[Any]:
        attempt = self._begin(request, deadline)
        if deadline is None or request.content is None or isinstance(request.content, bytes):
            return await self._complete(attempt)
        # The deadline is kept by every operation on the network, but a body of the caller's
        # may be slow by itself.
        scope = asyncio.timeout(deadline - attempt.exchange.began)
        try:
            async with scope:
                return await self._complete(attempt)
        except TimeoutError as exc:
            if not scope.expired():
                raise
            raise attempt.exchange.timed_out() from exc

    async def _complete(self, attempt: Attempt) -> Response[Any]:
        try:
            _, body = await async_exchange(
                attempt.pool, attempt.origin, attempt.request, attempt.body
            )
        except Exception as exc:
            self._raise(exc, attempt.exchange, attempt.pool)
        return body.response()

    async def _send_by_client(self, request: Request, deadline: float | None) -> Response[Any]:
        wire, options, exchange = self._client_request(request)
        exchange.deadline = deadline
        exchange.began = time.monotonic()
        left = None if deadline is None else deadline - exchange.began
        if left is not None and left <= 0:
            raise exchange.timed_out()
        scope = asyncio.timeout(left)
        try:
            async with scope:
                return await self._exchange_by_client(request, wire, options, exchange)
        except TimeoutError as exc:
            if not scope.expired():
                raise
            raise exchange.timed_out() from exc
        except Exception as exc:
            self._raise(exc, exchange)

    async def _exchange_by_client(
        self, request: Request, wire: Any, options: dict[str, Any], exchange: Exchange
    ) -> Response[Any]:
        response = await self._given.send(wire, **options)
        try:
            body = self._client_body(request, response, exchange)
            if response.is_stream_consumed:
                return plain(body, response)
            async with aclosing(response.aiter_raw()) as chunks:
                async for chunk in chunks:
                    body.add(chunk)
        finally:
            await response.aclose()
        return body.response()

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
        try:
            if self._given is not None:
                return await self._open_by_client(request, deadline, idle)
            attempt = self._begin(request, deadline)
            fail = partial(self._raise, exchange=attempt.exchange, pool=attempt.pool)
            try:
                return await open_stream(attempt, idle, fail)
            except Exception as exc:
                fail(exc)
        finally:
            let_go(request.content)

    async def _open_by_client(
        self, request: Request, deadline: float | None, idle: float
    ) -> AsyncClientOpened:
        wire, options, exchange = self._client_request(request)
        exchange.deadline = deadline
        exchange.began = time.monotonic()
        left = None if deadline is None else deadline - exchange.began
        if left is not None and left <= 0:
            raise exchange.timed_out()
        scope = asyncio.timeout(left)
        try:
            async with scope:
                response = await self._given.send(wire, **options)
        except TimeoutError as exc:
            if not scope.expired():
                raise
            raise exchange.timed_out() from exc
        except Exception as exc:
            self._raise(exc, exchange)
        return AsyncClientOpened(
            response,
            partial(self._client_body, request, response, exchange),
            partial(self._raise, exchange=exchange),
            deadline=deadline,
            idle=idle,
            late=exchange.timed_out,
            peer=exchange.peer,
        )
