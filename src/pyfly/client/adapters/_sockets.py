"""What both kinds of stream have in common, and the set of all that one pool has open.

A pool of the httpcore family can only be closed inside its own event loop, and forgets the
connections that are still being made. Our streams register in :class:`Sockets` instead and
can be closed from any thread, at once, with or without a loop.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from typing import Any

from pyfly.client.adapters._deadline import Until
from pyfly.client.adapters._framing import Framing
from pyfly.client.adapters._tls_engine import TlsEngine

__all__ = ["PIECE", "RawStream", "Sockets", "TlsStream"]

#: How much is read or written in one step.
PIECE = 64 * 1024


class Sockets:
    """All open sockets of one pool.

    Attributes:
        closed: Whether the pool is closed for good.
    """

    __slots__ = ("_open", "closed")

    def __init__(self) -> None:
        self._open: set[RawStream] = set()
        self.closed = False

    def __len__(self) -> int:
        return len(self._open)

    def add(self, stream: RawStream) -> None:
        """Note a stream, before its first byte."""
        self._open.add(stream)

    def discard(self, stream: RawStream) -> None:
        """Forget a stream that is being closed."""
        self._open.discard(stream)

    def close(self) -> None:
        """Close every socket, those that are being connected included; for good."""
        self.closed = True
        for stream in list(self._open):
            stream.close()

    def abandon(self) -> None:
        """After a fork: let go of the parent's connections without disturbing them.

        Closing a copied descriptor sends nothing; a shutdown, or a farewell of TLS, would.
        """
        self.closed = True
        for stream in list(self._open):
            stream.abandon()
        self._open.clear()


class RawStream:
    """One socket: what its asynchronous and its blocking form share.

    Attributes:
        core: The core whose exceptions are raised.
        busy: Whether somebody waits for the socket: then closing wakes them, and they close it.
        connected_by: When the connection, its TLS included, has to be there; None for any time.
    """

    def __init__(self, owner: Sockets, sock: socket.socket, core: Any) -> None:
        self._owner = owner
        self.sock = sock
        self.core = core
        self.busy = False
        self.closed = False
        self.framing = Framing()
        self.connected_by: Until | None = None
        owner.add(self)

    def close(self, farewell: bytes = b"") -> None:
        """Close now, after a last word if it can be said without waiting."""
        if self.closed:
            return
        self.closed = True
        self._owner.discard(self)
        if self.busy:
            # close() would neither wake a blocked recv nor tell an event loop's selector.
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
            return
        if farewell:
            with contextlib.suppress(OSError):
                self.sock.settimeout(0)
                self.sock.send(farewell)
        self.sock.close()

    def free(self) -> None:
        """The wait is over: close if that was asked for meanwhile."""
        self.busy = False
        if self.closed:
            self.sock.close()

    def abandon(self) -> None:
        """Give back this process's copy of the descriptor and touch nothing else."""
        self.closed = True
        descriptor = self.sock.detach()
        if descriptor >= 0:
            os.close(descriptor)

    def arrived(self) -> bytes | None:
        """What has come by itself: None for nothing, ``b""`` for the end."""
        try:
            self.sock.settimeout(0)
            return self.sock.recv(PIECE)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""

    def get_extra_info(self, info: str) -> Any:
        """What the core asks; ``is_readable`` decides whether it uses the connection again."""
        match info:
            case "is_readable":
                return self.closed or not self.framing.clean or self.arrived() is not None
            case "stream":  # ours: what can be closed from outside
                return self
            case "socket":
                return self.sock
            case "client_addr":
                return self.sock.getsockname()
            case "server_addr":
                return self.sock.getpeername()
            case _:
                return None

    def require_open(self, kind: type[Exception]) -> None:
        """Raise ``kind`` if the stream was closed."""
        if self.closed:
            raise kind("the connection was closed")

    def failed(self, exc: OSError, late: type[Exception], otherwise: type[Exception]) -> Exception:
        """The core's exception for one of the socket's."""
        # The kernel's ETIMEDOUT is a TimeoutError too; that one brings an errno.
        if isinstance(exc, TimeoutError) and exc.errno is None:
            return late("out of time")
        return otherwise(str(exc))


class TlsStream:
    """TLS over a stream, which may itself be TLS (to a proxy): what both forms share."""

    def __init__(self, raw: Any, engine: TlsEngine) -> None:
        # Any: a raw or a TLS stream of the same form, asynchronous or blocking.
        self.raw: Any = raw
        self.core: Any = raw.core
        self.engine = engine
        self.framing = Framing()
        self.connected_by: Until | None = raw.connected_by

    def close(self, farewell: bytes = b"") -> None:
        """Close now, with TLS's own farewell."""
        self.raw.close(self.engine.farewell(farewell))

    def cut_off(self, exc: ssl.SSLError) -> bytes:
        """What a read gives when the peer closed without the notice that TLS asks for.

        A message with a length, or chunks, shows by itself whether it is whole; one that
        lasts until the connection is closed may have been cut by anybody.
        """
        if isinstance(exc, ssl.SSLEOFError) and not self.framing.until_close:
            return b""
        raise self.core.ReadError(str(exc)) from exc

    def arrived(self) -> bytes | None:
        """Whether something came by itself; session tickets do not count."""
        while not self.engine.has_more():
            data: bytes | None = self.raw.arrived()
            if not data:
                return data
            self.engine.digest(data)
        return b""  # more than may come between two responses, whatever it is

    def get_extra_info(self, info: str) -> Any:
        """What the core asks; ``is_readable`` decides whether it uses the connection again."""
        if info == "ssl_object":
            return self.engine.object
        if info == "is_readable":
            return not self.framing.clean or self.arrived() is not None
        return self.raw.get_extra_info(info)
