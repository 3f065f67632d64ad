"""The default port for synchronous clients: httpx2, or classic httpx."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from pyfly.client.adapters._adapter import HttpxAdapter, plain
from pyfly.client.adapters._client_streaming import BlockingClientOpened
from pyfly.client.adapters._streaming import open_blocking
from pyfly.client.adapters._transport import BlockingTransport, blocking_exchange
from pyfly.client.adapters._wire import let_go
from pyfly.client.message import Request, Response
from pyfly.client.ports import SyncStreamedResponse

__all__ = ["HttpxSyncClientAdapter"]


class HttpxSyncClientAdapter(HttpxAdapter):
    """The twin of :class:`~pyfly.client.adapters.httpx.HttpxClientAdapter`, without ``async``.

    Takes the same arguments, but a ``client`` is an ``httpx2.Client`` or ``httpx.Client``; one
    adapter serves any number of threads. ``send`` ends by its deadline, name resolution
    excepted; with a ``client`` of yours only that client's own timeouts bound it.
    """

    _blocking = True
    _client_kind = "Client"
    _transport = BlockingTransport

    def start(self) -> None:
        """Check that the library and the TLS files are there; connections come on demand."""
        self._start()

    def stop(self) -> None:
        """Close every connection. A ``client`` of yours stays open."""
        self._stop()

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        """Send one request by the library's own client; see the asynchronous twin."""
        client, pool = self._client()
        try:
            return client.request(method, url, **kwargs)
        except Exception as exc:
            self._raise(exc, self._exchange_of(exc), pool)

    def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt; see the asynchronous twin."""
        try:
            if self._given is not None:
                return self._send_by_client(request, deadline)
            return self._send(request, deadline)
        finally:
            let_go(request.content)

    def _send(self, request: Request, deadline: float | None) -> Response[Any]:
        attempt = self._begin(request, deadline)
        try:
            _, body = blocking_exchange(attempt.pool, attempt.origin, attempt.request, attempt.body)
        except Exception as exc:
            self._raise(exc, attempt.exchange, attempt.pool)
        return body.response()

    def _send_by_client(self, request: Request, deadline: float | None) -> Response[Any]:
        wire, options, exchange = self._client_request(request)
        exchange.deadline = deadline
        exchange.began = time.monotonic()
        if deadline is not None and deadline <= exchange.began:
            raise exchange.timed_out()
        try:
            response = self._given.send(wire, **options)
            try:
                body = self._client_body(request, response, exchange)
                if response.is_stream_consumed:
                    return plain(body, response)
                for chunk in response.iter_raw():
                    body.add(chunk)
            finally:
                response.close()
        except Exception as exc:
            self._raise(exc, exchange)
        return body.response()

    def open(self, request: Request, deadline: float | None, idle: float) -> SyncStreamedResponse:
        """Make one attempt that ends at the headers; see the asynchronous twin."""
        try:
            if self._given is not None:
                return self._open_by_client(request, deadline)
            attempt = self._begin(request, deadline)
            fail = partial(self._raise, exchange=attempt.exchange, pool=attempt.pool)
            try:
                return open_blocking(attempt, idle, fail)
            except Exception as exc:
                fail(exc)
        finally:
            let_go(request.content)

    def _open_by_client(self, request: Request, deadline: float | None) -> BlockingClientOpened:
        wire, options, exchange = self._client_request(request)
        exchange.deadline = deadline
        exchange.began = time.monotonic()
        if deadline is not None and deadline <= exchange.began:
            raise exchange.timed_out()
        try:
            response = self._given.send(wire, **options)
        except Exception as exc:
            self._raise(exc, exchange)
        return BlockingClientOpened(
            response,
            partial(self._client_body, request, response, exchange),
            partial(self._raise, exchange=exchange),
        )
