"""Bodies in pieces: iterators and files."""

from __future__ import annotations

import asyncio
import io
import os
import pathlib
import threading
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client._codec.body import IteratorSource, Pieces
from pyfly.client._codec.files import FileSource, file_name, source_of
from tests.support.ids import stable


class Refused(Exception):
    pass


def refuse(reason: object, cause: Exception | None = None) -> NoReturn:
    raise Refused(str(reason)) from cause


def test_pieces_that_are_all_bytes_are_bytes() -> None:
    assert Pieces.joined([b"a", b"", b"b"]) == b"ab"


def test_a_body_knows_its_length_if_each_piece_does(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    known = Pieces([b"--", FileSource(path, refuse), b"--"])
    known.measure()
    assert (known.length, known.single_use) == (7, None)
    assert repr(known) == "<body of 7 bytes>"
    unknown = Pieces([b"--", IteratorSource(iter([b"x"]), refuse)])
    assert unknown.length is None
    assert unknown.single_use == "the body is an iterator, which cannot be sent twice"
    assert repr(unknown) == "<body of unknown length>"


async def test_a_body_of_files_is_read_again_and_again(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    whole = Pieces([b"<", FileSource(path, refuse), b">"])
    await whole.measure_async()
    for _ in range(2):
        assert b"".join(whole) == b"<abc>"
        assert b"".join([chunk async for chunk in whole]) == b"<abc>"


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="there is no /proc")
def test_a_path_is_closed_at_its_end_when_told_and_when_forgotten(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(os.urandom(300_000))
    before = open_files()
    source = FileSource(path, refuse)
    source.measure()
    assert open_files() == before
    assert len(b"".join(source)) == 300_000
    assert open_files() == before
    chunks = iter(source)
    next(chunks)
    assert open_files() == before + 1
    source.close()
    assert open_files() == before
    assert list(chunks) == []
    chunks = iter(source)
    next(chunks)
    assert next(iter(source))  # another attempt closes what the last one has left
    assert open_files() == before + 1
    del source, chunks
    assert open_files() == before


def test_a_file_that_is_being_read_is_closed_when_the_read_ends() -> None:
    inside, go = threading.Event(), threading.Event()
    closed: list[str] = []

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            inside.set()
            assert go.wait(5)
            return b"late"

        def close(self) -> None:
            closed.append(threading.current_thread().name)
            super().close()

    source = FileSource(pathlib.Path("anything"), refuse)
    reading = source._begin()
    reading._opened = Slow()  # type: ignore[attr-defined]
    thread = threading.Thread(target=reading.next, name="reader")
    thread.start()
    assert inside.wait(5)
    source.close()
    assert closed == []
    go.set()
    thread.join(5)
    assert closed == ["reader"]


@pytest.mark.parametrize("kind", ["path", "object"])
async def test_attempts_side_by_side_do_not_disturb_each_other(
    kind: str, tmp_path: pathlib.Path
) -> None:
    content = os.urandom(1_000_000)
    path = tmp_path / "x"
    path.write_bytes(content)
    with path.open("rb") as file:
        source = FileSource(path if kind == "path" else file, refuse)
        source.measure()

        async def attempt(limit: int) -> bytes:
            read = b""
            async for chunk in source:
                read += chunk
                if len(read) > limit:
                    break
            source.close()
            return read

        whole, part, other = await asyncio.gather(
            attempt(len(content)), attempt(300_000), attempt(len(content))
        )
    assert whole == other == content
    assert content.startswith(part)


async def test_an_iterator_gives_nothing_the_second_time() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"

    source = IteratorSource(pieces(), refuse)
    assert [chunk async for chunk in source] == [b"a"]
    with pytest.raises(Refused, match="it is an iterator, which cannot be sent twice"):
        await anext(aiter(source))
    plain = IteratorSource(iter([b"a"]), refuse)
    assert [chunk async for chunk in plain] == [b"a"]
    with pytest.raises(Refused):
        next(iter(plain))


@given(st.lists(st.binary(max_size=10)))
async def test_an_iterator_is_read_as_it_was(chunks: list[bytes]) -> None:
    wanted = [chunk for chunk in chunks if chunk]
    assert list(IteratorSource(iter(chunks), refuse)) == wanted
    assert [chunk async for chunk in IteratorSource(iter(chunks), refuse)] == wanted


def test_a_closed_file_and_a_pipe_that_was_read_are_refused() -> None:
    file = io.BufferedReader(io.BytesIO(b"x"))  # type: ignore[arg-type]
    file.close()
    with pytest.raises(Refused, match="closed"):
        FileSource(file, refuse).measure()
    reading, writing = os.pipe()
    os.close(writing)
    with open(reading, "rb") as pipe:
        source = FileSource(pipe, refuse)
        source.measure()
        assert list(source) == []
        with pytest.raises(Refused, match="a file that cannot seek, which cannot be sent twice"):
            next(iter(source))


def test_a_file_without_leave_to_read_is_refused_before_it_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x")

    def refused(*args: Any, **kwargs: Any) -> NoReturn:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(Refused, match=f"'{path}': Permission denied"):
        FileSource(path, refuse).measure()


def test_a_disk_that_fails_in_the_middle_ends_the_body() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    source = FileSource(Failing(b"abc"), refuse)
    source.measure()
    with pytest.raises(Refused, match="Input/output error"):
        next(iter(source))


class Named:
    def __init__(self, name: Any) -> None:
        self.name = name


class Uploaded:
    filename = "photo.png"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (pathlib.Path("/a/b.txt"), "b.txt"),
        (Named("/a/b.txt"), "b.txt"),
        (Named(b"/a/b.txt"), "b.txt"),
        (Named("<stdin>"), None),
        (Named(3), None),
        (Named(""), None),
        (Named("/a/"), None),
        (Uploaded(), "photo.png"),
        (b"bytes", None),
    ],
    ids=stable,
)
def test_a_file_is_named_without_its_folders(value: Any, name: str | None) -> None:
    assert file_name(value) == name


@pytest.mark.parametrize("value", ["text", 7, None, [b"x"], {"a": b"x"}, object()])
def test_other_values_are_no_content(value: Any) -> None:
    assert source_of(value, refuse) is None
