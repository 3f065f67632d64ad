"""HttpClientBeanPostProcessor: its hooks, the wiring, and the factory."""

import inspect
from typing import Any
from unittest.mock import AsyncMock

import pytest

from pyfly.client import (
    CircuitBreakerException,
    HttpClientBeanPostProcessor,
    HttpClientPort,
    delete,
    get,
    http_client,
    patch,
    post,
    put,
    service_client,
)
from tests.support.servers import ServerClient


@http_client(base_url="http://api:8080/v1")
class Api:
    kind = "api"

    def __init__(self) -> None:
        self.mine = 1

    @get("/orders/{order_id}/items/{item_id}")
    async def item(self, order_id: str, item_id: str) -> dict: ...

    @get("/products")
    async def search(self, category: str, page: int = 1) -> list: ...

    @post("/products")
    async def create(self, body: dict, dry_run: bool = False) -> dict: ...

    @put("/products/{product_id}")
    async def update(self, product_id: str, body: dict) -> dict: ...

    @patch("/products/{product_id}")
    async def change(self, product_id: str, body: dict) -> dict: ...

    @delete("/products/{product_id}")
    async def remove(self, product_id: str, hard: bool = False) -> None: ...

    async def both(self, category: str) -> int:
        return len(await self.search(category)) + self.mine


class Answer:
    """A response as small as a port may return."""

    status_code = 200

    def __init__(self, value: Any) -> None:
        self._value = value

    def json(self) -> Any:
        return self._value


def wired(port: Any, cls: type[Any] = Api, **settings: Any) -> Any:
    return HttpClientBeanPostProcessor(lambda base_url: port, **settings).after_init(cls(), "api")


@pytest.fixture
def port() -> Any:
    port = AsyncMock(spec=HttpClientPort)
    port.request.return_value = Answer({"ok": True})
    return port


def sent(port: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The only request: its positional arguments and those of its keywords that hold something."""
    port.request.assert_awaited_once()
    call = port.request.await_args
    return call.args, {name: value for name, value in call.kwargs.items() if value}


# The hooks


def test_before_init_returns_the_bean_unchanged() -> None:
    bean = Api()
    before = dict(vars(bean))
    assert HttpClientBeanPostProcessor().before_init(bean, "api") is bean
    assert vars(bean) == before


def test_after_init_leaves_other_beans_alone() -> None:
    class Other: ...

    factory = AsyncMock()
    bean = Other()
    assert HttpClientBeanPostProcessor(factory).after_init(bean, "other") is bean
    assert vars(bean) == {}
    factory.assert_not_called()


def test_after_init_makes_one_port_with_the_base_url(port: Any) -> None:
    urls = []

    def factory(base_url: str) -> Any:
        urls.append(base_url)
        return port

    bean = HttpClientBeanPostProcessor(http_client_factory=factory).after_init(Api(), "api")
    assert isinstance(bean, Api)
    assert urls == ["http://api:8080/v1"]


@pytest.mark.parametrize("name", ["item", "search", "create", "update", "change", "remove"])
def test_every_stub_is_replaced_and_bound_to_the_bean(port: Any, name: str) -> None:
    bean = wired(port)
    method = getattr(bean, name)
    assert method.__self__ is bean
    assert method.__func__ is not getattr(Api, name)
    assert inspect.iscoroutinefunction(method)
    stub = inspect.signature(getattr(Api, name))
    assert list(inspect.signature(method).parameters) == list(stub.parameters)[1:]


async def test_methods_and_attributes_that_are_no_stubs_stay(port: Any) -> None:
    port.request.return_value = Answer([1, 2])
    bean = wired(port)
    assert (bean.kind, bean.mine) == ("api", 1)
    assert await bean.both("books") == 3


async def test_the_class_itself_stays_unwired(port: Any) -> None:
    wired(port)
    with pytest.raises(NotImplementedError):
        await Api().item("1", "2")


async def test_two_beans_of_one_class_have_two_ports() -> None:
    ports = [AsyncMock(spec=HttpClientPort), AsyncMock(spec=HttpClientPort)]
    for number, one in enumerate(ports):
        one.request.return_value = Answer({"port": number})
    queue = list(ports)
    processor = HttpClientBeanPostProcessor(lambda base_url: queue.pop(0))
    first, second = processor.after_init(Api(), "a"), processor.after_init(Api(), "b")
    assert await first.item("1", "2") == {"port": 0}
    assert await second.item("1", "2") == {"port": 1}


async def test_a_bean_that_is_wired_already_is_left_alone(port: Any) -> None:
    bean = wired(port)
    other = AsyncMock(spec=HttpClientPort)
    assert HttpClientBeanPostProcessor(lambda base_url: other).after_init(bean, "api") is bean
    assert await bean.item("1", "2") == {"ok": True}
    other.request.assert_not_called()


# What the port receives


async def test_path_variables_are_resolved_and_nothing_else_is_passed(port: Any) -> None:
    assert await wired(port).item("abc", item_id="xyz") == {"ok": True}
    assert port.request.await_args.args == ("GET", "/orders/abc/items/xyz")
    assert port.request.await_args.kwargs == {}


async def test_query_parameters_are_passed_as_params(port: Any) -> None:
    await wired(port).search("electronics")
    args, kwargs = sent(port)
    assert args == ("GET", "/products")
    assert {k: str(v) for k, v in kwargs.pop("params").items()} == {
        "category": "electronics",
        "page": "1",
    }
    assert kwargs == {}


@pytest.mark.parametrize(
    ("call", "args"),
    [
        (lambda bean: bean.create({"a": 1}), ("POST", "/products")),
        (lambda bean: bean.update("7", {"a": 1}), ("PUT", "/products/7")),
        (lambda bean: bean.change("7", body={"a": 1}), ("PATCH", "/products/7")),
    ],
    ids=["post", "put", "patch"],
)
async def test_the_body_is_passed_as_json(port: Any, call: Any, args: tuple[str, str]) -> None:
    await call(wired(port))
    assert port.request.await_args.args == args
    assert port.request.await_args.kwargs["json"] == {"a": 1}


async def test_body_and_query_go_side_by_side(port: Any) -> None:
    await wired(port).create({"a": 1}, dry_run=True)
    _, kwargs = sent(port)
    assert kwargs["json"] == {"a": 1}
    assert kwargs["params"] == {"dry_run": "true"}


async def test_delete_sends_the_rest_as_query(port: Any) -> None:
    assert await wired(port).remove("7", hard=True) is None
    args, kwargs = sent(port)
    assert args == ("DELETE", "/products/7")
    assert kwargs["params"] == {"hard": "true"}
    assert "json" not in kwargs


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), (("1",), {}), (("1", "2", "3"), {}), (("1", "2"), {"order_id": "1"}),
     (("1", "2"), {"unknown": 1})],
)  # fmt: skip
async def test_arguments_that_do_not_fit_the_signature_are_a_type_error(
    port: Any, args: tuple[str, ...], kwargs: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        await wired(port).item(*args, **kwargs)
    port.request.assert_not_called()


async def test_a_response_is_decoded_and_a_plain_value_returned_as_it_is(port: Any) -> None:
    bean = wired(port)
    assert await bean.item("1", "2") == {"ok": True}
    port.request.return_value = {"plain": 1}
    assert await bean.item("1", "2") == {"plain": 1}


# Factory and defaults


async def test_without_a_factory_requests_are_made_over_the_network(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Users:
        @get("/users/{user_id}")
        async def user(self, user_id: str) -> dict: ...

    processor = HttpClientBeanPostProcessor()
    bean = processor.after_init(Users(), "users")
    try:
        assert (await bean.user("5"))["id"] == "5"
    finally:
        await processor.stop()
    assert guide.request().raw.startswith(b"GET /users/5 HTTP/1.1\r\n")


async def test_the_resilience_of_the_class_wraps_each_method(
    port: Any, sleeps: list[float]
) -> None:
    @service_client(
        base_url="http://x", retry=2, retry_base_delay=0.5, circuit_breaker_failure_threshold=1
    )
    class Resilient:
        @get("/a")
        async def a(self) -> dict: ...

        @get("/b")
        async def b(self) -> dict: ...

    for name in ("a", "b"):
        port.request.reset_mock()
        port.request.side_effect = ConnectionError("down")
        bean = wired(port, Resilient)
        with pytest.raises(ConnectionError, match="down"):
            await getattr(bean, name)()
        assert port.request.await_count == 2
        with pytest.raises(CircuitBreakerException):
            await getattr(bean, name)()
        assert port.request.await_count == 2
    assert sleeps == [0.5, 0.5]


async def test_default_retry_and_breaker_may_be_given_in_part(
    port: Any, sleeps: list[float]
) -> None:
    @service_client(base_url="http://x")
    class Resilient:
        @get("/a")
        async def a(self) -> dict: ...

    port.request.side_effect = ConnectionError("down")
    bean = wired(
        port,
        Resilient,
        default_retry={"max-attempts": 4},
        default_circuit_breaker={"failure-threshold": 1},
    )
    with pytest.raises(ConnectionError):
        await bean.a()
    assert port.request.await_count == 4
    assert sleeps == [1.0, 2.0, 4.0]
    with pytest.raises(CircuitBreakerException) as caught:
        await bean.a()
    assert caught.value.retry_after == pytest.approx(30, abs=5)
