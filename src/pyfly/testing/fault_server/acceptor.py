"""Whether connections are taken: the listening socket, closed and opened again."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

#: ``open``: connections are taken. ``refuse``: they are refused, as if nothing ran there.
#: ``stall``: connecting neither succeeds nor fails, as if the machine were gone.
AcceptorState: TypeAlias = Literal["open", "refuse", "stall"]
_STATES = ("open", "refuse", "stall")
_BACKLOG = 512
#: How many connections of our own fill a backlog of none.
_FILLERS = 4


class Acceptor:
    """Listens, or does not. Everything but the constructor runs on the server's event loop.

    Attributes:
        port: Stays the same, whatever the state.
        state: The present one.
    """

    def __init__(self, host: str, port: int, take: Callable[[socket.socket], None]) -> None:
        self.state: AcceptorState = "refuse"
        self._host = host
        self._take = take
        self._socket = self._bound(port)
        self._fillers: list[socket.socket] = []
        self.port: int = self._socket.getsockname()[1]

    def enter(self, state: AcceptorState) -> None:
        """Change the state."""
        if state == self.state:
            return
        if self.state != "refuse":
            self._leave()
        self.state = state
        if state == "open":
            self._socket.listen(_BACKLOG)
            asyncio.get_running_loop().add_reader(self._socket, self._accept)
        elif state == "stall":
            self._socket.listen(0)
            self._fill()

    def close(self) -> None:
        """Let go of the port."""
        asyncio.get_running_loop().remove_reader(self._socket)
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        self._socket.close()

    def _leave(self) -> None:
        # A socket that is bound but does not listen keeps the port and refuses.
        self.close()
        self._socket = self._bound(self.port)

    def _bound(self, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)
            sock.bind((self._host, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # nobody is left: the client has gone again
            while True:
                sock, _ = self._socket.accept()
                sock.setblocking(False)
                self._take(sock)

    def _fill(self) -> None:
        for _ in range(_FILLERS):
            filler = socket.socket(self._socket.family)
            self._fillers.append(filler)
            filler.setblocking(False)
            with contextlib.suppress(OSError):
                filler.connect_ex(self._socket.getsockname())


def check_states(states: Sequence[str]) -> None:
    """Refuse what is no state of a door."""
    for state in states:
        if state not in _STATES:
            raise ValueError(f"{state!r} is no state of a server; give {', '.join(_STATES)}")
