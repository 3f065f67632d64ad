"""Sockets of both kinds, and the set of all that one pool has open.

A socket here is a bare one: nothing is read ahead, every wait ends by a deadline, every await
that fails or is cancelled closes what it had opened, and :meth:`Sockets.close` ends all of a
pool's from any thread, with or without an event loop.

How one is closed while somebody waits for it: ``close`` would neither wake a blocked ``recv`` nor
tell the selector of an event loop. So it is shut down, which wakes whoever waits, and they
close it when they find it marked (``busy``, ``closed``).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import selectors
import socket
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest
from typing import Any, Self

from pyfly.transport.deadline import Alarms
from pyfly.transport.errors import (
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    WriteError,
    WriteTimeout,
)

__all__ = [
    "PIECE",
    "AsyncSocket",
    "BlockingSocket",
    "Sockets",
    "connect_tcp",
    "connect_tcp_blocking",
    "connect_unix",
    "connect_unix_blocking",
    "sockets_of_loop",
    "sockets_of_threads",
]

Address = tuple[int, int, int, str, Any]

#: How much is read or written in one step.
PIECE = 64 * 1024
#: RFC 8305, section 5: how long one address has before the next is tried beside it.
HEAD_START = 0.25
#: Reads that did not have to wait, in a row, before other tasks get their turn.
_READS_BEFORE_YIELD = 16
#: The event loop of Windows, whose sockets cannot be watched.
_PROACTOR: Any = getattr(asyncio, "ProactorEventLoop", None)
_CONNECTING = (errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", -1))


class Sockets:
    """All open sockets of one pool. One that nobody holds any more is closed by that alone: an
    exception out of a signal handler may come between taking and giving back a connection.

    Attributes:
        closed: Whether the pool is closed for good.
        alarms: What ends waits in the pool's event loop; None for threads.
    """

    __slots__ = ("_open", "alarms", "closed")

    def __init__(self, alarms: Alarms | None = None) -> None:
        self._open: set[weakref.ref[_BareSocket]] = set()
        self.alarms = alarms
        self.closed = False

    def __len__(self) -> int:
        return len(self._open)

    def add(self, sock: _BareSocket) -> None:
        """Note a socket, before its first byte."""
        sock.mark = weakref.ref(sock, self._open.discard)
        self._open.add(sock.mark)

    def discard(self, sock: _BareSocket) -> None:
        """Forget a socket that is being closed."""
        self._open.discard(sock.mark)

    def close(self) -> None:
        """Close every socket, those that are being connected included; for good."""
        self.closed = True
        for each in self._known():
            each.close()

    def abandon(self) -> None:
        """After a fork: let go of the parent's connections without disturbing them.

        Closing a copied descriptor sends nothing; a shutdown, or a farewell of TLS, would.
        """
        self.closed = True
        for each in self._known():
            each.abandon()
        self._open.clear()

    def _known(self) -> list[_BareSocket]:
        return [sock for mark in list(self._open) if (sock := mark()) is not None]


def sockets_of_loop() -> Sockets:
    """For a pool of the running event loop."""
    return Sockets(Alarms(asyncio.get_running_loop()))


def sockets_of_threads() -> Sockets:
    """For a pool that all threads share."""
    return Sockets()


class _BareSocket:
    """One socket: what both kinds share.

    Attributes:
        sock: The socket itself.
        busy: Whether somebody waits for it.
        closed: Whether it is closed, or will be by whoever waits for it.
        listener: Called when something comes while a ``send`` has to wait: takes it, and says
            whether to write no more. None: nobody listens.
    """

    __slots__ = ("__weakref__", "_owner", "busy", "closed", "listener", "mark", "sock")

    mark: weakref.ref[_BareSocket]

    def __init__(self, owner: Sockets, sock: socket.socket) -> None:
        self._owner = owner
        self.sock = sock
        self.busy = False
        self.closed = False
        self.listener: Callable[[], bool] | None = None
        owner.add(self)

    @property
    def raw(self) -> Self:
        """The socket under all TLS."""
        return self

    def close(self, farewell: bytes = b"") -> None:
        """Close now, after a last word if it can be said without waiting."""
        if self.closed:
            return
        self.closed = True
        self._owner.discard(self)
        if self.busy:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
            return
        if farewell:
            with contextlib.suppress(OSError):
                self.sock.settimeout(0)
                self.sock.send(farewell)
        self.sock.close()

    def __del__(self) -> None:
        if not self.closed:
            self.sock.close()

    def free(self) -> None:
        """The wait is over: close if that was asked for meanwhile."""
        self.busy = False
        if self.closed:
            self.sock.close()

    def abandon(self) -> None:
        """Give back this process's copy of the descriptor and touch nothing else."""
        self.closed = True
        descriptor = self.sock.detach()
        if descriptor >= 0:
            os.close(descriptor)

    def listen(self) -> None:
        """Tell the listener that something may have come; raises WriteError if that is enough."""
        if self.listener is not None and self.listener():
            raise WriteError("the peer has answered")

    def heard(self) -> bytes | None:
        """What has come, without waiting; as :meth:`arrived`."""
        return self.arrived()

    def arrived(self) -> bytes | None:
        """What has come by itself: None for nothing, ``b""`` for the end."""
        if self.closed:
            return b""
        try:
            return self.sock.recv(PIECE)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""


class AsyncSocket(_BareSocket):
    """A socket of one event loop.

    Attributes:
        until: When the present wait ends.
    """

    __slots__ = ("_alarms", "_full_reads", "_loop", "_waiter", "until")

    def __init__(self, owner: Sockets, sock: socket.socket) -> None:
        super().__init__(owner, sock)
        sock.setblocking(False)
        assert owner.alarms is not None
        self._alarms = owner.alarms
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._full_reads = 0
        self.until = 0.0

    def close(self, farewell: bytes = b"") -> None:
        """Close now; in an event loop that is closed nobody waits any more."""
        if self._loop.is_closed():
            self.busy = False
        super().close(farewell)

    async def connect(self, address: Any) -> None:
        """Connect; a failure or a cancellation closes the socket."""
        self.busy = True
        try:
            if isinstance(address, str):  # a Unix socket connects at once, or not at all
                self.sock.connect(address)
            else:
                await self._loop.sock_connect(self.sock, address)
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.busy = False
            self.close()
            raise
        finally:
            self.free()
        if self.closed:
            raise ConnectionAbortedError("the pool is closed")

    async def receive(self, until: float) -> bytes:
        """The next bytes; ``b""`` at the end of the stream.

        Raises:
            ReadTimeout: There were none until ``until``.
            ReadError: The connection broke, or was closed.
        """
        if self.closed:
            raise ReadError("the connection was closed")
        if _PROACTOR is not None and isinstance(self._loop, _PROACTOR):
            return await self._receive_overlapped(until)
        if until <= time.monotonic():
            raise ReadTimeout("out of time")
        alarms, loop = self._alarms, self._loop
        probably = self._full_reads > 0  # after a read that filled the buffer there is more
        if self._full_reads > _READS_BEFORE_YIELD:
            self._full_reads = 0
            await asyncio.sleep(0)
        while True:
            if probably:
                try:
                    data = self.sock.recv(PIECE)
                except (BlockingIOError, InterruptedError):
                    if until <= time.monotonic():
                        raise ReadTimeout("out of time") from None
                except OSError as exc:
                    raise ReadError(str(exc)) from exc
                else:
                    self._full_reads = self._full_reads + 1 if len(data) == PIECE else 0
                    return data
            # Wait until there is something to read, or the time is over.
            waiter = self._waiter = loop.create_future()
            self.until, self.busy = until, True
            descriptor = self.sock.fileno()
            try:
                loop.add_reader(descriptor, self.expire)
                try:
                    alarms.waiting.add(self)
                    if until < alarms.armed:
                        alarms.arm(until)
                    await waiter
                finally:
                    alarms.waiting.discard(self)
                    loop.remove_reader(descriptor)
            finally:
                self._waiter, self.busy = None, False
                if self.closed:
                    self.sock.close()
            if self.closed:
                raise ReadError("the connection was closed")
            probably = True

    async def _receive_overlapped(self, until: float) -> bytes:
        """The same in an event loop that tells of data only by handing it over."""
        self.busy = True
        try:
            async with asyncio.timeout(_left(until)):
                data = await self._loop.sock_recv(self.sock, PIECE)
        except OSError as exc:
            raise _broken(exc, ReadError, ReadTimeout) from exc
        finally:
            self.free()
        if self.closed:
            raise ReadError("the connection was closed")
        return data

    def expire(self) -> None:
        """Something has come, or the time is over: whoever waits looks which."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def send(self, data: bytes | memoryview, until: float) -> None:
        """Write everything.

        Raises:
            WriteTimeout: It was not taken until ``until``.
            WriteError: The connection broke, or was closed.
        """
        if self.closed:
            raise WriteError("the connection was closed")
        if until <= time.monotonic():
            raise WriteTimeout("out of time")
        try:
            count = self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            count = 0
        except OSError as exc:
            raise WriteError(str(exc)) from exc
        if count < len(data):
            await self._send_rest(memoryview(data)[count:], until)

    async def _send_rest(self, view: memoryview, until: float) -> None:
        self.busy = True
        try:
            async with asyncio.timeout(_left(until)):
                if _PROACTOR is not None and isinstance(self._loop, _PROACTOR):
                    await self._loop.sock_sendall(self.sock, view)
                    view = view[:0]
                while view and not self.closed:
                    await self._writable()
                    try:
                        view = view[self.sock.send(view) :]
                    except (BlockingIOError, InterruptedError):
                        self.listen()
        except OSError as exc:
            raise _broken(exc, WriteError, WriteTimeout) from exc
        finally:
            self.free()
        if self.closed:
            raise WriteError("the connection was closed")

    async def _writable(self) -> None:
        """Wait until something can be written, or, with a listener, has come."""
        waiter = self._waiter = self._loop.create_future()
        descriptor = self.sock.fileno()
        self._loop.add_writer(descriptor, self.expire)
        if self.listener is not None:
            self._loop.add_reader(descriptor, self.expire)
        try:
            await waiter
        finally:
            self._waiter = None
            self._loop.remove_writer(descriptor)
            self._loop.remove_reader(descriptor)


class BlockingSocket(_BareSocket):
    """A socket of threads; one of them at a time."""

    __slots__ = ()

    def __init__(self, owner: Sockets, sock: socket.socket) -> None:
        super().__init__(owner, sock)
        sock.setblocking(False)

    def connect(self, address: Any) -> None:
        """Connect to a Unix socket, which happens at once or not at all."""
        try:
            self.sock.connect(address)
        except BaseException:
            self.close()
            raise

    def receive(self, until: float) -> bytes:
        """The next bytes; see :meth:`AsyncSocket.receive`."""
        if self.closed:
            raise ReadError("the connection was closed")
        self.busy = True
        try:
            self._arm(until)
            data = self.sock.recv(PIECE)
        except OSError as exc:
            raise _broken(exc, ReadError, ReadTimeout) from exc
        finally:
            self.free()
        if self.closed:
            raise ReadError("the connection was closed")
        return data

    def send(self, data: bytes | memoryview, until: float) -> None:
        """Write everything; see :meth:`AsyncSocket.send`."""
        if self.closed:
            raise WriteError("the connection was closed")
        view = memoryview(data)
        self.busy = True
        try:
            while view and not self.closed:
                self._arm(until)
                if self.listener is not None:
                    self._await_writable(until)
                view = view[self.sock.send(view[:PIECE]) :]
        except OSError as exc:
            raise _broken(exc, WriteError, WriteTimeout) from exc
        finally:
            self.free()
        if self.closed:
            raise WriteError("the connection was closed")

    def _await_writable(self, until: float) -> None:
        """Wait until something can be written; the listener hears what comes meanwhile."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while self.listener is not None:
                ready = selector.select(_left(until))
                if not ready:
                    raise TimeoutError
                if ready[0][1] & selectors.EVENT_WRITE:
                    break
                self.listen()
        self._arm(until)

    def _arm(self, until: float) -> None:
        """Give the next call what is left; nothing left is a timeout already."""
        left = _left(until)
        if left is not None and left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)

    def arrived(self) -> bytes | None:
        """What has come by itself: None for nothing, ``b""`` for the end."""
        if not self.closed:
            self.sock.settimeout(0)
        return super().arrived()


def _broken(exc: OSError, broken: type[Exception], late: type[Exception]) -> Exception:
    """The error for one of a socket's."""
    # The kernel's ETIMEDOUT is a TimeoutError too; that one brings an errno.
    if isinstance(exc, TimeoutError) and exc.errno is None:
        return late("out of time")
    return broken(str(exc))


# Connecting


async def connect_tcp(owner: Sockets, host: str, port: int, until: float) -> AsyncSocket:
    """A connection to the first address that answers, the next being tried meanwhile.

    Raises:
        ConnectError: None answers, or the name cannot be resolved.
        ConnectTimeout: None answered until ``until``.
    """
    addresses: Sequence[Address] = ()
    try:
        async with asyncio.timeout(_left(until)):
            addresses = await _resolve(host, port)
            return await _race(owner, _interleaved(addresses))
    except (OSError, UnicodeError) as exc:
        raise _unconnected(exc, addresses) from exc


async def connect_unix(owner: Sockets, path: str) -> AsyncSocket:
    """A connection to a Unix domain socket."""
    try:
        return await _open(owner, (socket.AF_UNIX, socket.SOCK_STREAM, 0, "", path))
    except OSError as exc:
        raise ConnectError(str(exc)) from exc


async def _race(owner: Sockets, addresses: list[Address]) -> AsyncSocket:
    """Happy eyeballs (RFC 8305)."""
    if len(addresses) == 1:
        return await _open(owner, addresses[0])
    running: set[asyncio.Task[AsyncSocket]] = set()
    untried = iter(addresses)
    failures: list[BaseException] = []
    try:
        while True:
            address = next(untried, None)
            if address is not None:
                running.add(asyncio.create_task(_open(owner, address)))
            elif not running:
                raise failures[0]
            done, running = await asyncio.wait(
                running,
                timeout=None if address is None else HEAD_START,
                return_when=asyncio.FIRST_COMPLETED,
            )
            failures += [task.exception() or OSError() for task in done if task.exception()]
            winners = [task for task in done if not task.exception()]
            if winners:
                running.update(winners[1:])
                return winners[0].result()
    finally:
        for task in running:
            task.add_done_callback(_close_loser)
            task.cancel()
        if running:
            await asyncio.wait(running)


async def _open(owner: Sockets, address: Address) -> AsyncSocket:
    family, kind, protocol, _, where = address
    if owner.closed:
        raise ConnectionAbortedError("the pool is closed")
    opened = AsyncSocket(owner, socket.socket(family, kind, protocol))
    await opened.connect(where)
    return opened


def _close_loser(task: asyncio.Task[AsyncSocket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _resolve(host: str, port: int) -> Sequence[Address]:
    known = _literal(host, port)
    if known:  # it needs no thread
        return known
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


def connect_tcp_blocking(owner: Sockets, host: str, port: int, until: float) -> BlockingSocket:
    """The twin of :func:`connect_tcp` for threads."""
    addresses: Sequence[Address] = ()
    try:
        addresses = _literal(host, port) or _resolve_aside(host, port, until)
        return _BlockingRace(owner, until).run(_interleaved(addresses))
    except (OSError, UnicodeError) as exc:
        raise _unconnected(exc, addresses) from exc


def connect_unix_blocking(owner: Sockets, path: str) -> BlockingSocket:
    """A connection to a Unix domain socket."""
    try:
        if owner.closed:
            raise ConnectionAbortedError("the pool is closed")
        opened = BlockingSocket(owner, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        opened.connect(path)
    except OSError as exc:
        raise ConnectError(str(exc)) from exc
    return opened


def _resolve_aside(host: str, port: int, until: float) -> Sequence[Address]:
    """The addresses of a name, by a thread of its own: the system's resolver knows no deadline.

    A thread that is late is left to itself; it holds nothing.
    """
    outcome: list[Callable[[], Sequence[Address]]] = []

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except Exception as exc:
            outcome.append(lambda error=exc: _raise(error))  # type: ignore[misc]
        else:
            outcome.append(lambda: found)

    thread = threading.Thread(target=resolve, name="pyfly-resolver", daemon=True)
    thread.start()
    thread.join(_left(until))
    if not outcome:
        raise TimeoutError
    return outcome[0]()


def _raise(error: Exception) -> Sequence[Address]:
    raise error


class _BlockingRace:
    """Happy eyeballs (RFC 8305) without an event loop: sockets that connect beside each other."""

    def __init__(self, owner: Sockets, until: float) -> None:
        self._owner = owner
        self._until = until
        self._running: list[BlockingSocket] = []
        self._failure: OSError = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        self._selector = selectors.DefaultSelector()

    def run(self, addresses: list[Address]) -> BlockingSocket:
        """The first connection that is made; the others are closed."""
        winner = None
        try:
            for address in addresses:
                self._begin(address)
                last = address is addresses[-1]
                winner = self._wait(None if last else time.monotonic() + HEAD_START)
                if winner is not None:
                    break
        finally:
            self._selector.close()
            for each in self._running:
                each.free()
                if each is not winner:
                    each.close()
        if winner is None:
            raise self._failure
        if winner.closed:
            raise ConnectionAbortedError("the pool is closed")
        return winner

    def _begin(self, address: Address) -> None:
        if self._owner.closed:
            raise ConnectionAbortedError("the pool is closed")
        family, kind, protocol, _, where = address
        opened = BlockingSocket(self._owner, socket.socket(family, kind, protocol))
        opened.busy = True
        self._running.append(opened)
        code = opened.sock.connect_ex(where)
        if code in (0, *_CONNECTING):
            self._selector.register(opened.sock, selectors.EVENT_WRITE, opened)
        else:
            self._lost(opened, code)

    def _wait(self, turn: float | None) -> BlockingSocket | None:
        """The one that was made first; None when it is the next address's turn, or none is left."""
        while self._running:
            now = time.monotonic()
            if now >= self._until:
                raise TimeoutError
            if turn is not None and now >= turn:
                return None
            end = self._until if turn is None else min(turn, self._until)
            for key, _ in self._selector.select(_left(end)):
                opened: BlockingSocket = key.data
                code = opened.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not code:
                    opened.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return opened
                self._selector.unregister(opened.sock)
                self._lost(opened, code)
        return None

    def _lost(self, opened: BlockingSocket, code: int) -> None:
        self._failure = OSError(code, os.strerror(code))
        self._running.remove(opened)
        opened.free()
        opened.close()


def _literal(host: str, port: int) -> Sequence[Address]:
    """The address that ``host`` itself is; empty if it is a name."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return ()


def _interleaved(addresses: Sequence[Address]) -> list[Address]:
    """The families by turns, the resolver's first one first (RFC 8305, section 4)."""
    if not addresses:
        raise socket.gaierror(getattr(socket, "EAI_NODATA", socket.EAI_NONAME), "no address")
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for address in chain(*zip_longest(first, others)) if address is not None]


def _unconnected(exc: Exception, addresses: Sequence[Address]) -> Exception:
    """The error for a connection that was not made."""
    stage: Any = "socket" if addresses else "name"
    if isinstance(exc, TimeoutError) and exc.errno is None:
        return ConnectTimeout(stage)
    return ConnectError(str(exc), stage)


def _left(until: float) -> float | None:
    """How long it is until then; None for never."""
    return None if until == math.inf else until - time.monotonic()
