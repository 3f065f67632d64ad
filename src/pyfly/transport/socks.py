"""SOCKS5 without I/O, by ``socksio`` (``pyfly-client[socks]``): the way through such a proxy."""

from __future__ import annotations

from typing import Any

from pyfly.transport.errors import MissingLibraryError, ProxyError
from pyfly.transport.proxy import Proxy
from pyfly.transport.target import HttpOrigin

#: How long a reply is, by the type of the address in it (RFC 1928, section 6).
_REPLY_LENGTHS = {1: 10, 4: 22}


class SocksHandshake:
    """One handshake; the proxy resolves the name.

    Attributes:
        to_send: What to send next.
        open: Whether the way is open.
    """

    def __init__(self, proxy: Proxy, origin: HttpOrigin) -> None:
        try:
            import socksio.socks5
        except ImportError as exc:
            raise MissingLibraryError(
                "a SOCKS proxy needs socksio, which is not installed: "
                "pip install 'pyfly-client[socks]'"
            ) from exc
        self._socks: Any = socksio.socks5
        self._proxy = proxy
        self._origin = origin
        self._connection = self._socks.SOCKS5Connection()
        self._received = b""
        self.open = False
        self._asked = False  # whether the way has been asked for
        known = proxy.credentials is not None
        method = self._socks.SOCKS5AuthMethod["USERNAME_PASSWORD" if known else "NO_AUTH_REQUIRED"]
        self._connection.send(self._socks.SOCKS5AuthMethodsRequest([method]))
        self.to_send: bytes = self._connection.data_to_send()

    def feed(self, data: bytes) -> None:
        """Take what the proxy has sent.

        Raises:
            ProxyError: It refuses, or speaks no SOCKS.
        """
        self.to_send = b""
        self._received += data
        if not data:
            raise ProxyError("it broke off before the way was open", self._proxy.peer)
        if len(self._received) < self._needed():
            return
        received, self._received = self._received, b""
        try:
            reply = self._connection.receive_data(received)
        except Exception as exc:  # its ProtocolError, and what nonsense makes of its decoding
            raise ProxyError("it does not speak SOCKS5", self._proxy.peer) from exc
        self._answer(reply)
        self.to_send = self._connection.data_to_send()

    def _answer(self, reply: Any) -> None:
        socks = self._socks
        if isinstance(reply, socks.SOCKS5AuthReply):
            if reply.method == socks.SOCKS5AuthMethod.USERNAME_PASSWORD:
                assert self._proxy.credentials is not None
                self._connection.send(socks.SOCKS5UsernamePasswordRequest(*self._proxy.credentials))
                return
            if reply.method != socks.SOCKS5AuthMethod.NO_AUTH_REQUIRED:
                raise ProxyError("it wants other credentials", self._proxy.peer)
        elif isinstance(reply, socks.SOCKS5UsernamePasswordReply):
            if not reply.success:
                raise ProxyError("it does not accept the credentials", self._proxy.peer)
        else:
            if reply.reply_code != socks.SOCKS5ReplyCode.SUCCEEDED:
                why = reply.reply_code.name.lower().replace("_", " ")
                raise ProxyError(f"it refused: {why}", self._proxy.peer)
            self.open = True
            return
        self._asked = True
        address = (self._origin.host, self._origin.port)
        self._connection.send(
            socks.SOCKS5CommandRequest.from_address(socks.SOCKS5Command.CONNECT, address)
        )

    def _needed(self) -> int:
        """How many bytes the next reply has."""
        if not self._asked:
            return 2
        if len(self._received) < 5:
            return 5
        kind = self._received[3]
        return 7 + self._received[4] if kind == 3 else _REPLY_LENGTHS.get(kind, 10)
