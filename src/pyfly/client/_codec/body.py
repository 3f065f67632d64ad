"""Bodies that are sent piece by piece, and the iterators among their pieces.

A plain iterator of the user's is advanced where it was given, on the event loop; an asynchronous
client that must not wait for it is given an asynchronous one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, NoReturn, Protocol, TypeAlias

ONCE = "cannot be sent twice"


class Refusal(Protocol):
    """Raises the error for a value that cannot be sent; it knows whose value it is."""

    def __call__(self, reason: object, cause: Exception | None = None) -> NoReturn: ...


class ContentSource(Protocol):
    """Content that comes in chunks.

    Attributes:
        length: How many bytes; None if that is not known.
        single_use: Why it can be read only once; None if it can be read again.
        blocks: Whether :meth:`measure` may wait for a disk.
    """

    length: int | None = None
    single_use: str | None = None
    blocks: bool = False

    def measure(self) -> None:
        """Find out what there is; before anything is sent."""
        return

    def __iter__(self) -> Iterator[bytes]: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def close(self) -> None:
        """Let go of what this attempt has opened."""
        return


Piece: TypeAlias = bytes | ContentSource


class Pieces:
    """A body of several pieces: a :class:`~pyfly.client.message.BodyStream`."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._sources = [piece for piece in pieces if not isinstance(piece, bytes)]

    @classmethod
    def joined(cls, pieces: Sequence[Piece]) -> bytes | Pieces:
        """The pieces as one body: bytes if all of them are."""
        whole = [piece for piece in pieces if isinstance(piece, bytes)]
        return b"".join(whole) if len(whole) == len(pieces) else cls(pieces)

    @property
    def length(self) -> int | None:
        """How many bytes it has; None if one piece does not know."""
        total = 0
        for piece in self._pieces:
            size = len(piece) if isinstance(piece, bytes) else piece.length
            if size is None:
                return None
            total += size
        return total

    @property
    def single_use(self) -> str | None:
        """Why it cannot be sent twice; None if it can."""
        return next((s.single_use for s in self._sources if s.single_use is not None), None)

    def measure(self) -> None:
        """Find out the size of each file."""
        for source in self._sources:
            source.measure()

    async def measure_async(self) -> None:
        """The same without waiting for a disk on the event loop."""
        if any(source.blocks for source in self._sources):
            await asyncio.to_thread(self.measure)
        else:
            self.measure()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                async for chunk in piece:
                    yield chunk

    def close(self) -> None:
        """Close the files that were opened by path."""
        for source in self._sources:
            source.close()

    def __repr__(self) -> str:
        return f"<body of {'unknown length' if self.length is None else f'{self.length} bytes'}>"


class IteratorSource(ContentSource):
    """What an iterator yields: once.

    Args:
        iterator: Plain or asynchronous.
        refuse: Raises the error for what cannot be sent.
        encode: From an item to bytes; raises ValueError or TypeError with the reason.
    """

    def __init__(
        self, iterator: Any, refuse: Refusal, encode: Callable[[Any], bytes] | None = None
    ) -> None:
        self.single_use = f"the body is an iterator, which {ONCE}"
        self._iterator = iterator
        self._refuse = refuse
        self._encode = encode or _chunk
        self._taken = False

    def _take(self) -> Any:
        if self._taken:
            self._refuse(f"it is an iterator, which {ONCE}")
        self._taken = True
        return self._iterator

    def __iter__(self) -> Iterator[bytes]:
        given = self._take()
        if not hasattr(given, "__iter__"):
            self._refuse("an asynchronous iterator needs an asynchronous client")
        iterator = iter(given)
        while True:
            try:
                item = next(iterator)
            except StopIteration:
                return
            except Exception as error:
                self._failed(error)
            if chunk := self._encoded(item):
                yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        given = self._take()
        if not hasattr(given, "__aiter__"):
            self._taken = False
            for chunk in self.__iter__():
                yield chunk
            return
        iterator = aiter(given)
        while True:
            try:
                item = await anext(iterator)
            except StopAsyncIteration:
                return
            except Exception as error:
                self._failed(error)
            if chunk := self._encoded(item):
                yield chunk

    def _encoded(self, item: Any) -> bytes:
        try:
            return self._encode(item)
        except (TypeError, ValueError, RecursionError) as error:
            self._refuse(error)

    def _failed(self, error: Exception) -> NoReturn:
        # One of ours, so that a mistake in the caller's iterator is not the service's failure.
        self._refuse(f"its iterator raised {type(error).__name__} (see the cause)", error)


def _chunk(item: Any) -> bytes:
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item)
    raise TypeError(f"its iterator yields {type(item).__name__}, not bytes (encode each item)")
