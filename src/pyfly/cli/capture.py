"""A port that sends nothing: it keeps the request that would have been sent."""

from __future__ import annotations

from typing import NoReturn

from pyfly.client import Request


class Captured(BaseException):
    """A request arrived. No ``Exception``: nobody is to retry it, or to count it as a failure.

    Attributes:
        request: The request, after interceptors and ``auth=``.
    """

    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request


class _Capturing:
    """Raises where an adapter would send; a caller that awaits that gets no further either.

    Args:
        base_url: Where an adapter would send requests.
    """

    takes_encoded = True
    bounds_deadline = True
    kind = "a dry run"

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def send(self, request: Request, deadline: float | None) -> NoReturn:
        """Keep the request."""
        raise Captured(request)

    def open(self, request: Request, deadline: float | None, idle: float) -> NoReturn:
        """Keep the request of a stream."""
        raise Captured(request)


class CapturingPort(_Capturing):
    """In place of an adapter of an asynchronous client."""

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""


class SyncCapturingPort(_Capturing):
    """In place of an adapter of a synchronous client."""

    def start(self) -> None:
        """Nothing to open."""

    def stop(self) -> None:
        """Nothing to close."""
