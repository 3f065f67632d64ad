"""The seam between a declared client and an HTTP library.

:class:`HttpClientPort` is what a user implements to bring a library of their own. The
adapters that ship with pyfly implement :class:`WirePort` beside it: they take requests that
are already encoded and give back undecoded bytes, so that limits, decompression and decoding
stand in one place and are the same for every library.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from pyfly.client.message import Request, Response

__all__ = ["HttpClientPort", "SyncHttpClientPort", "SyncWirePort", "WirePort"]


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
        base_url: What the paths of requests are below; ``""`` if that is the port's secret.
    """

    base_url: str
    takes_encoded: bool
    bounds_deadline: bool

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
