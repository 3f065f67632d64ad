"""How to reach an origin: directly, by a Unix socket or through a proxy; with TLS or without."""

from __future__ import annotations

import time

from pyfly.transport.connecting import connect_tcp, connect_unix
from pyfly.transport.connection import AsyncConnection
from pyfly.transport.deadline import Timeouts
from pyfly.transport.errors import (
    ConnectError,
    ConnectTimeout,
    ProxyError,
    ReadTimeout,
    TransportError,
    WriteTimeout,
)
from pyfly.transport.http11 import IncomingResponse, request_head
from pyfly.transport.network import Network
from pyfly.transport.proxy import Proxy
from pyfly.transport.sockets import Sockets
from pyfly.transport.socks import SocksHandshake
from pyfly.transport.stream import AsyncStream, start_tls
from pyfly.transport.target import HttpOrigin


class AsyncConnector:
    """Makes the connections of one pool.

    Args:
        network: How.
        sockets: Where they are noted.
    """

    __slots__ = ("_network", "_sockets")

    def __init__(self, network: Network, sockets: Sockets) -> None:
        self._network = network
        self._sockets = sockets

    async def connect(self, origin: HttpOrigin, timeouts: Timeouts, end: float) -> AsyncConnection:
        """A new connection to ``origin``: name, socket, proxy and TLS within one span.

        Raises:
            ConnectError: It cannot be reached.
            ConnectTimeout: It was not reached in time.
            ProxyError: The proxy on the way cannot be reached, or refuses.
        """
        network, until = self._network, min(time.monotonic() + timeouts.connect, end)
        # A context is made before anything is opened: it may not be possible, and it takes time.
        context = network.context() if origin.scheme == "https" else None
        proxy_url = network.proxy_of(origin)
        if proxy_url is not None:
            return await self._connect_through(Proxy.at(proxy_url), origin, until)
        stream: AsyncStream
        if network.uds is not None:
            stream = await connect_unix(self._sockets, network.uds)
        else:
            stream = await connect_tcp(self._sockets, origin.host, origin.port, until)
        if context is not None:
            stream = await start_tls(stream, context, origin.host, until)
        return AsyncConnection(origin, stream, network.keepalive)

    async def _connect_through(
        self, proxy: Proxy, origin: HttpOrigin, until: float
    ) -> AsyncConnection:
        network = self._network
        handshake = SocksHandshake(proxy, origin) if proxy.socks else None
        stream = await self._reach(proxy, until)
        prefix = fields = b""
        if handshake is None and origin.scheme == "http":
            prefix, fields = b"http://" + origin.authority.encode("ascii"), proxy.fields
        else:
            try:
                if handshake is not None:
                    await self._shake_hands(stream, handshake, until)
                else:
                    await self._tunnel(stream, proxy, origin, until)
            except (ReadTimeout, WriteTimeout) as exc:
                stream.close()
                raise ConnectTimeout("proxy") from exc
            except ProxyError:
                stream.close()
                raise
            except TransportError as exc:
                stream.close()
                raise ProxyError("it broke off before the way was open", proxy.peer) from exc
            except BaseException:
                stream.close()
                raise
        if origin.scheme == "https":
            stream = await start_tls(stream, network.context(), origin.host, until)
        return AsyncConnection(origin, stream, network.keepalive, prefix, fields)

    async def _reach(self, proxy: Proxy, until: float) -> AsyncStream:
        """A connection to the proxy itself."""
        try:
            stream: AsyncStream = await connect_tcp(self._sockets, proxy.host, proxy.port, until)
            if proxy.scheme == "https":
                stream = await start_tls(stream, self._network.context(), proxy.host, until)
        except ConnectError as exc:
            raise ProxyError("it cannot be reached", proxy.peer) from exc
        except ConnectTimeout as exc:
            raise ConnectTimeout("proxy") from exc
        return stream

    async def _tunnel(
        self, stream: AsyncStream, proxy: Proxy, origin: HttpOrigin, until: float
    ) -> None:
        """Have an HTTP proxy open the way to ``origin``."""
        target = origin.peer.encode("ascii")
        fields = b"Host: %b\r\n%b" % (target, proxy.fields)
        await stream.send(request_head("CONNECT", b"", target, fields), until)
        answer = IncomingResponse("CONNECT")
        while not answer.status:
            answer.feed(await stream.receive(until))
        if not 200 <= answer.status < 300:
            raise ProxyError(f"it answered {answer.status}", proxy.peer)
        if answer.spoiled:  # TLS has the client speak first: this is a page, not the way
            raise ProxyError("it sent a body instead of opening the way", proxy.peer)

    async def _shake_hands(
        self, stream: AsyncStream, handshake: SocksHandshake, until: float
    ) -> None:
        """Have a SOCKS proxy open the way."""
        while not handshake.open:
            if handshake.to_send:
                await stream.send(handshake.to_send, until)
            handshake.feed(await stream.receive(until))
