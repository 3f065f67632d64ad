"""Content of the caller's: bytes, paths, file objects.

Reading a file may wait for a disk, so asynchronous clients read in a worker thread.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import stat
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from pyfly.client._codec.body import ONCE, ContentSource, IteratorSource, Refusal

#: How much is read at once: large enough that the hop to a thread does not count.
CHUNK = 256 * 1024


class FileSource(ContentSource):
    """A file: a path is opened for each attempt, a file object read from where it stood.

    A file object is the caller's, who closes it. One that cannot seek is read once. Attempts
    may run side by side, as hedged ones do.

    Args:
        file: A path, or a binary file object.
        refuse: Raises the error for what cannot be sent.
    """

    blocks = True

    def __init__(self, file: Any, refuse: Refusal) -> None:
        self._file = file
        self._start = 0
        self._refuse = refuse
        self._taken = False
        self._turn = threading.Lock()  # of those who read one file object
        self._readings: dict[Any, _Reading] = {}

    def measure(self) -> None:
        try:
            if isinstance(self._file, os.PathLike):
                self._measure_path()
            else:
                self._measure_object()
        except (OSError, ValueError) as error:
            self._refuse(_reason(error), error)

    def _measure_path(self) -> None:
        facts = os.stat(self._file)
        if stat.S_ISDIR(facts.st_mode):
            self._refuse(f"{os.fspath(self._file)!r} is a directory")
        if stat.S_ISREG(facts.st_mode):
            self.length = facts.st_size
            with open(self._file, "rb"):
                pass  # whether it may be read shows now, not in the middle of a request
        else:  # a pipe or a device: it may never give the same again
            self.single_use = f"the body is no regular file, which {ONCE}"

    def _measure_object(self) -> None:
        if isinstance(self._file, io.TextIOBase):
            self._refuse('the file is open as text (open it with mode "rb")')
        seekable = getattr(self._file, "seekable", None)
        if seekable is None or not seekable():
            self.single_use = f"the body is a file that cannot seek, which {ONCE}"
            return
        self._start = self._file.tell()
        self.length = max(self._file.seek(0, os.SEEK_END) - self._start, 0)
        self._file.seek(self._start)

    def _begin(self) -> _Reading:
        if self._taken and self.single_use is not None:
            self._refuse(self.single_use)
        self._taken = True
        self.close()
        if isinstance(self._file, os.PathLike):
            reading: _Reading = _PathReading(self._file, self.length, self._refuse)
        else:
            start = None if self.single_use is not None else self._start
            reading = _ObjectReading(self._file, self.length, self._refuse, self._turn, start)
        self._readings[_attempt()] = reading
        return reading

    def __iter__(self) -> Iterator[bytes]:
        reading = self._begin()
        while chunk := reading.next():
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        reading = self._begin()
        while chunk := await asyncio.to_thread(reading.next):
            yield chunk

    def close(self) -> None:
        reading = self._readings.pop(_attempt(), None)
        if reading is not None:
            reading.close()


def _attempt() -> Any:
    """Whose attempt this is: attempts side by side are different tasks or threads."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.get_ident() if task is None else task


class _Reading(ABC):
    """One pass through a file."""

    def __init__(self, file: Any, length: int | None, refuse: Refusal) -> None:
        self._file = file
        self._left = length
        self._refuse = refuse

    def next(self) -> bytes:
        """The next chunk; empty at the end."""
        size = CHUNK if self._left is None else min(CHUNK, self._left)
        if not size:
            return b""
        try:
            chunk = self._read(size)
        except (OSError, ValueError) as error:
            self._refuse(_reason(error), error)
        if not isinstance(chunk, bytes):
            self._refuse(f"its read() returns {type(chunk).__name__}, not bytes")
        if self._left is not None:
            if not chunk:
                self._refuse(f"the file became shorter while it was sent, by {self._left} bytes")
            self._left -= len(chunk)
        return chunk

    @abstractmethod
    def _read(self, size: int) -> Any: ...

    def close(self) -> None:
        """Close what was opened here."""
        return


class _ObjectReading(_Reading):
    """Keeps its own place in a file object; ``start`` is None if it cannot seek."""

    def __init__(
        self,
        file: Any,
        length: int | None,
        refuse: Refusal,
        turn: threading.Lock,
        start: int | None,
    ) -> None:
        super().__init__(file, length, refuse)
        self._turn = turn
        self._at = start

    def _read(self, size: int) -> Any:
        if self._at is None:
            return self._file.read(size)
        with self._turn:
            self._file.seek(self._at)
            chunk = self._file.read(size)
        self._at += len(chunk)
        return chunk


class _PathReading(_Reading):
    """Opens the file at the first read; perhaps another thread closes it than the one that reads.

    Closing does not wait for a read under way: its thread then closes the file itself.
    """

    def __init__(self, file: Any, length: int | None, refuse: Refusal) -> None:
        self._opened: Any = None
        self._closed = False
        self._lock = threading.Lock()
        super().__init__(file, length, refuse)

    def next(self) -> bytes:
        chunk = b""
        try:
            with self._lock:
                if not self._closed:
                    chunk = super().next()
            return chunk
        finally:
            if not chunk:
                self._closed = True
            self._settle()

    def _read(self, size: int) -> bytes | None:
        if self._opened is None:
            self._opened = open(self._file, "rb", buffering=0)  # noqa: SIM115  # see _settle
        chunk: bytes | None = self._opened.read(size)
        return chunk

    def close(self) -> None:
        self._closed = True
        self._settle()

    def _settle(self) -> None:
        if not self._closed or not self._lock.acquire(blocking=False):
            return
        try:
            opened, self._opened = self._opened, None
            if opened is not None:
                opened.close()
        finally:
            self._lock.release()

    def __del__(self) -> None:
        self.close()


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename!r}: {error.strerror}" if error.filename else error.strerror


def source_of(value: Any, refuse: Refusal) -> bytes | ContentSource | None:
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
    if isinstance(value, os.PathLike):
        name: Any = os.fspath(value)
    else:  # an upload of a web framework has a "filename"
        name = getattr(value, "name", None) or getattr(value, "filename", None)
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    if not isinstance(name, str) or name.startswith("<"):  # such as "<stdin>"
        return None
    return os.path.basename(name) or None
