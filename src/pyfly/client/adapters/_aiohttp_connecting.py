"""How aiohttp makes connections here: over sockets of ours, telling what it was at if it fails."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from pyfly.transport.errors import ConnectError, ProxyError, Stage

#: Makes a socket that is not connected yet, for the first three items of an address.
OpenSocket = Callable[[Any], "PatientSocket"]


class PatientSocket(socket.socket):
    """A socket whose peer has the last word.

    A service that refuses a large body answers and closes, and the next write fails. asyncio
    would close the socket for that, and what the peer said before would never be read. So the
    first failures are no more than "not now": the loop reads, and finds the answer.

    Attributes:
        has_written: Whether anything was written, which is so once TLS or HTTP has begun.
    """

    has_written = False
    #: How often: the loop reads in the turn in which it writes, or in the next.
    _patience = 8

    def send(self, data: Any, flags: int = 0) -> int:
        """Write as much as possible."""
        self.has_written = True
        try:
            return super().send(data, flags)
        except ConnectionError:
            self._refuse_first()
            raise

    def sendmsg(self, *args: Any) -> int:
        """The same of several buffers; asyncio writes so since 3.12."""
        try:
            return super().sendmsg(*args)
        except ConnectionError:
            self._refuse_first()
            raise

    def _refuse_first(self) -> None:
        self._patience -= 1
        if self._patience >= 0:
            raise BlockingIOError


class _Connecting:
    """One connection that is being made.

    Attributes:
        began: When, by the monotonic clock.
        opened: The sockets that were tried for it.
        request: aiohttp's.
    """

    def __init__(self, request: Any) -> None:
        self.began = time.monotonic()
        self.opened: list[PatientSocket] = []
        self.request = request

    def stage(self) -> Stage:
        """How far it came."""
        begun = any(sock.has_written for sock in self.opened)
        if self.request.proxy:
            return "proxy"
        return "tls" if begun else "socket" if self.opened else "name"

    def failure(self, exc: Any) -> Exception:
        """What an exception of aiohttp means; itself if it says that well enough."""
        import aiohttp

        proxy = self.request.proxy
        if proxy:
            if isinstance(exc, aiohttp.ClientHttpProxyError):
                text = f"it answered {exc.status}"
            elif not isinstance(exc, aiohttp.ClientConnectorError):
                text = "it broke off before the way was open"
            elif (exc.host, exc.port) == (proxy.host, proxy.port):
                text = "it cannot be reached"
            else:
                return ConnectError(str(exc), "tls")  # with the service, through the tunnel
            return ProxyError(text, f"{proxy.host}:{proxy.port}")
        tls = isinstance(exc, aiohttp.ClientConnectorError) and self.stage() == "tls"
        return ConnectError(str(exc), "tls") if tls else exc


_connecting: ContextVar[_Connecting | None] = ContextVar("_connecting", default=None)


def stage_of_connecting(since: float) -> Stage | None:
    """What the connection was at for which the current task has waited; None if it got it.

    Args:
        since: When the exchange began, by the monotonic clock.
    """
    connecting = _connecting.get()
    return None if connecting is None or connecting.began < since else connecting.stage()


def _make_room(connector: Any, most: int) -> None:
    """Close what has been idle for the longest time, until one more connection may be made."""
    idle: dict[Any, Any] = connector._conns  # the oldest of each origin first
    while idle and sum(map(len, idle.values())) + len(connector._acquired) > most:
        origin = min(idle, key=lambda each: idle[each][0][1])
        protocol, _ = idle[origin].popleft()
        if not idle[origin]:
            del idle[origin]
        protocol.close()


def tcp_connector(open_: OpenSocket, most: int, options: Mapping[str, Any]) -> Any:
    """A connector of aiohttp over TCP.

    Args:
        open_: Makes a socket.
        most: How many connections there may be, idle ones of all origins among them.
        options: What aiohttp's ``TCPConnector`` takes.
    """
    import aiohttp

    class AnsweringResolver(aiohttp.ThreadedResolver):
        async def resolve(self, host: str, *args: Any, **kwargs: Any) -> Any:
            found = await super().resolve(host, *args, **kwargs)
            if not found:
                raise socket.gaierror(getattr(socket, "EAI_NODATA", socket.EAI_NONAME), "none")
            return found

    class TellingConnector(aiohttp.TCPConnector):
        async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            _make_room(self, most)
            connecting = _Connecting(req)
            _connecting.set(connecting)
            try:
                protocol = await super()._create_connection(req, traces, timeout)
            except aiohttp.ClientError as exc:
                failure = connecting.failure(exc)
                if failure is exc:
                    raise
                raise failure from exc
            _connecting.set(None)
            return protocol

    def opened(address: Any) -> PatientSocket:
        sock = open_(address)
        connecting = _connecting.get()
        if connecting is not None:
            connecting.opened.append(sock)
        return sock

    return TellingConnector(resolver=AnsweringResolver(), socket_factory=opened, **options)


def unix_connector(
    path: str, open_: Callable[[], socket.socket], most: int, options: Mapping[str, Any]
) -> Any:
    """A connector of aiohttp whose connections all go to one socket.

    Args:
        path: Where the socket is.
        open_: Makes a socket that is not connected yet.
        most: How many connections there may be, idle ones among them.
        options: What aiohttp's ``BaseConnector`` takes.
    """
    import aiohttp
    from aiohttp.client_exceptions import UnixClientConnectorError

    class UnixConnector(aiohttp.BaseConnector):
        allowed_protocol_schema_set = frozenset({"", "http", "https"})

        async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            _make_room(self, most)
            key = req.connection_key
            try:
                return await self._dressed(_connected(open_(), path), req)
            except ssl.CertificateError as exc:
                raise aiohttp.ClientConnectorCertificateError(key, exc) from exc
            except ssl.SSLError as exc:
                raise aiohttp.ClientConnectorSSLError(key, exc) from exc
            except OSError as exc:
                raise UnixClientConnectorError(path, key, exc) from exc

        async def _dressed(self, sock: socket.socket, req: Any) -> Any:
            secure = req.is_ssl()
            _, protocol = await asyncio.get_running_loop().create_unix_connection(
                self._factory,
                sock=sock,
                ssl=req.ssl if secure else None,
                server_hostname=req.url.raw_host if secure else None,
            )
            return protocol

    return UnixConnector(**options)


def _connected(sock: socket.socket, path: str) -> socket.socket:
    try:
        sock.setblocking(False)
        sock.connect(path)  # at once, or not at all
    except OSError:
        sock.close()
        raise
    return sock
