"""The streams under the cores, and how all of a pool's sockets end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
import time
from collections.abc import Callable, Generator, Iterator
from types import SimpleNamespace
from typing import Any

import httpcore2
import pytest

from pyfly.client.adapters import _aio
from pyfly.client.adapters._aio import AsyncBackend, AsyncTlsStream
from pyfly.client.adapters._blocking import BlockingBackend, BlockingTlsStream
from pyfly.client.adapters._deadline import Until, from_now, remaining
from pyfly.client.adapters._pools import Pools
from pyfly.client.adapters._sockets import Sockets
from pyfly.client.adapters.settings import ConnectionSettings

Listen = Callable[[], socket.socket]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Makes listening sockets."""
    made: list[socket.socket] = []

    def make() -> socket.socket:
        made.append(socket.create_server(("127.0.0.1", 0)))
        made[-1].settimeout(5)
        return made[-1]

    yield make
    for each in made:
        each.close()


def port_of(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


# Deadlines


def test_a_plain_timeout_stays_what_it_is() -> None:
    assert remaining(None) is None
    assert remaining(1.5) == 1.5
    assert from_now(None) is None


def test_a_timeout_that_knows_the_end_shrinks() -> None:
    now = time.monotonic()
    until = Until(5.0, now + 1)
    assert float(until) == 5.0
    left = remaining(until)
    assert left is not None
    assert 0.5 < left <= 1
    assert remaining(Until(0.2, now + 1)) == pytest.approx(0.2)
    both = from_now(0.5)
    assert both is not None
    assert both.when == pytest.approx(now + 0.5, abs=0.2)
    assert from_now(Until(5.0, now - 1)) < 0  # type: ignore[operator]


# Streams whose time is over, or which are closed


async def test_an_asynchronous_stream_does_nothing_out_of_time(listen: Listen) -> None:
    backend = AsyncBackend(httpcore2, sockets := Sockets())
    stream = await backend.connect_tcp("127.0.0.1", port_of(listen()), 5)
    past = Until(1, time.monotonic() - 1)
    with pytest.raises(httpcore2.ReadTimeout):
        await stream.read(10, past)
    with pytest.raises(httpcore2.WriteTimeout):
        await stream.write(b"x", past)
    await stream.write(b"", past)
    with pytest.raises(httpcore2.ReadTimeout):
        await stream.read(10, 0.01)
    await stream.aclose()
    assert len(sockets) == 0
    with pytest.raises(httpcore2.ReadError):
        await stream.read(10)
    with pytest.raises(httpcore2.WriteError):
        await stream.write(b"x")
    assert stream.get_extra_info("is_readable")
    await stream.aclose()


def test_a_blocking_stream_does_nothing_out_of_time(listen: Listen) -> None:
    backend = BlockingBackend(httpcore2, sockets := Sockets())
    stream = backend.connect_tcp("127.0.0.1", port_of(listen()), 5)
    past = Until(1, time.monotonic() - 1)
    with pytest.raises(httpcore2.ReadTimeout):
        stream.read(10, past)
    with pytest.raises(httpcore2.WriteTimeout):
        stream.write(b"x", past)
    stream.write(b"", past)
    stream.close()
    assert len(sockets) == 0
    with pytest.raises(httpcore2.ReadError):
        stream.read(10)
    with pytest.raises(httpcore2.WriteError):
        stream.write(b"x")


async def test_a_closed_pool_opens_nothing(listen: Listen) -> None:
    sockets = Sockets()
    sockets.close()
    port = port_of(listen())
    with pytest.raises(httpcore2.ConnectError, match="the pool is closed"):
        await AsyncBackend(httpcore2, sockets).connect_tcp("127.0.0.1", port, 5)
    with pytest.raises(httpcore2.ConnectError, match="the pool is closed"):
        BlockingBackend(httpcore2, sockets).connect_tcp("127.0.0.1", port, 5)
    assert len(sockets) == 0


def test_a_name_without_an_address_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [])
    with pytest.raises(httpcore2.ConnectError):
        BlockingBackend(httpcore2, Sockets()).connect_tcp("nowhere.example", 1, 5)


async def test_a_timeout_of_the_kernel_is_a_broken_connection(listen: Listen) -> None:
    backend = AsyncBackend(httpcore2, Sockets())
    stream = await backend.connect_tcp("127.0.0.1", port_of(listen()), 5)
    error = stream.failed(TimeoutError(110, "x"), httpcore2.ReadTimeout, httpcore2.ReadError)
    assert type(error) is httpcore2.ReadError
    error = stream.failed(TimeoutError(), httpcore2.ReadTimeout, httpcore2.ReadError)
    assert type(error) is httpcore2.ReadTimeout
    stream.close()


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_reset_is_an_error_of_the_core(listen: Listen, blocking: bool) -> None:
    async def done(outcome: Any) -> Any:
        return outcome if blocking else await outcome

    server, backend = listen(), (BlockingBackend if blocking else AsyncBackend)
    stream = await done(backend(httpcore2, Sockets()).connect_tcp("127.0.0.1", port_of(server), 5))
    seen, _ = server.accept()
    seen.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    seen.close()
    await asyncio.sleep(0.02)
    with pytest.raises(httpcore2.ReadError, match="reset"):
        await done(stream.receive(10, 1, httpcore2.ReadTimeout))
    with pytest.raises(httpcore2.WriteError):
        await done(stream.send(b"x", 1, httpcore2.WriteTimeout))
    assert stream.get_extra_info("is_readable")
    stream.close()


@pytest.mark.parametrize("blocking", [True, False])
async def test_what_connects_while_the_pool_is_closed_is_closed(
    listen: Listen, monkeypatch: pytest.MonkeyPatch, blocking: bool
) -> None:
    sockets = Sockets()
    setsockopt = socket.socket.setsockopt

    def last_step(*args: Any) -> None:
        sockets.close()
        with contextlib.suppress(OSError):
            setsockopt(*args)

    port = port_of(listen())
    monkeypatch.setattr(socket.socket, "setsockopt", last_step)

    async def connect() -> None:
        if blocking:
            BlockingBackend(httpcore2, sockets).connect_tcp("127.0.0.1", port, 5)
        else:
            await AsyncBackend(httpcore2, sockets).connect_tcp("127.0.0.1", port, 5)

    with pytest.raises(httpcore2.ConnectError, match="the pool is closed"):
        await connect()
    assert len(sockets) == 0


class Broken:
    """A TLS engine that fails in the middle."""

    def write(self, data: bytes) -> Generator[bytes | None, bytes, None]:
        yield None
        raise ssl.SSLError("broken")

    read = write


async def test_tls_that_breaks_is_an_error_of_the_core() -> None:
    async def receive(*_: Any) -> bytes:
        return b"x"

    raw = SimpleNamespace(core=httpcore2, connected_by=None, receive=receive)
    raw.get_extra_info = lambda info: f"the raw {info}"
    stream = AsyncTlsStream(raw, Broken())  # type: ignore[arg-type]
    assert stream.get_extra_info("socket") == "the raw socket"
    with pytest.raises(httpcore2.WriteError):
        await stream.write(b"x", 1)
    with pytest.raises(httpcore2.ReadError):
        await stream.read(1, 1)
    raw.receive = lambda *_: b"x"
    blocking = BlockingTlsStream(raw, Broken())  # type: ignore[arg-type]
    with pytest.raises(httpcore2.WriteError):
        blocking.write(b"x", 1)
    with pytest.raises(httpcore2.ReadError):
        blocking.read(1, 1)


# Happy eyeballs


def addresses(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            raise socket.gaierror
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.1", each)) for each in ports]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.survives(
    "Connecting", "the first address of a host is silent", "the answer, from the next address"
)
async def test_a_silent_address_does_not_hold_up_the_next(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_aio, "_HEAD_START", 0.02)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        good = port_of(listen())
        for order in ((port_of(silent), good), (port_of(silent), port_of(silent), good)):
            addresses(monkeypatch, *order)
            backend = AsyncBackend(httpcore2, sockets := Sockets())
            stream = await backend.connect_tcp("many.example", 1, 2)
            assert stream.get_extra_info("server_addr")[1] == good
            assert len(sockets) == 1
            stream.close()
        addresses(monkeypatch, port_of(silent), port_of(silent))
        backend = AsyncBackend(httpcore2, sockets := Sockets())
        with pytest.raises(httpcore2.ConnectTimeout):
            await backend.connect_tcp("many.example", 1, 0.1)
        assert len(sockets) == 0
        for filler in fillers:
            filler.close()


async def test_of_two_connections_at_once_one_is_closed(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_aio, "_HEAD_START", 0)
    addresses(monkeypatch, port_of(listen()), port_of(listen()))
    backend = AsyncBackend(httpcore2, sockets := Sockets())
    for _ in range(20):
        stream = await backend.connect_tcp("many.example", 1, 2)
        await asyncio.sleep(0)
        assert len(sockets) == 1
        stream.close()


@pytest.mark.survives(
    "Connecting", "a connection that is made after the caller has left", "it is closed"
)
@pytest.mark.parametrize("left", [True, False])
async def test_a_connection_that_was_made_too_late_is_closed(
    listen: Listen, monkeypatch: pytest.MonkeyPatch, left: bool
) -> None:
    go = asyncio.Event()

    class Held(AsyncBackend):
        async def _open(self, address: _aio.Address) -> _aio.AsyncStream:
            stream = await super()._open(address)
            await go.wait()
            return stream

    monkeypatch.setattr(_aio, "_HEAD_START", 0.0)
    sockets = Sockets()
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port_of(listen())))
    race = asyncio.create_task(Held(httpcore2, sockets)._race([address, address]))
    while len(sockets) < 2:
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)  # on the real clock: both are connected
    go.set()
    if left:
        race.cancel()
    await asyncio.wait([race])
    await asyncio.sleep(0)
    assert len(sockets) == (0 if left else 1)
    sockets.close()


# After a fork


@pytest.mark.survives(
    "Connections between calls",
    "a forked child inherits connections",
    "it lets go of them without closing them",
)
@pytest.mark.parametrize("blocking", [True, False])
async def test_a_child_lets_go_of_the_connections_it_inherited(
    listen: Listen, monkeypatch: pytest.MonkeyPatch, blocking: bool
) -> None:
    server = listen()
    group = Pools(ConnectionSettings(), blocking)
    pool = group.current()
    assert group.current() is pool
    backend = BlockingBackend(httpcore2, pool.sockets)
    stream = backend.connect_tcp("127.0.0.1", port_of(server), 5)
    seen, _ = server.accept()
    parents = stream.sock.dup()
    stream.busy = True  # a thread of the parent waited for it
    monkeypatch.setattr(os, "getpid", lambda: -1)
    fresh = group.current()
    assert fresh is not pool
    assert len(pool.sockets) == 0
    assert stream.sock.fileno() == -1
    assert group.current() is fresh
    parents.send(b"still there")
    assert seen.recv(20) == b"still there"
    parents.close()
    assert seen.recv(10) == b""  # the child's copy is closed
    stream.abandon()
    monkeypatch.undo()
    group.close()  # the parent's pid again: as if after a second fork
    assert fresh.sockets.closed
    seen.close()


def test_what_a_child_drops_is_let_go_of_without_a_word(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = listen()
    pools = Pools(ConnectionSettings(), True)
    sockets = pools.current().sockets
    stream = BlockingBackend(httpcore2, sockets).connect_tcp("127.0.0.1", port_of(server), 5)
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        child.setattr(stream, "close", lambda: pytest.fail("a child must not close"))
        del pools
        assert len(sockets) == 0
    assert stream.sock.fileno() == -1
