"""Streamed responses over our own connections."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

from pyfly.client.errors import ReadException
from pyfly.client.message import Headers, Response
from pyfly.transport.errors import BodyTooLarge, TransportError
from pyfly.transport.pool import AsyncExchange


class AsyncOwnOpened:
    """A response whose body is still to come; see ``StreamedResponse``.

    Args:
        exchange: The transport's.
        limit: The largest body that is read whole.
        idle: How long one read may take, in seconds.
        fail: Raises what an exception of the transport means.
        deadline: When a body that is read whole has to be there.
        began: When the attempt began.
    """

    def __init__(
        self,
        exchange: AsyncExchange,
        limit: int,
        idle: float,
        fail: Callable[..., NoReturn],
        deadline: float | None,
        began: float,
    ) -> None:
        incoming = exchange.incoming
        self.status_code = incoming.status
        self.headers = Headers.indexed(incoming.fields, incoming.index)
        self.content_encoding = self.headers.get("content-encoding")
        self._exchange = exchange
        self._limit = limit
        self._idle = idle
        self._fail = fail
        self._deadline = deadline
        self._began = began

    async def read_all(self) -> Response[Any]:
        """The body as a whole, within the deadline of the attempt."""
        incoming = self._exchange.incoming
        pieces: list[bytes] = []
        size = 0
        try:
            incoming.require_at_most(self._limit)
            while piece := await self._exchange.read():
                size += len(piece)
                if size > self._limit:
                    raise BodyTooLarge(self._limit)
                pieces.append(piece)
        except BaseException as exc:
            self._exchange.close()
            if isinstance(exc, Exception):
                self._fail(exc, deadline=self._deadline, began=self._began)
            raise
        whole = b"".join(pieces)
        encoding = self.content_encoding if whole else None
        return Response(self.status_code, self.headers, whole, content_encoding=encoding or None)

    async def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        exchange = self._exchange
        exchange.timeouts = exchange.timeouts._replace(step=self._idle)
        exchange.end = math.inf if until is None else until
        try:
            return await exchange.read()
        except TransportError as exc:
            if exchange.aborted:
                raise ReadException("the connection was closed while the body was read") from exc
            self._fail(exc, step=self._idle)

    async def aclose(self) -> None:
        """Give the connection back if the body was read, else close it."""
        self._exchange.close()

    def abort(self) -> None:
        """Close the connection at once; whoever waits for it is woken, and gives it back."""
        self._exchange.abort()
