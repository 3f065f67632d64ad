"""A port over aiohttp, for asynchronous clients: the library that costs the least per call."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn, TypeVar

from pyfly.client.adapters._aiohttp_body import check_framing, whole_body
from pyfly.client.adapters._aiohttp_errors import translate_aiohttp
from pyfly.client.adapters._aiohttp_pool import AiohttpPool, load_aiohttp
from pyfly.client.adapters._aiohttp_streaming import AiohttpOpened
from pyfly.client.adapters._errors import Exchange, named
from pyfly.client.adapters._per_loop import PerLoop
from pyfly.client.adapters._routes import proxy_for
from pyfly.client.adapters._target import Origin, Target, TargetResolver
from pyfly.client.adapters._tls import check_files, context_for
from pyfly.client.adapters._upload import PIECE, Upload
from pyfly.client.adapters._wire import DEFAULTS, let_go
from pyfly.client.adapters.settings import (
    ConnectionSettings,
    ConnectionSettingsException,
    checked,
    require_span,
    without_credentials,
)
from pyfly.client.errors import ClientArgumentException, ClientStoppedException
from pyfly.client.message import Request, Response, redacted
from pyfly.client.ports import StreamedResponse
from pyfly.kernel.exceptions import PyFlyException

__all__ = ["AiohttpClientAdapter"]

T = TypeVar("T")

_BREAKS_HTTP = re.compile(r"[\r\n\0]|^\s|\s$|[^\x00-\x7f]")

_OTHER_SCHEME = re.compile(r"(?!https?://)[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class AiohttpClientAdapter:
    """A port over aiohttp (``pyfly-client[aiohttp]``).

    It does what :class:`~pyfly.client.adapters.httpx.HttpxClientAdapter` does, for less CPU.
    aiohttp's own second try over a fresh connection is off: attempts are the client's.
    SOCKS proxies are not supported; idle connections to *other* origins do not count for
    ``max_connections``.

    Args:
        base_url: Where paths begin; its own path is kept. ``""`` if every request brings an
            absolute URL.
        timeout: How long a single read or write may take; ``send`` as a whole is bounded by
            its deadline.
        headers: Sent with every request, over ``accept``, ``accept-encoding`` and ``user-agent``.
        settings: How connections are made; ``library`` has no meaning here.

    Raises:
        ConnectionSettingsException: A setting cannot be used.
        ClientArgumentException: ``base_url`` or a header cannot be used.
        MissingLibraryException: When first used: aiohttp is not installed.
    """

    takes_encoded = True
    bounds_deadline = True
    ends_calls = True

    def __init__(
        self,
        base_url: str = "",
        timeout: timedelta = timedelta(seconds=30),
        headers: Mapping[str, str] | None = None,
        *,
        settings: ConnectionSettings | None = None,
    ) -> None:
        require_span("timeout", timeout)
        self._settings = checked(settings or ConnectionSettings())
        _require_http_proxy(self._settings.proxy)
        self._timeout = timeout.total_seconds()
        self._base_url = base_url
        self._targets = TargetResolver(base_url)
        self._public, self._private = _split_fields(headers)
        self._spans = {
            "connect": self._settings.connect_timeout.total_seconds(),
            "ceil_threshold": math.inf,  # else it rounds timeouts above 5 s up
        }
        self._pool_timeout = self._settings.pool_timeout.total_seconds()
        self._stopped = False
        self._context: Any = None
        self._pools = PerLoop(partial(AiohttpPool, self._settings, self._public), AiohttpPool.close)

    @property
    def base_url(self) -> str:
        """Where paths begin; ``""`` if every request brings an absolute URL."""
        return self._base_url

    def __repr__(self) -> str:
        return f"<AiohttpClientAdapter {self._targets.origin or 'of absolute URLs'}>"

    async def start(self) -> None:
        """Check that aiohttp and the TLS files are there; connections come on demand."""
        self._stopped = False
        load_aiohttp()
        origin = self._targets.origin
        if origin is not None and origin.scheme == "https":
            check_files(self._settings)

    async def stop(self) -> None:
        """Close every connection; what is in flight ends with ``ClientStoppedException``."""
        self._stopped = True
        await self._pools.end()
        await asyncio.sleep(0)  # whoever was woken by the closing gets to know

    async def request(self, method: str, url: str, **kwargs: Any) -> Response[Any]:
        """Send one request as aiohttp would.

        Args:
            method: ``GET``, ``POST``, …
            url: A path below ``base_url``, or an absolute URL.
            **kwargs: What ``aiohttp.ClientSession.request`` takes: ``params``, ``json``,
                ``headers``, ``data``, ``timeout``, …

        Returns:
            The response, read and decompressed.

        Raises:
            TransportException: No complete response came back.
            ResponseTooLargeException: It is larger than ``max_response_size``.
        """
        self._require_running()
        if _OTHER_SCHEME.match(url):
            raise ClientArgumentException(
                "the URL cannot be used: it must start with http:// or https://"
            )
        target = self._targets.resolve(url)
        options = {"allow_redirects": False, "auto_decompress": True, **kwargs}
        options["headers"] = self._fields(kwargs.get("headers") or {}, target.home)
        options.setdefault("timeout", self._timeouts(None))
        exchange = self._exchange(target.origin)
        try:
            response = await self._exchanged(method, target, options, exchange, None)
        except Exception as exc:
            self._raise(exc, exchange)
        response.content_encoding = None
        return response

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
        content = request.content
        if content is None or (type(content) is bytes and len(content) <= PIECE):
            return await self._send(request, deadline, content)
        upload = Upload(content, self._timeout)
        try:
            sent = self._send(request, deadline, upload)
            return await self._uploaded(upload, sent, request)
        finally:
            await upload.aclose()
            let_go(content)

    async def _uploaded(self, upload: Upload, exchange: Awaitable[T], request: Request) -> T:
        """The outcome of an exchange with a body that is handed over piece by piece."""
        try:
            async with upload:
                return await exchange
        except TimeoutError as exc:
            if not upload.late:
                raise
            origin = self._targets.resolve(request.url).origin
            raise named("WriteTimeout", exc, self._exchange(origin)) from exc

    async def _send(
        self, request: Request, deadline: float | None, data: bytes | Upload | None
    ) -> Response[Any]:
        target, options, exchange = self._begin(request, deadline, data)
        options["timeout"] = self._timeouts(deadline, exchange.began)
        try:
            return await self._exchanged(request.method, target, options, exchange, data)
        except Exception as exc:
            if isinstance(data, Upload) and data.failure is not None:
                raise data.failure from data.failure.__cause__
            self._raise(exc, exchange)

    async def _exchanged(
        self,
        method: str,
        target: Target,
        options: dict[str, Any],
        exchange: Exchange,
        data: Any,
    ) -> Response[Any]:
        """Send, and read the whole response."""
        pool = await self._pools.current()
        await pool.gate.enter(self._until(exchange))
        try:
            answer = await pool.session.request(
                method, self._url(target), **self._way(target.origin), **options
            )
            try:
                response = await whole_body(method, answer, exchange)
            except BaseException:
                answer.close()
                raise
            if isinstance(data, Upload) and not data.done:
                answer.close()  # an early answer: the rest of the body is nobody's any more
            return response
        finally:
            pool.gate.leave()

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
        content = request.content
        if content is None or (type(content) is bytes and len(content) <= PIECE):
            return await self._open(request, deadline, idle, content)
        upload = Upload(content, self._timeout)
        try:
            opened = self._open(request, deadline, idle, upload)
            return await self._uploaded(upload, opened, request)
        finally:
            await upload.aclose()
            let_go(content)

    async def _open(
        self, request: Request, deadline: float | None, idle: float, data: bytes | Upload | None
    ) -> AiohttpOpened:
        target, options, exchange = self._begin(request, deadline, data)
        options["timeout"] = load_aiohttp().ClientTimeout(total=None, **self._spans)
        pool = await self._pools.current()
        scope = asyncio.timeout(None if deadline is None else deadline - exchange.began)
        try:
            async with scope:
                await pool.gate.enter(self._until(exchange))
                try:
                    answer = await pool.session.request(
                        request.method, self._url(target), **self._way(target.origin), **options
                    )
                    check_framing(answer, exchange)
                except BaseException:
                    pool.gate.leave()
                    raise
        except TimeoutError as exc:
            if scope.expired():
                raise exchange.timed_out() from exc
            self._raise(exc, exchange)
        except Exception as exc:
            if isinstance(data, Upload) and data.failure is not None:
                raise data.failure from data.failure.__cause__
            self._raise(exc, exchange)
        return AiohttpOpened(request.method, answer, exchange, idle, self._raise, pool.gate.leave)

    # The parts of a request

    def _begin(
        self, request: Request, deadline: float | None, data: bytes | Upload | None
    ) -> tuple[Target, dict[str, Any], Exchange]:
        self._require_running()
        target = self._targets.resolve(request.url)
        exchange = self._exchange(target.origin, deadline)
        if deadline is not None and deadline <= exchange.began:
            raise exchange.timed_out()
        options: dict[str, Any] = {"allow_redirects": False}
        if request.headers or self._private or not target.home or data is not None:
            options["headers"] = self._fields(request.headers, target.home)
        if data is not None:
            options["data"] = data
            if isinstance(data, Upload) and data.length is not None:
                options["headers"]["Content-Length"] = str(data.length)
        return target, options, exchange

    def _url(self, target: Target) -> Any:
        from yarl import URL  # it comes with aiohttp

        return URL(f"{target.origin}{target.raw.decode('ascii')}", encoded=True)

    def _fields(self, headers: Mapping[str, str], home: bool) -> dict[str, str]:
        """The fields of one request over those that the session sends by itself."""
        for name, value in headers.items():
            _check_field(name, value)
        fields = dict(headers)
        if home and self._private:
            given = {name.lower() for name in headers}
            fields.update({n: v for n, v in self._private.items() if n.lower() not in given})
        return fields

    def _way(self, origin: Origin) -> dict[str, Any]:
        """TLS and proxy."""
        way: dict[str, Any] = {}
        proxy = proxy_for(self._settings, origin)
        if proxy is not None:
            _require_http_proxy(proxy)
            way["proxy"] = proxy
        if origin.scheme == "https" or (proxy is not None and proxy.startswith("https")):
            if self._context is None:
                self._context = context_for(self._settings)
            way["ssl"] = self._context
        return way

    def _timeouts(self, deadline: float | None, began: float = 0.0) -> Any:
        return load_aiohttp().ClientTimeout(
            total=None if deadline is None else deadline - began,
            sock_read=self._timeout,
            **self._spans,
        )

    def _until(self, exchange: Exchange) -> float:
        """How long to wait for a place at the gate."""
        if exchange.deadline is None:
            return self._pool_timeout
        return min(self._pool_timeout, exchange.deadline - exchange.began)

    def _exchange(self, origin: Origin, deadline: float | None = None) -> Exchange:
        began = 0.0 if deadline is None else time.monotonic()
        return Exchange(origin, self._settings, self._timeout, deadline, began)

    def _require_running(self) -> None:
        if self._stopped:
            raise ClientStoppedException(f"{self!r} was stopped: it makes no more requests")

    def _raise(self, exc: Exception, exchange: Exchange) -> NoReturn:
        """Raise what ``exc`` means in our terms; itself if it is not aiohttp's."""
        if isinstance(exc, PyFlyException):
            raise exc
        if self._stopped:
            raise ClientStoppedException(f"{self!r} was stopped during the request") from exc
        if isinstance(exc, TimeoutError) and exchange.deadline is not None and not exc.args:
            raise exchange.timed_out() from exc
        error = translate_aiohttp(exc, exchange)
        if error is None:
            raise exc
        raise error from error.__cause__


def _split_fields(headers: Mapping[str, str] | None) -> tuple[dict[str, str], dict[str, str]]:
    """The adapter's fields: those for everybody, and those for its own origin alone."""
    merged = {name: (name, value) for name, value in DEFAULTS.items()}
    for name, value in (headers or {}).items():
        _check_field(name, value)
        merged[name.lower()] = (name, value)
    secret = {n for n in merged if n == "host" or redacted(n, "") == "***"}
    private = {merged[name][0]: merged[name][1] for name in secret}
    public = {shown: value for name, (shown, value) in merged.items() if name not in secret}
    return public, private


def _check_field(name: str, value: str) -> None:
    if _BREAKS_HTTP.search(value) or _BREAKS_HTTP.search(name):
        error = ClientArgumentException(
            f"header {name!r} holds characters that a header cannot carry"
        )
        error.parameter = name
        raise error


def _require_http_proxy(proxy: str | None) -> None:
    if proxy is not None and proxy.startswith("socks"):
        raise ConnectionSettingsException(
            f"proxy is {without_credentials(proxy)!r}; aiohttp takes http and https proxies: "
            "choose the adapter httpx2 for SOCKS"
        )
