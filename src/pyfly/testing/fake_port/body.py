"""The bodies that a fake port delivers piece by piece."""

from __future__ import annotations

import math
from typing import Any

from pyfly.client.errors import ReadException, ReadTimeoutException, ResponseTooLargeException
from pyfly.client.message import Response
from pyfly.kernel.exceptions import AttemptTimeoutException
from pyfly.resilience.clock import Clock
from pyfly.testing.fake_port.replies import Reply


class Wait:
    """How long to wait, and what comes of it: the time until a deadline may be less.

    Args:
        clock: Where the time comes from.
        seconds: How long something takes.
        until: When whoever waits for it gives up; None for never.
    """

    def __init__(self, clock: Clock, seconds: float, until: float | None) -> None:
        left = None if until is None else max(until - clock.monotonic(), 0.0)
        self.is_cut = left is not None and left < seconds
        self.seconds = left if left is not None and self.is_cut else seconds

    def check(self) -> None:
        """Raise if it was the deadline that has come.

        Raises:
            AttemptTimeoutException: It was.
        """
        if self.is_cut:
            raise AttemptTimeoutException(
                "the fake's delay is longer than the attempt may take", timeout=self.seconds
            )


def whole(reply: Reply, limit: float = math.inf) -> Response[Any]:
    """A reply that has come as a whole.

    Args:
        reply: The reply.
        limit: The largest body, in bytes.

    Raises:
        ResponseTooLargeException: It is larger.
    """
    if sum(map(len, reply.chunks)) > limit:
        raise ResponseTooLargeException(
            f"the fake sent a body of more than {limit} bytes; raise max-response-size to accept it"
        )
    if reply.breaks is not None:
        raise reply.breaks
    content = b"".join(reply.chunks)
    encoding = reply.headers.get("content-encoding") if content else None
    return Response(reply.status, reply.headers, content, content_encoding=encoding)


class _Body:
    """What both kinds share; see :class:`~pyfly.client.ports.StreamedResponse`."""

    def __init__(
        self,
        reply: Reply,
        clock: Clock,
        deadline: float | None,
        idle: float,
        limit: float = math.inf,
    ) -> None:
        self.status_code = reply.status
        self.headers = reply.headers
        self.content_encoding = reply.headers.get("content-encoding")
        self._reply = reply
        self._clock = clock
        self._deadline = deadline
        self._idle = idle
        self._limit = limit
        self._position = 0
        self._is_closed = False

    def abort(self) -> None:
        """Close it; whoever reads fails."""
        self._is_closed = True

    def _wait(self, until: float | None) -> Wait:
        if self._is_closed:
            raise ReadException("the connection was closed while the body was read")
        is_over = self._position >= len(self._reply.chunks)
        idle_end = self._clock.monotonic() + self._idle
        end = idle_end if until is None else min(idle_end, until)
        return Wait(self._clock, 0.0 if is_over else self._reply.every, end)

    def _next(self, wait: Wait) -> bytes:
        if wait.is_cut:
            raise ReadTimeoutException(f"the fake sent nothing for {wait.seconds:g} s")
        chunks = self._reply.chunks
        while self._position < len(chunks):
            self._position += 1
            if chunk := chunks[self._position - 1]:
                return chunk
        self._is_closed = True
        if self._reply.breaks is not None:
            raise self._reply.breaks
        return b""


class FakeBody(_Body):
    """The body of an asynchronous stream."""

    async def read_all(self) -> Response[Any]:
        """The body as a whole, within the attempt's deadline."""
        wait = Wait(self._clock, self._reply.every * len(self._reply.chunks), self._deadline)
        if wait.seconds:
            await self._clock.sleep(wait.seconds)
        wait.check()
        return whole(self._reply, self._limit)

    async def read(self, until: float | None) -> bytes:
        """The next piece; ``b""`` at the end."""
        wait = self._wait(until)
        if wait.seconds:
            await self._clock.sleep(wait.seconds)
        return self._next(wait)

    async def aclose(self) -> None:
        """Close it."""
        self._is_closed = True


class SyncFakeBody(_Body):
    """The body of a synchronous stream."""

    def read_all(self) -> Response[Any]:
        """The body as a whole, within the attempt's deadline."""
        wait = Wait(self._clock, self._reply.every * len(self._reply.chunks), self._deadline)
        if wait.seconds:
            self._clock.sleep_sync(wait.seconds)
        wait.check()
        return whole(self._reply, self._limit)

    def read(self, until: float | None) -> bytes:
        """The next piece; ``b""`` at the end."""
        wait = self._wait(until)
        if wait.seconds:
            self._clock.sleep_sync(wait.seconds)
        return self._next(wait)

    def close(self) -> None:
        """Close it."""
        self._is_closed = True
