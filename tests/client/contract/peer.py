"""A peer that does exactly what a test's script says, byte by byte, on a real socket.

Each connection runs the script in a thread of its own, so that it can wait, drip, reset or
stay silent without asking anybody.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


class Hangup(Exception):
    """The client closed the connection, or the test is over."""


class Connection:
    """The peer's end of one connection.

    Attributes:
        number: 1 for the first connection of the peer, and so on.
    """

    def __init__(self, peer: Peer, sock: socket.socket, number: int) -> None:
        self.peer = peer
        self.sock = sock
        self.number = number
        self._buffer = b""

    def read_head(self) -> bytes:
        """One request up to its blank line; its body, if any, stays unread."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._more()
        head, self._buffer = self._buffer[: end + 4], self._buffer[end + 4 :]
        return head

    def read_request(self) -> bytes:
        """One whole request, its head and body as they came; also noted in ``peer.requests``."""
        head = self.read_head()
        length = re.search(rb"\r\ncontent-length: (\d+)\r\n", head, re.IGNORECASE)
        if length is not None:
            body = self._take(int(length[1]))
        elif re.search(rb"\r\ntransfer-encoding: chunked\r\n", head, re.IGNORECASE):
            while not self._buffer.endswith(b"0\r\n\r\n"):
                self._more()
            body, self._buffer = self._buffer, b""
        else:
            body = b""
        self.peer.requests.append(head + body)
        return head + body

    def send(self, *pieces: bytes) -> None:
        """Send each of the pieces by itself."""
        for piece in pieces:
            try:
                self.sock.sendall(piece)
            except OSError as exc:
                raise Hangup from exc

    def answer_all(self, answer: bytes = OK) -> None:
        """Give the same answer to every request until the client closes."""
        while True:
            self.read_request()
            self.send(answer)

    def drip(self, data: bytes, gap: float) -> None:
        """Send byte by byte."""
        for position in range(len(data)):
            self.send(data[position : position + 1])
            self.wait(gap)

    def wait(self, seconds: float = 60) -> None:
        """Do nothing, but leave when the test is over."""
        if self.peer.over.wait(seconds):
            raise Hangup

    def wait_for_close(self) -> None:
        """Read until the client closes."""
        while True:
            self._more()

    def reset(self) -> None:
        """Close with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _more(self) -> None:
        try:
            data = self.sock.recv(256 * 1024)
        except OSError as exc:
            raise Hangup from exc
        if not data:
            raise Hangup
        self._buffer += data


Script = Callable[[Connection], None]


class Peer:
    """Listens on loopback and runs ``script`` for each connection.

    Attributes:
        port: Where it listens; of no meaning for one on a Unix socket.
        requests: Every request that a script has read whole, as raw bytes.
        connections: How many there were.
        hangups: How many of them the client closed.
        over: Set when the test is.
    """

    def __init__(
        self,
        script: Script = Connection.answer_all,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        uds: str | None = None,
    ) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.hangups = 0
        self.over = threading.Event()
        self.failures: list[BaseException] = []
        self._script = script
        self._tls = tls
        self._host = host
        self._uds = uds
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.port = 1
        if self._uds is not None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self._uds)
            self._listener.listen()
        else:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            self._listener = socket.create_server((self._host, 0), family=family)
            self.port = self._listener.getsockname()[1]
        self._spawn(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        with contextlib.suppress(OSError):  # it wakes accept()
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
            assert not thread.is_alive(), "a script of the peer hangs"
        if kind is None and self.failures:
            raise self.failures[0]

    @property
    def url(self) -> str:
        """Its base URL, by address."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'http' if self._tls is None else 'https'}://{host}:{self.port}"

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(sock)
            self._spawn(self._serve, sock, self.connections)

    def _serve(self, raw: socket.socket, number: int) -> None:
        sock = raw
        try:
            if raw.family != socket.AF_UNIX:
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(raw, server_side=True)
                self._open.add(sock)
            self._script(Connection(self, sock, number))
        except (Hangup, OSError):  # an SSLError of a refused handshake is an OSError
            self.hangups += 1
        except BaseException as exc:
            self.failures.append(exc)
        finally:
            self._open.discard(raw)
            self._open.discard(sock)
            sock.close()
            raw.close()
