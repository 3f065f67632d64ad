"""The bytes of one connection, both ways, with nothing decided in between."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from typing import Any

#: What may wait to be read; beyond it the client has to wait.
_READ_AHEAD = 64 * 1024
#: SO_LINGER: on, for no time at all.
_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class Hangup(Exception):
    """The client closed the connection."""


class ServerSocket(asyncio.Protocol):
    """A stream over an accepted socket.

    asyncio's own streams cannot begin TLS on a server's side in every version, hide when the
    peer has closed from whoever does not read, and give no hold on the socket.

    Attributes:
        buffer: What came and was not taken yet.
        sent: How many bytes were sent.
        begun: Whether the socket was taken over.
        ended: Whether nothing more can be sent.
    """

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.sent = 0
        self.begun = False
        self.ended = False
        self._transport: Any = None
        self._came = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._hung_up = asyncio.Event()
        self._lost = asyncio.Event()
        self._secure = False

    async def begin(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Take the socket over, with TLS if there is a context.

        Raises:
            OSError: The handshake failed.
        """
        loop = asyncio.get_running_loop()
        self.begun = True
        await loop.connect_accepted_socket(lambda: self, sock)
        plain = self._transport
        # What was sent is on its way once send() returns, so that a reset comes after it.
        plain.set_write_buffer_limits(0)
        if tls is not None:
            self._secure = True
            # None if the client has gone before its turn came.
            secure = await loop.start_tls(plain, self, tls, server_side=True)
            if secure is None:
                raise ConnectionResetError("the client left the handshake")
            self._transport = secure
            secure.set_write_buffer_limits(1, 0)  # 0 would pause it for good
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def more(self) -> None:
        """Wait until more has come.

        Raises:
            Hangup: The client has closed instead.
        """
        if self._hung_up.is_set():
            raise Hangup
        self._came.clear()
        self._transport.resume_reading()
        await self._came.wait()

    async def send(self, data: bytes) -> None:
        """Send, and wait until the socket has taken it.

        Raises:
            Hangup: The client has closed.
        """
        if self.ended or self._transport.is_closing():
            raise Hangup
        self._transport.write(data)
        await asyncio.sleep(0)  # others get their turn, whatever is sent here without end
        await self._writable.wait()
        self.sent += len(data)

    async def pause(self, seconds: float | None) -> None:
        """Wait, for ever with None; not longer than the client does.

        Raises:
            Hangup: The client has closed before.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hung_up.wait()
            raise Hangup

    def reset(self) -> None:
        """End it with a TCP reset."""
        self.ended = True
        if self._transport is None:  # it was never taken over
            return
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self._transport.abort()

    def close(self) -> None:
        """End it in good order."""
        self.ended = True
        if self._transport is not None:
            self._transport.close()

    def half_close(self) -> None:
        """Send no more, but go on reading; with TLS without its notice of an end."""
        self.ended = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    async def closed(self) -> None:
        """Wait until the socket is let go of; by force if the client takes nothing more."""
        if self._transport is None:  # it was never taken over
            return
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await self._lost.wait()
        finally:
            self._transport.abort()

    @property
    def _socket(self) -> Any:
        return self._transport.get_extra_info("socket")

    # --- what the transport calls -------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._came.set()
        if len(self.buffer) > _READ_AHEAD:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._hung_up.set()
        self._came.set()
        return not self._secure  # TLS cannot be half-closed

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        for event in (self._lost, self._hung_up, self._came, self._writable):
            event.set()
