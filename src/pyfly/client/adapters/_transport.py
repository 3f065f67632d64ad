"""Our connections as transports of the library, for its own kind of client."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from pyfly.client.adapters._library import Library
from pyfly.client.adapters._pools import Pool
from pyfly.client.adapters._target import Origin
from pyfly.client.adapters._wire import Body
from pyfly.client.errors import ResponseException

__all__ = ["AsyncTransport", "BlockingTransport", "PoolTransport", "lifted"]

_PORTS = {"http": 80, "https": 443}


class PoolTransport:
    """What both transports share.

    Every response is read whole, within the limit: ``request`` is all that uses them.
    """

    def __init__(self, pool: Pool, limit: int) -> None:
        self._pool = pool
        self._limit = limit

    def _prepared(self, request: Any) -> tuple[Any, Any, str]:
        """The core pool for a request of the library, the request for it, and the peer."""
        url = request.url
        if url.scheme not in _PORTS:
            raise self._pool.library.http.UnsupportedProtocol("no http:// or https:// URL")
        origin = Origin(url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme])
        core = self._pool.library.core
        wire = core.Request(
            request.method,
            core.URL(
                scheme=origin.scheme, host=url.raw_host, port=origin.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        return self._pool.core_for(origin), wire, origin.peer

    def _body(self, request: Any, response: Any, peer: str) -> Body:
        return Body(request.method, response.status, response.headers, self._limit, peer)

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
        core, wire, peer = self._prepared(request)
        try:
            response = await core.handle_async_request(wire)
            try:
                body = self._body(request, response, peer)
                async with aclosing(response.stream.__aiter__()) as chunks:
                    async for chunk in chunks:
                        body.add(chunk)
            finally:
                await response.aclose()
        except ResponseException:
            raise
        except Exception as exc:
            raise lifted(exc, self._pool.library) from exc
        return self._response(response, body)

    async def aclose(self) -> None:
        """Nothing: the connections belong to the pool."""


class BlockingTransport(PoolTransport):
    """The interface of the library's ``BaseTransport``."""

    def handle_request(self, request: Any) -> Any:
        """Make one exchange."""
        core, wire, peer = self._prepared(request)
        try:
            response = core.handle_request(wire)
            try:
                body = self._body(request, response, peer)
                for chunk in response.stream:
                    body.add(chunk)
            finally:
                response.close()
        except ResponseException:
            raise
        except Exception as exc:
            raise lifted(exc, self._pool.library) from exc
        return self._response(response, body)

    def close(self) -> None:
        """Nothing: the connections belong to the pool."""


def lifted(exc: Exception, library: Library) -> Exception:
    """The library's exception for one of its core's, as its own transport would raise it."""
    kind = getattr(library.http, type(exc).__name__, None)
    if type(exc).__module__.partition(".")[0] != library.core.__name__ or kind is None:
        return exc
    raised: Exception = kind(str(exc))
    raised.__cause__ = exc
    return raised
