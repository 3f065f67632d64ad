"""What the asynchronous and the blocking adapter share: everything but the waiting."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NoReturn

from pyfly.client.adapters._deadline import Until
from pyfly.client.adapters._errors import Exchange, translate
from pyfly.client.adapters._library import family_of, load
from pyfly.client.adapters._pools import Pool, Pools
from pyfly.client.adapters._target import Origin, Target, TargetResolver, parse_origin
from pyfly.client.adapters._tls import check_files
from pyfly.client.adapters._transport import PoolTransport, lifted
from pyfly.client.adapters._wire import Body, RequestFields, Wire, client_body
from pyfly.client.adapters.settings import ConnectionSettings, checked, require_span
from pyfly.client.errors import ClientArgumentException, ClientStoppedException
from pyfly.client.message import Request, Response, redacted
from pyfly.kernel.exceptions import PyFlyException

__all__ = ["Attempt", "HttpxAdapter", "no_cookies", "plain"]


class Attempt:
    """One exchange on its way: what to send, where, and what to tell if it fails."""

    __slots__ = ("exchange", "method", "origin", "pool", "request")

    def __init__(
        self, pool: Pool, origin: Origin, request: Wire, method: str, exchange: Exchange
    ) -> None:
        self.pool = pool
        self.origin = origin
        self.request = request
        self.method = method
        self.exchange = exchange

    def body(self, response: Any) -> Body:
        """Where to collect the body of the core's response."""
        return Body(
            self.method,
            response.status,
            response.headers,
            self.exchange.settings.max_response_size,
            self.exchange.peer,
        )


class HttpxAdapter:
    """Base of the two adapters.

    Attributes:
        takes_encoded: True: URL and body are sent as they are.
        bounds_deadline: Whether ``send`` ends by its deadline; not with a blocking client
            of the user's own.
        ends_calls: Whether ``stop`` ends what ``send`` is waiting for; not with a client of
            the user's own.
    """

    takes_encoded = True
    bounds_deadline = True
    ends_calls = True

    _blocking: bool
    _client_kind: str
    _transport: type[PoolTransport]

    def __init__(
        self,
        base_url: str = "",
        timeout: timedelta = timedelta(seconds=30),
        headers: Mapping[str, str] | None = None,
        *,
        client: Any = None,
        settings: ConnectionSettings | None = None,
    ) -> None:
        require_span("timeout", timeout)
        self._settings = checked(settings or ConnectionSettings())
        self._timeout = timeout.total_seconds()
        self._pools: Pools | None = None
        self._stopped = False
        self._lock = threading.Lock()
        # The library's own client, for request(): one for each pool, or the user's.
        self._clients: dict[int, tuple[Pool, Any]] = {}
        self._given = client
        if client is not None:
            family_of(client, self._client_kind)
            base_url = base_url or str(client.base_url)
            # Its own defaults stay in force.
            self._fields = RequestFields(headers, {})
            self.bounds_deadline = not self._blocking
            self.ends_calls = False
        else:
            self._fields = RequestFields(headers)
        self._base_url = base_url
        self._targets = TargetResolver(base_url)
        self._no_deadline = self._timeouts(None, 0.0)

    @property
    def base_url(self) -> str:
        """Where paths begin; ``""`` if every request brings an absolute URL."""
        return self._base_url

    def __repr__(self) -> str:
        origin = self._targets.origin
        return f"<{type(self).__name__} {origin or 'of absolute URLs'}>"

    def _start(self) -> None:
        self._stopped = False
        origin = self._targets.origin
        if self._given is None:
            load(self._settings.library)
            if origin is not None and origin.scheme == "https":
                check_files(self._settings)
            self._own_pools()

    def _stop(self) -> None:
        self._stopped = True
        pools, self._pools = self._pools, None
        self._clients.clear()
        if pools is not None:
            pools.close()

    def _require_running(self) -> None:
        if self._stopped:
            raise ClientStoppedException(f"{self!r} was stopped: it makes no more requests")

    def _own_pools(self) -> Pools:
        pools = self._pools
        if pools is None:
            with self._lock:
                pools = self._pools
                if pools is None:
                    pools = self._pools = Pools(self._settings, self._blocking)
        return pools

    def _begin(self, request: Request, deadline: float | None) -> Attempt:
        self._require_running()
        target = self._targets.resolve(request.url)
        pool = self._own_pools().current()
        began = 0.0 if deadline is None else time.monotonic()
        exchange = self._exchange(target, deadline, began)
        if deadline is not None and deadline <= began:
            raise exchange.timed_out()
        timeouts = self._no_deadline if deadline is None else self._timeouts(deadline, began)
        wire = Wire(
            request.method,
            target.raw,
            self._fields.for_request(request, target.host_header, target.home),
            request.content,
            {"timeout": timeouts},
        )
        return Attempt(pool, target.origin, wire, request.method, exchange)

    def _exchange(self, target: Target, deadline: float | None, began: float) -> Exchange:
        return Exchange(target.origin, self._settings, self._timeout, deadline, began)

    def _exchange_of(self, exc: Exception) -> Exchange:
        """What to tell about a request that the library's own client has made."""
        origin = self._targets.origin
        with contextlib.suppress(RuntimeError, ClientArgumentException):  # there may be none
            request = getattr(exc, "request", None)
            origin = origin if request is None else parse_origin(str(request.url), "url")
        return Exchange(origin, self._settings, self._timeout)

    def _timeouts(self, deadline: float | None, began: float) -> dict[str, float]:
        """What the core hands to the backend, and uses itself while it waits for the pool."""
        connect = self._settings.connect_timeout.total_seconds()
        pool = self._settings.pool_timeout.total_seconds()
        if deadline is None:
            return {"connect": connect, "read": self._timeout, "write": self._timeout, "pool": pool}
        step = Until(self._timeout, deadline)
        return {
            "connect": Until(connect, deadline),
            "read": step,
            "write": step,
            "pool": min(pool, deadline - began),
        }

    def _raise(self, exc: Exception, exchange: Exchange, pool: Pool | None = None) -> NoReturn:
        """Raise what ``exc`` means in our terms; itself if it is not the library's."""
        if isinstance(exc, PyFlyException):
            raise exc
        if self._stopped and pool is not None and pool.sockets.closed:
            raise ClientStoppedException(f"{self!r} was stopped during the request") from exc
        if pool is not None:
            exc = lifted(exc, pool.library)
        error = translate(exc, exchange)
        if error is None:
            raise exc
        raise error from exc

    # --- the library's own client -------------------------------------------------------

    def _client(self) -> tuple[Any, Pool | None]:
        """The client of the library for ``request``, over the same connections."""
        self._require_running()
        if self._given is not None:
            return self._given, None
        pool = self._own_pools().current()
        known = self._clients.get(id(pool))
        if known is not None:
            return known[1], pool
        for key, (other, _) in list(self._clients.items()):
            if other.sockets.closed:  # its event loop has ended
                self._clients.pop(key, None)
        http = pool.library.http
        client = getattr(http, self._client_kind)(
            base_url=self._base_url,
            headers=self._fields.as_mapping(),
            timeout=http.Timeout(
                self._timeout,
                connect=self._settings.connect_timeout.total_seconds(),
                pool=self._settings.pool_timeout.total_seconds(),
            ),
            transport=self._transport(pool, self._settings.max_response_size),
            trust_env=False,
            cookies=no_cookies(),
        )
        self._clients[id(pool)] = (pool, client)
        return client, pool

    def _client_request(self, request: Request) -> tuple[Any, dict[str, Any], Exchange]:
        """The request for a user's own client, and how that is to send it.

        The target is ours, byte for byte. Credentials go to the base URL's origin only.
        """
        self._require_running()
        client = self._given
        target = self._targets.resolve(request.url)
        content, length = client_body(request.content, not self._blocking)
        try:
            wire = client.build_request(
                request.method,
                f"{target.origin}{target.raw.decode('ascii')}",
                headers=[*self._fields.over_defaults(request.headers, target.home), *length],
                content=content,
            )
        except Exception as exc:
            if type(exc).__name__ != "InvalidURL":
                raise
            raise ClientArgumentException(
                f"the URL is {len(target.raw)} bytes long, and the library's client takes 64 KiB "
                f"at most ({exc}); send less in it, or use pyfly's own transport"
            ) from exc
        if wire.url.raw_path != target.raw:  # the library's URL class has normalised it
            wire.extensions["target"] = target.raw
        options: dict[str, Any] = {"stream": True, "follow_redirects": False}
        if not target.home:
            options["auth"] = None
            for name in [name for name in wire.headers if redacted(name, "") == "***"]:
                if name not in {given.lower() for given in request.headers}:
                    del wire.headers[name]
        return wire, options, self._exchange(target, None, 0.0)

    def _client_body(self, request: Request, response: Any, exchange: Exchange) -> Body:
        return Body(
            request.method,
            response.status_code,
            response.headers.raw,
            self._settings.max_response_size,
            exchange.peer,
        )


def plain(body: Body, response: Any) -> Response[Any]:
    """The response of a client whose hook has read, and so decoded, it already."""
    body.add(response.content)
    whole = body.response()
    whole.content_encoding = None
    return whole


def no_cookies() -> Any:
    """A jar that takes nothing: cookies are not kept between calls."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
