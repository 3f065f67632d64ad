"""aiohttp's connections, for exchanges that do what was asked and nothing else.

No cookies, no redirects, no decompression, no second try behind the caller's back; every
socket is known, so that it can be closed from anywhere.
"""

from __future__ import annotations

import asyncio
import math
import os
import select
import socket
import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

from pyfly.client.adapters._aiohttp_connecting import (
    PatientSocket,
    stage_of_connecting,
    tcp_connector,
    unix_connector,
)
from pyfly.client.adapters._library import MissingLibraryException
from pyfly.client.adapters._per_loop import Tracked
from pyfly.client.adapters._upload import Upload
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.transport.deadline import TimeLimits
from pyfly.transport.errors import ConnectTimeout
from pyfly.transport.pools import AsyncGate

#: As much as the httpcore family takes, in a line and in a field.
HEAD_LIMIT = 100 * 1024


#: Those whose requests aiohttp gives a Content-Type, with or without a body.
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
#: Family, kind and protocol of a Unix socket; Windows has no such family.
_UNIX = (getattr(socket, "AF_UNIX", None), socket.SOCK_STREAM, 0)


class AiohttpAnswer(NamedTuple):
    """A response of aiohttp whose body is still to come.

    Attributes:
        response: aiohttp's.
        tls: The connection's ``ssl.SSLObject``, None without TLS.
        ended: A future of the connection's end, which has the error that it ended with; None
            if it is not known.
        transport: The connection's transport; None where nobody may close it.
    """

    response: Any
    tls: Any = None
    ended: Any = None
    transport: Any = None


class AiohttpPool:
    """The connections of one event loop, and how many exchanges it makes at once.

    An exchange goes from connection to request to response by aiohttp's own classes, but not
    through ``ClientSession.request``: that would follow redirects, keep cookies and send what
    it takes for idempotent a second time, and costs as much as the rest together.

    Attributes:
        limits: The time limits of the exchanges.
        gate: Where to enter before an exchange; it alone bounds the connections in use.
    """

    def __init__(self, settings: ConnectionSettings, tracked: Tracked) -> None:
        aiohttp: Any = load_aiohttp()
        self.limits = TimeLimits()
        self.gate = AsyncGate(settings.max_connections)
        self._tracked = tracked
        self._used: dict[int, Callable[[], object]] = {}
        self._connecting = aiohttp.ClientTimeout(
            total=None,
            connect=settings.connect_timeout.total_seconds(),
            ceil_threshold=math.inf,  # else spans above 5 s are rounded up
        )
        self._request = aiohttp.ClientRequest
        self._loop = asyncio.get_running_loop()
        keeping = {
            "limit": 0,
            "keepalive_timeout": settings.keepalive_expiry.total_seconds(),
            "force_close": not settings.keepalive_expiry,
        }
        if settings.uds is not None:
            path = os.fspath(settings.uds)
            open_ = partial(self._open, _UNIX)
            self._connector: Any = unix_connector(path, open_, settings.max_connections, keeping)
        else:
            self._connector = tcp_connector(self._open, settings.max_connections, keeping)
        self._session: Any = aiohttp.ClientSession(connector=self._connector)

    async def close(self) -> None:
        """Close everything, in its own event loop."""
        self.limits.close()
        await self._session.close()

    async def answer(
        self,
        method: str,
        url: Any,
        fields: Any,
        data: bytes | Upload | None,
        read_timeout: float | None,
        way: dict[str, Any],
    ) -> AiohttpAnswer:
        """Send a request, up to the headers of its response.

        Args:
            method: ``GET``, ``POST``, …
            url: A ``yarl.URL``.
            fields: All header fields, as a ``CIMultiDict``.
            data: The body.
            read_timeout: How long the peer may be silent, in seconds.
            way: ``ssl`` and ``proxy``, where there are any.
        """
        if (data is not None or method in _BODY_METHODS) and "Content-Type" not in fields:
            way = {**way, "skip_auto_headers": ("Content-Type",)}
        wire = self._request(
            method, url, headers=fields, data=data, loop=self._loop, session=self._session, **way
        )
        if data is None and method not in _BODY_METHODS:
            wire.headers.pop("Content-Length", None)  # it tells a length of 0 with DELETE
        connection = await self._connection(wire)
        transport = connection.transport
        try:
            if isinstance(data, Upload):
                data.transport = transport
            tls = transport.get_extra_info("ssl_object") if way else None
            ended = connection.protocol.closed
            connection.protocol.set_response_params(
                skip_payload=method == "HEAD",
                read_until_eof=True,
                auto_decompress=False,
                read_timeout=read_timeout,
                max_line_size=HEAD_LIMIT,
                max_field_size=HEAD_LIMIT,
            )
            response = await wire.send(connection)
            try:
                await response.start(connection)
            except BaseException:
                response.close()
                raise
        except BaseException as exc:
            if transport is not None and not isinstance(exc, Exception):
                transport.abort()  # TLS would wait for the peer's farewell
            connection.close()
            raise
        return AiohttpAnswer(response, tls, ended, transport)

    async def _connection(self, wire: Any) -> Any:
        """A connection to which nothing has come since its last response.

        aiohttp goes by what its event loop has told it; what the loop has not seen yet, the
        end of the connection for one, is asked of the socket.
        """
        while True:
            try:
                connection = await self._connector.connect(wire, [], self._connecting)
            except TimeoutError as exc:
                raise ConnectTimeout(stage_of_connecting(0.0) or "socket") from exc
            descriptor = connection.transport.get_extra_info("socket").fileno()
            readable = self._used.get(descriptor)
            if readable is None:
                self._used[descriptor] = _readable(descriptor)
                ended = connection.protocol.closed
                if ended is not None:
                    ended.add_done_callback(_seen)
                return connection
            if not connection.protocol.should_close and not readable():
                return connection
            connection.close()

    def _open(self, address: Any) -> PatientSocket:
        sock = PatientSocket(*address[:3])
        self._tracked.add(sock)
        self._used.pop(sock.fileno(), None)
        return sock


def load_aiohttp() -> ModuleType:
    """Import aiohttp.

    Raises:
        MissingLibraryException: It is not installed.
    """
    try:
        import aiohttp
    except ModuleNotFoundError as exc:
        raise MissingLibraryException(
            f"aiohttp is chosen but {exc.name} is not installed: "
            "pip install 'pyfly-client[aiohttp]'"
        ) from exc
    return aiohttp


def _seen(ended: asyncio.Future[None]) -> None:
    """An error at the end of an idle connection is nobody's."""
    if not ended.cancelled():
        ended.exception()


def _readable(descriptor: int) -> Callable[[], object]:
    """What tells whether something has come: its result is true then."""
    if sys.platform == "win32":  # it has no poll()
        return lambda: select.select([descriptor], [], [], 0)[0]
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return partial(poll.poll, 0)
