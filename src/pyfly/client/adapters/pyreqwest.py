"""A port over pyreqwest, an HTTP client written in Rust; experimental."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from pyfly.client.adapters._deadline import Until
from pyfly.client.adapters._errors import Exchange, named
from pyfly.client.adapters._library import MissingLibraryException
from pyfly.client.adapters._pyreqwest_errors import translate_pyreqwest
from pyfly.client.adapters._target import Target, TargetResolver
from pyfly.client.adapters._text_fields import TextFields
from pyfly.client.adapters._tls import check_files
from pyfly.client.adapters._upload import Upload
from pyfly.client.adapters._wire import Body
from pyfly.client.adapters.settings import (
    ConnectionSettings,
    ConnectionSettingsException,
    checked,
    require_span,
)
from pyfly.client.errors import (
    ClientArgumentException,
    ClientStoppedException,
    ProtocolException,
    ReadException,
)
from pyfly.client.message import Headers, Request, Response
from pyfly.client.ports import StreamedResponse
from pyfly.kernel.exceptions import PyFlyException

__all__ = ["PyreqwestClientAdapter"]

#: Of a request target or the name of a header, in characters: the limit of its HTTP library.
_LONGEST = 65_534
#: How long the library's threads have after it was closed, in seconds.
_SETTLING = 0.05


class PyreqwestClientAdapter:
    """A port over pyreqwest (``pyfly-client[pyreqwest]``). **Experimental.**

    The least CPU of all adapters, since the work is done in Rust, on threads of its own; but
    short programs that do not stop it have been seen to abort at interpreter exit, a process
    that was forked cannot use it, and an attempt that is cancelled keeps its connection until
    its deadline. ``ca`` is trusted beside the system's authorities,
    not instead of them; a URL that Rust's parser would write otherwise is refused.

    Args:
        base_url: Where paths begin; its own path is kept. ``""`` if every request brings an
            absolute URL.
        timeout: How long a single read may take; ``send`` as a whole is bounded by its deadline.
        headers: Sent with every request, over ``accept``, ``accept-encoding`` and ``user-agent``.
        settings: How connections are made; ``library`` has no meaning here.

    Raises:
        ConnectionSettingsException: A setting cannot be used.
        ClientArgumentException: ``base_url`` or a header cannot be used.
        MissingLibraryException: When first used: pyreqwest is not installed.
    """

    takes_encoded = True
    bounds_deadline = True
    ends_calls = False

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
        if self._settings.uds is not None:
            raise ConnectionSettingsException(
                f"uds is {os.fspath(self._settings.uds)!r}; pyreqwest has no Unix sockets: choose "
                "the adapter httpx2 or aiohttp"
            )
        self._timeout = timeout.total_seconds()
        self._base_url = base_url
        self._targets = TargetResolver(base_url)
        self._headers = TextFields(headers)
        self._lock = threading.Lock()
        self._client: Any = None
        self._pid = os.getpid()
        self._stopped = False

    @property
    def base_url(self) -> str:
        """Where paths begin; ``""`` if every request brings an absolute URL."""
        return self._base_url

    def __repr__(self) -> str:
        return f"<PyreqwestClientAdapter {self._targets.origin or 'of absolute URLs'}>"

    async def start(self) -> None:
        """Check that pyreqwest and the TLS files are there; connections come on demand."""
        self._stopped = False
        load_pyreqwest()
        origin = self._targets.origin
        if origin is not None and origin.scheme == "https":
            check_files(self._settings)

    async def stop(self) -> None:
        """Close every idle connection; what is in flight ends by its deadline."""
        self._stopped = True
        client, self._client = self._client, None
        if client is not None:
            await client.close()
            del client
            # Its threads let go of Python's objects in their own time, and abort the process if
            # the interpreter ends meanwhile; nothing of theirs can be waited for.
            await asyncio.sleep(_SETTLING)

    async def request(self, method: str, url: str, **kwargs: Any) -> Response[Any]:
        """Send one request.

        Args:
            method: ``GET``, ``POST``, …
            url: A path below ``base_url``, or an absolute URL.
            **kwargs: ``params``, ``json`` and ``headers``.

        Returns:
            The response, read; its ``content_encoding`` tells if it is compressed.
        """
        unknown = kwargs.keys() - {"params", "json", "headers"}
        if unknown:
            raise TypeError(f"request() takes no {', '.join(sorted(unknown))}")
        prepared = Request(method, url, kwargs.get("headers") or {})
        if "://" in url and not url.lower().startswith(("http://", "https://")):
            raise ClientArgumentException(
                "the URL cannot be used: it must start with http:// or https://"
            )
        target = self._target(url)
        builder = self._builder(prepared, target, None, check=False)
        if kwargs.get("params"):
            builder = builder.query(kwargs["params"])
        if "json" in kwargs:
            builder = builder.body_json(kwargs["json"])
        exchange = Exchange(target.origin, self._settings, self._timeout)
        return await self._whole(method, builder, exchange, None)

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
        async with self._upload(request) as upload:
            exchange, builder = self._begin(request, deadline, upload)
            if deadline is not None:  # what is cancelled here goes on there, until then
                builder = builder.timeout(timedelta(seconds=deadline - exchange.began))
            return await self._whole(request.method, builder, exchange, upload)

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
        async with self._upload(request) as upload:
            exchange, builder = self._begin(request, deadline, upload)
            wire = builder.build_streamed()
            async with self._within(exchange, upload):
                response = await wire.__aenter__()
            return _Opened(self, request.method, wire, response, exchange, idle)

    # The parts of an exchange

    @contextlib.asynccontextmanager
    async def _upload(self, request: Request) -> AsyncGenerator[Upload | None]:
        """The body of a request as a stream, where it is none of bytes."""
        content = request.content
        if content is None or isinstance(content, bytes):
            yield None
            return
        upload = Upload(content, self._timeout)
        try:
            yield upload
        finally:
            await upload.aclose()

    def _begin(
        self, request: Request, deadline: float | None, upload: Upload | None
    ) -> tuple[Exchange, Any]:
        target = self._target(request.url)
        began = time.monotonic()
        exchange = Exchange(target.origin, self._settings, self._timeout, deadline, began)
        if deadline is not None and deadline <= began:
            raise exchange.timed_out()
        return exchange, self._builder(request, target, upload)

    def _target(self, url: str) -> Target:
        if self._stopped:
            raise ClientStoppedException(f"{self!r} was stopped: it makes no more requests")
        return self._targets.resolve(url)

    def _builder(
        self, request: Request, target: Target, upload: Upload | None, check: bool = True
    ) -> Any:
        fields = list(self._headers.for_request(request.headers, target.home).items())
        raw = target.raw.decode("ascii")
        longest = max(len(target.raw), *(len(name) for name, _ in fields))
        if longest > _LONGEST:
            raise ClientArgumentException(
                f"the URL or a header name is {longest} characters long, and pyreqwest sends at "
                f"most {_LONGEST}; choose another adapter"
            )
        content = request.content
        if not content and request.method in ("POST", "PUT", "PATCH"):
            fields.append(("Content-Length", "0"))
        if upload is not None and upload.length is not None:
            fields.append(("Content-Length", str(upload.length)))
        url = load_pyreqwest().http.Url(f"{target.origin}{raw}")
        if check and not str(url).endswith(raw):
            raise ClientArgumentException(
                "the URL cannot be used: pyreqwest would not send it as it is; choose another "
                "adapter"
            )
        builder = self._running_client().request(request.method, url).headers(fields)
        builder = builder.streamed_read_buffer_limit(0)  # headers are not to wait for a body
        if upload is not None:
            return builder.body_stream(upload)
        return builder.body_bytes(content) if content else builder

    async def _whole(
        self, method: str, builder: Any, exchange: Exchange, upload: Upload | None
    ) -> Response[Any]:
        async with self._within(exchange, upload), builder.build_streamed() as response:
            return await read_all(method, response, exchange)

    @contextlib.asynccontextmanager
    async def _within(self, exchange: Exchange, upload: Upload | None) -> AsyncGenerator[None]:
        """End by the deadline, and raise what an exception means."""
        left = None if exchange.deadline is None else exchange.deadline - time.monotonic()
        scope = asyncio.timeout(left)
        try:
            async with scope:
                yield
        except TimeoutError as exc:
            if scope.expired():
                raise exchange.timed_out() from exc
            self.fail(exc, exchange)
        except Exception as exc:
            if upload is not None and upload.failure is not None:
                raise upload.failure from None
            self.fail(exc, exchange)

    def fail(self, exc: Exception, exchange: Exchange) -> NoReturn:
        """Raise what ``exc`` means in our terms; itself if it is not pyreqwest's."""
        if isinstance(exc, PyFlyException):
            raise exc
        if self._stopped:
            raise ClientStoppedException(f"{self!r} was stopped during the request") from exc
        error = translate_pyreqwest(exc, exchange)
        if error is None:
            raise exc
        raise error from error.__cause__

    # The client

    def _running_client(self) -> Any:
        if os.getpid() != self._pid:
            raise ClientStoppedException(
                f"{self!r} was made before this process was forked, and pyreqwest's threads "
                "are in the parent; choose another adapter, or start processes by spawning"
            )
        if self._client is None:
            with self._lock:
                if self._client is None:
                    self._client = self._build()
        return self._client

    def _build(self) -> Any:
        settings = self._settings
        check_files(settings)
        builder = (
            load_pyreqwest()
            .client.ClientBuilder()
            .http1_only()
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .follow_redirects(False)
            .referer(False)
            .default_cookie_store(False)
            .max_connections(settings.max_connections)
            .pool_timeout(settings.pool_timeout)
            .pool_idle_timeout(settings.keepalive_expiry)
            .pool_max_idle_per_host(settings.max_connections)
            .connect_timeout(settings.connect_timeout)
            .read_timeout(timedelta(seconds=self._timeout))
        )
        if not settings.verify:
            builder = builder.danger_accept_invalid_certs(True)
        authorities = settings.ca or os.environ.get("SSL_CERT_FILE")
        if authorities is not None:
            builder = builder.add_root_certificate_pem(Path(authorities).read_bytes())
        if settings.cert is not None:
            files = settings.cert if isinstance(settings.cert, tuple) else (settings.cert,)
            builder = builder.identity_pem(b"".join(Path(file).read_bytes() for file in files))
        if settings.proxy is not None:
            builder = builder.proxy(load_pyreqwest().proxy.ProxyBuilder.all(settings.proxy))
        elif not settings.trust_env:
            builder = builder.no_proxy()
        return builder.build()


async def read_all(method: str, response: Any, exchange: Exchange) -> Response[Any]:
    """The whole body of a response, undecoded."""
    limit = exchange.settings.max_response_size
    fields = fields_of(response, exchange)
    body = Body(method, response.status, fields, limit, exchange.peer)
    while True:
        chunk = await response.body_reader.read_chunk()
        if not chunk:
            return body.response()
        body.add(bytes(chunk))


def fields_of(response: Any, exchange: Exchange) -> list[tuple[str, str]]:
    """The header fields of a response.

    Raises:
        ProtocolException: One is no ASCII text: pyreqwest gives no other.
    """
    try:
        return list(response.headers.items())
    except ValueError:
        raise ProtocolException(
            f"{exchange.peer} sent a header that is no ASCII text, which pyreqwest cannot read"
        ) from None


class _Opened:
    """A response whose body is handed over while it comes; see ``StreamedResponse``."""

    def __init__(
        self,
        adapter: PyreqwestClientAdapter,
        method: str,
        wire: Any,
        response: Any,
        exchange: Exchange,
        idle: float,
    ) -> None:
        self.status_code: int = response.status
        self.headers = Headers(fields_of(response, exchange))
        self.content_encoding = self.headers.get("content-encoding")
        self._adapter = adapter
        self._method = method
        self._wire: Any = wire
        self._response = response
        self._exchange = exchange
        self._pace = Until(idle, 0.0)
        self._aborted = False
        self._loop = asyncio.get_running_loop()

    async def read_all(self) -> Response[Any]:
        """The body as a whole, within the deadline of the attempt."""
        deadline = self._exchange.deadline
        scope = asyncio.timeout(None if deadline is None else deadline - time.monotonic())
        try:
            async with scope:
                return await read_all(self._method, self._response, self._exchange)
        except TimeoutError as exc:
            if scope.expired():
                raise self._exchange.timed_out() from exc
            self._adapter.fail(exc, self._exchange)
        except Exception as exc:
            self._adapter.fail(exc, self._exchange)
        finally:
            await self.aclose()

    async def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        if self._aborted:
            raise ReadException("the connection was closed while the body was read")
        self._exchange.deadline = None  # it was for the headers
        idle = float(self._pace)
        left = idle if until is None else min(idle, until - time.monotonic())
        scope = asyncio.timeout(left)
        try:
            async with scope:
                chunk = await self._response.body_reader.read_chunk()
        except BaseException as exc:
            await self.aclose()
            if isinstance(exc, TimeoutError) and scope.expired():
                self._exchange.read_timeout = idle
                raise named("ReadTimeout", exc, self._exchange) from exc
            if isinstance(exc, Exception):
                self._adapter.fail(exc, self._exchange)
            raise
        if not chunk:
            await self.aclose()
            return b""
        return bytes(chunk)

    async def aclose(self) -> None:
        """Give the connection back if the body was read, else close it."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.__aexit__(None, None, None)

    def abort(self) -> None:
        """Close the connection in the next turn of its loop."""
        if self._wire is not None:
            self._aborted = True
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        task = self._loop.create_task(self.aclose())
        self._closing = task


def load_pyreqwest() -> ModuleType:
    """Import pyreqwest.

    Raises:
        MissingLibraryException: It is not installed.
    """
    try:
        import pyreqwest

        for part in ("client", "http", "proxy"):
            import_module(f"pyreqwest.{part}")
    except ModuleNotFoundError as exc:
        raise MissingLibraryException(
            f"pyreqwest is chosen but {exc.name} is not installed: "
            "pip install 'pyfly-client[pyreqwest]'"
        ) from exc
    return pyreqwest
