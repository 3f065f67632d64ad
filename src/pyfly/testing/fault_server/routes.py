"""Which behaviour a request is for."""

from __future__ import annotations

import re
from random import Random

from pyfly.testing.fault_server.answers import Answer
from pyfly.testing.fault_server.behaviour import Behaviour
from pyfly.testing.fault_server.received import ReceivedRequest

__all__ = ["ServerRoute", "ServerRoutes", "route_mistake"]

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
