"""Declared clients over every adapter, and over a port that a user writes himself.

Such a port knows nothing of pyfly: it gets a method, a path and plain arguments, and returns
the decoded JSON, so that a status or a header never reaches the client.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol, TypedDict
from urllib.parse import parse_qsl, unquote, urlsplit

import aiohttp
import httpx2
import pytest

from pyfly.client import (
    PortValueException,
    Response,
    ResponseDecodeException,
    connect,
    connect_sync,
    delete,
    get,
    post,
    put,
    service_client,
)
from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import RetryPolicy
from tests.client.contract.peer import Connection, Peer
from tests.client.contract.rows import ROWS


class PlainPort:
    """A port over aiohttp whose results are plain values."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._session: Any = None

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        async with self._session.request(method, url, **kwargs) as response:
            return await response.json()

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(base_url=self._base_url)

    async def stop(self) -> None:
        await self._session.close()


class BlockingPlainPort:
    """The same over httpx2, without async."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._client: Any = None

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        return self._client.request(method, url, **kwargs).json()

    def start(self) -> None:
        self._client = httpx2.Client(base_url=self._base_url, trust_env=False)

    def stop(self) -> None:
        self._client.close()


class PortRow:
    """What stands between a declared client and the peer.

    Attributes:
        name: Shown as the test's parameter.
        asynchronous: Whether it serves ``async def`` methods.
        plain: Whether it returns values in place of responses.
    """

    def __init__(self, name: str, asynchronous: bool, make: Callable[[str], Any]) -> None:
        self.name = name
        self.asynchronous = asynchronous
        self.plain = name.startswith("plain")
        self.make = make


PORTS = [
    *(PortRow(row.name, row.asynchronous, row.adapter) for row in ROWS),
    PortRow("plain-async", True, PlainPort),
    PortRow("plain-sync", False, BlockingPlainPort),
]


@pytest.fixture(params=PORTS, ids=lambda port: port.name)
def port(request: pytest.FixtureRequest) -> PortRow:
    """Each port in turn."""
    found: PortRow = request.param
    return found


class User(TypedDict):
    id: int
    name: str


#: How a port's connection fails: ours are OSErrors, a user's port raises its library's own.
FAILURES = (OSError, httpx2.TransportError)

# Every test connects once; it is the same class all the time.
pytestmark = pytest.mark.filterwarnings("ignore::pyfly.client.standalone.ClientUsageWarning")

RETRY = RetryPolicy(max_attempts=3, base_delay=timedelta(milliseconds=1))


@service_client(base_url="http://users", retry=RETRY, circuit_breaker_failure_threshold=3)
class Users(Protocol):
    @get("/users/{number}")
    async def user(self, number: str) -> User: ...

    @get("/users")
    async def users(self, tag: list[str], page: int = 1, old: bool = False) -> Any: ...

    @post("/users")
    async def create(self, body: dict[str, Any], headers: dict[str, str]) -> Any: ...

    @put("/users/{number}")
    async def replace(self, number: int, body: dict[str, Any]) -> dict[str, Any]: ...

    @delete("/users/{number}")
    async def delete(self, number: int) -> None: ...

    @get("/users/{number}")
    async def whole(self, number: int) -> Response[User]: ...


@service_client(base_url="http://users", retry=RETRY, circuit_breaker_failure_threshold=3)
class BlockingUsers(Protocol):
    @get("/users/{number}")
    def user(self, number: str) -> User: ...

    @get("/users")
    def users(self, tag: list[str], page: int = 1, old: bool = False) -> Any: ...

    @post("/users")
    def create(self, body: dict[str, Any], headers: dict[str, str]) -> Any: ...

    @put("/users/{number}")
    def replace(self, number: int, body: dict[str, Any]) -> dict[str, Any]: ...

    @delete("/users/{number}")
    def delete(self, number: int) -> None: ...

    @get("/users/{number}")
    def whole(self, number: int) -> Response[User]: ...


def answering(value: Any) -> Callable[[Connection], None]:
    body = json.dumps(value).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return lambda connection: connection.answer_all(head % len(body) + body)


Call = Callable[..., Awaitable[Any]]


@contextlib.asynccontextmanager
async def declared(port: PortRow, url: str) -> AsyncGenerator[Call]:
    """A client over the port, and a function that calls its methods, whichever kind they are."""
    if port.asynchronous:
        async with connect(Users, port=port.make(url)) as users:

            async def call(name: str, *args: Any, **kwargs: Any) -> Any:
                return await getattr(users, name)(*args, **kwargs)

            yield call
        return
    with connect_sync(BlockingUsers, port=port.make(url)) as blocking:

        async def block(name: str, *args: Any, **kwargs: Any) -> Any:
            return getattr(blocking, name)(*args, **kwargs)

        yield block


async def test_arguments_reach_the_peer_and_values_come_back(port: PortRow) -> None:
    with Peer(answering({"id": 7, "name": "Eve"})) as peer:
        async with declared(port, peer.url) as call:
            assert await call("user", "7") == {"id": 7, "name": "Eve"}
            await call("users", ["a b", "c&d"], page=2, old=True)
            await call("create", {"name": "Eve"}, {"X-Trace": "t-1"})
            assert await call("replace", 7, {"name": "Eva"}) == {"id": 7, "name": "Eve"}
            await call("delete", 7)
        assert peer.connections == 1
    user, users, create, replace, delete = peer.requests
    assert user.startswith(b"GET /users/7 HTTP/1.1\r\n")
    target = users.split(b" ")[1].decode()
    assert parse_qsl(urlsplit(target).query) == [
        ("tag", "a b"),
        ("tag", "c&d"),
        ("page", "2"),
        ("old", "true"),
    ]
    assert create.startswith(b"POST /users HTTP/1.1\r\n")
    assert b"x-trace: t-1\r\n" in create.lower()
    assert b"content-type: application/json\r\n" in create.lower()
    assert json.loads(create.partition(b"\r\n\r\n")[2]) == {"name": "Eve"}
    assert replace.startswith(b"PUT /users/7 HTTP/1.1\r\n")
    assert delete.startswith(b"DELETE /users/7 HTTP/1.1\r\n")


async def test_a_value_never_leaves_its_place_in_the_path(port: PortRow) -> None:
    with Peer(answering({"id": 7, "name": "Eve"})) as peer:
        async with declared(port, peer.url) as call:
            await call("user", "../admin?all=1#x y")
    target = peer.requests[0].split(b" ")[1].decode()
    if port.plain:  # its library may write the path otherwise
        assert urlsplit(target).query == ""
        assert [unquote(part) for part in target.split("/")] == ["", "users", "../admin?all=1#x y"]
    else:
        assert target == "/users/..%2Fadmin%3Fall%3D1%23x%20y"


async def test_a_value_of_another_shape_is_an_error(port: PortRow) -> None:
    with Peer(answering({"id": "none", "name": 5})) as peer:
        async with declared(port, peer.url) as call:
            with pytest.raises(ResponseDecodeException, match="id"):
                await call("user", "7")


async def test_what_needs_a_status_needs_a_port_that_tells_it(port: PortRow) -> None:
    with Peer(answering({"id": 7, "name": "Eve"})) as peer:
        async with declared(port, peer.url) as call:
            if port.plain:
                with pytest.raises(PortValueException, match="returned a plain dict"):
                    await call("whole", 7)
            else:
                assert (await call("whole", 7)).status_code == 200


async def test_a_connection_that_breaks_is_tried_again_where_that_is_safe(port: PortRow) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        if connection.number == 2:
            answering({"id": 7, "name": "Eve"})(connection)
        connection.reset()

    with Peer(script) as peer:
        async with declared(port, peer.url) as call:
            with pytest.raises(FAILURES):
                await call("create", {"name": "Eve"}, {})
    assert len(peer.requests) == 1


async def test_a_service_that_is_gone_opens_the_circuit(port: PortRow, unused_port: int) -> None:
    async with declared(port, f"http://127.0.0.1:{unused_port}") as call:
        refusals: list[bool] = []
        until = time.monotonic() + 5  # failures that open it span the pauses of the retry
        while not any(refusals) and time.monotonic() < until:
            with pytest.raises((*FAILURES, CircuitBreakerException)) as caught:
                await call("user", "7")
            refusals.append(isinstance(caught.value, CircuitBreakerException))
    assert refusals[0] is False
    assert refusals[-1] is True
