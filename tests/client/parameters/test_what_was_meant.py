"""What goes out is what was meant: nothing erased, nothing empty, no other path, no other's key."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from pyfly.client import (
    Body,
    ClientArgumentException,
    ClientDeclarationException,
    Header,
    Path,
    Response,
    connect_sync,
    delete,
    get,
    head,
    http_client,
    patch,
    post,
    put,
)
from pyfly.client._compile.compile import compile_client
from pyfly.core import Config
from pyfly.testing import FaultServer, SyncFakePort, client_for
from pyfly.testing.fault_server import Answer


class Change(BaseModel):
    status: str | None = None
    quantity: int | None = None
    note: str = Field("none", alias="orderNote")


@dataclass
class Order:
    at: datetime


@http_client()
class Orders:
    @patch("/orders/{n}")
    def change(self, n: int, body: Change) -> None: ...

    @patch("/orders")
    def change_all(self, body: list[Change]) -> None: ...

    @patch("/orders/{n}")
    def overwrite(self, n: int, body: Annotated[Change, Body(exclude_unset=False)]) -> None: ...

    @put("/orders/{n}")
    def replace(self, n: int, body: Change) -> None: ...

    @put("/orders/{n}")
    def replace_set(self, n: int, body: Annotated[Change, Body(exclude_unset=True)]) -> None: ...

    @post("/orders")
    def without_none(self, body: Annotated[Change, Body(exclude_none=True)]) -> None: ...

    @post("/orders")
    def by_name(self, body: Annotated[Change, Body(by_alias=False)]) -> None: ...

    @post("/orders")
    def create(self, body: dict[str, Any]) -> None: ...

    @post("/orders")
    def create_any(self, body: Any) -> None: ...

    @post("/orders")
    def create_or_not(self, body: dict[str, Any] | None) -> None: ...

    @post("/orders")
    def create_by_default(self, body: Order | None = None) -> None: ...

    @get("/straße/{n}")
    def street(self, n: int) -> None: ...

    @get("/orders")
    def tagged(self, tags: Annotated[list[str | int], Header("X-Tags")]) -> None: ...

    @get("/orders")
    def with_headers(self, headers: dict[str, Any]) -> None: ...

    @get("/orders")
    def since(self, at: datetime) -> None: ...

    @get("/f/{name}..")
    def dotted(self, name: Annotated[str, Path(segments=True)]) -> None: ...

    @get("/f/{name}%2e/x")
    def encoded_dot(self, name: Annotated[str, Path(segments=True)]) -> None: ...

    @get("/f/{name}.txt")
    def named(self, name: Annotated[str, Path(segments=True)]) -> None: ...


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.on("*", Answer(204))
        yield server


@pytest.fixture
def orders(server: FaultServer) -> Iterator[Any]:
    class OrdersOfOneTest(Orders): ...  # a class that is connected often is warned of

    with connect_sync(OrdersOfOneTest, base_url=server.url) as client:
        yield client


def last_head(server: FaultServer) -> list[str]:
    return server.requests[-1].head.decode().splitlines()


# A body


@pytest.mark.survives(
    "Sending",
    "a PATCH with a model of which one field was set",
    "that field is sent; the others do not become null",
)
def test_a_patch_sends_what_was_set(server: FaultServer, orders: Any) -> None:
    orders.change(1, Change(status="paid"))
    assert server.requests[-1].body == b'{"status":"paid"}'
    orders.change(1, Change(status=None))
    assert server.requests[-1].body == b'{"status":null}'
    orders.change_all([Change(quantity=1), Change(orderNote="x")])
    assert server.requests[-1].body == b'[{"quantity":1},{"orderNote":"x"}]'


def test_a_body_says_which_fields_of_a_model_are_sent(server: FaultServer, orders: Any) -> None:
    change = Change(status="paid")
    for call, sent in (
        (orders.overwrite, b'{"status":"paid","quantity":null,"orderNote":"none"}'),
        (orders.replace, b'{"status":"paid","quantity":null,"orderNote":"none"}'),
        (orders.replace_set, b'{"status":"paid"}'),
    ):
        call(1, change)
        assert server.requests[-1].body == sent
    orders.without_none(change)
    assert server.requests[-1].body == b'{"status":"paid","orderNote":"none"}'
    orders.by_name(change)
    assert server.requests[-1].body == b'{"status":"paid","quantity":null,"note":"none"}'


def test_a_port_that_encodes_by_itself_gets_what_was_set_too() -> None:
    class Port:
        def request(self, method: str, path: str, json: Any = None) -> None:
            self.json = json

        def start(self) -> None: ...

        def stop(self) -> None: ...

    port = Port()
    client_for(Orders, port=port).change(1, Change(quantity=2))
    assert port.json == {"quantity": 2}


@pytest.mark.parametrize("kind", [dict[str, int], Order, list[str], str])
def test_what_is_asked_of_models_is_refused_where_the_body_is_none(kind: Any) -> None:
    @http_client("http://x")
    class Client:
        @put("/a")
        async def send(self, body: Annotated[kind, Body(exclude_none=True)]) -> None: ...

    with pytest.raises(ClientDeclarationException, match="exclude_none is for models of pydantic"):
        compile_client(Client)


def test_what_is_asked_of_models_is_true_or_false() -> None:
    wrong: Any = "yes"

    @http_client("http://x")
    class Client:
        @put("/a")
        async def send(self, body: Annotated[Change, Body(by_alias=wrong)]) -> None: ...

    with pytest.raises(ClientDeclarationException, match=r"by_alias='yes' \(write True or False\)"):
        compile_client(Client)


@pytest.mark.survives(
    "Sending",
    "None as a body that has to be there",
    "`ClientArgumentException`; nothing is sent",
)
def test_none_for_a_required_body_is_refused(server: FaultServer, orders: Any) -> None:
    with pytest.raises(ClientArgumentException, match=r"'body' cannot be sent: None is no body"):
        orders.create(None)
    assert server.requests == []


def test_none_for_a_body_that_may_be_none_sends_none(server: FaultServer, orders: Any) -> None:
    orders.create_any(None)
    orders.create_or_not(None)
    orders.create_by_default()
    assert [request.body for request in server.requests] == [b"", b"", b""]
    assert not any("content-type" in line.lower() for line in last_head(server))


# A path


@pytest.mark.survives(
    "Sending",
    "a value that makes a `..` segment of the dots beside its placeholder",
    "`ClientArgumentException`; nothing is sent",
)
def test_a_value_makes_no_dot_segment_beside_literal_dots(server: FaultServer, orders: Any) -> None:
    for call in (orders.dotted, orders.encoded_dot):
        with pytest.raises(ClientArgumentException, match="climbs out of the path"):
            call("a/")
    assert server.requests == []
    orders.dotted("a/b")
    assert last_head(server)[0] == "GET /f/a/b.. HTTP/1.1"
    orders.named("a/")
    assert last_head(server)[0] == "GET /f/a/.txt HTTP/1.1"


def test_a_literal_that_is_not_ascii_is_sent_as_utf_8(server: FaultServer, orders: Any) -> None:
    orders.street(7)
    assert last_head(server)[0] == "GET /stra%C3%9Fe/7 HTTP/1.1"


# Header fields and dates


def test_a_list_is_one_header_field(server: FaultServer, orders: Any) -> None:
    orders.tagged(["a", "b c", 3])
    assert "x-tags: a, b c, 3" in last_head(server)
    orders.with_headers({"X-Tags": ("a", "b"), "X-None": []})
    assert "x-tags: a, b" in last_head(server)
    assert not any(line.lower().startswith("x-none") for line in last_head(server))


@pytest.mark.parametrize("value", ["a,b", 'a"b'])
def test_a_comma_or_a_quote_within_a_list_is_refused(
    server: FaultServer, orders: Any, value: str
) -> None:
    with pytest.raises(ClientArgumentException, match=r"pass all of it as one text"):
        orders.tagged([value, "c"])
    with pytest.raises(ClientArgumentException, match=r"pass all of it as one text"):
        orders.with_headers({"X-Tags": [value]})
    assert server.requests == []


def test_a_list_in_a_list_is_not_advised_to_be_a_list(orders: Any) -> None:
    with pytest.raises(ClientArgumentException) as caught:
        orders.tagged([["a"]])
    assert "a list has no form on the wire (pass a str, a number, a bool, a date, a UUID" in str(
        caught.value
    )
    assert "or a list" not in str(caught.value)


def test_a_datetime_in_utc_ends_in_z(server: FaultServer, orders: Any) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    orders.since(at)
    assert last_head(server)[0] == "GET /orders?at=2026-01-02T03%3A04%3A05Z HTTP/1.1"
    orders.create({"at": at})
    assert server.requests[-1].body == b'{"at":"2026-01-02T03:04:05Z"}'
    orders.create_by_default(Order(at.astimezone(timezone(timedelta(hours=2)))))
    assert server.requests[-1].body == b'{"at":"2026-01-02T05:04:05+02:00"}'


# Declarations


class Base:
    @get("/x")
    def read(self) -> Any: ...


@pytest.mark.survives(
    "Files, pages and credentials",
    "one class decorated twice, with the credentials of two tenants",
    "`TypeError` at the second decorator; a subclass for each shares nothing",
)
def test_a_second_decorator_is_refused_with_the_way_out(server: FaultServer) -> None:
    class Shared(Base): ...

    http_client(server.url, auth="A one")(Shared)
    with pytest.raises(TypeError, match=r"decorate a subclass for each: class Other\(Shared\)"):
        http_client(server.url, auth="B two")(Shared)

    one = http_client(server.url, auth="A one")(type("One", (Base,), {}))
    two = http_client(server.url, auth="B two")(type("Two", (Base,), {}))
    server.on("GET /x", Answer(json={}))
    for cls in (one, two, one):
        with connect_sync(cls) as client:
            client.read()
    sent = [
        line
        for request in server.requests
        for line in request.head.decode().splitlines()
        if line.lower().startswith("authorization")
    ]
    assert [line.partition(": ")[2] for line in sent] == ["A one", "B two", "A one"]


@pytest.mark.parametrize("returns", [dict, Any, list[int], Order])
def test_a_value_out_of_a_head_is_a_mistake(returns: Any) -> None:
    @http_client("http://x")
    class Client:
        @head("/a")
        async def look(self) -> returns: ...

    with pytest.raises(ClientDeclarationException, match="a response to HEAD has no body"):
        compile_client(Client)


def test_not_found_none_has_room_in_a_method_that_returns_none() -> None:
    @http_client("http://x")
    class Client:
        @delete("/a/{n}", not_found=None)
        def remove(self, n: int) -> None: ...

        @delete("/b/{n}")
        def remove_it(self, n: int) -> None: ...

    port = SyncFakePort()
    client: Any = client_for(Client, port=port)
    port.on(Client.remove, 1).responds(404)
    client.remove(1)
    port.on(Client.remove_it, 1).responds(404)
    with pytest.raises(Exception, match=r"say not_found=None in the verb if this may happen"):
        client.remove_it(1)


def test_an_unknown_argument_names_the_one_that_was_meant() -> None:
    unknown: dict[str, Any] = {"retries": 3, "colour": "blue"}

    @http_client("http://x", **unknown)
    class Client:
        @get("/a", bulkheads=3)  # type: ignore[call-arg]  # what is tested
        async def read(self) -> Any: ...

    with pytest.raises(ClientDeclarationException) as caught:
        compile_client(Client)
    retries, colour, bulkhead = caught.value.problems
    assert retries == "Client: retries=… is no argument of a class decorator (did you mean retry?)"
    assert colour.startswith("Client: colour=… is no argument of a class decorator (known are hea")
    assert bulkhead == (
        "Client.read: bulkheads=… is no argument of a verb (write @resilience(bulkhead=…) above it)"
    )


# What is asked for


@http_client(params={"v": 1})
class Asking:
    @get("/json")
    def json(self) -> dict[str, int]: ...

    @get("/perhaps")
    def perhaps(self) -> Response[list[int] | None]: ...

    @post("/sent")
    def sent(self, body: dict[str, int]) -> Any: ...

    @get("/text")
    def text(self) -> str: ...

    @get("/nothing")
    def nothing(self) -> None: ...

    @get("/raw")
    def raw(self) -> Response: ...

    @get("/own", headers={"Accept": "application/vnd.own+json"})
    def own(self) -> dict[str, int]: ...

    @get("/given")
    def given(self, accept: Annotated[str | None, Header()] = None) -> dict[str, int]: ...


@pytest.mark.parametrize("adapter", ["httpx2", "stock"])
def test_json_is_asked_for_where_it_is_expected(server: FaultServer, adapter: str) -> None:
    server.on("*", Answer(json={"a": 1}))
    server.on("GET /perhaps", Answer(json=[1]))
    default = {"transport": "stock"} if adapter == "stock" else {}
    config = Config({"pyfly": {"client": {"default": default}}}, environ={})
    asked: dict[str, str] = {}

    class AskingOnce(Asking): ...

    with connect_sync(AskingOnce, base_url=server.url, config=config) as client:
        for _ in range(2):  # what is constant is encoded once
            client.json()
            client.perhaps()
            client.sent({"a": 1})
            client.text()
            client.nothing()
            client.raw()
            client.own()
            client.given("application/hal+json")
            for request in server.requests:
                fields = (line.partition(": ") for line in request.head.decode().splitlines())
                accept = [value for name, _, value in fields if name.lower() == "accept"]
                asked[request.path] = ", ".join(accept)
            assert asked == {
                "/json": "application/json",
                "/perhaps": "application/json",
                "/sent": "application/json",
                "/text": "*/*",
                "/nothing": "*/*",
                "/raw": "*/*",
                "/own": "application/vnd.own+json",
                "/given": "application/hal+json",
            }
            client.given()
            assert "accept: */*" in server.requests[-1].head.decode().lower()


def test_a_port_of_a_users_own_is_asked_for_nothing_by_itself() -> None:
    class Port:
        def request(self, method: str, path: str, **given: Any) -> dict[str, int]:
            return {"headers": len(given.get("headers", ()))}

        def start(self) -> None: ...

        def stop(self) -> None: ...

    assert client_for(Asking, port=Port()).json() == {"headers": 0}
