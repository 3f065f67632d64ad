"""A client that sees every byte, and a reset for what it is."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from pyfly.testing import FaultServer

GET = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"


class RawClient:
    """One connection to a server."""

    def __init__(self, server: FaultServer) -> None:
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.sock.close()

    def get(self, path: str = "/") -> None:
        self.sock.sendall(GET % path.encode())

    def read(self, count: int) -> bytes:
        """So many bytes, or fewer at the end."""
        data = b""
        while len(data) < count and (more := self.sock.recv(count - len(data))):
            data += more
        return data

    def read_until(self, mark: bytes) -> bytes:
        data = b""
        while not data.endswith(mark):
            more = self.sock.recv(1)
            if not more:
                break
            data += more
        return data

    def read_all(self) -> tuple[bytes, str]:
        """Everything up to the end, and what kind of end it was: ``close`` or ``reset``."""
        data = b""
        try:
            while more := self.sock.recv(1 << 20):
                data += more
        except ConnectionResetError:
            return data, "reset"
        return data, "close"

    def exchange(self, path: str = "/") -> bytes:
        """Ask, and read an answer that has a length."""
        self.get(path)
        head = self.read_until(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        return head + self.read(length)


def ask(server: FaultServer, path: str = "/") -> tuple[bytes, str]:
    """What one request on a connection of its own gets, up to the end of the connection."""
    with RawClient(server) as client:
        client.get(path)
        return client.read_all()
