"""A socket that keeps what it is sent, and a reader of requests that owes nothing to the client.

The server keeps bytes; only after a call are they read, as RFC 9112 says, with nothing forgiven:
what is left over, or is not a request, fails the test.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from types import TracebackType
from typing import NamedTuple, Self

__all__ = ["Recorder", "Sent", "read_requests"]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"([A-Z]+) (/[\x21-\x7e]*) HTTP/1\.1")
#: A field whose value neither begins nor ends with white space, which would be lost.
_FIELD = re.compile(rb"(%s): ((?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?)" % _TOKEN)
_TARGET = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")


class Sent(NamedTuple):
    """One request, as it came.

    Attributes:
        method: The verb.
        path: The target before its first ``?``, as sent.
        query: What is behind it, as sent; None without a ``?``.
        fields: The header fields in order, names in lower case.
        body: The body.
    """

    method: str
    path: str
    query: str | None
    fields: list[tuple[str, str]]
    body: bytes

    def one(self, name: str) -> str:
        """The value of a field that must be there once."""
        (value,) = (text for found, text in self.fields if found == name)
        return value


def read_requests(data: bytes) -> list[Sent]:
    """The requests of which some bytes consist, to the last byte."""
    requests = []
    while data:
        head, mark, data = data.partition(b"\r\n\r\n")
        assert mark, f"no request: {head[:80]!r}"
        line, *lines = head.split(b"\r\n")
        begin = _REQUEST_LINE.fullmatch(line)
        assert begin is not None, f"no request line: {line[:80]!r}"
        assert _TARGET.fullmatch(begin[2]), f"not a URL: {begin[2][:80]!r}"
        fields = []
        for text in lines:
            field = _FIELD.fullmatch(text)
            assert field is not None, f"no header field: {text[:80]!r}"
            fields.append((field[1].decode().lower(), field[2].decode()))
        names = [name for name, _ in fields]
        assert "transfer-encoding" not in names
        for name in ("host", "content-length", "content-type", "cookie"):
            assert names.count(name) <= 1, f"{name} is there twice"
        length = int(dict(fields).get("content-length", "0"))
        assert len(data) >= length, "the body is too short"
        body, data = data[:length], data[length:]
        path, mark_, query = begin[2].decode().partition("?")
        requests.append(Sent(begin[1].decode(), path, query if mark_ else None, fields, body))
    return requests


class Recorder:
    """Listens on loopback, answers every request alike, and keeps all bytes of all connections.

    It looks for the end of a request only to know when to answer.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._received: list[bytes] = []
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def host(self) -> str:
        """What a ``Host`` field must say."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def take(self) -> bytes:
        """What has been received since the last time."""
        taken = b"".join(self._received)
        self._received.clear()
        return taken

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        pending = bytearray()
        with sock, contextlib.suppress(OSError):
            while data := sock.recv(1 << 20):
                self._received.append(data)
                pending += data
                while (size := _first_request(pending)) is not None:
                    del pending[:size]
                    sock.sendall(ANSWER)


def _first_request(data: bytearray) -> int | None:
    """How long the first request is; None if it is not all there."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = re.search(rb"\r\ncontent-length: *(\d+)\r\n", data[: end + 2], re.IGNORECASE)
    size = end + 4 + (int(length[1]) if length else 0)
    return size if len(data) >= size else None
