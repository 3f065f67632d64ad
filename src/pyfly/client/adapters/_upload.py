"""A request's body on its way through a library that asks for it piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Self

from pyfly.client.errors import ClientArgumentException
from pyfly.client.message import BodyStream

#: Bodies that are larger are handed over in pieces of this size.
PIECE = 64 * 1024


class Upload:
    """Hands a body over, holds it to its length, and notices a peer that takes nothing.

    An asynchronous iterator, and a context manager around the exchange: in it the wait for
    the peer to take a piece ends after ``timeout``, with ``TimeoutError`` and ``late``.

    Args:
        content: The body.
        timeout: How long the peer may take for one piece, in seconds.

    Attributes:
        done: Whether all of it was taken.
        failure: What the caller's own body raised.
        length: How many bytes it has; None if that is not known.
        transport: Where it goes, once that is known.
    """

    def __init__(self, content: bytes | BodyStream, timeout: float) -> None:
        self.done = False
        self.failure: Exception | None = None
        self.length = len(content) if isinstance(content, bytes) else content.length
        self.transport: asyncio.Transport | None = None
        self._content = content
        self._pieces = _pieces(content) if isinstance(content, bytes) else content.__aiter__()
        self._sent = 0
        self._timeout = timeout
        self._watch: asyncio.Timeout | None = None

    @property
    def late(self) -> bool:
        """Whether the exchange ended because the peer took nothing."""
        return self._watch is not None and self._watch.expired()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._expect(None)
        try:
            piece = await self._next()
        except StopAsyncIteration:
            self.done = True
            raise
        except Exception as exc:
            self.failure = exc
            raise
        self._expect(asyncio.get_running_loop().time() + self._timeout)
        return piece

    async def _next(self) -> bytes:
        async for piece in self._pieces:
            if not piece:
                continue
            self._sent += len(piece)
            if self.length is not None and self._sent > self.length:
                break
            return piece
        if self.length is not None and self._sent != self.length:
            raise ClientArgumentException(
                f"the body says that it has {self.length} bytes, but it has "
                f"{'more' if self._sent > self.length else self._sent}"
            )
        raise StopAsyncIteration

    def _expect(self, when: float | None) -> None:
        if self._watch is not None and not self._watch.expired():
            with contextlib.suppress(RuntimeError):  # the exchange is over
                self._watch.reschedule(when)

    async def __aenter__(self) -> Self:
        self._watch = asyncio.timeout(None)
        await self._watch.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        assert self._watch is not None
        await self._watch.__aexit__(*raised)

    async def aclose(self) -> None:
        """Nothing more is sent: cut the connection off if there would be, let go of the body."""
        self.cut_off()
        close = getattr(self._pieces, "aclose", None)
        if close is not None:
            with contextlib.suppress(RuntimeError):  # a writer is in the middle of it
                await close()
        if not isinstance(self._content, bytes):
            self._content.close()

    def cut_off(self) -> None:
        """Close the connection at once, unless the whole body was taken."""
        if not self.done and self.transport is not None:
            # Not close(): that would first wait until the peer has taken what is buffered.
            self.transport.abort()


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(view), PIECE):
        yield bytes(view[start : start + PIECE])
