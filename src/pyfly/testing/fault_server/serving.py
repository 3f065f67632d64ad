"""The server's side of its connections, and which behaviour a request is for.

Everything here runs on the server's event loop.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Callable
from random import Random

from pyfly.testing.fault_server.answers import Answer
from pyfly.testing.fault_server.exchange import Behaviour, ServedExchange, ServerConnection
from pyfly.testing.fault_server.received import ReceivedRequest
from pyfly.testing.fault_server.socket_faults import Hangup, ServerSocket

_PATTERN = re.compile(r"(?:(?P<method>[A-Z]+) )?(?P<path>/\S*|\*)")
_PLACE = re.compile(r"\{\w+\}")


class ServerRoute:
    """Requests that are treated alike.

    Attributes:
        name: As it was declared: ``GET /stock/{id}``.
        behaviour: What is done about them.
        count: How many there were.
        random: Where the chance of this route comes from.
    """

    def __init__(self, name: str, behaviour: Behaviour, seed: int) -> None:
        mistake = route_mistake(name)
        if mistake is not None:
            raise ValueError(f"{name!r} is no route: {mistake}")
        found = _PATTERN.fullmatch(name)
        assert found is not None  # by route_mistake
        self.name = name
        self.behaviour = behaviour
        self.count = 0
        self.random = Random(f"{seed}/{name}")
        self._method: str | None = found["method"]
        self._path = re.compile(_expression(found["path"]))

    def matches(self, request: ReceivedRequest) -> bool:
        """Whether a request is one of them."""
        if self._method not in (None, request.method):
            return False
        return self._path.fullmatch(request.path) is not None


def route_mistake(name: str) -> str | None:
    """What is wrong with the text of a route, and what to write; None if nothing is."""
    if _PATTERN.fullmatch(name) is None:
        return "write a path such as /stock/{id} or /files/*, with or without a method before it"
    if "{" in _PLACE.sub("", name) or "}" in _PLACE.sub("", name):
        return "its braces do not fit; write {name} for one segment"
    if "?" in name:
        return "a route has no query; leave it out"
    return None


def _expression(path: str) -> str:
    if path == "*":
        return ".*"
    below = path.endswith("/*")
    parts = _PLACE.split(path[:-1] if below else path)
    return "[^/]+".join(re.escape(part) for part in parts) + (".*" if below else "")


class ServerRoutes:
    """The routes of a server; of those that match, the one added last counts.

    Args:
        seed: What all chance begins with.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._routes: list[ServerRoute] = []
        self._unknown = ServerRoute("*", Answer(404), seed)

    def add(self, name: str, behaviour: Behaviour) -> ServerRoute:
        """Add a route; one of the same name gives way."""
        route = ServerRoute(name, behaviour, self._seed)
        self._routes = [each for each in self._routes if each.name != name] + [route]
        return route

    def take(self, request: ReceivedRequest) -> ServerRoute:
        """The route of a request, which counts it; one that answers 404 if there is none."""
        found = (route for route in reversed(self._routes) if route.matches(request))
        route = next(found, self._unknown)
        route.count += 1
        request.number = route.count
        request.route = "" if route is self._unknown else route.name
        return route

    def counts(self) -> dict[str, int]:
        """How many requests each route has taken, in the order they were added."""
        return {route.name: route.count for route in self._routes}


#: How many requests are kept.
KEPT = 10_000


class ConnectionServer:
    """Serves connections, and keeps count.

    Args:
        routes: What is done about requests.
        seed: What the chance begins with that belongs to no route.
        tls: A context for ``https://``, or None.
        on_exchange: Called with every request when it is over.

    Attributes:
        at_accept: What is done about the next connections; None lets one be.
        connections: How many connections were accepted.
        hangups: How many of them the client closed.
        requests: The last ones.
        failures: What went wrong in a behaviour.
    """

    def __init__(
        self,
        routes: ServerRoutes,
        seed: int,
        tls: ssl.SSLContext | None,
        on_exchange: Callable[[ReceivedRequest], None] | None,
    ) -> None:
        self.at_accept: list[Behaviour | None] = []
        self.connections = 0
        self.hangups = 0
        self.requests: list[ReceivedRequest] = []
        self.failures: list[BaseException] = []
        self._routes = routes
        self._random = Random(f"{seed}/at accept")
        self._tls = tls
        self._on_exchange = on_exchange
        self._open: dict[asyncio.Task[None], ServerSocket] = {}
        self._began = 0.0

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def begin(self) -> None:
        """Note when the server started."""
        self._began = asyncio.get_running_loop().time()

    def take(self, sock: socket.socket) -> None:
        """Serve a connection that was accepted."""
        self.connections += 1
        link = ServerSocket()
        task = asyncio.create_task(self._serve(sock, link, self.connections))
        self._open[task] = link
        task.add_done_callback(lambda done: self._ended(done, sock, link))

    async def drop(self, *, reset: bool) -> None:
        """End all connections: with a reset, or in good order."""
        tasks = list(self._open)
        for task, link in self._open.items():
            if reset:
                link.reset()
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _ended(self, task: asyncio.Task[None], sock: socket.socket, link: ServerSocket) -> None:
        del self._open[task]
        if not link.begun:  # cancelled before its first step
            sock.close()
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)

    async def _serve(self, sock: socket.socket, link: ServerSocket, number: int) -> None:
        doing = self._at_accept()
        connection = ServerConnection(link, number)
        try:
            # What is done before a client's first byte is done before TLS as well.
            await link.begin(sock, self._tls if doing is None else None)
            if doing is not None:
                await doing.play(ServedExchange(connection, None, self._random, self._elapsed()))
            while doing is None and not link.ended:
                await self._exchange(connection)
        except (Hangup, OSError):  # an OSError: the client does not like our certificate
            self.hangups += 1
        finally:
            link.close()
            await link.closed()

    def _at_accept(self) -> Behaviour | None:
        """What is done about this connection; the last of several goes on."""
        script = self.at_accept
        return (script.pop(0) if len(script) > 1 else script[0]) if script else None

    async def _exchange(self, connection: ServerConnection) -> None:
        head = await connection.read_head()
        request = ReceivedRequest(head, connection.number, self._elapsed())
        route = self._routes.take(request)
        self.requests.append(request)
        del self.requests[:-KEPT]
        try:
            await route.behaviour.play(
                ServedExchange(connection, request, route.random, request.at)
            )
        finally:
            request.seconds = self._elapsed() - request.at
            if self._on_exchange is not None:
                self._on_exchange(request)

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._began
