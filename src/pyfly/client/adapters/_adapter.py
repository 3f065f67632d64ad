"""What adapters share; and what the asynchronous and the blocking one do: all but the waiting."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NoReturn
from urllib.parse import urlencode

from pyfly.client._codec.encode import to_json
from pyfly.client._codec.inflater import inflate
from pyfly.client.adapters._errors import AttemptFacts, from_transport
from pyfly.client.adapters._outgoing import HttpOrigin, RequestFields, TargetResolver
from pyfly.client.adapters._tls import check_files, context_for, proxy_for
from pyfly.client.adapters.settings import ConnectionSettings, checked, require_span
from pyfly.client.errors import ClientArgumentException, ClientStoppedException
from pyfly.client.message import Request, Response
from pyfly.transport.deadline import Timeouts
from pyfly.transport.errors import TransportError
from pyfly.transport.network import Network
from pyfly.transport.pools import Pools

_OTHER_SCHEME = re.compile(r"(?!https?://)[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class Adapter:
    """What all adapters share but those of the stock transport.

    Attributes:
        takes_encoded: True: URL and body are sent as they are.
        bounds_deadline: Whether ``send`` ends by its deadline.
        ends_calls: Whether ``stop`` ends what ``send`` is waiting for.
    """

    takes_encoded = True
    bounds_deadline = True
    ends_calls = True

    def __init__(self, base_url: str, timeout: timedelta, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._timeout = timeout.total_seconds()
        self._limit = settings.max_response_size
        self._stopped = False
        self._base_url = base_url
        self._targets = TargetResolver(base_url)

    @property
    def base_url(self) -> str:
        """Where paths begin; ``""`` if every request brings an absolute URL."""
        return self._base_url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._targets.origin or 'of absolute URLs'}>"

    def _start(self) -> None:
        self._stopped = False
        origin = self._targets.origin
        if origin is not None and origin.scheme == "https":
            check_files(self._settings)

    def _require_running(self) -> None:
        if self._stopped:
            raise ClientStoppedException(f"{self!r} was stopped: it makes no more requests")

    # --- requests as HTTP libraries take them --------------------------------------------

    def _plain_request(
        self, method: str, url: str, params: Any, json: Any, headers: Any, content: Any, data: Any
    ) -> Request:
        """The request that the arguments of ``request()`` mean."""
        if _OTHER_SCHEME.match(url):
            raise ClientArgumentException(
                "the URL cannot be used: it must start with http:// or https://"
            )
        if not url.startswith(("/", "http://", "https://")):
            url = "/" + url
        if params:
            url += f"{'&' if '?' in url else '?'}{_query(params)}"
        fields = dict(headers or {})
        names = {name.lower() for name in fields}
        given = [part for part in (json, content, data) if part is not None]
        if len(given) > 1:
            raise TypeError("give one of json, content and data")
        body, kind = content, None
        if json is not None:
            body, kind = to_json(json), "application/json"
        elif isinstance(data, Mapping):
            body, kind = _query(data).encode("ascii"), "application/x-www-form-urlencoded"
        elif data is not None:
            body = data
        if isinstance(body, str):
            body = body.encode()
        if kind is not None and "content-type" not in names:
            fields["Content-Type"] = kind
        return Request(method, url, fields, body)

    def _decompressed(self, response: Response[Any]) -> Response[Any]:
        """A response as HTTP libraries hand it over."""
        if response.content_encoding is not None:
            response.content = inflate(response.content, response.content_encoding, self._limit)
            response.content_encoding = None
        return response


class HttpxAdapter(Adapter):
    """An adapter over own connections, or over a client of the user's.

    A client of the user's does not end what ``send`` is waiting for, and a blocking one not
    at its deadline.
    """

    _blocking: bool
    _make_pool: Callable[[Network], Any]
    _client_port: type

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
        settings = checked(settings or ConnectionSettings())
        self._client: Any = None
        if client is not None:
            span = timeout.total_seconds()
            self._client = self._client_port(base_url, span, headers, client, settings)
            base_url = self._client.base_url
            self.bounds_deadline = not self._blocking
            self.ends_calls = False
        super().__init__(base_url, timeout, settings)
        self._fields = RequestFields(headers)
        self._timeouts = Timeouts(
            settings.connect_timeout.total_seconds(),
            self._timeout,
            settings.pool_timeout.total_seconds(),
        )
        network = Network(
            context=lambda: context_for(settings),
            proxy_of=lambda origin: proxy_for(settings, origin),
            uds=None if settings.uds is None else os.fspath(settings.uds),
            max_connections=settings.max_connections,
            keepalive=settings.keepalive_expiry.total_seconds(),
        )
        make = self._make_pool
        self._pools: Pools[Any] = Pools(lambda: make(network), self._blocking)

    def _start(self) -> None:
        if self._client is None:
            super()._start()
        self._stopped = False

    def _stop(self) -> None:
        self._stopped = True
        self._pools.close()

    def _raise(
        self,
        exc: Exception,
        origin: HttpOrigin,
        deadline: float | None = None,
        began: float = 0.0,
        step: float | None = None,
    ) -> NoReturn:
        """Raise what ``exc`` means in our terms; itself if it is not the transport's.

        Args:
            exc: What was raised.
            origin: Whom the exchange was with.
            deadline: When the attempt had to end.
            began: When it began.
            step: How long a read or write might take, if not the adapter's timeout.
        """
        if not isinstance(exc, TransportError):
            raise exc
        if self._stopped:
            raise ClientStoppedException(f"{self!r} was stopped during the request") from exc
        step = self._timeout if step is None else step
        error = from_transport(exc, AttemptFacts(origin, self._settings, step, deadline, began))
        raise error from error.__cause__ or exc


def _query(values: Any) -> str:
    """Names and values as a query or a form has them; a list stands for several."""
    pairs = values.items() if isinstance(values, Mapping) else values
    flat = [
        (name, each)
        for name, value in pairs
        for each in (value if isinstance(value, list | tuple) else (value,))
    ]
    return urlencode([(name, _text(value)) for name, value in flat])


def _text(value: Any) -> str | bytes:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, bytes) else str(value)
