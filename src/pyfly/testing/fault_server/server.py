"""The server: a thread with an event loop, and what a test asks it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeAlias

from pyfly.testing.fault_server.acceptor import Acceptor, AcceptorState, check_states
from pyfly.testing.fault_server.choice import InTurn
from pyfly.testing.fault_server.exchange import Behaviour
from pyfly.testing.fault_server.received import ReceivedRequest
from pyfly.testing.fault_server.script import read_script
from pyfly.testing.fault_server.serving import ConnectionServer, ServerRoutes

Phases: TypeAlias = tuple[tuple[AcceptorState, float], ...]


class FaultServer:
    """A real HTTP/1.1 server on loopback that does anything wrong on purpose.

    It runs in a thread of its own, so that it serves synchronous and asynchronous tests alike.

    Args:
        *behaviours: For every request that no route is for: the first for the first request,
            and so on; the last one goes on. Default: 404.
        seed: What all chance begins with.
        tls: Serve ``https://``; a context that has a certificate.
        host: ``127.0.0.1`` or ``::1``.
        port: 0 for one that is free.
        on_exchange: Called with every request when it is over, in the server's thread.

    Attributes:
        port: Where it listens.

    Raises:
        OSError: When it is entered: the port cannot be had.

    Example::

        with FaultServer(seed=7) as server:
            server.on("GET /stock/{id}", Answer(503), Reset("body"), Answer(json={"id": 1}))
            ...
            assert server.count("GET /stock/{id}") == 3
    """

    def __init__(
        self,
        *behaviours: Behaviour,
        seed: int = 0,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        on_exchange: Callable[[ReceivedRequest], None] | None = None,
    ) -> None:
        self.port = port
        self._host = host
        self._scheme = "http" if tls is None else "https"
        self._routes = ServerRoutes(seed)
        self._service = ConnectionServer(self._routes, seed, tls, on_exchange)
        self._schedule: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._broken: BaseException | None = None
        self._phases_at_start: tuple[Phases, bool] = ((), False)
        if behaviours:
            self.on("*", *behaviours)

    @classmethod
    def from_script(
        cls, path: str | os.PathLike[str], *, seed: int | None = None, **options: Any
    ) -> Self:
        """A server that does what a YAML file says; see the page on faults for what it may.

        Args:
            path: The file.
            seed: Instead of the one in the file.
            **options: As for the class: ``port``, ``tls``, ``host``, ``on_exchange``.

        Raises:
            ConfigException: Something is wrong in the file; one line for each mistake.
        """
        script = read_script(path)
        server = cls(seed=script.seed if seed is None else seed, **options)
        for each in script.routes:
            server.on(each.route, *each.behaviours, repeat=each.repeat)
        server._phases_at_start = (script.phases, script.repeat)
        return server

    # --- what it does -------------------------------------------------------------------

    def on(self, route: str, *behaviours: Behaviour, repeat: bool = False) -> None:
        """Say what is done about the requests of a route.

        Args:
            route: A path such as ``/stock/{id}``, ``/files/*`` or ``*``, with or without a
                method before it. Of the routes that fit, the one added last counts; adding
                one again begins anew.
            *behaviours: For the first request, the second, …; the last one goes on.
            repeat: Whether they begin again after the last one instead.

        Raises:
            ValueError: That is no route, or there are no behaviours.
            TypeError: One of them is no behaviour, such as a status.
        """
        self._routes.add(route, InTurn(*behaviours, repeat=repeat))

    def at_accept(self, *behaviours: Behaviour | None) -> None:
        """Say what is done about a connection before it has sent anything, TLS included.

        A connection that a behaviour was played on is closed after it.

        Args:
            *behaviours: For the next connection, the one after it, …; the last one goes on.
                None lets a connection be; no behaviours at all let all of them be.
        """
        self._service.at_accept = list(behaviours)

    def refuse(self) -> None:
        """Refuse connections and reset those that there are, as if the service had died."""
        self._run(self._enter("refuse"))

    def stall(self) -> None:
        """Let connecting neither succeed nor fail; connections that there are go on."""
        self._run(self._enter("stall"))

    def accept(self) -> None:
        """Take connections again."""
        self._run(self._enter("open"))

    def schedule(self, *phases: tuple[AcceptorState, float], repeat: bool = False) -> None:
        """Take connections or not by the clock, from now on.

        Args:
            *phases: ``("open", 5.0)``, ``("refuse", 2.0)``, ``("stall", 1.0)``: seconds each.
            repeat: Whether they begin again after the last one; otherwise that state stays.

        Raises:
            ValueError: There is no such state, or the phases last no time at all.
        """
        check_states([state for state, _ in phases])
        if repeat and not sum(seconds for _, seconds in phases) > 0:
            raise ValueError("schedule: the phases last no time at all; give them seconds")
        self._run(self._follow(phases, repeat))

    # --- what it saw --------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Its base URL."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._scheme}://{host}:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return self._service.connections

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return self._service.open_connections

    @property
    def hangups(self) -> int:
        """How many connections the client has closed."""
        return self._service.hangups

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The last 10,000 requests, the oldest first."""
        return list(self._service.requests)

    def count(self, route: str) -> int:
        """How many requests a route has taken.

        Raises:
            KeyError: There is no such route.
        """
        counts = self.counts()
        if route not in counts:
            raise KeyError(f"there is no route {route!r}; there is {', '.join(counts) or 'none'}")
        return counts[route]

    def counts(self) -> dict[str, int]:
        """The same for all routes."""
        return self._routes.counts()

    def wait_until(self, condition: Callable[[Self], bool], within: float = 2.0) -> None:
        """Wait until something is true: ``server.wait_until(lambda s: s.open_connections == 0)``.

        Raises:
            TimeoutError: It did not become true; says what there is instead.
        """
        end = time.monotonic() + within
        while not condition(self):
            if time.monotonic() > end:
                raise TimeoutError(f"not true within {within:g} s of {self!r}")
            time.sleep(0.002)

    def __repr__(self) -> str:
        return (
            f"<FaultServer {self.url}: {self.connections} connections, "
            f"{self.open_connections} open, {len(self._service.requests)} requests>"
        )

    # --- its life -----------------------------------------------------------------------

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise RuntimeError("a FaultServer is used once; make another one")
        self._thread = threading.Thread(target=self._main, name="fault-server", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._broken is not None:
            self._thread.join()
            raise self._broken
        phases, repeat = self._phases_at_start
        if phases:
            self.schedule(*phases, repeat=repeat)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything; raise what a behaviour has raised, unless the test failed anyway."""
        assert self._thread is not None  # it was entered
        with contextlib.suppress(RuntimeError):  # its loop has ended already
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        failures = [*self._service.failures, *([self._broken] if self._broken else [])]
        if kind is None and failures:
            raise failures[0]

    def _main(self) -> None:
        try:
            # The acceptor watches a socket, which the default loop of Windows cannot.
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            self._broken = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._service.begin()
        self._acceptor = Acceptor(self._host, self.port, self._service.take)
        self.port = self._acceptor.port
        try:
            self._acceptor.enter("open")
            self._started.set()
            await self._over.wait()
        finally:
            await self._end_schedule()
            self._acceptor.close()
            await self._service.drop(reset=False)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something on the server's loop and wait for it."""
        if self._thread is None or not self._thread.is_alive():
            work.close()
            raise RuntimeError("the FaultServer is not running: use it in a with block")
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _enter(self, state: AcceptorState) -> None:
        await self._end_schedule()
        await self._be(state)

    async def _be(self, state: AcceptorState) -> None:
        self._acceptor.enter(state)
        if state == "refuse":
            await self._service.drop(reset=True)

    async def _follow(self, phases: Phases, repeat: bool) -> None:
        await self._end_schedule()
        for state, _ in phases[:1]:
            await self._be(state)  # at once, not when the schedule gets its turn
        self._schedule = asyncio.create_task(self._phases(phases, repeat))

    async def _phases(self, phases: Phases, repeat: bool) -> None:
        while True:
            for state, seconds in phases:
                await self._be(state)
                await asyncio.sleep(seconds)
            if not repeat:
                return

    async def _end_schedule(self) -> None:
        task, self._schedule = self._schedule, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()) is not None:
                self._service.failures.append(error)
