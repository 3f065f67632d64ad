"""Sessions of aiohttp, set up so that they do what was asked and nothing else.

No cookies, no redirects, no decompression, no second try behind the caller's back; every
socket is known, so that it can be closed from anywhere.
"""

from __future__ import annotations

import functools
import select
import socket
import sys
from types import ModuleType
from typing import Any

from pyfly.client.adapters._gate import AsyncGate
from pyfly.client.adapters._library import MissingLibraryException
from pyfly.client.adapters._per_loop import Tracked
from pyfly.client.adapters._upload import UNDER_WAY
from pyfly.client.adapters.settings import ConnectionSettings

__all__ = ["AiohttpPool", "NoPlaceException", "NotAgainException", "load_aiohttp"]

#: As much as the httpcore family takes, in a line and in a field.
HEAD_LIMIT = 100 * 1024


class NoPlaceException(Exception):
    """All connections were in use for too long."""


class NotAgainException(Exception):
    """Carries an error past aiohttp, which would otherwise send the request once more."""


class _Core:
    PoolTimeout = NoPlaceException


class AiohttpPool:
    """The session of one event loop, and how many exchanges it makes at once.

    Attributes:
        session: aiohttp's; it sends ``fields`` with every request.
        gate: Where to enter before an exchange; it alone bounds the connections in use.
        tracked: The sockets.
    """

    def __init__(
        self, settings: ConnectionSettings, fields: dict[str, str], tracked: Tracked
    ) -> None:
        aiohttp: Any = load_aiohttp()
        connector, response = _own_types()
        self.tracked = tracked
        self.gate = AsyncGate(settings.max_connections, _Core)
        self.session: Any = aiohttp.ClientSession(
            connector=connector(
                tracked,
                limit=0,
                keepalive_timeout=settings.keepalive_expiry.total_seconds(),
                force_close=not settings.keepalive_expiry,
                resolver=aiohttp.ThreadedResolver(),
            ),
            headers=fields,
            response_class=response,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
            middlewares=(_only_once,),
        )

    async def close(self) -> None:
        """Close the session, in its own event loop."""
        await self.session.close()


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


async def _only_once(request: Any, handler: Any) -> Any:
    """A middleware: aiohttp repeats what it takes for idempotent over a new connection.

    That would be an attempt that nobody counted. Ours are counted, and wait between them.
    """
    aiohttp: Any = load_aiohttp()
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as exc:
        raise NotAgainException from exc


@functools.cache  # classes, made once: their bases are imported when they are first needed
def _own_types() -> tuple[Any, Any]:
    """A connector and a response."""
    aiohttp: Any = load_aiohttp()

    class Answer(aiohttp.ClientResponse):  # type: ignore[misc]  # Any: imported late
        """Keeps what tells whether TLS came to a proper end.

        Attributes:
            tls: The connection's ``ssl.SSLObject``, None without TLS.
        """

        tls: Any = None

        async def start(self, connection: Any) -> Any:
            self.tls = connection.transport.get_extra_info("ssl_object")
            return await super().start(connection)

    class Connector(aiohttp.TCPConnector):  # type: ignore[misc]  # Any: imported late
        """Hands out connections to which nothing has come since their last response.

        aiohttp goes by what its event loop has told it; what the loop has not seen yet, the
        end of the connection for one, is asked of the socket.
        """

        def __init__(self, tracked: Tracked, **options: Any) -> None:
            super().__init__(socket_factory=self._open, **options)
            self._tracked = tracked
            self._used: set[int] = set()

        def _open(self, address: Any) -> socket.socket:
            sock = socket.socket(*address[:3])
            self._tracked.add(sock)
            self._used.discard(sock.fileno())
            return sock

        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
            while True:
                connection = await super().connect(req, traces, timeout)
                descriptor = connection.transport.get_extra_info("socket").fileno()
                if descriptor not in self._used:
                    self._used.add(descriptor)
                    break
                if not connection.protocol.should_close and not _readable(descriptor):
                    break
                connection.close()
            upload = UNDER_WAY.get()
            if upload is not None:
                upload.transport = connection.transport
            return connection

    return Connector, Answer


if sys.platform == "win32":  # it has no poll()

    def _readable(descriptor: int) -> bool:
        return bool(select.select([descriptor], [], [], 0)[0])
else:

    def _readable(descriptor: int) -> bool:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
