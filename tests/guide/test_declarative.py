"""@service_client, @http_client and the method decorators."""

import inspect
import json
from datetime import timedelta
from typing import Any

import pytest

from pyfly.client import (
    CircuitBreakerException,
    ClientDeclarationException,
    ConnectException,
    NotFoundException,
    RetryPolicy,
    ServerErrorException,
    connect,
    delete,
    get,
    http_client,
    patch,
    post,
    put,
    service_client,
)
from pyfly.container import Scope
from tests.guide.clocks import Monotonic
from tests.support.servers import ServerClient


@service_client(
    base_url="http://payment-service:8080",
    circuit_breaker=True,
    retry=3,
    circuit_breaker_failure_threshold=5,
    circuit_breaker_recovery_timeout=60.0,
    retry_base_delay=1.0,
)
class PaymentClient:
    @get("/payments/{payment_id}")
    async def get_payment(self, payment_id: str) -> dict: ...

    @post("/payments")
    async def create_payment(self, body: dict) -> dict: ...


@http_client(base_url="http://user-service:8080")
class UserClient:
    @get("/users/{user_id}")
    async def get_user(self, user_id: str) -> dict:
        """One user."""

    @post("/users")
    async def create_user(self, body: dict) -> dict: ...

    @delete("/users/{user_id}")
    async def delete_user(self, user_id: str) -> None: ...


@http_client(base_url="http://api:8080")
class OrderClient:
    @get("/orders/{order_id}/items/{item_id}")
    async def get_item(self, order_id: str, item_id: str) -> dict: ...


@http_client(base_url="http://api:8080")
class ProductClient:
    @get("/products")
    async def search(self, category: str, page: int = 1) -> list: ...

    @post("/products")
    async def create(self, body: dict) -> dict: ...

    @put("/products/{product_id}")
    async def update(self, product_id: str, body: dict) -> dict: ...

    @patch("/products/{product_id}")
    async def change(self, product_id: str, body: dict) -> dict: ...


# The decorators' parameters and metadata


def test_service_client_has_the_parameters_and_defaults_of_the_table() -> None:
    parameters = inspect.signature(service_client).parameters
    assert {name: parameters[name].default for name in list(parameters)[1:6]} == {
        "retry": True,
        "circuit_breaker": True,
        "retry_base_delay": None,
        "circuit_breaker_failure_threshold": None,
        "circuit_breaker_recovery_timeout": None,
    }
    assert next(iter(parameters)) == "base_url"


@pytest.mark.parametrize("decorator", [service_client, http_client])
async def test_a_client_without_base_url_or_name_is_refused(decorator: Any) -> None:
    async def use() -> None:
        @decorator()
        class Nowhere:
            @get("/x")
            async def x(self) -> dict: ...

        async with connect(Nowhere) as client:
            await client.x()

    with pytest.raises((ClientDeclarationException, TypeError), match="base_url"):
        await use()


def test_base_url_may_be_given_by_position() -> None:
    @service_client("http://one:1")
    class One: ...

    @http_client("http://two:2")
    class Two: ...

    assert (One.__pyfly_http_base_url__, Two.__pyfly_http_base_url__) == (
        "http://one:1",
        "http://two:2",
    )


@pytest.mark.parametrize(
    ("cls", "base_url"),
    [(PaymentClient, "http://payment-service:8080"), (UserClient, "http://user-service:8080")],
)
def test_both_decorators_set_the_metadata_of_the_table(cls: Any, base_url: str) -> None:
    assert cls.__pyfly_http_client__ is True
    assert cls.__pyfly_http_base_url__ == base_url
    assert cls.__pyfly_injectable__ is True
    assert cls.__pyfly_stereotype__ == "component"
    assert cls.__pyfly_scope__ is Scope.SINGLETON


def test_service_client_sets_its_flag_and_its_parameters_as_given() -> None:
    assert PaymentClient.__pyfly_service_client__ is True
    given = {
        "retry": 3,
        "circuit_breaker": True,
        "retry_base_delay": 1.0,
        "circuit_breaker_failure_threshold": 5,
        "circuit_breaker_recovery_timeout": 60.0,
    }
    assert given.items() <= PaymentClient.__pyfly_resilience__.items()


def test_what_was_not_given_to_service_client_stands_there_as_its_default() -> None:
    @service_client("http://x")
    class Plain: ...

    defaults = {
        "retry": True,
        "circuit_breaker": True,
        "retry_base_delay": None,
        "circuit_breaker_failure_threshold": None,
        "circuit_breaker_recovery_timeout": None,
    }
    assert defaults.items() <= Plain.__pyfly_resilience__.items()


def test_http_client_is_service_client_without_retry_and_breaker() -> None:
    @service_client("http://user-service:8080", retry=False, circuit_breaker=False)
    class Same: ...

    assert UserClient.__pyfly_service_client__ is True
    assert UserClient.__pyfly_resilience__ == Same.__pyfly_resilience__
    assert UserClient.__pyfly_resilience__["retry"] is False
    assert UserClient.__pyfly_resilience__["circuit_breaker"] is False


# The method decorators


@pytest.mark.parametrize("decorator", [get, post, put, delete, patch])
def test_a_stub_carries_verb_and_path(decorator: Any) -> None:
    @decorator("/users/{id}")
    async def stub(self: Any, id: str) -> dict: ...

    assert stub.__pyfly_http_method__ == decorator.__name__.upper()
    assert stub.__pyfly_http_path__ == "/users/{id}"


async def test_an_unwired_stub_raises_not_implemented_error_that_names_it() -> None:
    with pytest.raises(NotImplementedError) as caught:
        await UserClient().get_user("1")
    assert str(caught.value) == (
        "UserClient.get_user has not been wired by HttpClientBeanPostProcessor"
    )


def test_a_stub_keeps_name_docstring_signature_and_annotations() -> None:
    stub = UserClient.get_user
    assert stub.__name__ == "get_user"
    assert stub.__qualname__ == "UserClient.get_user"
    assert stub.__doc__ == "One user."
    assert stub.__module__ == __name__
    assert list(inspect.signature(stub).parameters) == ["self", "user_id"]
    assert stub.__annotations__ == {"user_id": str, "return": dict}
    assert inspect.iscoroutinefunction(stub)


# On the wire: path, query, body


async def test_get_interpolates_the_path(guide: ServerClient) -> None:
    async with connect(UserClient, base_url=guide.url) as client:
        user = await client.get_user("123")
    assert user == {"id": "123", "name": "User 123"}
    request = guide.request()
    assert request.raw.startswith(b"GET /users/123 HTTP/1.1\r\n")
    assert request.header("host") == guide.url.removeprefix("http://")
    assert request.body == b""


async def test_post_sends_the_body_as_json(guide: ServerClient) -> None:
    async with connect(UserClient, base_url=guide.url) as client:
        created = await client.create_user({"name": "Ada"})
    assert created == {"id": "1", "name": "Ada"}
    request = guide.request()
    assert request.raw.startswith(b"POST /users HTTP/1.1\r\n")
    assert request.header("content-type") == "application/json"
    assert request.header("content-length") == str(len(request.body))
    assert json.loads(request.body) == {"name": "Ada"}


async def test_delete_sends_no_body_and_returns_none(guide: ServerClient) -> None:
    async with connect(UserClient, base_url=guide.url) as client:
        assert await client.delete_user("7") is None
    request = guide.request()
    assert request.raw.startswith(b"DELETE /users/7 HTTP/1.1\r\n")
    assert request.body == b""


async def test_two_placeholders_take_two_parameters_by_name(guide: ServerClient) -> None:
    async with connect(OrderClient, base_url=guide.url) as client:
        by_position = await client.get_item("abc", "xyz")
        by_name = await client.get_item(item_id="xyz", order_id="abc")
    assert by_position == by_name == {"order": "abc", "item": "xyz"}
    lines = [request.raw.split(b"\r\n")[0] for request in guide.requests()]
    assert lines == [b"GET /orders/abc/items/xyz HTTP/1.1"] * 2


async def test_remaining_parameters_of_get_become_the_query_with_their_defaults(
    guide: ServerClient,
) -> None:
    async with connect(ProductClient, base_url=guide.url) as client:
        found = await client.search("electronics")
        await client.search("books", page=3)
    assert isinstance(found, list)
    assert [request.target for request in guide.requests()] == [
        "/products?category=electronics&page=1",
        "/products?category=books&page=3",
    ]


async def test_post_put_and_patch_take_json_bodies(guide: ServerClient) -> None:
    async with connect(ProductClient, base_url=guide.url) as client:
        created = await client.create({"name": "Widget"})
        updated = await client.update("123", {"name": "Gadget"})
        changed = await client.change("123", {"name": "Gizmo"})
    assert (created["name"], updated["name"], changed["name"]) == ("Widget", "Gadget", "Gizmo")
    assert [(r.method, r.target, json.loads(r.body)) for r in guide.requests()] == [
        ("POST", "/products", {"name": "Widget"}),
        ("PUT", "/products/123", {"name": "Gadget"}),
        ("PATCH", "/products/123", {"name": "Gizmo"}),
    ]


@pytest.mark.parametrize("decorator", [post, put, patch])
async def test_other_parameters_beside_the_body_become_the_query(
    guide: ServerClient, decorator: Any
) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @decorator("/echo/{id}")
        async def send(self, id: str, body: dict, dry_run: bool = False) -> dict: ...

    async with connect(Client) as client:
        await client.send("1", {"a": 1}, dry_run=True)
    request = guide.request()
    assert request.target == "/echo/1?dry_run=true"
    assert json.loads(request.body) == {"a": 1}


@pytest.mark.parametrize("decorator", [get, delete])
async def test_remaining_parameters_of_get_and_delete_become_the_query(
    guide: ServerClient, decorator: Any
) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @decorator("/echo/{id}")
        async def send(self, id: str, reason: str, force: bool = True) -> dict: ...

    async with connect(Client) as client:
        await client.send("1", "old age")
    request = guide.request()
    assert request.target == "/echo/1?reason=old%20age&force=true"
    assert request.body == b""


async def test_what_is_returned_is_the_json_of_the_response(guide: ServerClient) -> None:
    body = {"nested": {"list": [1, 2.5, None, True, "é"]}}
    guide.script("/users/1", {"body": body})
    async with connect(UserClient, base_url=guide.url) as client:
        assert await client.get_user("1") == body


# Resilience of @service_client


async def test_service_client_retries_as_often_as_told(
    guide: ServerClient, sleeps: list[float]
) -> None:
    guide.fail("/payments/1", 503, 503)
    async with connect(PaymentClient, base_url=guide.url) as client:
        payment = await client.get_payment("1")
    assert payment["id"] == "1"
    assert len(guide.requests()) == 3
    assert sleeps == [1.0, 2.0]


@pytest.mark.parametrize(("retry", "attempts"), [(True, 3), (2, 2), (4, 4), (1, 1), (False, 1)])
async def test_retry_is_a_number_of_attempts_or_on_or_off(
    guide: ServerClient, sleeps: list[float], retry: int | bool, attempts: int
) -> None:
    @service_client(base_url=guide.url, retry=retry, circuit_breaker=False)
    class Client:
        @get("/status/503")
        async def fail(self) -> dict: ...

    async with connect(Client) as client:
        with pytest.raises(ServerErrorException):
            await client.fail()
    assert len(guide.requests()) == attempts


async def test_retry_base_delay_is_doubled_for_each_further_attempt(
    guide: ServerClient, sleeps: list[float]
) -> None:
    @service_client(base_url=guide.url, retry=4, retry_base_delay=0.25)
    class Client:
        @get("/status/503")
        async def fail(self) -> dict: ...

    async with connect(Client) as client:
        with pytest.raises(ServerErrorException):
            await client.fail()
    assert sleeps == [0.25, 0.5, 1.0]


async def test_the_circuit_opens_after_the_threshold_and_recovers_after_the_timeout(
    guide: ServerClient, running: Monotonic
) -> None:
    @service_client(
        base_url=guide.url,
        retry=False,
        circuit_breaker_failure_threshold=2,
        circuit_breaker_recovery_timeout=60.0,
    )
    class Client:
        @get("/health")
        async def health(self) -> dict: ...

    guide.fail("/health", 503, 503)
    async with connect(Client) as client:
        for _ in range(2):
            with pytest.raises(ServerErrorException):
                await client.health()
        with pytest.raises(CircuitBreakerException):
            await client.health()
        assert len(guide.requests()) == 2
        running.advance(50)
        with pytest.raises(CircuitBreakerException):
            await client.health()
        running.advance(10)
        assert await client.health() == {"status": "UP"}
    assert len(guide.requests()) == 3


async def test_by_default_five_failed_calls_open_the_circuit_for_thirty_seconds(
    guide: ServerClient, running: Monotonic, sleeps: list[float]
) -> None:
    @service_client(base_url=guide.url)
    class Client:
        @get("/status/503")
        async def fail(self) -> dict: ...

    async with connect(Client) as client:
        for _ in range(5):
            with pytest.raises(ServerErrorException):
                await client.fail()
        with pytest.raises(CircuitBreakerException):
            await client.fail()
        running.advance(29)
        with pytest.raises(CircuitBreakerException):
            await client.fail()
        running.advance(1)
        with pytest.raises(ServerErrorException):
            await client.fail()


async def test_circuit_breaker_false_never_refuses(guide: ServerClient) -> None:
    @service_client(base_url=guide.url, retry=False, circuit_breaker=False)
    class Client:
        @get("/status/503")
        async def fail(self) -> dict: ...

    async with connect(Client) as client:
        for _ in range(8):
            with pytest.raises(ServerErrorException):
                await client.fail()
    assert len(guide.requests()) == 8


async def test_http_client_neither_retries_nor_refuses(
    guide: ServerClient, sleeps: list[float]
) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @get("/status/503")
        async def fail(self) -> dict: ...

    async with connect(Client) as client:
        for _ in range(8):
            with pytest.raises(ServerErrorException):
                await client.fail()
    assert (len(guide.requests()), sleeps) == (8, [])


async def test_the_guides_retry_on_works_around_a_declared_call(
    unused_port: int, sleeps: list[float]
) -> None:
    policy = RetryPolicy(
        max_attempts=3,
        base_delay=timedelta(seconds=1),
        retry_on=(ConnectionError, TimeoutError),
    )
    async with connect(UserClient, base_url=f"http://127.0.0.1:{unused_port}") as client:
        with pytest.raises(ConnectException):
            await policy.execute(client.get_user, "1")
    assert sleeps == [1.0, 2.0]


async def test_an_error_of_the_service_is_a_typed_exception(guide: ServerClient) -> None:
    async with connect(UserClient, base_url=guide.url) as client:
        with pytest.raises(NotFoundException) as caught:
            await client.get_user("missing")
    assert caught.value.status_code == 404
