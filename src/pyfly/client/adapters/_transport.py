"""One exchange over a pool; and the pool as a transport for the library's own clients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from pyfly.client.adapters._library import Library
from pyfly.client.adapters._pools import Pool
from pyfly.client.adapters._target import Origin
from pyfly.client.adapters._wire import Body, Wire

__all__ = [
    "AsyncTransport",
    "BlockingTransport",
    "PoolTransport",
    "async_exchange",
    "blocking_exchange",
    "lifted",
]

_NO_TIMEOUTS = dict.fromkeys(("connect", "read", "write", "pool"))
_PORTS = {"http": 80, "https": 443}


class PoolTransport:
    """What both transports share.

    Every response is read whole, within the limit: ``request`` is all that uses them.
    """

    def __init__(self, pool: Pool, limit: int) -> None:
        self._pool = pool
        self._limit = limit

    def _prepared(self, request: Any) -> tuple[Origin, Any, Callable[[Any], Body]]:
        """Where a request of the library goes, the core's for it, and where the body goes."""
        url = request.url
        if url.scheme not in _PORTS:
            raise self._pool.library.http.UnsupportedProtocol("no http:// or https:// URL")
        origin = Origin(url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme])
        wire = Wire(
            request.method,
            url.raw_path,
            request.headers.raw,
            request.stream,
            {
                **request.extensions,
                "timeout": {**_NO_TIMEOUTS, **request.extensions.get("timeout", {})},
            },
        )

        def body_of(response: Any) -> Body:
            fields = response.headers
            return Body(request.method, response.status, fields, self._limit, origin.peer)

        return origin, wire, body_of

    def _response(self, response: Any, body: Body) -> Any:
        http = self._pool.library.http
        return http.Response(
            response.status,
            headers=response.headers,
            stream=http.ByteStream(body.response().content),
            extensions=response.extensions,
        )


class AsyncTransport(PoolTransport):
    """The interface of the library's ``AsyncBaseTransport``."""

    async def handle_async_request(self, request: Any) -> Any:
        """Make one exchange."""
        origin, wire, body_of = self._prepared(request)
        try:
            response, body = await async_exchange(self._pool, origin, wire, body_of)
        except Exception as exc:
            error = lifted(exc, self._pool.library)
            raise error from error.__cause__
        return self._response(response, body)

    async def aclose(self) -> None:
        """Nothing: the connections belong to the pool."""


class BlockingTransport(PoolTransport):
    """The interface of the library's ``BaseTransport``."""

    def handle_request(self, request: Any) -> Any:
        """Make one exchange."""
        origin, wire, body_of = self._prepared(request)
        try:
            response, body = blocking_exchange(self._pool, origin, wire, body_of)
        except Exception as exc:
            error = lifted(exc, self._pool.library)
            raise error from error.__cause__
        return self._response(response, body)

    def close(self) -> None:
        """Nothing: the connections belong to the pool."""


async def async_exchange(
    pool: Pool, origin: Origin, wire: Any, body_of: Callable[[Any], Body]
) -> tuple[Any, Body]:
    """Send a request of the core and read the whole response.

    Args:
        pool: Where the connection comes from.
        origin: Where to.
        wire: The request; its ``timeout`` extension counts.
        body_of: Where to collect the response's body; it may refuse the response.
    """
    await pool.gate.enter(_pool_timeout(wire))
    try:
        connection, stale = pool.take(origin)
        try:
            for each in stale:
                await each.aclose()
            response = await connection.handle_async_request(wire)
            try:
                body = body_of(response)
                async with aclosing(response.stream.__aiter__()) as chunks:
                    async for chunk in chunks:
                        body.add(chunk)
            finally:
                await response.aclose()
        except BaseException:
            await connection.aclose()
            raise
        for each in pool.put(origin, connection):
            await each.aclose()
    finally:
        pool.gate.leave()
    return response, body


def blocking_exchange(
    pool: Pool, origin: Origin, wire: Any, body_of: Callable[[Any], Body]
) -> tuple[Any, Body]:
    """The twin of :func:`async_exchange`."""
    pool.gate.enter(_pool_timeout(wire))
    try:
        connection, stale = pool.take(origin)
        try:
            for each in stale:
                each.close()
            response = connection.handle_request(wire)
            try:
                body = body_of(response)
                for chunk in response.stream:
                    body.add(chunk)
            finally:
                response.close()
        except BaseException:
            connection.close()
            raise
        for each in pool.put(origin, connection):
            each.close()
    finally:
        pool.gate.leave()
    return response, body


def _pool_timeout(wire: Any) -> float | None:
    timeout: float | None = wire.extensions.get("timeout", {}).get("pool")
    return timeout


def lifted(exc: Exception, library: Library) -> Exception:
    """The library's exception for one of its core's, as its own transport would raise it."""
    kind = getattr(library.http, type(exc).__name__, None)
    # The core lets some of h11's through: those about a body of the wrong length.
    if type(exc).__module__.partition(".")[0] not in (library.core.__name__, "h11") or kind is None:
        return exc
    raised: Exception = kind(str(exc))
    raised.__cause__ = exc
    return raised
