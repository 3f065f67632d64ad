"""Answers that keep to HTTP, and what stands around them."""

from __future__ import annotations

import json as json_text
from collections.abc import Mapping
from typing import Any

from pyfly.testing.fault_server import wire
from pyfly.testing.fault_server.exchange import (
    SETTLE,
    AnsweringBehaviour,
    Behaviour,
    ServedExchange,
)
from pyfly.testing.fault_server.latency import AnyLatency, as_latency

_WITHOUT_BODY = (204, 304)


class Answer(AnsweringBehaviour):
    """A response that is as it should be.

    Args:
        status: 200 to 599.
        body: Bytes, or a text that is sent as UTF-8; None for a small JSON object.
        json: Anything JSON, instead of ``body``.
        headers: Further header fields, and others than the usual ones; None leaves one out.
        chunked: Whether the body comes in chunks, of 1 KiB, rather than with a length.
        latency: Seconds until it is sent, or a distribution such as ``LogNormal(0.05)``.
        reason: The phrase after the status; default: the usual one.
    """

    __slots__ = ("_headers", "_latency", "body", "chunked", "reason", "status")

    def __init__(
        self,
        status: int = 200,
        body: bytes | str | None = None,
        *,
        json: Any = None,
        headers: Mapping[str, str | None] | None = None,
        chunked: bool = False,
        latency: AnyLatency = 0.0,
        reason: str | None = None,
    ) -> None:
        if not 200 <= status <= 599:
            raise ValueError(
                f"Answer: status is {status!r}; give 200 to 599 (Interim sends 1xx, Raw anything)"
            )
        if body is not None and json is not None:
            raise ValueError("Answer: give body or json, not both")
        self.status = status
        self.chunked = chunked
        self.reason = reason
        self._latency = as_latency(latency)
        self.body, kind = _encoded(status, body, json)
        self._headers: dict[str, tuple[str, str | None]] = {}
        if kind and self.body:
            self._headers["content-type"] = ("content-type", kind)
        self._headers.update({name.lower(): (name, text) for name, text in (headers or {}).items()})

    def head(self, **fields: str) -> bytes:
        """Its head; ``fields`` by their names with underscores, over its own."""
        own = dict(self._headers)
        if self.status not in _WITHOUT_BODY:
            framing = ("transfer-encoding", "chunked")
            if not self.chunked:
                framing = ("content-length", str(len(self.body)))
            own.setdefault(framing[0], framing)
        for name, text in fields.items():
            own[name.replace("_", "-")] = (name.replace("_", "-"), text)
        named = [(name, text) for name, text in own.values() if text is not None]
        return wire.head(self.status, named, self.reason)

    def content(self) -> bytes:
        """Its body as it is on the wire."""
        if not self.chunked:
            return self.body
        chunks = (wire.chunk(piece) for piece in wire.pieces_of(self.body, 1024))
        return b"".join(chunks) + wire.LAST_CHUNK

    def whole(self, method: str) -> bytes:
        """All of it, as the answer to a request of that method."""
        bare = method == "HEAD" or self.status in _WITHOUT_BODY
        return self.head() if bare else self.head() + self.content()

    async def wait(self, exchange: ServedExchange) -> None:
        """Let its latency pass."""
        await exchange.pause(self._latency.seconds(exchange.random))

    async def act(self, exchange: ServedExchange) -> None:
        await self.wait(exchange)
        await exchange.send(self.whole(exchange.method))


def _encoded(status: int, body: bytes | str | None, json: Any) -> tuple[bytes, str]:
    """The body and its content type."""
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    if isinstance(body, str):
        text = body.lstrip()[:1]
        kind = "application/json" if text in ("{", "[") else "text/plain; charset=utf-8"
        return body.encode(), kind
    if json is not None:
        return json_text.dumps(json).encode(), "application/json"
    if status in _WITHOUT_BODY:
        return b"", ""
    if status < 400:
        return b'{"ok": true}', "application/json"
    problem = {"title": wire.reason_of(status), "status": status}
    return json_text.dumps(problem).encode(), "application/problem+json"


class Raw(AnsweringBehaviour):
    """Exactly these bytes, whatever they are.

    Args:
        *pieces: Each is sent by itself.
        gap: Seconds between the pieces.
        close: Whether the connection is closed then.
        wait: Whether to wait then until the client closes.
    """

    __slots__ = ("_close", "_gap", "_pieces", "_wait")

    def __init__(
        self, *pieces: bytes, gap: float = 0.0, close: bool = False, wait: bool = False
    ) -> None:
        self._pieces = pieces
        self._gap = gap
        self._close = close
        self._wait = wait

    async def act(self, exchange: ServedExchange) -> None:
        for number, piece in enumerate(self._pieces):
            await exchange.pause(self._gap if number else 0.0)
            await exchange.send(piece)
        if self._close:
            exchange.close()
        elif self._wait:
            await exchange.wait_for_close()


class Silence(AnsweringBehaviour):
    """No answer: the request is read, and that is all until the client closes."""

    __slots__ = ()

    async def act(self, exchange: ServedExchange) -> None:
        await exchange.wait_for_close()


class Interim(AnsweringBehaviour):
    """Interim responses before the answer.

    Args:
        count: How many; None for a flood without end, and no answer.
        status: 100, 102 or 103.
        answer: What follows.
    """

    __slots__ = ("_answer", "_count", "_interim")

    def __init__(
        self, count: int | None = 1, status: int = 103, answer: Answer | None = None
    ) -> None:
        if not 100 <= status <= 199 or status == 101:
            raise ValueError(f"Interim: status is {status!r}; give 100, 102 or 103")
        self._count = count
        self._interim = wire.head(status, ())
        self._answer = answer or Answer()

    async def act(self, exchange: ServedExchange) -> None:
        await self._answer.wait(exchange)
        while self._count is None:
            await exchange.send(self._interim * 1000)
        await exchange.send(self._interim * self._count + self._answer.whole(exchange.method))


class Delayed(Behaviour):
    """Something, later.

    Args:
        latency: Seconds, or a distribution.
        behaviour: What is done then.
    """

    __slots__ = ("_behaviour", "_latency")

    def __init__(self, latency: AnyLatency, behaviour: Behaviour) -> None:
        self._latency = as_latency(latency)
        self._behaviour = behaviour

    async def play(self, exchange: ServedExchange) -> None:
        await exchange.receive()
        await exchange.pause(self._latency.seconds(exchange.random))
        await self._behaviour.play(exchange)


class Early(Behaviour):
    """Something at the head of the request; its body is not read.

    ``Early(Silence())`` lets an upload stall, ``Early(Answer(413))`` refuses one.

    Args:
        behaviour: What is done then. The connection is closed after it.
    """

    __slots__ = ("_behaviour",)

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def play(self, exchange: ServedExchange) -> None:
        exchange.early = True
        await self._behaviour.play(exchange)
        await exchange.pause(2 * SETTLE)  # a reset follows: there is something left to read
        exchange.close()


class Drip(AnsweringBehaviour):
    """An answer that is right, and hardly ever gets there.

    Args:
        gap: Seconds before each piece of the body, or a distribution.
        size: How many bytes a piece has.
        head_gap: Seconds before each piece of the head; 0 sends the head at once.
        answer: What drips.
    """

    __slots__ = ("_answer", "_gap", "_head_gap", "_size")

    def __init__(
        self,
        gap: AnyLatency = 0.1,
        size: int = 1,
        *,
        head_gap: AnyLatency = 0.0,
        answer: Answer | None = None,
    ) -> None:
        if size < 1:
            raise ValueError(f"Drip: size is {size!r}; give 1 or more bytes")
        self._answer = answer or Answer()
        self._gap = as_latency(gap)
        self._head_gap = as_latency(head_gap)
        self._size = size

    async def act(self, exchange: ServedExchange) -> None:
        await self._answer.wait(exchange)
        head = self._answer.head()
        body = self._answer.whole(exchange.method)[len(head) :]
        for data, gap in ((head, self._head_gap), (body, self._gap)):
            for piece in wire.pieces_of(data, self._size):
                await exchange.pause(gap.seconds(exchange.random))
                await exchange.send(piece)
