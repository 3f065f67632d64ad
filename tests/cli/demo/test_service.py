"""The service that misbehaves, and its process."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby, pairwise
from typing import Any

import click
import pytest

from pyfly.cli.demo import process
from pyfly.cli.demo.catalogue import CATEGORIES, Catalogue
from pyfly.cli.demo.process import ServiceProcess
from pyfly.cli.demo.script import phase_at, script
from pyfly.cli.demo.service import Behaviour, Service
from pyfly.cli.demo.wire import Incoming, read_request, response


class TestTheScript:
    def test_the_phases_follow_each_other_and_fill_the_time(self) -> None:
        phases = script(14.0)
        assert [phase.name for phase in phases] == [
            "healthy", "slow", "failing", "down", "recovered",
        ]  # fmt: skip
        assert phases[0].start == 0.0
        assert phases[-1].end == 14.0
        assert all(a.end == b.start for a, b in pairwise(phases))

    def test_after_the_end_the_last_phase_goes_on(self) -> None:
        phases = script(28.0)
        assert [phase_at(phases, at).name for at in (0.0, 5.0, 21.9, 99.0)] == [
            "healthy", "slow", "down", "recovered",
        ]  # fmt: skip


class TestBehaviour:
    def test_a_healthy_service_is_quick_and_right(self) -> None:
        behaviour = Behaviour()
        assert all(behaviour.delay() < 0.01 for _ in range(100))
        assert not any(behaviour.fails() for _ in range(100))

    def test_a_slow_service_sometimes_takes_longer_than_the_client_waits(self) -> None:
        behaviour = Behaviour()
        behaviour.phase = "slow"
        delays = [behaviour.delay() for _ in range(200)]
        assert max(delays) <= 1.0
        assert 0.1 < sum(delay > 0.4 for delay in delays) / 200 < 0.4

    def test_a_failing_service_fails_often_but_never_many_times_in_a_row(self) -> None:
        behaviour = Behaviour()
        behaviour.phase = "failing"
        fails = [behaviour.fails() for _ in range(500)]
        assert 0.3 < sum(fails) / 500 < 0.5
        assert max(len(list(run)) for bad, run in groupby(fails) if bad) <= 3

    def test_it_is_the_same_every_time(self) -> None:
        one, other = Behaviour(), Behaviour()
        assert [one.delay() for _ in range(9)] == [other.delay() for _ in range(9)]


class TestTheCatalogue:
    def test_a_product_is_created_read_updated_and_deleted(self) -> None:
        catalogue = Catalogue()
        status, made = catalogue.answer("POST", "/products", b'{"name": "New"}')
        assert (status, made["id"]) == (201, "n-0001")
        assert catalogue.answer("GET", "/products/n-0001", b"") == (200, made)
        status, changed = catalogue.answer("PUT", "/products/n-0001", b'{"stock": 3}')
        assert (status, changed["stock"]) == (200, 3)
        for _ in range(2):
            assert catalogue.answer("DELETE", "/products/n-0001", b"") == (204, None)
        assert catalogue.answer("GET", "/products/n-0001", b"")[0] == 404

    def test_a_search_finds_a_category_and_what_is_in_stock(self) -> None:
        catalogue = Catalogue()
        _, found = catalogue.answer("GET", f"/products?category={CATEGORIES[0]}", b"")
        assert {product["category"] for product in found} == {CATEGORIES[0]}
        _, found = catalogue.answer("GET", "/products?in_stock=true", b"")
        assert all(product["stock"] > 0 for product in found)

    @pytest.mark.parametrize(
        ("method", "target", "status"),
        [
            ("GET", "/", 404),
            ("GET", "/products/p-001/more", 404),
            ("PATCH", "/products", 405),
            ("PATCH", "/products/p-001", 405),
        ],
    )
    def test_what_it_does_not_know_is_an_error(self, method: str, target: str, status: int) -> None:
        assert Catalogue().answer(method, target, b"")[0] == status


class TestTheWire:
    @pytest.mark.parametrize(
        ("sent", "read"),
        [
            (b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", Incoming("GET", "/a", b"", True)),
            (
                b"PUT /a HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
                Incoming("PUT", "/a", b"hi", False),
            ),
            (b"", None),
            (b"GET /a HT", None),
        ],
    )
    async def test_a_request_is_read(self, sent: bytes, read: Incoming | None) -> None:
        assert await read_request(_reader(sent)) == read

    @pytest.mark.parametrize(
        "sent",
        [b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    )
    async def test_what_no_client_of_ours_sends_is_refused(self, sent: bytes) -> None:
        with pytest.raises(ValueError, match=r"unpack|Content-Length"):
            await read_request(_reader(sent))

    def test_an_answer_tells_its_length_unless_it_has_none(self) -> None:
        assert response(200, [1]).endswith(b"Content-Length: 3\r\n\r\n[1]")
        assert response(204, None) == b"HTTP/1.1 204 No Content\r\n\r\n"


def _reader(sent: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(sent)
    reader.feed_eof()
    return reader


class TestTheService:
    async def test_it_answers_over_one_connection(self) -> None:
        async with serving() as service:
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            assert await ask(reader, writer, "GET /products/p-001") == 200
            assert await ask(reader, writer, "GET /products/p-999") == 404
            writer.close()

    async def test_a_connection_ends_when_the_client_says_so(self) -> None:
        async with serving() as service:
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            await ask(reader, writer, "GET /products/p-001", "Connection: close\r\n")
            assert await reader.read() == b""
            writer.close()

    async def test_a_failing_service_answers_503(self) -> None:
        async with serving() as service:
            await service.enter("failing")
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            answers = [await ask(reader, writer, "GET /products/p-001") for _ in range(12)]
            assert set(answers) == {200, 503}
            writer.close()

    async def test_a_service_that_is_down_resets_refuses_and_keeps_its_port(self) -> None:
        async with serving() as service:
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            await ask(reader, writer, "GET /products/p-001")
            await service.enter("down")
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)
            writer.close()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", service.port)
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", service.port))
            await service.enter("recovered")
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            assert await ask(reader, writer, "GET /products/p-001") == 200
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Service]:
    service = Service()
    await service.enter("healthy")
    try:
        yield service
    finally:
        service.close()
        await asyncio.sleep(0.01)  # the connections notice


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: str, header: str = ""
) -> int:
    writer.write(f"{line} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(h[15:]) for h in head.split(b"\r\n") if h.startswith(b"Content-Length:"))
    json.loads(await reader.readexactly(length))
    return int(head.split()[1])


class TestItsProcess:
    def test_it_is_there_for_the_block_and_gone_after_it(self) -> None:
        with ServiceProcess() as service:
            port = int(service.url.rsplit(":", 1)[1])
            socket.create_connection(("127.0.0.1", port)).close()
            service.enter("down")
            service.enter("recovered")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

    def test_one_that_does_not_start_is_told_with_what_it_said(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(process, "_MODULE", "pyfly.cli.demo.nothing")
        with pytest.raises(click.ClickException, match=r"did not start\n.*No module named"):
            ServiceProcess().__enter__()

    def test_one_that_stays_silent_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        replaced(monkeypatch, "import time; time.sleep(60)")
        monkeypatch.setattr(process, "_START_SECONDS", 0.2)
        with pytest.raises(click.ClickException, match="did not start"):
            ServiceProcess().__enter__()

    def test_one_that_dies_is_noticed_at_its_next_command(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replaced(monkeypatch, "import os, sys; print(1, flush=True); os.close(0); sys.exit('gone')")
        with ServiceProcess() as service:
            service._process.wait(10)
            with pytest.raises(click.ClickException, match="ended on its own\ngone"):
                service.enter("down")

    def test_one_that_does_not_end_is_killed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        replaced(monkeypatch, "import time; print(1, flush=True); time.sleep(60)")
        monkeypatch.setattr(process, "_END_SECONDS", 0.1)
        with ServiceProcess() as service:
            pass
        assert service._process.returncode not in (0, None)

    def test_one_that_cannot_be_started_leaves_no_file_open(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", os.path.join(os.sep, "no", "such", "python"))
        with pytest.raises(OSError, match="No such file"):
            ServiceProcess()


def replaced(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Start another program in place of the service."""
    real = subprocess.Popen

    def start(command: list[str], **options: Any) -> Any:
        return real([command[0], "-c", code], **options)

    monkeypatch.setattr(process.subprocess, "Popen", start)
