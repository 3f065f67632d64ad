"""A network backend for the httpcore family that uses asyncio's sockets and nothing between.

Stock backends go through streams that read ahead, leak the socket of a cancelled TLS
handshake, and cannot be closed without their event loop. Here a stream is a socket:
nothing is read that its framing does not see, every await that fails or is cancelled
closes what it had opened, and every operation ends by the exchange's deadline.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

from pyfly.client.adapters._deadline import from_now, remaining
from pyfly.client.adapters._sockets import PIECE, RawStream, Sockets, TlsStream
from pyfly.client.adapters._tls_engine import Operation, TlsEngine

__all__ = ["AsyncBackend"]

Address = tuple[int, int, int, str, Any]

#: RFC 8305, section 5: how long one address has before the next is tried beside it.
_HEAD_START = 0.25
#: Reads that did not have to wait, in a row, before other tasks get their turn.
_GREED = 16


class AsyncBackend:
    """Opens connections for one pool; ``sockets`` has all of them.

    It has what the core calls here, and no pauses between retries.
    """

    def __init__(self, core: Any, sockets: Sockets) -> None:
        self._core = core
        self._sockets = sockets

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncStream:
        """A connection to the first address that answers, the next being tried meanwhile."""
        try:
            end = from_now(timeout)
            async with asyncio.timeout(end):
                stream = await self._race(_interleaved(await _resolve(host, port)))
        except (OSError, UnicodeError) as exc:
            if isinstance(exc, TimeoutError) and exc.errno is None:
                raise self._core.ConnectTimeout("out of time") from exc
            raise self._core.ConnectError(str(exc)) from exc
        stream.connected_by = end
        return stream

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> AsyncStream:
        """A connection to a Unix domain socket."""
        try:
            stream = await self._open((socket.AF_UNIX, socket.SOCK_STREAM, 0, "", path))
        except OSError as exc:
            raise self._core.ConnectError(str(exc)) from exc
        stream.connected_by = from_now(timeout)
        return stream

    async def _race(self, addresses: list[Address]) -> AsyncStream:
        """Happy eyeballs (RFC 8305)."""
        if len(addresses) == 1:
            return await self._open(addresses[0])
        running: set[asyncio.Task[AsyncStream]] = set()
        waiting = iter(addresses)
        failures: list[BaseException] = []
        try:
            while True:
                following = next(waiting, None)
                if following is not None:
                    running.add(asyncio.create_task(self._open(following)))
                elif not running:
                    raise failures[0]
                done, running = await asyncio.wait(
                    running,
                    timeout=None if following is None else _HEAD_START,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                failures += [task.exception() or OSError() for task in done if task.exception()]
                winners = [task for task in done if not task.exception()]
                if winners:
                    running.update(winners[1:])
                    return winners[0].result()
        finally:
            for task in running:
                task.add_done_callback(_close_loser)
                task.cancel()
            if running:
                await asyncio.wait(running)

    async def _open(self, address: Address) -> AsyncStream:
        family, kind, protocol, _, where = address
        if self._sockets.closed:
            raise ConnectionAbortedError("the pool is closed")
        sock = socket.socket(family, kind, protocol)
        stream = AsyncStream(self._sockets, sock, self._core)
        await stream.connect(where)
        return stream


class AsyncStream(RawStream):
    """One connection, over TCP or a Unix socket."""

    _greed = 0

    async def connect(self, address: Any) -> None:
        """Connect; a failure or a cancellation closes the socket."""
        self.sock.setblocking(False)
        self.busy = True
        try:
            if isinstance(address, str):  # a Unix socket connects at once, or not at all
                self.sock.connect(address)
            else:
                await asyncio.get_running_loop().sock_connect(self.sock, address)
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.busy = False
            self.close()
            raise
        finally:
            self.free()
        if self.closed:
            raise ConnectionAbortedError("the pool is closed")

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes of the response, ``b""`` at the end of the connection."""
        data = await self.receive(max_bytes, timeout, self.core.ReadTimeout)
        self.framing.received(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes of a request, all of them."""
        if buffer:
            self.framing.sent(buffer)
            await self.send(buffer, timeout, self.core.WriteTimeout)

    async def receive(self, size: int, timeout: float | None, late: type[Exception]) -> bytes:
        """Read from the socket; ``late`` is raised when the time is over."""
        self.require_open(self.core.ReadError)
        left = remaining(timeout)
        if left is not None and left <= 0:
            raise late("out of time")
        try:
            data = self.sock.recv(size)
        except (BlockingIOError, InterruptedError):
            self._greed = 0
            return await self._wait(size, left, late)
        except OSError as exc:
            raise self.failed(exc, late, self.core.ReadError) from exc
        self._greed += 1
        if self._greed > _GREED:
            self._greed = 0
            await asyncio.sleep(0)
        return data

    async def _wait(self, size: int, left: float | None, late: type[Exception]) -> bytes:
        self.busy = True
        try:
            async with asyncio.timeout(left):
                data = await asyncio.get_running_loop().sock_recv(self.sock, size)
        except OSError as exc:
            raise self.failed(exc, late, self.core.ReadError) from exc
        finally:
            self.free()
        self.require_open(self.core.ReadError)
        return data

    async def send(self, data: bytes, timeout: float | None, late: type[Exception]) -> None:
        """Write everything to the socket; ``late`` is raised when the time is over."""
        self.require_open(self.core.WriteError)
        left = remaining(timeout)
        if left is not None and left <= 0:
            raise late("out of time")
        try:
            count = self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            count = 0
        except OSError as exc:
            raise self.failed(exc, late, self.core.WriteError) from exc
        view = memoryview(data)[count:]
        while view:  # piece by piece: a write timeout is for one step, not for a whole body
            await self._send_piece(view[:PIECE], remaining(timeout), late)
            view = view[PIECE:]

    async def _send_piece(
        self, piece: memoryview, left: float | None, late: type[Exception]
    ) -> None:
        self.busy = True
        try:
            async with asyncio.timeout(left):
                await asyncio.get_running_loop().sock_sendall(self.sock, piece)
        except OSError as exc:
            raise self.failed(exc, late, self.core.WriteError) from exc
        finally:
            self.free()
        self.require_open(self.core.WriteError)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> AsyncTlsStream:
        """This connection under TLS."""
        return await _under_tls(self, ssl_context, server_hostname, timeout)

    async def aclose(self) -> None:
        """Close now."""
        self.close()


class AsyncTlsStream(TlsStream):
    """A connection under TLS."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes of the response, ``b""`` at the end of the connection."""
        data = await self.receive(max_bytes, timeout, self.core.ReadTimeout)
        self.framing.received(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes of a request, all of them."""
        if buffer:
            self.framing.sent(buffer)
            await self.send(buffer, timeout, self.core.WriteTimeout)

    async def receive(self, size: int, timeout: float | None, late: type[Exception]) -> bytes:
        """Read decrypted bytes; ``late`` is raised when the time is over."""
        try:
            data: bytes = await self.run(self.engine.read(size), from_now(timeout), late)
        except ssl.SSLError as exc:
            return self.cut_off(exc)
        return data

    async def send(self, data: bytes, timeout: float | None, late: type[Exception]) -> None:
        """Encrypt and write everything; ``late`` is raised when the time is over."""
        try:
            await self.run(self.engine.write(data), timeout, late)
        except ssl.SSLError as exc:
            raise self.core.WriteError(str(exc)) from exc

    async def run(self, operation: Operation, timeout: float | None, late: type[Exception]) -> Any:
        """Do the I/O that an operation of the engine asks for."""
        try:
            step = next(operation)
            while True:
                given = b""
                try:
                    if step is None:
                        given = await self.raw.receive(PIECE, timeout, late)
                    else:
                        await self.raw.send(step, timeout, late)
                except Exception as exc:
                    step = operation.throw(exc)
                else:
                    step = operation.send(given)
        except StopIteration as stop:
            return stop.value

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> AsyncTlsStream:
        """TLS to the service through TLS to its proxy."""
        return await _under_tls(self, ssl_context, server_hostname, timeout)

    async def aclose(self) -> None:
        """Close now."""
        self.close()


async def _under_tls(
    raw: AsyncStream | AsyncTlsStream,
    context: ssl.SSLContext,
    hostname: str | None,
    timeout: float | None,
) -> AsyncTlsStream:
    """Shake hands; whatever goes wrong, cancellation included, closes the socket."""
    core = raw.core
    try:
        stream = AsyncTlsStream(raw, TlsEngine(context, hostname))
        await stream.run(
            stream.engine.handshake(), raw.connected_by or from_now(timeout), core.ConnectTimeout
        )
    except (OSError, ValueError, core.NetworkError) as exc:  # an ssl.SSLError is an OSError
        raw.close()
        raise core.ConnectError(str(exc)) from exc
    except BaseException:
        raw.close()
        raise
    return stream


async def _resolve(host: str, port: int) -> Sequence[Address]:
    kind = socket.SOCK_STREAM
    try:  # a literal address needs no thread
        return socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await asyncio.get_running_loop().getaddrinfo(host, port, type=kind)


def _interleaved(addresses: Sequence[Address]) -> list[Address]:
    """The families by turns, the resolver's first one first (RFC 8305, section 4)."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for address in chain(*zip_longest(first, others)) if address is not None]


def _close_loser(task: asyncio.Task[AsyncStream]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
