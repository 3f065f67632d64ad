"""A port over aiohttp, for asynchronous clients."""

from __future__ import annotations

import asyncio
import functools
import re
import time
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from pyfly.client.adapters._adapter import Adapter
from pyfly.client.adapters._aiohttp_errors import out_of_time, translate_aiohttp
from pyfly.client.adapters._aiohttp_pool import AiohttpAnswer, AiohttpPool, load_aiohttp
from pyfly.client.adapters._aiohttp_streaming import AiohttpOpened, check_framing, whole_body
from pyfly.client.adapters._errors import AttemptFacts, named
from pyfly.client.adapters._outgoing import DEFAULTS, HttpOrigin, Target
from pyfly.client.adapters._per_loop import PerLoop
from pyfly.client.adapters._tls import context_for, proxy_for
from pyfly.client.adapters._upload import PIECE, Upload
from pyfly.client.adapters.settings import (
    ConnectionSettings,
    ConnectionSettingsException,
    checked,
    require_span,
    without_credentials,
)
from pyfly.client.errors import ClientArgumentException, ClientStoppedException
from pyfly.client.message import ConstantHeaders, Request, Response
from pyfly.client.ports import StreamedResponse
from pyfly.kernel.exceptions import PyFlyException
from pyfly.kernel.secrets import is_secret

#: What would end a field, or be encoded otherwise than it is meant (RFC 9110, section 5.5).
_UNSENDABLE = re.compile(r"[\r\n\0]|^\s|\s$|[^\x00-\x7f]")


class TextFields:
    """The fields of an adapter's requests, put together once, as aiohttp takes them.

    Args:
        headers: The adapter's own, over the defaults.

    Attributes:
        public: Those that may go to every origin.

    Raises:
        ClientArgumentException: A field cannot be sent.
    """

    def __init__(self, headers: Mapping[str, str] | None) -> None:
        merged = {name: (name, value) for name, value in DEFAULTS.items()}
        for name, value in (headers or {}).items():
            _check(name, value)
            merged[name.lower()] = (name, value)
        secret = {name for name in merged if name == "host" or is_secret(name)}
        self._private = [field for name, field in merged.items() if name in secret]
        self.public = [field for name, field in merged.items() if name not in secret]

    @functools.cached_property
    def _at_home(self) -> Any:
        from multidict import CIMultiDict  # it comes with aiohttp

        return CIMultiDict([*self.public, *self._private])

    @functools.cached_property
    def _abroad(self) -> Any:
        from multidict import CIMultiDict

        return CIMultiDict(self.public)

    def for_request(self, headers: Mapping[str, str], home: bool) -> Any:
        """All fields of one request, as a ``CIMultiDict`` that is not to be changed.

        Args:
            headers: The request's own.
            home: Whether it goes to the adapter's own origin; the adapter's credentials go
                nowhere else.
        """
        if home and type(headers) is ConstantHeaders:
            encoded = headers.encoded
            if encoded is None or encoded[0] is not self:
                encoded = headers.encoded = self, self._merged(headers, home)
            return encoded[1]
        return self._merged(headers, home)

    def _merged(self, headers: Mapping[str, str], home: bool) -> Any:
        fields = self._at_home if home else self._abroad
        if headers:
            fields = fields.copy()
            for name, value in headers.items():
                _check(name, value)
                fields[name] = value
        return fields

    def with_length(self, fields: Any, length: int) -> Any:
        """The fields with the length of a body."""
        fields = fields.copy()
        fields["Content-Length"] = str(length)
        return fields


def _check(name: str, value: str) -> None:
    if _UNSENDABLE.search(value) or _UNSENDABLE.search(name):
        error = ClientArgumentException(
            f"header {name!r} holds characters that a header cannot carry"
        )
        error.parameter = name
        raise error


T = TypeVar("T")

_DIRECT: dict[str, Any] = {}  # not to be changed


class AiohttpClientAdapter(Adapter):
    """A port over aiohttp (``pyfly-client[aiohttp]``).

    It does what :class:`~pyfly.client.adapters.httpx.HttpxClientAdapter` does, for less CPU than
    aiohttp by hand. SOCKS proxies are not supported.

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

    def __init__(
        self,
        base_url: str = "",
        timeout: timedelta = timedelta(seconds=30),
        headers: Mapping[str, str] | None = None,
        *,
        settings: ConnectionSettings | None = None,
    ) -> None:
        require_span("timeout", timeout)
        super().__init__(base_url, timeout, checked(settings or ConnectionSettings()))
        _require_http_proxy(self._settings.proxy)
        self._pool_timeout = self._settings.pool_timeout.total_seconds()
        origin = self._targets.origin
        self._authority = "" if origin is None else origin.authority
        self._headers = TextFields(headers)
        self._context: Any = None
        self._detours = self._settings.proxy is not None or self._settings.trust_env
        self._pools = PerLoop(functools.partial(AiohttpPool, self._settings), AiohttpPool.close)

    async def start(self) -> None:
        """Check that aiohttp and the TLS files are there; connections come on demand."""
        load_aiohttp()
        self._start()

    async def stop(self) -> None:
        """Close every connection; what is in flight ends with ``ClientStoppedException``."""
        self._stopped = True
        await self._pools.end()
        await asyncio.sleep(0)  # whoever was woken by the closing gets to know

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
    ) -> Response[Any]:
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

        Returns:
            The response, read and decompressed.

        Raises:
            TransportException: No complete response came back.
            ResponseTooLargeException: It is larger than ``max_response_size``.
        """
        request = self._plain_request(method, url, params, json, headers, content, data)
        step = self._timeout if timeout is None else timeout
        return self._decompressed(await self._whole(request, None, step))

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
        return await self._whole(request, deadline, self._timeout)

    async def _whole(self, request: Request, deadline: float | None, step: float) -> Response[Any]:
        content = request.content
        if content is None or (type(content) is bytes and len(content) <= PIECE):
            return await self._send(request, deadline, content, step)
        upload = Upload(content, step)
        try:
            sending = self._send(request, deadline, upload, step)
            return await self._uploaded(upload, sending, request)
        finally:
            await upload.aclose()

    async def _uploaded(self, upload: Upload, exchange: Awaitable[T], request: Request) -> T:
        """The outcome of an exchange with a body that is handed over piece by piece."""
        try:
            async with upload:
                return await exchange
        except TimeoutError as exc:
            if not upload.late:
                raise
            origin = self._targets.resolve(request.url).origin
            raise named(
                "WriteTimeout", exc, AttemptFacts(origin, self._settings, self._timeout)
            ) from exc

    async def _send(
        self, request: Request, deadline: float | None, data: bytes | Upload | None, step: float
    ) -> Response[Any]:
        if self._stopped:
            self._require_running()
        target = self._targets.resolve(request.url)
        pool = await self._pools.current()
        began = time.monotonic()
        if deadline is not None and deadline <= began:
            raise AttemptFacts(target.origin, self._settings, 0, deadline, began).timed_out()
        limit = None if deadline is None else pool.limits.begin(deadline - began)
        try:
            await pool.gate.enter(self._pool_timeout)
            try:
                # A limit that is no longer than the silence that is allowed makes that idle.
                idle = deadline is not None and deadline - began <= step
                silence = None if idle else step
                answer = await self._answer(pool, request, target, data, silence)
                try:
                    return await whole_body(request.method, answer, self._limit, target.origin)
                except BaseException as exc:
                    if answer.transport is not None and not isinstance(exc, Exception):
                        answer.transport.abort()  # TLS would wait for the peer's farewell
                    answer.response.close()
                    raise
            finally:
                pool.gate.leave()
        except BaseException as exc:
            exchange = AttemptFacts(target.origin, self._settings, step, deadline, began)
            if limit is not None and limit.caused(exc):
                raise out_of_time(exc, exchange) from exc
            if not isinstance(exc, Exception):
                raise
            if isinstance(data, Upload) and data.failure is not None:
                raise data.failure from data.failure.__cause__
            self._raise(exc, exchange)
        finally:
            if limit is not None:
                pool.limits.end(limit)

    def _answer(
        self,
        pool: AiohttpPool,
        request: Request,
        target: Target,
        data: bytes | Upload | None,
        silence: float | None,
    ) -> Awaitable[AiohttpAnswer]:
        """Send a request, up to the headers of its response."""
        fields = self._headers.for_request(request.headers, target.home)
        if isinstance(data, Upload) and data.length is not None:
            fields = self._headers.with_length(fields, data.length)
        way = self._way(target.origin)
        return pool.answer(request.method, self._url(target), fields, data, silence, way)

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
            opened = await self._uploaded(
                upload, self._open(request, deadline, idle, upload), request
            )
        except BaseException:
            await upload.aclose()
            raise
        if upload.done:
            await upload.aclose()  # else it goes on, until what was opened is closed
        return opened

    async def _open(
        self, request: Request, deadline: float | None, idle: float, data: bytes | Upload | None
    ) -> AiohttpOpened:
        self._require_running()
        target = self._targets.resolve(request.url)
        pool = await self._pools.current()
        began = time.monotonic()
        exchange = AttemptFacts(target.origin, self._settings, self._timeout, deadline, began)
        if deadline is not None and deadline <= began:
            raise exchange.timed_out()
        # Silence is for the reads of what is opened: here the limit alone counts.
        limit = pool.limits.begin(self._timeout if deadline is None else deadline - began)
        try:
            await pool.gate.enter(self._pool_timeout)
            try:
                answer = await self._answer(pool, request, target, data, None)
                check_framing(answer, target.origin)
            except BaseException:
                pool.gate.leave()
                raise
        except BaseException as exc:
            if limit.caused(exc):
                if deadline is not None:
                    raise out_of_time(exc, exchange) from exc
                raise named("ReadTimeout", TimeoutError(), exchange) from exc
            if not isinstance(exc, Exception):
                raise
            if isinstance(data, Upload) and data.failure is not None:
                raise data.failure from data.failure.__cause__
            self._raise(exc, exchange)
        finally:
            pool.limits.end(limit)
        upload = data if isinstance(data, Upload) and not data.done else None
        return AiohttpOpened(
            request.method,
            answer,
            target.origin,
            exchange,
            idle,
            self._raise,
            pool.gate.leave,
            upload,
        )

    # The parts of a request

    def _url(self, target: Target) -> Any:
        path, _, query = target.raw.decode("ascii").partition("?")
        origin = target.origin
        authority = origin.authority if origin is not self._targets.origin else self._authority
        return self._build_url(
            scheme=origin.scheme, authority=authority, path=path, query_string=query, encoded=True
        )

    @functools.cached_property
    def _build_url(self) -> Any:
        from yarl import URL  # it comes with aiohttp

        return URL.build

    def _way(self, origin: HttpOrigin) -> dict[str, Any]:
        """TLS and proxy, as aiohttp takes them; usually neither."""
        proxy = proxy_for(self._settings, origin) if self._detours else None
        if proxy is None and origin.scheme == "http":
            return _DIRECT
        if self._context is None:
            self._context = context_for(self._settings)
        if proxy is None:
            return {"ssl": self._context}
        _require_http_proxy(proxy)
        from multidict import CIMultiDict
        from yarl import URL

        return {"ssl": self._context, "proxy": URL(proxy), "proxy_headers": CIMultiDict()}

    def _raise(self, exc: Exception, exchange: AttemptFacts) -> NoReturn:
        """Raise what ``exc`` means in our terms; itself if it is not aiohttp's."""
        if isinstance(exc, PyFlyException):
            raise exc
        if self._stopped:
            raise ClientStoppedException(f"{self!r} was stopped during the request") from exc
        error = translate_aiohttp(exc, exchange)
        if error is None:
            raise exc
        raise error from error.__cause__


def _require_http_proxy(proxy: str | None) -> None:
    if proxy is not None and proxy.startswith("socks"):
        raise ConnectionSettingsException(
            f"proxy is {without_credentials(proxy)!r}; aiohttp takes http and https proxies: "
            "choose the adapter httpx2 for SOCKS"
        )
