"""Bodies that are sent piece by piece: files and iterators.

Files are read in a worker thread by asynchronous clients, since reading may block; a plain
iterator of the user's is advanced where it was given, on the event loop.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import stat
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, NoReturn, Protocol, TypeAlias

__all__ = [
    "FileSource",
    "IteratorSource",
    "Piece",
    "Pieces",
    "Refusal",
    "Source",
    "file_name",
    "source_of",
]

#: How much of a file is read at once: large enough that the hop to a thread does not count.
CHUNK = 256 * 1024
ONCE = "cannot be sent twice"


class Refusal(Protocol):
    """Raises the error for a value that cannot be sent; it knows whose value it is."""

    def __call__(self, reason: object, cause: Exception | None = None) -> NoReturn: ...


class Source:
    """Content that comes in chunks.

    Attributes:
        length: How many bytes; None if that is not known.
        single_use: Why it can be read only once; None if it can be read again.
        blocks: Whether :meth:`measure` may wait for a disk.
    """

    length: int | None = None
    single_use: str | None = None
    blocks = False

    def measure(self) -> None:
        """Find out what there is; before anything is sent."""

    def __iter__(self) -> Iterator[bytes]:
        raise NotImplementedError

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what was opened."""


Piece: TypeAlias = bytes | Source


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


class IteratorSource(Source):
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


class FileSource(Source):
    """A file: a path is opened for each attempt, a file object wound back to where it was.

    A file object is the caller's, who closes it. One that cannot seek is read once.

    Args:
        file: A path, or a binary file object.
        refuse: Raises the error for what cannot be sent.
    """

    blocks = True

    def __init__(self, file: Any, refuse: Refusal) -> None:
        self.file = file
        self.start = 0
        self.refuse = refuse
        self._taken = False
        self._reading: _Reading | None = None

    def measure(self) -> None:
        try:
            if isinstance(self.file, os.PathLike):
                self._measure_path()
            else:
                self._measure_object()
        except (OSError, ValueError) as error:
            self.refuse(_reason(error), error)

    def _measure_path(self) -> None:
        facts = os.stat(self.file)
        if stat.S_ISDIR(facts.st_mode):
            self.refuse(f"{os.fspath(self.file)!r} is a directory")
        if stat.S_ISREG(facts.st_mode):
            self.length = facts.st_size
            with open(self.file, "rb"):
                pass  # whether it may be read shows now, not in the middle of a request
        else:  # a pipe or a device: it may never give the same again
            self.single_use = f"the body is no regular file, which {ONCE}"

    def _measure_object(self) -> None:
        if isinstance(self.file, io.TextIOBase):
            self.refuse('the file is open as text (open it with mode "rb")')
        seekable = getattr(self.file, "seekable", None)
        if seekable is None or not seekable():
            self.single_use = f"the body is a file that cannot seek, which {ONCE}"
            return
        self.start = self.file.tell()
        self.length = max(self.file.seek(0, os.SEEK_END) - self.start, 0)
        self.file.seek(self.start)

    def _begin(self) -> _Reading:
        if self._taken and self.single_use is not None:
            self.refuse(self.single_use)
        self._taken = True
        self.close()
        self._reading = _Reading(self)
        return self._reading

    def __iter__(self) -> Iterator[bytes]:
        reading = self._begin()
        while chunk := reading.next():
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        reading = self._begin()
        while chunk := await asyncio.to_thread(reading.next):
            yield chunk

    def close(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None


class _Reading:
    """One pass through a file; closed by another thread than the one that reads, perhaps."""

    def __init__(self, source: FileSource) -> None:
        self._source = source
        self._left = source.length
        self._file: Any = None
        self._closed = False
        self._lock = threading.Lock()

    def next(self) -> bytes:
        """The next chunk; empty at the end, and after :meth:`close`."""
        chunk = b""
        try:
            with self._lock:
                if not self._closed:
                    chunk = self._next_needs_lock()
            return chunk
        finally:
            if not chunk:
                self._closed = True
            self._settle()

    def _next_needs_lock(self) -> bytes:
        refuse = self._source.refuse
        try:
            if self._file is None:
                self._open_needs_lock()
            size = CHUNK if self._left is None else min(CHUNK, self._left)
            file: Any = self._file
            chunk = file.read(size) if size else b""
        except (OSError, ValueError) as error:
            refuse(_reason(error), error)
        if not isinstance(chunk, bytes):
            refuse(f"its read() returns {type(chunk).__name__}, not bytes")
        if self._left is not None:
            if size and not chunk:
                refuse(f"the file became shorter while it was sent, by {self._left} bytes")
            self._left -= len(chunk)
        return chunk

    def _open_needs_lock(self) -> None:
        source = self._source
        if isinstance(source.file, os.PathLike):
            self._file = open(source.file, "rb", buffering=0)  # noqa: SIM115  # until close()
            return
        self._file = source.file
        if source.single_use is None:
            source.file.seek(source.start)

    def close(self) -> None:
        """Close a file that was opened here: now, or when the read under way has ended."""
        self._closed = True
        self._settle()

    def _settle(self) -> None:
        if not self._closed or not self._lock.acquire(blocking=False):
            return
        try:
            file, self._file = self._file, None
            if file is not None and file is not self._source.file:
                file.close()
        finally:
            self._lock.release()

    def __del__(self) -> None:
        self.close()


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename!r}: {error.strerror}" if error.filename else error.strerror


def source_of(value: Any, refuse: Refusal) -> bytes | Source | None:
    """The content of a value that is no text: bytes, or what to read them from.

    None for a value that is neither bytes nor file nor iterator.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if type(value) is io.BytesIO:
        return value.getvalue()[value.tell() :]
    read = getattr(value, "read", None)
    if isinstance(value, os.PathLike) or callable(read):
        if inspect.iscoroutinefunction(read):  # an upload of a web framework, or aiofiles
            return IteratorSource(_chunks(read), refuse)
        return FileSource(value, refuse)
    if hasattr(value, "__next__") or hasattr(value, "__aiter__"):
        return IteratorSource(value, refuse)
    return None


async def _chunks(read: Callable[[int], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    while chunk := await read(CHUNK):
        yield chunk


def file_name(value: Any) -> str | None:
    """The name of a path or file object, without its folders; None if it has none."""
    name = os.fspath(value) if isinstance(value, os.PathLike) else getattr(value, "name", None)
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    if not isinstance(name, str) or name.startswith("<"):  # such as "<stdin>"
        return None
    return os.path.basename(name) or None
