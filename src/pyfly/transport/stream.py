"""TLS over a stream: over a socket, or over the TLS of a proxy."""

from __future__ import annotations

import ssl
from typing import Any, TypeAlias

from pyfly.transport.errors import (
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    TlsCutOff,
    WriteError,
    WriteTimeout,
)
from pyfly.transport.sockets import AsyncSocket
from pyfly.transport.tls_engine import Operation, TlsEngine


class AsyncTlsStream:
    """A stream under TLS; it has the methods of a socket.

    Args:
        under: The stream that carries it.
        engine: TLS without I/O.
    """

    __slots__ = ("engine", "under")

    def __init__(self, under: AsyncStream, engine: TlsEngine) -> None:
        self.under = under
        self.engine = engine

    @property
    def raw(self) -> AsyncSocket:
        """The socket under all TLS."""
        return self.under.raw

    async def receive(self, until: float) -> bytes:
        """The next decrypted bytes; ``b""`` at a proper end.

        Raises:
            ReadTimeout: There were none until ``until``.
            TlsCutOff: The stream ended without TLS's notice.
            ReadError: The connection broke, or was closed.
        """
        try:
            data: bytes = await self.run(self.engine.read(), until)
        except ssl.SSLEOFError as exc:
            raise TlsCutOff(str(exc)) from exc
        except ssl.SSLError as exc:
            raise ReadError(str(exc)) from exc
        return data

    async def send(self, data: bytes | memoryview, until: float) -> None:
        """Encrypt and write everything; see ``AsyncSocket.send``."""
        try:
            await self.run(self.engine.write(data), until)
        except ssl.SSLError as exc:
            raise WriteError(str(exc)) from exc

    async def run(self, operation: Operation, until: float) -> Any:
        """Do the I/O that an operation of the engine asks for."""
        try:
            step = next(operation)
            while True:
                given = b""
                try:
                    if step is None:
                        given = await self.under.receive(until)
                    else:
                        await self.under.send(step, until)
                except Exception as exc:
                    step = operation.throw(exc)
                else:
                    step = operation.send(given)
        except StopIteration as stop:
            return stop.value

    def close(self, farewell: bytes = b"") -> None:
        """Close now, with TLS's own farewell."""
        self.under.close(self.engine.farewell(farewell))

    def arrived(self) -> bytes | None:
        """Whether something came by itself; session tickets do not count."""
        while not self.engine.has_more():
            data = self.under.arrived()
            if not data:
                return data
            self.engine.digest(data)
        return b""  # more than may come between two responses, whatever it is

    def heard(self) -> bytes | None:
        """What has come, decrypted, without waiting: None for nothing, ``b""`` for the end.

        Raises:
            WriteError: What came was TLS's refusal.
        """
        data = self.under.heard()
        while data:
            self.engine.digest(data)
            try:
                decrypted = self.engine.read_now()
            except ssl.SSLError as exc:
                raise WriteError(str(exc)) from exc
            if decrypted is not None:
                return decrypted
            data = self.under.heard()
        return data


AsyncStream: TypeAlias = AsyncSocket | AsyncTlsStream


async def start_tls(
    under: AsyncStream, context: ssl.SSLContext, hostname: str, until: float
) -> AsyncTlsStream:
    """Shake hands; whatever goes wrong, cancellation included, closes the socket.

    Raises:
        ConnectError: The handshake failed.
        ConnectTimeout: It did not end until ``until``.
    """
    try:
        stream = AsyncTlsStream(under, TlsEngine(context, hostname))
        await stream.run(stream.engine.handshake(), until)
    except (ReadTimeout, WriteTimeout) as exc:
        under.close()
        raise ConnectTimeout("tls") from exc
    except (OSError, ValueError, ReadError, WriteError) as exc:  # an ssl.SSLError is an OSError
        under.close()
        raise ConnectError(str(exc), "tls") from exc
    except BaseException:
        under.close()
        raise
    return stream
