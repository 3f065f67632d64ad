"""Plain classes, Protocols and ABCs are clients; stubs are inherited, overridden, generic."""

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import pytest

from pyfly.client import connect, connect_sync, get, http_client, post, service_client
from pyfly.context import ApplicationContext
from pyfly.core import Config
from tests.rules.support import PlainPort, over
from tests.support.servers import ServerClient

T = TypeVar("T")


@dataclass
class User:
    id: str
    name: str = ""


class PlainUsers:
    @get("/users/{user_id}")
    async def user(self, user_id: str) -> dict: ...


class ProtocolUsers(Protocol):
    @get("/users/{user_id}")
    async def user(self, user_id: str) -> dict: ...


def plain() -> Any:
    class Users:
        @get("/users/{user_id}")
        async def user(self, user_id: str) -> dict: ...

    return Users


def protocol() -> Any:
    class Users(Protocol):
        @get("/users/{user_id}")
        async def user(self, user_id: str) -> dict: ...

    return Users


def abstract_outside() -> Any:
    class Users(ABC):
        @abstractmethod
        @get("/users/{user_id}")
        async def user(self, user_id: str) -> dict: ...

    return Users


def abstract_inside() -> Any:
    class Users(ABC):
        @get("/users/{user_id}")
        @abstractmethod
        async def user(self, user_id: str) -> dict: ...

    return Users


KINDS = [plain, protocol, abstract_outside, abstract_inside]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_every_kind_of_class_is_a_client(guide: ServerClient, kind: Any) -> None:
    cls = http_client(base_url=guide.url)(kind())
    async with connect(cls) as client:
        assert (await client.user("7"))["id"] == "7"
        assert client.user.__self__ is client
        assert cls in type(client).__mro__
    assert guide.request().target == "/users/7"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_every_kind_is_a_bean_of_a_context(guide: ServerClient, kind: Any) -> None:
    cls = service_client(base_url=guide.url)(kind())
    context = ApplicationContext(Config({}, environ={}))
    context.register_bean(cls)
    async with context:
        assert (await context.get_bean(cls).user("7"))["id"] == "7"


async def test_stubs_are_inherited() -> None:
    @http_client(base_url="http://x")
    class Users(PlainUsers):
        @post("/users")
        async def create(self, body: dict) -> dict: ...

    port = PlainPort()
    client = over(port, Users)
    await client.user("1")
    await client.create({"a": 1})
    assert [request[:2] for request in port.requests] == [("GET", "/users/1"), ("POST", "/users")]


async def test_a_stub_over_a_stub_takes_its_place() -> None:
    @http_client(base_url="http://x")
    class Users(PlainUsers):
        @get("/v2/users/{user_id}")
        async def user(self, user_id: str) -> dict: ...

    port = PlainPort()
    await over(port, Users).user("1")
    assert port.path == "/v2/users/1"


async def test_a_method_that_overrides_a_stub_is_kept_and_reaches_it_by_super() -> None:
    @http_client(base_url="http://x")
    class Users(PlainUsers):
        async def user(self, user_id: str) -> dict:
            return {"wrapped": await super().user(user_id.upper())}

    port = PlainPort({"id": "A"})
    assert await over(port, Users).user("a") == {"wrapped": {"id": "A"}}
    assert port.path == "/users/A"


async def test_super_works_beside_a_stub_of_ones_own() -> None:
    @http_client(base_url="http://x")
    class Users(PlainUsers):
        async def user(self, user_id: str) -> dict:
            return {"wrapped": await super().user(user_id)}

        @get("/users")
        async def all(self) -> list: ...

    port = PlainPort({"id": "a"}, [1])
    client = over(port, Users)
    assert await client.user("a") == {"wrapped": {"id": "a"}}
    assert await client.all() == [1]
    assert [request[:2] for request in port.requests] == [("GET", "/users/a"), ("GET", "/users")]


async def test_a_stub_that_overrides_a_stub_is_not_what_super_reaches() -> None:
    @http_client(base_url="http://x")
    class Users(PlainUsers):
        @get("/v2/users/{user_id}")
        async def user(self, user_id: str) -> dict: ...

        async def both(self, user_id: str) -> list:
            return [await self.user(user_id), await super().user(user_id)]

    port = PlainPort({"v": 1})
    await over(port, Users).both("a")
    assert [request[1] for request in port.requests] == ["/v2/users/a", "/users/a"]


async def test_super_works_over_a_protocol_too() -> None:
    @http_client(base_url="http://x")
    class Users(ProtocolUsers, Protocol):
        async def user(self, user_id: str) -> dict:
            return {"wrapped": await super().user(user_id)}

    assert await over(PlainPort({"id": "a"}), Users).user("a") == {"wrapped": {"id": "a"}}


async def test_a_subclass_of_a_client_is_a_client_with_its_base_url() -> None:
    @http_client(base_url="http://x")
    class Users:
        @get("/users/{user_id}")
        async def user(self, user_id: str) -> dict: ...

    class Loud(Users):
        async def user(self, user_id: str) -> dict:
            return {"loud": await super().user(user_id)}

    assert await over(PlainPort({"id": "a"}), Loud).user("a") == {"loud": {"id": "a"}}


async def test_a_stub_may_be_generic() -> None:
    class Resource(Protocol[T]):
        @get("/{item_id}")
        async def one(self, item_id: str) -> T: ...

        @get("/")
        async def all(self) -> list[T]: ...

    @http_client(base_url="http://x/users")
    class Users(Resource[User], Protocol): ...

    client = over(PlainPort({"id": "7"}, [{"id": "8"}]), Users)
    assert await client.one("7") == User("7")
    assert await client.all() == [User("8")]


async def test_a_plain_class_may_be_generic() -> None:
    class Resource(Generic[T]):
        @get("/{item_id}")
        async def one(self, item_id: str) -> T: ...

    @http_client(base_url="http://x/users")
    class Users(Resource[User]): ...

    assert await over(PlainPort({"id": "7"}), Users).one("7") == User("7")


async def test_a_concrete_method_of_a_protocol_is_kept() -> None:
    @http_client(base_url="http://x")
    class Users(Protocol):
        @get("/users/{user_id}")
        async def user(self, user_id: str) -> dict: ...

        async def name(self, user_id: str) -> str:
            name: str = (await self.user(user_id))["name"]
            return name

    assert await over(PlainPort({"name": "Ada"}), Users).name("1") == "Ada"


async def test_names_that_the_generated_code_could_use_are_parameters_like_any_other() -> None:
    @http_client(base_url="http://x")
    class Odd:
        @get("/{url}/{path}")
        async def odd(
            self, url: str, path: str, method: str, request: str, params: str, json: str,
            query: str, _send: str, _invoke: str, result: str, kwargs: str,
        ) -> dict: ...  # fmt: skip

    port = PlainPort()
    await over(port, Odd).odd(*"abcdefghijk")
    ((_, path, kwargs),) = port.requests
    assert path == "/a/b"
    names = ["method", "request", "params", "json", "query", "_send", "_invoke", "result"]
    assert kwargs["params"] == dict(zip([*names, "kwargs"], "cdefghijk", strict=True))


async def test_keyword_only_and_default_parameters_are_bound_by_python() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/{a}")
        async def read(self, a: str, b: int = 2, *, c: str = "d") -> dict: ...

    port = PlainPort()
    client = over(port, Client)
    await client.read("1", c="e")
    assert port.requests == [("GET", "/1", {"params": {"b": "2", "c": "e"}})]
    for args, kwargs in (((), {}), (("1",), {"d": 1}), (("1", 2, "e"), {}), (("1",), {"a": "1"})):
        with pytest.raises(TypeError):
            await client.read(*args, **kwargs)
    bound = str(inspect.signature(client.read))
    assert bound == str(inspect.signature(Client.read)).replace("self, ", "")


def test_synchronous_stubs_are_clients_too(guide: ServerClient) -> None:
    @service_client(base_url=guide.url)
    class Users(Protocol):
        @get("/users/{user_id}")
        def user(self, user_id: str) -> User: ...

        @post("/users")
        def create(self, body: User) -> dict: ...

    with connect_sync(Users) as client:
        assert client.user("7") == User("7", "User 7")
        assert client.create(User("9", "Ada"))["name"] == "Ada"
    assert [r.raw.split(b"\r\n")[0] for r in guide.requests()] == [
        b"GET /users/7 HTTP/1.1",
        b"POST /users HTTP/1.1",
    ]
