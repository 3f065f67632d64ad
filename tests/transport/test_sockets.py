"""Sockets that end by a deadline, and how all of a pool's end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import inspect
import math
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Generator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pyfly.transport import connecting
from pyfly.transport import sockets as module
from pyfly.transport._blocking.pool import BlockingPool
from pyfly.transport._blocking.stream import BlockingTlsStream
from pyfly.transport.connecting import connect_tcp, connect_tcp_blocking
from pyfly.transport.errors import (
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    WriteError,
    WriteTimeout,
)
from pyfly.transport.network import Network
from pyfly.transport.pool import AsyncPool
from pyfly.transport.pools import Pools
from pyfly.transport.sockets import (
    AsyncSocket,
    BlockingSocket,
    Sockets,
    sockets_of_loop,
)
from pyfly.transport.stream import AsyncTlsStream

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


NEVER = math.inf


def soon(seconds: float) -> float:
    return time.monotonic() + seconds


def either(blocking: bool) -> Sockets:
    return Sockets() if blocking else sockets_of_loop()


async def connect(sockets: Sockets, port: int, blocking: bool) -> Any:
    if blocking:
        return connect_tcp_blocking(sockets, "127.0.0.1", port, soon(5))
    return await connect_tcp(sockets, "127.0.0.1", port, soon(5))


async def done(outcome: Any) -> Any:
    return await outcome if inspect.isawaitable(outcome) else outcome


BOTH = pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "async"])

# Sockets whose time is over, or which are closed


@BOTH
async def test_a_socket_does_nothing_out_of_time(listen: Listen, blocking: bool) -> None:
    sock = await connect(sockets := either(blocking), port_of(listen()), blocking)
    for past in (soon(-1), soon(0.01)):
        with pytest.raises(ReadTimeout):
            await done(sock.receive(past))
    with pytest.raises(WriteTimeout):
        await done(sock.send(b"x", soon(-1)))
    sock.close()
    assert len(sockets) == 0
    with pytest.raises(ReadError):
        await done(sock.receive(NEVER))
    with pytest.raises(WriteError):
        await done(sock.send(b"x", NEVER))
    assert sock.arrived() == b""
    sock.close()


@BOTH
async def test_a_closed_pool_opens_nothing(listen: Listen, blocking: bool) -> None:
    sockets = either(blocking)
    sockets.close()
    with pytest.raises(ConnectError, match="the pool is closed"):
        await connect(sockets, port_of(listen()), blocking)
    assert len(sockets) == 0


@BOTH
async def test_a_name_without_an_address_is_an_error(
    monkeypatch: pytest.MonkeyPatch, blocking: bool
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [])
    with pytest.raises(ConnectError) as caught:
        await connect(either(blocking), 1, blocking)
    assert caught.value.stage == "name"


@pytest.mark.survives(
    "Connecting", "the resolver gives no answer", "`ConnectTimeoutException` in time that says so"
)
@BOTH
async def test_a_resolver_that_gives_no_answer_is_left_in_time(
    monkeypatch: pytest.MonkeyPatch, blocking: bool
) -> None:
    go = threading.Event()

    def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            raise socket.gaierror
        go.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    began = time.monotonic()
    with pytest.raises(ConnectTimeout) as caught:
        await connect_many(either(blocking), blocking, 0.1)
    assert time.monotonic() - began < 0.6
    assert caught.value.stage == "name"
    go.set()


@BOTH
async def test_what_the_resolver_raises_is_the_cause(
    monkeypatch: pytest.MonkeyPatch, blocking: bool
) -> None:
    def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(ConnectError) as caught:
        await connect(either(blocking), 1, blocking)
    assert isinstance(caught.value.__cause__, socket.gaierror)


def test_a_timeout_of_the_kernel_is_a_broken_connection() -> None:
    error = module._broken(TimeoutError(110, "x"), ReadError, ReadTimeout)
    assert type(error) is ReadError
    error = module._broken(TimeoutError(), ReadError, ReadTimeout)
    assert type(error) is ReadTimeout


@BOTH
async def test_a_reset_is_an_error(listen: Listen, blocking: bool) -> None:
    server = listen()
    sock = await connect(either(blocking), port_of(server), blocking)
    seen, _ = server.accept()
    seen.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    seen.close()
    await asyncio.sleep(0.02)
    with pytest.raises(ReadError, match="reset"):
        await done(sock.receive(soon(1)))
    with pytest.raises(WriteError):
        await done(sock.send(b"x", soon(1)))
    assert sock.arrived() == b""
    sock.close()


@BOTH
async def test_what_connects_while_the_pool_is_closed_is_closed(
    listen: Listen, monkeypatch: pytest.MonkeyPatch, blocking: bool
) -> None:
    sockets = either(blocking)
    setsockopt = socket.socket.setsockopt

    def last_step(*args: Any) -> None:
        sockets.close()
        with contextlib.suppress(OSError):
            setsockopt(*args)

    port = port_of(listen())
    monkeypatch.setattr(socket.socket, "setsockopt", last_step)
    with pytest.raises(ConnectError, match="the pool is closed"):
        await connect(sockets, port, blocking)
    assert len(sockets) == 0


async def test_a_loop_that_hands_data_over_is_served_as_well(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PROACTOR", asyncio.AbstractEventLoop)
    server = listen()
    sock = await connect(sockets_of_loop(), port_of(server), False)
    seen, _ = server.accept()
    seen.send(b"some")
    assert await sock.receive(soon(1)) == b"some"
    with pytest.raises(ReadTimeout):
        await sock.receive(soon(0.02))
    reading = asyncio.create_task(sock.receive(NEVER))
    await asyncio.sleep(0)
    sock.close()
    with pytest.raises(ReadError, match="was closed"):
        await reading
    seen.close()


async def test_a_closed_socket_wakes_whoever_reads(listen: Listen) -> None:
    sock = await connect(sockets_of_loop(), port_of(listen()), False)
    reading = asyncio.create_task(sock.receive(NEVER))
    await asyncio.sleep(0)
    await asyncio.to_thread(sock.close)
    with pytest.raises(ReadError, match="was closed"):
        await reading
    assert sock.sock.fileno() == -1


class Broken:
    """A TLS engine that fails in the middle."""

    def write(self, data: bytes) -> Generator[bytes | None, bytes, None]:
        yield None
        raise ssl.SSLError("broken")

    def read(self) -> Generator[bytes | None, bytes, None]:
        return self.write(b"")


async def test_tls_that_breaks_is_an_error() -> None:
    async def receive(*_: Any) -> bytes:
        return b"x"

    stream = AsyncTlsStream(SimpleNamespace(receive=receive), Broken())  # type: ignore[arg-type]
    with pytest.raises(WriteError):
        await stream.send(b"x", NEVER)
    with pytest.raises(ReadError):
        await stream.receive(NEVER)
    under = SimpleNamespace(receive=lambda *_: b"x")
    blocking = BlockingTlsStream(under, Broken())  # type: ignore[arg-type]
    with pytest.raises(WriteError):
        blocking.send(b"x", NEVER)
    with pytest.raises(ReadError):
        blocking.receive(NEVER)


# Happy eyeballs


def addresses(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            raise socket.gaierror
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.1", each)) for each in ports]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port whose backlog is full: connecting to it neither succeeds nor fails."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield port_of(listener)


@pytest.mark.survives(
    "Connecting", "the first address of a host is silent", "the answer, from the next address"
)
@BOTH
async def test_a_silent_address_does_not_hold_up_the_next(
    listen: Listen, monkeypatch: pytest.MonkeyPatch, silent: int, blocking: bool
) -> None:
    monkeypatch.setattr(connecting, "HEAD_START", 0.02)
    good = port_of(listen())
    for order in ((silent, good), (silent, silent, good), (1, good), (silent, 1, good)):
        addresses(monkeypatch, *order)
        sockets = either(blocking)
        sock = await connect_many(sockets, blocking, 2)
        assert sock.sock.getpeername()[1] == good
        assert len(sockets) == 1
        sock.close()
    addresses(monkeypatch, silent, silent)
    sockets = either(blocking)
    with pytest.raises(ConnectTimeout):
        await connect_many(sockets, blocking, 0.1)
    assert len(sockets) == 0
    addresses(monkeypatch, 1, 1)
    with pytest.raises(ConnectError) as caught:
        await connect_many(sockets, blocking, 1)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ECONNREFUSED
    assert len(sockets) == 0


async def connect_many(sockets: Sockets, blocking: bool, within: float) -> Any:
    if blocking:
        return connect_tcp_blocking(sockets, "many.example", 1, soon(within))
    return await connect_tcp(sockets, "many.example", 1, soon(within))


async def test_of_two_connections_at_once_one_is_closed(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "HEAD_START", 0)
    addresses(monkeypatch, port_of(listen()), port_of(listen()))
    sockets = sockets_of_loop()
    for _ in range(20):
        sock = await connect_tcp(sockets, "many.example", 1, soon(2))
        await asyncio.sleep(0)
        assert len(sockets) == 1
        sock.close()


@pytest.mark.survives(
    "Connecting", "a connection that is made after the caller has left", "it is closed"
)
@pytest.mark.parametrize("left", [True, False])
async def test_a_connection_that_was_made_too_late_is_closed(
    listen: Listen, monkeypatch: pytest.MonkeyPatch, left: bool
) -> None:
    go = asyncio.Event()
    opening = connecting._open

    async def held(owner: Sockets, address: connecting.Address) -> AsyncSocket:
        opened = await opening(owner, address)
        await go.wait()
        return opened

    monkeypatch.setattr(connecting, "HEAD_START", 0.0)
    monkeypatch.setattr(connecting, "_open", held)
    sockets = sockets_of_loop()
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port_of(listen())))
    race = asyncio.create_task(connecting._race(sockets, [address, address]))
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


def test_a_pool_that_is_closed_ends_what_is_connecting(silent: int) -> None:
    sockets = Sockets()
    outcome: list[BaseException] = []

    def connecting() -> None:
        try:
            connect_tcp_blocking(sockets, "127.0.0.1", silent, soon(5))
        except ConnectError as exc:
            outcome.append(exc)

    thread = threading.Thread(target=connecting)
    thread.start()
    while not len(sockets):
        time.sleep(0.001)
    time.sleep(0.02)
    sockets.close()
    thread.join(2)
    assert not thread.is_alive()
    assert len(outcome) == 1


# After a fork


def pools(blocking: bool) -> Pools[Any]:
    network = Network(ssl.create_default_context, lambda origin: None, None, 3, 5.0)
    kind: Any = BlockingPool if blocking else AsyncPool
    return Pools(lambda: kind(network), blocking)


@pytest.mark.survives(
    "Connections between calls",
    "a forked child inherits connections",
    "it lets go of them without closing them",
)
@pytest.mark.parametrize("blocking", [True, False])
async def test_a_child_lets_go_of_the_connections_it_inherited(
    listen: Listen, blocking: bool
) -> None:
    server = listen()
    group = pools(blocking)
    pool = group.current()
    assert group.current() is pool
    stream = await connect(pool.sockets, port_of(server), blocking)
    seen, _ = server.accept()
    parents = stream.sock.dup()
    stream.busy = True  # a thread of the parent waited for it
    group.after_fork()
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
    group.close()
    assert fresh.sockets.closed
    seen.close()


def test_what_a_child_drops_is_let_go_of_without_a_word(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = listen()
    group = pools(True)
    sockets = group.current().sockets
    stream = connect_tcp_blocking(sockets, "127.0.0.1", port_of(server), soon(5))
    with monkeypatch.context() as child:
        child.setattr(BlockingSocket, "close", lambda _: pytest.fail("a child must not close"))
        group.after_fork()
        del group
        assert len(sockets) == 0
    assert stream.sock.fileno() == -1


def test_a_socket_that_nobody_holds_any_more_is_closed(listen: Listen) -> None:
    server = listen()
    sockets = Sockets()
    stream = connect_tcp_blocking(sockets, "127.0.0.1", port_of(server), soon(5))
    seen, _ = server.accept()
    assert len(sockets) == 1
    del stream  # as if a signal handler's exception had come before it was given back
    assert len(sockets) == 0
    assert seen.recv(10) == b""
    seen.close()
