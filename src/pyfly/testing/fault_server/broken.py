"""Answers that break off, lie about their length, or unfold to far more than they seem."""

from __future__ import annotations

import gzip
from typing import Literal, TypeAlias

from pyfly.testing.fault_server import wire
from pyfly.testing.fault_server.answers import Answer
from pyfly.testing.fault_server.exchange import AnsweringBehaviour, ServedExchange

#: Where in an exchange: before any answer, within its head, within its body, after it.
Place: TypeAlias = Literal["before", "head", "body", "after"]
_PLACES = ("before", "head", "body", "after")


class _BreaksOff(AnsweringBehaviour):
    """Sends an answer up to a place."""

    __slots__ = ("_answer", "_at")

    def __init__(self, at: Place = "before", answer: Answer | None = None) -> None:
        if at not in _PLACES:
            raise ValueError(f"{type(self).__name__}: at is {at!r}; give {', '.join(_PLACES)}")
        self._at = at
        self._answer = answer or Answer()

    async def _begin(self, exchange: ServedExchange) -> None:
        await self._answer.wait(exchange)
        head, content = self._answer.head(), self._answer.content()
        match self._at:
            case "before":
                return
            case "head":
                await exchange.send(head[: len(head) // 2])
            case "body":
                await exchange.send(head + content[: len(content) // 2])
            case _:
                await exchange.send(self._answer.whole(exchange.method))


class Reset(_BreaksOff):
    """A TCP reset.

    Args:
        at: ``before`` any answer, within its ``head`` or its ``body``, or ``after`` it.
        answer: The answer that it cuts.
    """

    __slots__ = ()

    async def act(self, exchange: ServedExchange) -> None:
        await self._begin(exchange)
        await exchange.reset()


class Close(_BreaksOff):
    """The connection is closed, in good order as far as TCP knows.

    ``Close("after")`` answers, and closes without having said so.

    Args:
        at: ``before`` any answer, within its ``head`` or its ``body``, or ``after`` it.
        answer: The answer that it cuts.
    """

    __slots__ = ()

    async def act(self, exchange: ServedExchange) -> None:
        await self._begin(exchange)
        exchange.close()


class HalfClose(_BreaksOff):
    """The server sends no more, but the connection stays: it is for the client to close it.

    Args:
        at: ``after`` the answer, or earlier.
        answer: The answer that it cuts or follows.
    """

    __slots__ = ()

    def __init__(self, at: Place = "after", answer: Answer | None = None) -> None:
        super().__init__(at, answer)

    async def act(self, exchange: ServedExchange) -> None:
        await self._begin(exchange)
        await exchange.half_close()


class WrongLength(AnsweringBehaviour):
    """A ``Content-Length`` that is not the body's.

    Args:
        by: How much more it says than is sent; below 0 how much less.
        answer: The answer that lies.
        close: Whether the connection is closed after a body that is too short; otherwise the
            client waits for the rest.
    """

    __slots__ = ("_answer", "_by", "_close")

    def __init__(self, by: int, answer: Answer | None = None, *, close: bool = True) -> None:
        self._answer = answer or Answer()
        self._by = by
        self._close = close
        if by == 0 or len(self._answer.body) + by < 0:
            raise ValueError(
                f"WrongLength: by is {by!r} for a body of {len(self._answer.body)} bytes; "
                "give a number other than 0 that leaves a length of 0 or more"
            )

    async def act(self, exchange: ServedExchange) -> None:
        await self._answer.wait(exchange)
        body = self._answer.body
        await exchange.send(self._answer.head(content_length=str(len(body) + self._by)) + body)
        if self._by > 0:
            if self._close:
                exchange.close()
            else:
                await exchange.wait_for_close()


#: What is wrong with a chunk → what is sent instead of the last one.
_BAD_CHUNKS = {
    "size": b"xyz\r\nabc\r\n0\r\n\r\n",
    "negative": b"-3\r\nabc\r\n0\r\n\r\n",
    "huge": b"f" * 40 + b"\r\nabc\r\n",
    "end": b"3\r\nabcdef\r\n0\r\n\r\n",
    "extension": b"3;" + b"x" * (1 << 20) + b"\r\nabc\r\n0\r\n\r\n",
    "truncated": b"ff\r\nabc",
    "last": b"",
}
Chunks: TypeAlias = Literal["size", "negative", "huge", "end", "extension", "truncated", "last"]


class BadChunks(AnsweringBehaviour):
    """A chunked body that breaks in the middle; the connection is closed after it.

    Args:
        kind: A ``size`` that is no number, a ``negative`` or ``huge`` one, no line ``end``
            where the size says, an ``extension`` of a mebibyte, a ``truncated`` chunk, or no
            ``last`` one.
    """

    __slots__ = ("_bad",)

    def __init__(self, kind: Chunks = "size") -> None:
        if kind not in _BAD_CHUNKS:
            raise ValueError(f"BadChunks: kind is {kind!r}; give {', '.join(_BAD_CHUNKS)}")
        self._bad = _BAD_CHUNKS[kind]

    async def act(self, exchange: ServedExchange) -> None:
        head = wire.head(200, [("transfer-encoding", "chunked")])
        await exchange.send(head + wire.chunk(b"a good one") + self._bad)
        exchange.close()


class Bomb(AnsweringBehaviour):
    """A small body that unfolds to a large one, all zeros.

    Args:
        size: What it unfolds to, in bytes.
        encoding: ``gzip`` or ``deflate``.
        times: How many times over it is compressed.
    """

    __slots__ = ("_whole",)

    def __init__(
        self,
        size: int = 64 << 20,
        encoding: Literal["gzip", "deflate"] = "gzip",
        times: int = 1,
    ) -> None:
        if encoding not in ("gzip", "deflate"):
            raise ValueError(f"Bomb: encoding is {encoding!r}; give gzip or deflate")
        if times < 1 or size < 1:
            raise ValueError(f"Bomb: size is {size!r} and times {times!r}; give 1 or more")
        encodings = ", ".join([encoding] * times)
        body = wire.bomb(size, encoding, times)
        self._whole = Answer(200, body, headers={"content-encoding": encodings})

    async def act(self, exchange: ServedExchange) -> None:
        await exchange.send(self._whole.whole(exchange.method))


class TruncatedGzip(AnsweringBehaviour):
    """A gzip body that ends too early, though its length is right.

    Args:
        body: What is compressed.
        missing: How many bytes are cut off the end; 8 leave all the data but no check sum.
    """

    __slots__ = ("_whole",)

    def __init__(self, body: bytes = b'{"ok": true}', missing: int = 8) -> None:
        data = gzip.compress(body, mtime=0)
        if not 0 < missing < len(data):
            raise ValueError(f"TruncatedGzip: missing is {missing!r}; give 1 to {len(data) - 1}")
        headers = {"content-encoding": "gzip", "content-type": "application/json"}
        self._whole = Answer(200, data[:-missing], headers=headers)

    async def act(self, exchange: ServedExchange) -> None:
        await exchange.send(self._whole.whole(exchange.method))


class LeftOver(AnsweringBehaviour):
    """A right answer with bytes after it that nobody asked for.

    Args:
        extra: Those bytes; default: a second response.
        answer: The answer before them.
    """

    __slots__ = ("_answer", "_extra")

    def __init__(self, extra: bytes | None = None, answer: Answer | None = None) -> None:
        self._answer = answer or Answer()
        self._extra = Answer(200, '{"unasked": true}').whole("GET") if extra is None else extra

    async def act(self, exchange: ServedExchange) -> None:
        await self._answer.wait(exchange)
        await exchange.send(self._answer.whole(exchange.method) + self._extra)


class HeaderBomb(AnsweringBehaviour):
    """An answer with far more header fields than anybody needs.

    Args:
        count: How many.
        size: How long the value of each is, in bytes.
        answer: The answer that they stand in.
    """

    __slots__ = ("_answer", "_fields")

    def __init__(self, count: int = 100_000, size: int = 8, answer: Answer | None = None) -> None:
        self._answer = answer or Answer()
        self._fields = b"".join(b"x-%d: %b\r\n" % (n, b"x" * size) for n in range(count))

    async def act(self, exchange: ServedExchange) -> None:
        await self._answer.wait(exchange)
        head = self._answer.head()
        await exchange.send(head[:-2] + self._fields + b"\r\n" + self._answer.content())
