"""The httpx family over the transport that it ships with, which speaks HTTP/2 as well.

Our own transport is faster, and stricter in what it takes for a response; this one is a
setting away (``transport: stock``), and the way to HTTP/2 (``http2: true``).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, TypeVar

from pyfly.client.adapters._library import MissingLibraryException, load
from pyfly.client.adapters._outgoing import RequestFields, TargetResolver
from pyfly.client.adapters._per_loop import PerLoop, Tracked
from pyfly.client.adapters._tls import check_files, context_for, proxy_for
from pyfly.client.adapters.httpx import HttpxClientAdapter
from pyfly.client.adapters.httpx_sync import HttpxSyncClientAdapter
from pyfly.client.adapters.settings import ConnectionSettings, checked, require_span
from pyfly.client.errors import ClientStoppedException
from pyfly.client.message import Request, Response
from pyfly.client.ports import StreamedResponse, SyncStreamedResponse

P = TypeVar("P", HttpxClientAdapter, HttpxSyncClientAdapter)


class _Stock:
    """What both kinds share.

    Args:
        base_url: Where paths begin.
        timeout: How long a single read or write may take.
        headers: Sent with every request.
        settings: How connections are made.
    """

    takes_encoded = True
    ends_calls = False

    _kind: str
    _transport_kind: str

    def __init__(
        self,
        base_url: str = "",
        timeout: timedelta = timedelta(seconds=30),
        headers: Mapping[str, str] | None = None,
        *,
        settings: ConnectionSettings | None = None,
    ) -> None:
        require_span("timeout", timeout)
        self._base_url = base_url
        self._timeout = timeout
        self._headers = RequestFields(headers).as_mapping()
        self._settings = checked(settings or ConnectionSettings())
        self._origin = TargetResolver(base_url).origin
        self._stopped = False

    @property
    def base_url(self) -> str:
        """Where paths begin; ``""`` if every request brings an absolute URL."""
        return self._base_url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._origin or 'of absolute URLs'}>"

    def _start(self) -> None:
        self._stopped = False
        load(self._settings.library)
        if self._settings.http2 and find_spec("h2") is None:
            raise MissingLibraryException(
                "http2 is on but h2 is not installed: pip install 'pyfly-client[http2]'"
            )
        if self._origin is not None and self._origin.scheme == "https":
            check_files(self._settings)

    def _require_running(self) -> None:
        if self._stopped:
            raise ClientStoppedException(f"{self!r} was stopped: it makes no more requests")

    def _client(self) -> Any:
        """The library's own client, over its own transport."""
        settings = self._settings
        http = load(settings.library)
        transport = getattr(http, self._transport_kind)(
            verify=context_for(settings),
            http2=settings.http2,
            trust_env=False,
            proxy=self._proxy(http),
            uds=None if settings.uds is None else os.fspath(settings.uds),
            limits=http.Limits(
                max_connections=settings.max_connections,
                max_keepalive_connections=settings.max_connections,
                keepalive_expiry=settings.keepalive_expiry.total_seconds(),
            ),
        )
        client = getattr(http, self._kind)(
            transport=transport,
            trust_env=False,
            cookies=no_cookies(),
            timeout=http.Timeout(
                self._timeout.total_seconds(),
                connect=settings.connect_timeout.total_seconds(),
                pool=settings.pool_timeout.total_seconds(),
            ),
        )
        client.headers.clear()  # the library's own; the port inside sends ours, as they are
        client.headers.update({n: v for n, v in self._headers.items() if n.lower() != "host"})
        return client

    def _proxy(self, http: Any) -> Any:
        """The proxy on the way, in the library's terms; None for the direct way."""
        proxy = None if self._origin is None else proxy_for(self._settings, self._origin)
        if proxy is None or not proxy.startswith("https"):
            return proxy
        return http.Proxy(proxy, ssl_context=context_for(self._settings))

    def _inner(self, kind: Callable[..., P], client: Any) -> P:
        """The port over the library's client."""
        return kind(
            self._base_url,
            self._timeout,
            self._headers,
            client=client,
            settings=self._settings,
        )


class StockHttpxClientAdapter(_Stock):
    """A port over httpx2 or httpx with the library's own transport, for asynchronous clients.

    Takes the arguments of :class:`~pyfly.client.adapters.httpx.HttpxClientAdapter`, without
    ``client``. A cancelled or stopped call may take its connection's time to end.
    """

    bounds_deadline = True

    _kind = "AsyncClient"
    _transport_kind = "AsyncHTTPTransport"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._ports = PerLoop(self._port, _closed)

    def _port(self, tracked: Tracked) -> tuple[Any, HttpxClientAdapter]:
        client = self._client()
        return client, self._inner(HttpxClientAdapter, client)

    async def start(self) -> None:
        """Check that the library and the TLS files are there; connections come on demand."""
        self._start()

    async def stop(self) -> None:
        """Close the connections."""
        self._stopped = True
        await self._ports.end()

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        """Send one request by the library's own client."""
        self._require_running()
        return await (await self._ports.current())[1].request(method, url, **kwargs)

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt; see ``HttpxClientAdapter``."""
        self._require_running()
        return await (await self._ports.current())[1].send(request, deadline)

    async def open(self, request: Request, deadline: float | None, idle: float) -> StreamedResponse:
        """Make one attempt that ends at the headers; see ``HttpxClientAdapter``."""
        self._require_running()
        return await (await self._ports.current())[1].open(request, deadline, idle)


class StockHttpxSyncClientAdapter(_Stock):
    """The twin of :class:`StockHttpxClientAdapter` for synchronous clients.

    Only the library's own timeouts bound a call, each read by itself.
    """

    bounds_deadline = False

    _kind = "Client"
    _transport_kind = "HTTPTransport"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._lock = threading.Lock()
        self._made: tuple[Any, HttpxSyncClientAdapter] | None = None

    def _port(self) -> HttpxSyncClientAdapter:
        self._require_running()
        with self._lock:
            if self._made is None:
                client = self._client()
                self._made = (client, self._inner(HttpxSyncClientAdapter, client))
            return self._made[1]

    def start(self) -> None:
        """Check that the library and the TLS files are there; connections come on demand."""
        self._start()

    def stop(self) -> None:
        """Close the connections."""
        self._stopped = True
        made, self._made = self._made, None
        if made is not None:
            made[1].stop()
            made[0].close()

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        """Send one request by the library's own client."""
        return self._port().request(method, url, **kwargs)

    def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt; see ``HttpxSyncClientAdapter``."""
        return self._port().send(request, deadline)

    def open(self, request: Request, deadline: float | None, idle: float) -> SyncStreamedResponse:
        """Make one attempt that ends at the headers; see ``HttpxSyncClientAdapter``."""
        return self._port().open(request, deadline, idle)


def no_cookies() -> Any:
    """A jar that takes nothing: cookies are not kept between calls."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


async def _closed(made: tuple[Any, HttpxClientAdapter]) -> None:
    client, port = made
    await port.stop()
    await client.aclose()
