"""The demo's inventory service: a process of its own, which misbehaves on command.

It prints its port, then takes the name of a phase per line of its standard input. It ends
when that does, so it cannot outlive the demo, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import struct
import sys
import threading
from collections.abc import Callable

from pyfly.cli.demo.catalogue import Catalogue
from pyfly.cli.demo.wire import Incoming, read_request, response

__all__ = ["Behaviour", "Service", "main"]

HOST = "127.0.0.1"
_LONGEST_RUN_OF_ERRORS = 3


class Behaviour:
    """How the service answers in its current phase: how late, and whether at all well."""

    def __init__(self, seed: int = 2) -> None:
        self.phase = "healthy"
        self._random = random.Random(seed)
        self._errors_in_a_row = 0

    def delay(self) -> float:
        """Seconds until the next answer."""
        if self.phase == "slow":
            late = self._random.random() < 0.3
            return self._random.uniform(0.3, 1.0) if late else self._random.uniform(0.05, 0.25)
        return self._random.uniform(0.002, 0.008)

    def fails(self) -> bool:
        """Whether the next answer is an error: two in five are, never many in a row."""
        bad = self.phase == "failing" and self._random.random() < 0.4
        if bad and self._errors_in_a_row < _LONGEST_RUN_OF_ERRORS:
            self._errors_in_a_row += 1
            return True
        self._errors_in_a_row = 0
        return False


class Service:
    """The listener and the connections of the service."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self._catalogue = Catalogue()
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]

    async def enter(self, phase: str) -> None:
        """Behave as the phase says."""
        self.behaviour.phase = phase
        if phase == "down":
            self._go_away()
        elif self._server is None:
            self._server = await asyncio.start_server(self._serve, sock=self._socket)

    def _go_away(self) -> None:
        """Take no connections and reset those there are, but keep the port."""
        self.close()
        self._socket = _bound(self.port)

    def close(self) -> None:
        """Reset all connections and give the port back."""
        for writer in tuple(self._connections):
            _reset(writer)
        if self._server is not None:
            self._server.close()
            self._server = None
        self._socket.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while (request := await read_request(reader)) is not None:
                await asyncio.sleep(self.behaviour.delay())
                writer.write(self._answer(request))
                await writer.drain()
                if not request.keep_alive:
                    break
        except (OSError, EOFError, ValueError):
            pass  # the peer left, or it was reset: either way the connection is over
        finally:
            self._connections.discard(writer)
            writer.close()

    def _answer(self, request: Incoming) -> bytes:
        if self.behaviour.fails():
            return response(503, {"title": "Service Unavailable", "status": 503})
        status, body = self._catalogue.answer(request.method, request.target, request.body)
        return response(status, body)


def _bound(port: int) -> socket.socket:
    """A socket with the port, which nobody else can have then; it does not listen yet."""
    sock = socket.socket()
    if os.name == "posix":  # the connections of a moment ago must not be in the way
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((HOST, port))
    return sock


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset, as a process that dies does."""
    linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def _read_lines(tell: Callable[[str | None], object]) -> None:
    """Pass on each line of standard input, and None at its end."""
    rest = b""
    while chunk := os.read(0, 1024):  # not sys.stdin: its lock would be held at the end
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            tell(line.decode())
    tell(None)


async def _run() -> None:
    loop = asyncio.get_running_loop()
    commands: asyncio.Queue[str | None] = asyncio.Queue()
    service = Service()
    await service.enter("healthy")
    print(service.port, flush=True)

    def tell(command: str | None) -> None:
        loop.call_soon_threadsafe(commands.put_nowait, command)

    threading.Thread(target=_read_lines, args=(tell,), daemon=True).start()
    try:
        while (command := await commands.get()) is not None:
            await service.enter(command)
    finally:
        service.close()
        await asyncio.sleep(0)  # the connections notice


def main() -> int:
    """Serve until standard input ends."""
    asyncio.run(_run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
