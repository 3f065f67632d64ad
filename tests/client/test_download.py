"""Downloads: a file that is whole, or none."""

from __future__ import annotations

import asyncio
import errno
import gzip
import os
import stat
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyfly.client import NotFoundException, ReadException, download, download_sync
from tests.client.stream.support import Kit, Session
from tests.support.servers import ServerClient

Fetch = Callable[..., int]


@pytest.fixture(params=[True, False], ids=["async", "sync"])
def kit(request: pytest.FixtureRequest) -> Kit:
    return Kit(request.param)


def fetch(session: Session, path: Any, **options: Any) -> int:
    """Download what ``chunks`` streams."""
    source = session.client.chunks()
    if session.asynchronous:
        return session.run(download(source, path, **options))  # type: ignore[no-any-return]
    return download_sync(source, path, **options)


def test_a_download_is_a_file(kit: Kit, tmp_path: Path) -> None:
    target = tmp_path / "export.csv"
    with kit.session(kit.answer(b"a,b\n", b"1,2\n")) as session:
        assert fetch(session, target) == 8
        assert session.port.answers[0].closed == 1
    assert target.read_bytes() == b"a,b\n1,2\n"
    assert os.listdir(tmp_path) == ["export.csv"]


def test_large_downloads_are_written_in_batches(kit: Kit, tmp_path: Path) -> None:
    chunks = [bytes([number]) * 60_000 for number in range(20)]
    with kit.session(kit.answer(*chunks)) as session:
        assert fetch(session, str(tmp_path / "x")) == 1_200_000
    assert (tmp_path / "x").read_bytes() == b"".join(chunks)


def test_an_empty_download_is_an_empty_file(kit: Kit, tmp_path: Path) -> None:
    with kit.session(kit.answer()) as session:
        assert fetch(session, tmp_path / "x") == 0
    assert (tmp_path / "x").read_bytes() == b""


def test_a_file_gets_the_rights_that_any_new_file_gets(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    with kit.session(kit.answer(b"a")) as session:
        fetch(session, tmp_path / "x")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("x", "other")]
    assert modes[0] == modes[1]


def test_compressed_downloads_are_plain(kit: Kit, tmp_path: Path) -> None:
    answer = kit.answer(gzip.compress(b"hello"), headers={"content-encoding": "gzip"})
    with kit.session(answer) as session:
        assert fetch(session, tmp_path / "x", progress=True) == 5
    assert (tmp_path / "x").read_bytes() == b"hello"


# Files that are there


def test_a_file_that_is_there_is_kept_and_nothing_is_sent(kit: Kit, tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"old")
    with kit.session() as session:
        with pytest.raises(FileExistsError, match="pass overwrite=True"):
            fetch(session, target)
        assert session.port.requests == []
    assert target.read_bytes() == b"old"


def test_it_is_replaced_where_that_is_asked_for(kit: Kit, tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"old")
    with kit.session(kit.answer(b"new")) as session:
        assert fetch(session, target, overwrite=True) == 3
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["x"]


class Slow:
    """Chunks, with something done between them; as both kinds of iterator."""

    def __init__(self, between: Callable[[], None]) -> None:
        self._between = between

    async def aiter(self) -> AsyncIterator[bytes]:
        yield b"a"
        self._between()
        yield b"b"

    def iter(self) -> Iterator[bytes]:
        yield b"a"
        self._between()
        yield b"b"


def save(kit: Kit, slow: Slow, path: Path, **options: Any) -> int:
    """Download from an iterator that is none of ours."""
    if kit.asynchronous:
        return asyncio.run(download(slow.aiter(), path, **options))
    return download_sync(slow.iter(), path, **options)


def test_any_iterator_of_bytes_can_be_saved(kit: Kit, tmp_path: Path) -> None:
    assert save(kit, Slow(lambda: None), tmp_path / "x", progress=True) == 2
    assert (tmp_path / "x").read_bytes() == b"ab"


@pytest.mark.survives(
    "Files, pages and credentials",
    "somebody else writes the file meanwhile",
    "their file, and an error",
)
def test_a_file_that_appears_meanwhile_is_kept(kit: Kit, tmp_path: Path) -> None:
    target = tmp_path / "x"
    slow = Slow(lambda: target.write_bytes(b"other") and None)
    with pytest.raises(FileExistsError, match="is there already"):
        save(kit, slow, target)
    assert target.read_bytes() == b"other"
    assert os.listdir(tmp_path) == ["x"]


def test_file_systems_without_links_will_do(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*args: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    assert save(kit, Slow(lambda: None), tmp_path / "x") == 2
    assert os.listdir(tmp_path) == ["x"]
    target = tmp_path / "y"
    with pytest.raises(FileExistsError):
        save(kit, Slow(lambda: target.touch()), target)
    assert sorted(os.listdir(tmp_path)) == ["x", "y"]


# Failures


@pytest.mark.survives("Files, pages and credentials", "a download breaks", "the error, and no file")
def test_a_download_that_breaks_leaves_nothing(kit: Kit, tmp_path: Path) -> None:
    with kit.session(kit.answer(b"a" * 300_000, ReadException("cut"))) as session:
        with pytest.raises(ReadException):
            fetch(session, tmp_path / "x")
        assert session.port.answers[0].closed == 1
    assert os.listdir(tmp_path) == []


def test_an_error_status_leaves_nothing(kit: Kit, tmp_path: Path) -> None:
    with kit.session(kit.answer(status=404)) as session, pytest.raises(NotFoundException):
        fetch(session, tmp_path / "x")
    assert os.listdir(tmp_path) == []


@pytest.mark.survives(
    "Files, pages and credentials", "a download that replaces a file breaks", "the old file"
)
def test_a_replaced_file_is_kept_if_the_download_breaks(kit: Kit, tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"old")
    with (
        kit.session(kit.answer(b"a", ReadException("cut"))) as session,
        pytest.raises(ReadException),
    ):
        fetch(session, target, overwrite=True)
    assert target.read_bytes() == b"old"


def test_where_no_file_can_be_is_an_error_before_anything_is_sent(kit: Kit, tmp_path: Path) -> None:
    with kit.session() as session:
        with pytest.raises(IsADirectoryError, match="is a directory"):
            fetch(session, tmp_path)
        with pytest.raises(FileNotFoundError):
            fetch(session, tmp_path / "missing" / "x")
        assert session.port.requests == []


@pytest.mark.survives("Files, pages and credentials", "the disk is full", "the error, and no file")
def test_a_full_disk_leaves_nothing(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyfly.client.downloads import _Target

    def full(self: Any, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(_Target, "write", full)
    with kit.session(kit.answer(b"a")) as session, pytest.raises(OSError, match="no space"):
        fetch(session, tmp_path / "x")
    assert os.listdir(tmp_path) == []


def test_a_temporary_file_that_somebody_has_removed_is_no_second_error(
    kit: Kit, tmp_path: Path
) -> None:
    def remove() -> None:
        for name in os.listdir(tmp_path):
            os.unlink(tmp_path / name)
        raise KeyError("the first error")

    with pytest.raises(KeyError, match="the first error"):
        save(kit, Slow(remove), tmp_path / "x")


@pytest.mark.survives("Files, pages and credentials", "a download is cancelled", "no file")
async def test_a_cancelled_download_leaves_nothing(
    guide: ServerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyfly.client.downloads import _Target
    from tests.client.stream.support import wired

    open_now = _Target.open

    def slow(self: _Target) -> None:  # a disk that is asleep
        time.sleep(0.03)
        open_now(self)

    monkeypatch.setattr(_Target, "open", slow)
    async with wired(guide.url) as client:
        for pause in (0.0, 0.01, 0.05):
            task = asyncio.create_task(download(client.drip(500, 1), tmp_path / "x"))
            await asyncio.sleep(pause)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.05)  # on the real clock: what other threads do
            assert os.listdir(tmp_path) == []
    guide.wait_for_open(0)


async def test_the_event_loop_never_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyfly.client.downloads import _Target

    threads: set[int] = set()
    for name in ("open", "write", "finish", "discard"):
        original = getattr(_Target, name)

        def noting(self: Any, *args: Any, original: Any = original) -> Any:
            threads.add(threading.get_ident())
            return original(self, *args)

        monkeypatch.setattr(_Target, name, noting)
    await download(Slow(lambda: None).aiter(), tmp_path / "x")
    assert threading.get_ident() not in threads


async def test_a_write_under_way_has_ended_before_a_cancellation_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyfly.client.downloads import _Target

    entered, go = threading.Event(), threading.Event()
    original = _Target.write

    def slow(self: Any, data: bytes) -> None:
        entered.set()
        assert go.wait(5)
        original(self, data)

    monkeypatch.setattr(_Target, "write", slow)
    task = asyncio.create_task(download(Slow(lambda: None).aiter(), tmp_path / "x"))
    await asyncio.to_thread(entered.wait, 5)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert os.listdir(tmp_path) == []


# Progress


@pytest.mark.parametrize("headers", [{"content-length": "8"}, {}, {"content-length": "x"}])
def test_a_progress_bar_goes_to_standard_error(
    kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str], headers: dict[str, str]
) -> None:
    with kit.session(kit.answer(b"1234", b"5678", headers=headers)) as session:
        assert fetch(session, tmp_path / "export.csv", progress=True) == 8
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "export.csv" in shown.err
    if headers.get("content-length") == "8":
        assert "8/8 bytes" in shown.err


def test_a_progress_bar_without_rich_says_what_to_install(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with kit.session() as session:
        with pytest.raises(ImportError, match=r"pip install 'pyfly-client\[cli\]'"):
            fetch(session, tmp_path / "x", progress=True)
        assert session.port.requests == []
    assert os.listdir(tmp_path) == []
