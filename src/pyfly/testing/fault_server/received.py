"""What a client sent."""

from __future__ import annotations

from pyfly.client.message import Headers


class ReceivedRequest:
    """A request as it came, and what was done about it.

    Attributes:
        head: The request line and the header fields up to their blank line, byte for byte.
        body: The body, byte for byte (chunk sizes included); empty until it was read.
        connection: The number of the connection it came on, from 1.
        number: Its number among the requests of its route, from 1.
        route: The route that took it, as it was declared; ``""`` if none did.
        at: When its head was there, in seconds since the server started.
        behaviour: What was played, such as ``Reset``; ``""`` while nothing was.
        sent: How many bytes were sent in answer so far.
        seconds: How long that took; 0 while it is going on.
    """

    __slots__ = (
        "at",
        "behaviour",
        "body",
        "connection",
        "head",
        "headers",
        "method",
        "number",
        "route",
        "seconds",
        "sent",
        "target",
    )

    def __init__(self, head: bytes, connection: int, at: float) -> None:
        self.head = head
        self.body = b""
        self.connection = connection
        self.number = 0
        self.route = ""
        self.at = at
        self.behaviour = ""
        self.sent = 0
        self.seconds = 0.0
        first, _, fields = head.partition(b"\r\n")
        parts = first.decode("latin-1").split(" ")
        self.method = parts[0]
        self.target = parts[1] if len(parts) > 1 else ""
        self.headers = Headers(
            (name, value.strip(b" \t"))
            for name, colon, value in (line.partition(b":") for line in fields.split(b"\r\n"))
            if colon
        )

    @property
    def raw(self) -> bytes:
        """Everything that came, byte for byte."""
        return self.head + self.body

    @property
    def path(self) -> str:
        """The target up to its query, as it was sent."""
        return self.target.partition("?")[0]

    def __repr__(self) -> str:
        played = f", {self.behaviour}" if self.behaviour else ""
        return f"<{self.method} {self.target} on connection {self.connection}{played}>"


def body_length(request: ReceivedRequest) -> int | None:
    """How long its head says the body is; None if it comes in chunks."""
    if "chunked" in request.headers.get("transfer-encoding", "").lower():
        return None
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0
