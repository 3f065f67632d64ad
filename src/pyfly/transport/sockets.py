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
import math
import os
import selectors
import socket
import time
import weakref
from collections.abc import Callable
from typing import Any, Self

from pyfly.transport.deadline import Alarms
from pyfly.transport.errors import (
    ReadError,
    ReadTimeout,
    WriteError,
    WriteTimeout,
)

#: How much is read or written in one step.
PIECE = 64 * 1024
#: Reads that did not have to wait, in a row, before other tasks get their turn.
_READS_BEFORE_YIELD = 16
#: The event loop of Windows, whose sockets cannot be watched.
_PROACTOR: Any = getattr(asyncio, "ProactorEventLoop", None)


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
            async with asyncio.timeout(seconds_left(until)):
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
            async with asyncio.timeout(seconds_left(until)):
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
                ready = selector.select(seconds_left(until))
                if not ready:
                    raise TimeoutError
                if ready[0][1] & selectors.EVENT_WRITE:
                    break
                self.listen()
        self._arm(until)

    def _arm(self, until: float) -> None:
        """Give the next call what is left; nothing left is a timeout already."""
        left = seconds_left(until)
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


def seconds_left(until: float) -> float | None:
    """How long it is until then; None for never."""
    return None if until == math.inf else until - time.monotonic()
