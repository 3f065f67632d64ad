"""A client of the user's own, of httpx2 or httpx, as a port.

It sends everything: its auth, hooks, cookies, proxies and timeouts stay in force. The target
is ours, byte for byte, and credentials go to the base URL's origin only. An asynchronous
client is held to the deadline and the idle timeout as well.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from pyfly.client.adapters._bodies import ResponseBody, close_body
from pyfly.client.adapters._bounds import bounded, close_soon, iterated
from pyfly.client.adapters._errors import AttemptFacts, redirect_behind, translate
from pyfly.client.adapters._library import family_of
from pyfly.client.adapters._outgoing import (
    RequestFields,
    Target,
    TargetResolver,
    length_field,
    parse_origin,
)
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.errors import ClientArgumentException, ReadException
from pyfly.client.message import Headers, Request, Response
from pyfly.kernel.exceptions import PyFlyException
from pyfly.kernel.secrets import is_secret
from pyfly.transport.errors import ReadTimeout


class AsyncClientPort:
    """The port over a client.

    Args:
        base_url: Where paths begin; ``""`` for where the client's do.
        timeout: What an error tells about a read that took too long, in seconds.
        headers: The adapter's own header fields, over those of the client.
        client: The client.
        settings: For ``max_response_size``.

    Attributes:
        base_url: Where paths begin.

    Raises:
        TypeError: It is no such client.
    """

    _kind = "AsyncClient"

    def __init__(
        self,
        base_url: str,
        timeout: float,
        headers: Mapping[str, str] | None,
        client: Any,
        settings: ConnectionSettings,
    ) -> None:
        family_of(client, self._kind)
        self.base_url = base_url or str(client.base_url)
        self._client = client
        self._settings = settings
        self._timeout = timeout
        self._targets = TargetResolver(self.base_url)
        self._fields = RequestFields(headers, {})  # its own defaults stay in force

    async def request(self, method: str, url: str, options: dict[str, Any]) -> Any:
        """Send one request by the client itself; a path is below the base URL."""
        if "://" not in url.partition("?")[0]:
            url = f"{self.base_url.rstrip('/')}/{url.lstrip('/')}"
        try:
            return await self._client.request(method, url, **options)
        except Exception as exc:
            self.fail(exc, self._exchange_of(exc))

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt; see ``HttpxClientAdapter.send``."""
        exchange = self._exchange(self._targets.resolve(request.url), deadline)
        try:
            async with bounded(deadline):
                response = await self._sent(request)
                try:
                    return await self.read_whole(request.method, response, exchange)
                finally:
                    await response.aclose()
        except Exception as exc:
            self.fail(exc, exchange)
        finally:
            close_body(request.content)

    async def open(
        self, request: Request, deadline: float | None, idle: float
    ) -> AsyncClientOpened:
        """Make one attempt that ends at the headers; see ``HttpxClientAdapter.open``."""
        exchange = self._exchange(self._targets.resolve(request.url), deadline)
        try:
            async with bounded(deadline):
                response = await self._sent(request)
        except Exception as exc:
            self.fail(exc, exchange)
        finally:
            close_body(request.content)
        return AsyncClientOpened(self, request.method, response, exchange, idle)

    async def _sent(self, request: Request) -> Any:
        """The client's response to a request, its body still to come."""
        target = self._targets.resolve(request.url)
        wire = self._built(request, target)
        if wire.url.raw_path != target.raw:  # the library's URL class has normalised it
            wire.extensions["target"] = target.raw
        options: dict[str, Any] = {"stream": True, "follow_redirects": False}
        if not target.home:
            options["auth"] = None
            own = {given.lower() for given in request.headers}
            for name in [name for name in wire.headers if is_secret(name)]:
                if name not in own:
                    del wire.headers[name]
        try:
            return await self._client.send(wire, **options)
        except Exception as exc:
            response = redirect_behind(exc)
            if response is None:
                raise
            return response

    def _built(self, request: Request, target: Target) -> Any:
        content: Any = request.content
        fields = self._fields.over_defaults(request.headers, target.home)
        if content is not None and not isinstance(content, bytes):
            name, value = length_field(content)
            fields.append((name.encode("ascii"), value.encode("ascii")))
            content = iterated(content)
        try:
            return self._client.build_request(
                request.method,
                f"{target.origin}{target.raw.decode('ascii')}",
                headers=fields,
                content=content,
            )
        except Exception as exc:
            if type(exc).__name__ != "InvalidURL" or len(target.raw) < 60_000:
                raise
            raise ClientArgumentException(
                f"the URL is {len(target.raw)} bytes long, and the library's client takes 64 KiB "
                f"at most ({exc}); send less in it, or use pyfly's own transport"
            ) from exc

    async def read_whole(self, method: str, response: Any, exchange: AttemptFacts) -> Response[Any]:
        """A response as a whole, undecoded unless a hook has read it."""
        body = ResponseBody(
            method,
            response.status_code,
            response.headers.raw,
            self._settings.max_response_size,
            exchange.peer,
        )
        if response.is_stream_consumed:
            body.add(response.content)
            return body.response(encoded=False)
        if response.is_closed:  # a redirect whose body is lost
            return body.response(encoded=False)
        async with contextlib.aclosing(response.aiter_raw()) as chunks:
            async for chunk in chunks:
                body.add(chunk)
        return body.response()

    def _exchange(self, target: Target, deadline: float | None) -> AttemptFacts:
        return AttemptFacts(
            target.origin, self._settings, self._timeout, deadline, time.monotonic()
        )

    def _exchange_of(self, exc: Exception) -> AttemptFacts:
        """What to tell about a request that the client itself has made."""
        origin = self._targets.origin
        with contextlib.suppress(RuntimeError, ClientArgumentException):  # there may be none
            request = getattr(exc, "request", None)
            origin = origin if request is None else parse_origin(str(request.url), "url")
        return AttemptFacts(origin, self._settings, self._timeout)

    def fail(self, exc: Exception, exchange: AttemptFacts) -> NoReturn:
        """Raise what ``exc`` means in our terms; itself if it is not the library's."""
        if isinstance(exc, PyFlyException):
            raise exc
        if isinstance(exc, ReadTimeout):  # of bounded()
            raise exchange.timed_out() from exc.__cause__ or exc
        error = translate(exc, exchange)
        if error is None:
            raise exc
        raise error from exc


class AsyncClientOpened:
    """A response of the client whose body is still to come; see ``StreamedResponse``.

    Args:
        port: The port over the client.
        method: The request's method.
        response: The library's response.
        exchange: What an error tells.
        idle: How long one read may take, in seconds.
    """

    def __init__(
        self, port: AsyncClientPort, method: str, response: Any, exchange: AttemptFacts, idle: float
    ) -> None:
        self.status_code: int = response.status_code
        self.headers = Headers(response.headers.raw)
        read = response.is_stream_consumed  # by a hook; then it was decoded, too
        self.content_encoding = None if read else self.headers.get("content-encoding")
        self._port = port
        self._method = method
        self._response = response
        self._exchange = exchange
        self._idle = idle
        self._rest: bytes | None = response.content if read else None
        if response.is_closed and not read:  # a redirect whose body is lost
            self._rest = b""
        self._chunks: Any = None
        self._closed = False
        self._aborted = False
        self._abort = close_soon(self.aclose)

    async def read_all(self) -> Response[Any]:
        """The body as a whole, within the deadline of the attempt."""
        try:
            async with bounded(self._exchange.deadline):
                return await self._port.read_whole(self._method, self._response, self._exchange)
        except Exception as exc:
            self._port.fail(exc, self._exchange)
        finally:
            await self.aclose()

    async def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        if self._rest is not None:
            rest, self._rest = self._rest, b""
            return rest
        if self._aborted:
            raise ReadException("the connection was closed while the body was read")
        if self._chunks is None:
            self._chunks = self._response.aiter_raw()
        end = min(time.monotonic() + self._idle, math.inf if until is None else until)
        chunk = b""
        try:
            async with bounded(end):
                async for chunk in self._chunks:
                    if chunk:
                        return bytes(chunk)
        except BaseException as exc:
            await self.aclose()
            if isinstance(exc, ReadTimeout):
                raise self._exchange.silent(self._idle) from exc
            if isinstance(exc, Exception):
                self._port.fail(exc, self._exchange)
            raise
        await self.aclose()
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
        """Close the response; in an event loop, in its next turn."""
        if not self._closed:
            self._aborted = True
            self._abort()
