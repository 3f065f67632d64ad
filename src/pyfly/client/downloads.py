"""A stream of bytes into a file: whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pyfly.client._stream.stream import Stream, SyncStream
from pyfly.client.message import Headers

T = TypeVar("T")

#: How much is gathered before it is written: each write costs a visit to another thread.
_BATCH = 256 * 1024


async def download(
    source: AsyncIterator[bytes],
    path: str | os.PathLike[str],
    *,
    progress: bool = False,
    overwrite: bool = False,
) -> int:
    """Write what a declared method streams into a file.

    The bytes go to a new file beside, which takes the name when all have come, and is removed
    if they do not. The event loop never waits for the disk::

        written = await download(inventory.export("2024"), "export.csv")

    Args:
        source: What a method gives that is declared ``-> AsyncIterator[bytes]``; it is closed.
        path: The file.
        progress: Show a progress bar on standard error.
        overwrite: Whether a file that is there may be replaced.

    Returns:
        How many bytes were written.

    Raises:
        FileExistsError: The file is there; nothing was sent if it was there before.
        ImportError: ``progress`` needs rich, which is not installed.
        OSError: The file cannot be written.
        CallException: The call failed, or its stream broke off.
    """
    target = _Target(path, overwrite)
    async with _entered(source):
        with _bar(progress, target.name) as advance:
            try:
                await _in_thread(target.open)
                async for batch in _batches(source, advance):
                    await _in_thread(target.write, batch)
                await _in_thread(target.finish)
            finally:
                await _in_thread(target.discard)
    return target.written


def download_sync(
    source: Iterator[bytes],
    path: str | os.PathLike[str],
    *,
    progress: bool = False,
    overwrite: bool = False,
) -> int:
    """The twin of :func:`download` for synchronous clients."""
    target = _Target(path, overwrite)
    with _entered_sync(source), _bar(progress, target.name) as advance:
        try:
            target.open()
            for chunk in source:
                advance(len(chunk), _headers(source))
                target.write(chunk)
            target.finish()
        finally:
            target.discard()
    return target.written


class _Target:
    """The file that is written, first under another name.

    Attributes:
        name: What it is called, for people.
        written: How many bytes it has.
    """

    def __init__(self, path: str | os.PathLike[str], overwrite: bool) -> None:
        self._path = Path(path)
        self._overwrite = overwrite
        self._temporary: Path | None = None
        self._file: BinaryIO | None = None
        self.name = self._path.name
        self.written = 0
        if self._path.is_dir():
            raise IsADirectoryError(f"download: {self._path} is a directory (name a file in it)")
        self._require_free()

    def _require_free(self) -> None:
        if not self._overwrite and os.path.lexists(self._path):
            raise FileExistsError(
                f"download: {self._path} is there already (pass overwrite=True to replace it)"
            )

    def open(self) -> None:
        """Make the temporary file, with the rights that any new file gets."""
        temporary = self._path.with_name(f".{self.name[:100]}.{secrets.token_hex(4)}.part")
        self._file = temporary.open("xb", buffering=0)
        self._temporary = temporary

    def write(self, data: bytes) -> None:
        """Append bytes."""
        assert self._file is not None  # by open
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self.written += len(data)

    def finish(self) -> None:
        """Give the file its name."""
        assert self._file is not None  # by open
        assert self._temporary is not None
        self._file.close()
        if self._overwrite:
            os.replace(self._temporary, self._path)
        else:
            self._link()
        self._temporary = None

    def _link(self) -> None:
        """Take the name if nobody else has: a link never replaces anything."""
        assert self._temporary is not None  # by open
        try:
            os.link(self._temporary, self._path)
        except FileExistsError:
            self._require_free()
            raise
        except OSError:  # a file system without links
            self._require_free()
            os.replace(self._temporary, self._path)
        else:
            os.unlink(self._temporary)

    def discard(self) -> None:
        """Remove what was not finished; nothing after :meth:`finish`."""
        if self._file is not None:
            self._file.close()
        if self._temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary)


async def _batches(
    source: AsyncIterator[bytes], advance: Callable[[int, Headers | None], None]
) -> AsyncIterator[bytes]:
    """The chunks, joined to batches."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in source:
        advance(len(chunk), _headers(source))
        chunks.append(chunk)
        size += len(chunk)
        if size >= _BATCH:
            yield b"".join(chunks)
            chunks.clear()
            size = 0
    if chunks:
        yield b"".join(chunks)


async def _in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Run something in a thread, and do not go on before it has ended, cancelled or not."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


@contextlib.asynccontextmanager
async def _entered(source: AsyncIterator[bytes]) -> AsyncGenerator[None]:
    """Close the source in the end, if it can be closed."""
    try:
        yield
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()


@contextlib.contextmanager
def _entered_sync(source: Iterator[bytes]) -> Generator[None]:
    try:
        yield
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


def _headers(source: Any) -> Headers | None:
    return source.headers if isinstance(source, (Stream, SyncStream)) else None


@contextlib.contextmanager
def _bar(wanted: bool, name: str) -> Generator[Callable[[int, Headers | None], None]]:
    """What is told of each chunk, and shows it if that is wanted."""
    if not wanted:
        yield lambda size, headers: None
        return
    try:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TransferSpeedColumn,
        )
    except ImportError:
        raise ImportError("a progress bar needs rich: pip install 'pyfly-client[cli]'") from None
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)

        def advance(size: int, headers: Headers | None) -> None:
            bar.update(task, advance=size, total=_length(headers))

        yield advance


def _length(headers: Headers | None) -> int | None:
    """How many bytes there will be; None where that is not known."""
    if headers is None or "content-encoding" in headers:  # it is the length before decoding
        return None
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None
