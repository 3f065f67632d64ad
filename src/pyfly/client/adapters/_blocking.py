"""A network backend for the httpcore family that ends every operation by the deadline.

The twin of :mod:`._aio` for blocking sockets. A timeout of the stock backend is a span for
each system call, so that a peer which drips can hold a call for as long as it likes; here each
one gets what is left of the exchange. Name resolution alone cannot be interrupted.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterable
from typing import Any

from pyfly.client.adapters._deadline import from_now, remaining
from pyfly.client.adapters._sockets import PIECE, RawStream, Sockets, TlsStream
from pyfly.client.adapters._tls_engine import Operation, TlsEngine

__all__ = ["BlockingBackend"]


class BlockingBackend:
    """Opens connections for one pool; ``sockets`` has all of them.

    It has what the core calls here, and no pauses between retries.
    """

    def __init__(self, core: Any, sockets: Sockets) -> None:
        self._core = core
        self._sockets = sockets

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> BlockingStream:
        """A connection to the first address that answers."""
        end = from_now(timeout)
        try:
            stream = self._open(host, port, end)
        except (OSError, UnicodeError) as exc:
            if isinstance(exc, TimeoutError) and exc.errno is None:
                raise self._core.ConnectTimeout("out of time") from exc
            raise self._core.ConnectError(str(exc)) from exc
        stream.connected_by = end
        return stream

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> BlockingStream:
        """A connection to a Unix domain socket."""
        end = from_now(timeout)
        try:
            if self._sockets.closed:
                raise ConnectionAbortedError("the pool is closed")
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            stream = BlockingStream(self._sockets, sock, self._core)
            stream.connect(path, remaining(end))
        except OSError as exc:
            raise self._core.ConnectError(str(exc)) from exc
        stream.connected_by = end
        return stream

    def _open(self, host: str, port: int, end: float | None) -> BlockingStream:
        """Try the addresses one after the other."""
        failure = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        for address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            if self._sockets.closed:
                raise ConnectionAbortedError("the pool is closed")
            stream = BlockingStream(self._sockets, socket.socket(*address[:3]), self._core)
            try:
                stream.connect(address[4], remaining(end))
            except OSError as exc:
                failure = exc
            else:
                return stream
        raise failure


class BlockingStream(RawStream):
    """One connection, over TCP or a Unix socket."""

    def connect(self, address: Any, left: float | None) -> None:
        """Connect; a failure closes the socket."""
        self.busy = True
        try:
            _arm(self.sock, left)
            self.sock.connect(address)
            if not isinstance(address, str):  # which is that of a Unix socket
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.busy = False
            self.close()
            raise
        finally:
            self.free()
        if self.closed:
            raise ConnectionAbortedError("the pool is closed")

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes of the response, ``b""`` at the end of the connection."""
        data = self.receive(max_bytes, timeout, self.core.ReadTimeout)
        self.framing.received(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes of a request, all of them."""
        if buffer:
            self.framing.sent(buffer)
            self.send(buffer, timeout, self.core.WriteTimeout)

    def receive(self, size: int, timeout: float | None, late: type[Exception]) -> bytes:
        """Read from the socket; ``late`` is raised when the time is over."""
        self.require_open(self.core.ReadError)
        self.busy = True
        try:
            _arm(self.sock, remaining(timeout))
            data = self.sock.recv(size)
        except OSError as exc:
            raise self.failed(exc, late, self.core.ReadError) from exc
        finally:
            self.free()
        self.require_open(self.core.ReadError)
        return data

    def send(self, data: bytes, timeout: float | None, late: type[Exception]) -> None:
        """Write everything to the socket; ``late`` is raised when the time is over."""
        self.require_open(self.core.WriteError)
        view = memoryview(data)
        self.busy = True
        try:
            while view and not self.closed:
                _arm(self.sock, remaining(timeout))
                view = view[self.sock.send(view[:PIECE]) :]
        except OSError as exc:
            raise self.failed(exc, late, self.core.WriteError) from exc
        finally:
            self.free()
        self.require_open(self.core.WriteError)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> BlockingTlsStream:
        """This connection under TLS."""
        return _under_tls(self, ssl_context, server_hostname, timeout)


class BlockingTlsStream(TlsStream):
    """A connection under TLS."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes of the response, ``b""`` at the end of the connection."""
        data = self.receive(max_bytes, timeout, self.core.ReadTimeout)
        self.framing.received(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes of a request, all of them."""
        if buffer:
            self.framing.sent(buffer)
            self.send(buffer, timeout, self.core.WriteTimeout)

    def receive(self, size: int, timeout: float | None, late: type[Exception]) -> bytes:
        """Read decrypted bytes; ``late`` is raised when the time is over."""
        try:
            data: bytes = self.run(self.engine.read(size), from_now(timeout), late)
        except ssl.SSLError as exc:
            return self.cut_off(exc)
        return data

    def send(self, data: bytes, timeout: float | None, late: type[Exception]) -> None:
        """Encrypt and write everything; ``late`` is raised when the time is over."""
        try:
            self.run(self.engine.write(data), timeout, late)
        except ssl.SSLError as exc:
            raise self.core.WriteError(str(exc)) from exc

    def run(self, operation: Operation, timeout: float | None, late: type[Exception]) -> Any:
        """Do the I/O that an operation of the engine asks for."""
        try:
            step = next(operation)
            while True:
                given = b""
                try:
                    if step is None:
                        given = self.raw.receive(PIECE, timeout, late)
                    else:
                        self.raw.send(step, timeout, late)
                except Exception as exc:
                    step = operation.throw(exc)
                else:
                    step = operation.send(given)
        except StopIteration as stop:
            return stop.value

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> BlockingTlsStream:
        """TLS to the service through TLS to its proxy."""
        return _under_tls(self, ssl_context, server_hostname, timeout)


def _under_tls(
    raw: BlockingStream | BlockingTlsStream,
    context: ssl.SSLContext,
    hostname: str | None,
    timeout: float | None,
) -> BlockingTlsStream:
    """Shake hands; whatever goes wrong closes the socket."""
    core = raw.core
    try:
        stream = BlockingTlsStream(raw, TlsEngine(context, hostname))
        stream.run(
            stream.engine.handshake(), raw.connected_by or from_now(timeout), core.ConnectTimeout
        )
    except (OSError, ValueError, core.NetworkError) as exc:  # an ssl.SSLError is an OSError
        raw.close()
        raise core.ConnectError(str(exc)) from exc
    except BaseException:
        raw.close()
        raise
    return stream


def _arm(sock: socket.socket, left: float | None) -> None:
    """Give the next call of ``sock`` what is left; nothing left is a timeout already."""
    if left is not None and left <= 0:
        raise TimeoutError
    sock.settimeout(left)
