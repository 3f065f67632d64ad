"""The seam between a declared client and an HTTP library.

:class:`HttpClientPort` is what a user implements to bring a library of their own. The
adapters that ship with pyfly implement :class:`WirePort` beside it: they take requests that
are already encoded and give back undecoded bytes, so that limits, decompression and decoding
stand in one place and are the same for every library. Those that can hand over a body while it
comes are a :class:`StreamPort` as well.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from pyfly.client.message import Headers, Request, Response


@runtime_checkable
class HttpClientPort(Protocol):
    """What a client needs of an HTTP library; any object with these three methods will do."""

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        """Send one request and return a response, or the decoded value of one.

        Args:
            method: ``GET``, ``POST``, …
            url: The path below the base URL, percent-encoded, with a leading slash.
            **kwargs: Of ``params``, ``json`` and ``headers`` those that are not empty.

        Returns:
            An object with an int ``status_code`` and a ``json()`` method is a response (its
            ``headers``, ``content`` and ``text`` are read only where they are needed);
            anything else is taken as the decoded value.
        """
        ...

    async def start(self) -> None:
        """Open what the port needs; called before the first request."""
        ...

    async def stop(self) -> None:
        """Close everything; called once, after the last request."""
        ...


class WirePort(Protocol):
    """The port of pyfly's own adapters: encoded requests in, undecoded bytes out.

    Attributes:
        takes_encoded: Whether ``request.url`` and ``request.content`` are to be sent as they
            are. If not, the port encodes ``params`` and ``json`` by itself.
        bounds_deadline: Whether ``send`` itself ends by ``deadline``.
        ends_calls: Whether ``stop`` ends every ``send`` under way, with an exception.
        base_url: What the paths of requests are below; ``""`` if that is the port's secret.
    """

    base_url: str
    takes_encoded: bool
    bounds_deadline: bool
    ends_calls: bool

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt.

        Args:
            request: What to send.
            deadline: When to give up, by the monotonic clock, in seconds; None for never.

        Raises:
            TransportException: No complete response came back.
            AttemptTimeoutException: ``deadline`` passed.
        """
        ...

    async def start(self) -> None:
        """Open what the port needs."""
        ...

    async def stop(self) -> None:
        """Close every connection."""
        ...


@runtime_checkable
class SyncHttpClientPort(Protocol):
    """:class:`HttpClientPort` for synchronous clients: the same methods without ``async``."""

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        """Send one request and return a response, or the decoded value of one."""
        ...

    def start(self) -> None:
        """Open what the port needs."""
        ...

    def stop(self) -> None:
        """Close everything."""
        ...


class SyncWirePort(Protocol):
    """:class:`WirePort` for synchronous clients."""

    base_url: str
    takes_encoded: bool
    bounds_deadline: bool

    def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt; see :meth:`WirePort.send`."""
        ...

    def start(self) -> None:
        """Open what the port needs."""
        ...

    def stop(self) -> None:
        """Close every connection."""
        ...


class StreamedResponse(Protocol):
    """A response whose body is still to come. It is used by one task at a time.

    Attributes:
        status_code: The status.
        headers: The header fields.
        content_encoding: How the body is compressed, None if it is not (any more).
    """

    status_code: int
    headers: Headers
    content_encoding: str | None

    async def read_all(self) -> Response[Any]:
        """The body as a whole, within the deadline of the attempt and ``max-response-size``.

        Raises:
            TransportException: It did not come.
            AttemptTimeoutException: The deadline passed.
            ResponseTooLargeException: It is larger than that.
        """
        ...

    async def read(self, until: float | None) -> bytes:
        """Returns the next bytes as they were on the wire; ``b""`` at the end.

        Args:
            until: When to give up besides the idle timeout, by the monotonic clock.

        Raises:
            ReadTimeoutException: Nothing came for as long as the idle timeout, or ``until``.
            TransportException: The body broke off, or breaks HTTP.
        """
        ...

    async def aclose(self) -> None:
        """Give the connection back if the body was read, else close it. Harmless twice."""
        ...

    def abort(self) -> None:
        """Close the connection at once, from any thread; whoever reads fails. Harmless twice."""
        ...


class StreamPort(WirePort, Protocol):
    """A wire port that hands over a body while it comes."""

    async def open(self, request: Request, deadline: float | None, idle: float) -> StreamedResponse:
        """Make one attempt that ends at the response's headers.

        Args:
            request: What to send.
            deadline: When to give up, by the monotonic clock; it is for the headers, and for
                :meth:`StreamedResponse.read_all`.
            idle: How long :meth:`StreamedResponse.read` may take each time, in seconds.

        Raises:
            TransportException: No headers came back.
            AttemptTimeoutException: ``deadline`` passed.
        """
        ...


class SyncStreamedResponse(Protocol):
    """:class:`StreamedResponse` for synchronous clients."""

    status_code: int
    headers: Headers
    content_encoding: str | None

    def read_all(self) -> Response[Any]:
        """Returns the body as a whole; see :meth:`StreamedResponse.read_all`."""
        ...

    def read(self, until: float | None) -> bytes:
        """Returns the next bytes; see :meth:`StreamedResponse.read`."""
        ...

    def close(self) -> None:
        """Give the connection back if the body was read, else close it. Harmless twice."""
        ...

    def abort(self) -> None:
        """Close the connection at once, from any thread; whoever reads fails. Harmless twice."""
        ...


class SyncStreamPort(SyncWirePort, Protocol):
    """:class:`StreamPort` for synchronous clients."""

    def open(self, request: Request, deadline: float | None, idle: float) -> SyncStreamedResponse:
        """Make one attempt that ends at the response's headers; see :meth:`StreamPort.open`."""
        ...
