"""A peer that shuts its sending side, and goes on reading."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

import pytest

from pyfly.client import connect, connect_sync, get, post, service_client
from pyfly.client.errors import ReadException
from pyfly.resilience import RetryPolicy
from tests.client.contract.conftest import Certificates
from tests.client.contract.peer import OK, Connection, Peer
from tests.client.contract.rows import Caller, Row

Callers = Callable[..., Caller]

# The same class is connected once for each adapter.
pytestmark = pytest.mark.filterwarnings("ignore::pyfly.client.standalone.ClientUsageWarning")
TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


class HalfClosing:
    """A script: the first connection gets ``answer`` and its end, later ones are served."""

    def __init__(self, answer: bytes, idle: float = 0.0) -> None:
        self._answer = answer
        self._idle = idle

    def __call__(self, connection: Connection) -> None:
        if connection.number > 1:
            connection.answer_all()
        connection.read_request()
        connection.send(self._answer)
        connection.wait(self._idle)
        connection.sock.shutdown(socket.SHUT_WR)
        connection.wait_for_close()


@TLS
@pytest.mark.parametrize("idle", [0, 0.02], ids=["with the response", "while idle"])
def test_a_connection_whose_other_side_is_shut_is_not_used_again(
    caller: Callers, certificates: Certificates, idle: float, tls: bool
) -> None:
    with Peer(HalfClosing(OK, idle), tls=certificates.server() if tls else None) as peer:
        client = caller(peer.url, ca=certificates.ca)
        assert client.send().content == b"hi"
        time.sleep(0.06)
        assert client.send("POST", "/", {}, b"x").content == b"hi"
        assert peer.connections == 2
        end = time.monotonic() + 1
        while not peer.hangups and time.monotonic() < end:
            time.sleep(0.005)
        assert peer.hangups == 1, "the half that is ours stays open"
    assert len(peer.requests) == 2


@TLS
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nx: ",
        b"",
    ],
    ids=["length", "within a chunk", "between chunks", "head", "nothing"],
)
def test_a_response_that_a_half_close_cuts_is_an_error(
    caller: Callers, certificates: Certificates, answer: bytes, tls: bool
) -> None:
    with Peer(HalfClosing(answer), tls=certificates.server() if tls else None) as peer:
        client = caller(peer.url, ca=certificates.ca)
        with pytest.raises(ReadException):
            client.send(within=3)
        assert client.send().content == b"hi"
        assert peer.connections == 2


def test_a_stream_that_a_half_close_cuts_is_an_error(caller: Callers) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"
    with Peer(HalfClosing(answer, 0.02)) as peer, caller(peer.url).opened() as opened:
        assert opened.read() == b"abc"
        with pytest.raises(ReadException):
            opened.read()


def test_a_half_close_is_the_end_of_a_body_that_has_no_other(caller: Callers) -> None:
    with Peer(HalfClosing(b"HTTP/1.1 200 OK\r\n\r\nall of it")) as peer:
        client = caller(peer.url)
        assert client.send().content == b"all of it"
        assert client.send().content == b"hi"
        assert peer.connections == 2


@pytest.mark.parametrize(("verb", "attempts"), [("get", 2), ("post", 1)])
def test_a_half_close_in_place_of_an_answer_is_retried_only_where_that_is_safe(
    row: Row, runner: asyncio.Runner, verb: str, attempts: int
) -> None:
    async def outcome(port: Any) -> str:
        async with connect(Things, port=port) as things:
            return str(await getattr(things, verb)())

    def blocking_outcome(port: Any) -> str:
        with connect_sync(BlockingThings, port=port) as things:
            return str(getattr(things, verb)())

    fails = pytest.raises(ReadException) if attempts == 1 else contextlib.nullcontext()
    with Peer(HalfClosing(b"")) as peer:
        with fails:
            port = row.adapter(peer.url)
            found = runner.run(outcome(port)) if row.asynchronous else blocking_outcome(port)
            assert found == "hi"
        assert len(peer.requests) == attempts


RETRY = RetryPolicy(max_attempts=2, base_delay=timedelta(milliseconds=1))


@service_client(base_url="http://things", retry=RETRY)
class Things(Protocol):
    @get("/")
    async def get(self) -> str: ...

    @post("/")
    async def post(self) -> str: ...


@service_client(base_url="http://things", retry=RETRY)
class BlockingThings(Protocol):
    @get("/")
    def get(self) -> str: ...

    @post("/")
    def post(self) -> str: ...
