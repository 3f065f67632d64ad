"""One hostile response: what is sent, what the caller gets, and what becomes of the connection."""

from __future__ import annotations

from typing import Any, NamedTuple

from pyfly.testing.fault_server import Behaviour, Raw

__all__ = ["Case", "chunked", "closing", "kept", "ok", "raw"]


class Case(NamedTuple):
    """A row of the table.

    Attributes:
        name: What is wrong with the response; it names the row in the page on faults.
        does: What the server does about the request.
        gives: The value that the call returns, or the exact class of the exception it raises.
        reused: Whether the next call uses the same connection; None: as it happens, since the
            library may have read the whole of it by then, or not.
        returns: The return annotation of the method.
        method: The verb of the method.
        follow: Whether redirects are followed.
        slow: Whether the call ends only by its timeout.
        pause: How long the next call waits, so that what comes late has come, in seconds.
    """

    name: str
    does: Behaviour
    gives: Any
    reused: bool | None = False
    returns: Any = bytes
    method: str = "GET"
    follow: bool = False
    slow: bool = False
    pause: float = 0.0

    @property
    def raises(self) -> bool:
        """Whether it is an exception that the caller gets."""
        return isinstance(self.gives, type) and issubclass(self.gives, BaseException)


def ok(body: bytes = b"hi", *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """A response with its right length, and more fields if one likes."""
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, lines, len(body), body)


def chunked(body: bytes, *fields: bytes) -> bytes:
    """A response with a chunked body that is given as it is on the wire."""
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 200 OK\r\n" + lines + b"Transfer-Encoding: chunked\r\n\r\n" + body


def raw(head: bytes, body: bytes = b"") -> bytes:
    """A head with any fields, one a line, and what follows it."""
    return head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body


def kept(data: bytes) -> Raw:
    """The bytes; the connection stays open."""
    return Raw(data)


def closing(data: bytes) -> Raw:
    """The bytes, and the end of the connection."""
    return Raw(data, close=True)
