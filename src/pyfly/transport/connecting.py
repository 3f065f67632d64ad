"""How a socket finds its peer: names, addresses, and who answers first (RFC 8305).

Of the addresses of a name one after the other is tried, the next beside the last one as soon as
that fails or has been silent for a moment; the first that answers is taken, the others are
closed. An event loop does so with tasks, a thread with sockets that connect beside each other.
Resolving is under the deadline, too: the system's resolver knows none, so a thread of its own asks
it, and is left to itself when it is late.
"""

from __future__ import annotations

import asyncio
import errno
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest
from typing import Any

from pyfly.transport.errors import ConnectError, ConnectTimeout
from pyfly.transport.sockets import AsyncSocket, BlockingSocket, Sockets, seconds_left

Address = tuple[int, int, int, str, Any]

#: RFC 8305, section 5: how long one address has before the next is tried beside it.
HEAD_START = 0.25
_CONNECTING = (errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", -1))


async def connect_tcp(owner: Sockets, host: str, port: int, until: float) -> AsyncSocket:
    """A connection to the first address that answers, the next being tried meanwhile.

    Raises:
        ConnectError: None answers, or the name cannot be resolved.
        ConnectTimeout: None answered until ``until``.
    """
    addresses: Sequence[Address] = ()
    try:
        async with asyncio.timeout(seconds_left(until)):
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
    thread.join(seconds_left(until))
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
            for key, _ in self._selector.select(seconds_left(end)):
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
