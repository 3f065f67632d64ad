"""How a rule answers, and that nothing of the client is passed by."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, cast

import pytest

from pyfly.client import (
    AttemptTimeoutException,
    ConnectException,
    Headers,
    HttpClientPort,
    NotFoundException,
    ReadTimeoutException,
    Response,
    ResponseDecodeException,
    ResponseTooLargeException,
    ServerErrorException,
    deadline,
    get,
    http_client,
)
from pyfly.client.ports import SyncHttpClientPort
from pyfly.core import Config
from pyfly.kernel.exceptions import CircuitBreakerException, DeadlineExceededException
from pyfly.resilience import History
from pyfly.resilience.events import RetryScheduled
from pyfly.testing import FakePort, SyncFakePort, UnexpectedRequestException, client_for
from tests.testing.support import Inventory, ManualClock, Product, SyncInventory, Warehouse

SAW = Product("1", "Saw", 9.5)


@pytest.fixture
def fake() -> FakePort:
    return FakePort()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def inventory(fake: FakePort, clock: ManualClock) -> Inventory:
    return client_for(Inventory, port=fake, clock=clock)


async def test_a_value_comes_back_as_what_the_method_declares(
    fake: FakePort, inventory: Inventory
) -> None:
    fake.on(Inventory.product).returns(SAW)
    fake.on(Inventory.search).returns([SAW])
    fake.on(Inventory.motd).returns("grüß dich")
    fake.on(Inventory.file).returns(b"\x00")
    fake.on(Inventory.remove).returns(None)
    assert await inventory.product("1") == SAW
    assert await inventory.search("x") == [SAW]
    assert await inventory.motd() == "grüß dich"
    assert await inventory.file("x") == b"\x00"
    await inventory.remove("1")


async def test_none_is_no_content_or_null(fake: FakePort, inventory: Inventory) -> None:
    fake.on(Inventory.product).returns(None)
    fake.on(Warehouse.joined).returns(None)
    assert await inventory.product("1") is None
    assert await client_for(Warehouse, port=fake).joined([1]) is None


async def test_a_text_is_json_where_no_text_is_declared(fake: FakePort) -> None:
    fake.on(Warehouse.joined).returns("plain")
    assert await client_for(Warehouse, port=fake).joined([1]) == "plain"


async def test_a_response_gives_status_and_headers(fake: FakePort, inventory: Inventory) -> None:
    created: Response[Product] = Response(201, Headers({"X-Id": "7"}))
    created.value = SAW
    raw: Response[Product] = Response(202, Headers({"Content-Type": "text/x"}), b'{"id": "2"}')
    fake.on(Inventory.raw).returns(created, raw)
    first, second = await inventory.raw("1"), await inventory.raw("2")
    assert (first.status_code, first.headers["x-id"], first.value) == (201, "7", SAW)
    assert (second.status_code, second.headers["content-type"]) == (202, "text/x")
    assert second.value == Product("2")


async def test_the_text_of_a_response_is_its_body(fake: FakePort) -> None:
    @http_client(base_url="http://x")
    class Texts:
        @get("/text")
        async def text(self) -> Response[str]: ...

    given: Response[str] = Response(200, Headers({}))
    given.value = "plain"
    fake.on(Texts.text).returns(given)
    assert (await client_for(Texts, port=fake).text()).content == b"plain"


async def test_a_response_keeps_the_content_type_it_has(
    fake: FakePort, inventory: Inventory
) -> None:
    given: Response[Product] = Response(200, Headers({"content-type": "application/x+json"}))
    given.value = SAW
    fake.on(Inventory.raw).returns(given)
    assert (await inventory.raw("1")).headers.fields == [("content-type", "application/x+json")]


async def test_head_has_no_body(fake: FakePort, inventory: Inventory) -> None:
    fake.on(Inventory.exists, "1").responds(200, {"ETag": "x"}, b"body")
    response = await inventory.exists("1")
    assert (response.headers["etag"], response.content) == ("x", b"")


async def test_answers_come_in_order_and_the_last_for_ever(
    fake: FakePort, inventory: Inventory
) -> None:
    fake.on(Inventory.product).returns(Product("a"), Product("b")).returns_json({"id": "c"})
    names = [found.id for found in [await inventory.product("x") for _ in range(5)] if found]
    assert names == ["a", "b", "c", "c", "c"]


async def test_times_says_how_often(fake: FakePort, inventory: Inventory) -> None:
    fake.on(Inventory.product).returns(Product("a"), times=2).returns(Product("b"), times=1)
    names = [found.id for found in [await inventory.product("x") for _ in range(3)] if found]
    assert names == ["a", "a", "b"]
    with pytest.raises(UnexpectedRequestException, match="its 3 answers are used up"):
        await inventory.product("x")


async def test_a_rule_without_an_answer_left_leaves_the_request_to_an_earlier_one(
    fake: FakePort, inventory: Inventory
) -> None:
    fake.on(Inventory.product).returns(Product("always"))
    fake.on(Inventory.product).returns(Product("once"), times=1)
    names = [found.id for found in [await inventory.product("x") for _ in range(2)] if found]
    assert names == ["once", "always"]


async def test_failures_are_retried_with_the_pauses_of_the_client(
    fake: FakePort, inventory: Inventory, clock: ManualClock
) -> None:
    rule = fake.on(Inventory.product).raises(ConnectException("down")).responds(503).returns(SAW)
    assert await inventory.product("1") == SAW
    assert len(rule.calls) == 3
    assert clock.slept == [1.0, 2.0]


async def test_each_attempt_gets_an_exception_of_its_own(
    fake: FakePort, inventory: Inventory
) -> None:
    given = ReadTimeoutException("silence")
    fake.on(Inventory.product).raises(given)
    with pytest.raises(ReadTimeoutException, match="silence") as caught:
        await inventory.product("1")
    assert caught.value is not given
    assert given.operation is None
    assert caught.value.operation == "Inventory.product"


async def test_an_exception_that_cannot_be_copied_is_raised_itself(
    fake: FakePort, inventory: Inventory
) -> None:
    class OddError(Exception):
        def __init__(self, one: str, *, two: str) -> None:
            super().__init__(one, two)

    given = OddError("1", two="2")
    fake.on(Inventory.product).raises(given)
    with pytest.raises(OddError) as caught:
        await inventory.product("1")
    assert caught.value is given


async def test_an_exception_class_will_do(fake: FakePort, inventory: Inventory) -> None:
    fake.on(Inventory.remove).raises(ConnectException)
    with pytest.raises(ConnectException, match=r"raised by the fake for Inventory\.remove"):
        await inventory.remove("1")


async def test_a_status_becomes_the_exception_of_the_client(
    fake: FakePort, inventory: Inventory
) -> None:
    problem = {"title": "No such shelf"}
    kind = {"content-type": "application/problem+json"}
    fake.on(Inventory.search).returns_json(problem, status=404, headers=kind)
    with pytest.raises(NotFoundException) as caught:
        await inventory.search("x")
    assert caught.value.problem is not None
    assert caught.value.problem.title == "No such shelf"


async def test_retry_after_is_obeyed(
    fake: FakePort, inventory: Inventory, clock: ManualClock
) -> None:
    fake.on(Inventory.product).responds(429, {"Retry-After": "7"}).returns(SAW)
    assert await inventory.product("1") == SAW
    assert clock.slept == [7.0]


async def test_a_body_is_decompressed_and_decoded_by_the_client(
    fake: FakePort, inventory: Inventory
) -> None:
    packed = gzip.compress(b'{"id": "z"}')
    fake.on(Inventory.product).responds(200, {"Content-Encoding": "gzip"}, packed).responds(
        200, body="{"
    )
    assert await inventory.product("1") == Product("z")
    with pytest.raises(ResponseDecodeException):
        await inventory.product("1")


async def test_the_circuit_opens_and_nothing_more_arrives(
    fake: FakePort, inventory: Inventory, clock: ManualClock
) -> None:
    rule = fake.on(Inventory.product).responds(503)
    for _ in range(5):
        with pytest.raises(ServerErrorException):
            await inventory.product("1")
    arrived = len(rule.calls)
    with pytest.raises(CircuitBreakerException):
        await inventory.product("1")
    assert len(rule.calls) == arrived
    clock.now += 30
    fake.on(Inventory.product).returns(SAW)
    assert await inventory.product("1") == SAW


async def test_a_delay_passes_on_the_clock_of_the_client(
    fake: FakePort, inventory: Inventory, clock: ManualClock
) -> None:
    fake.on(Inventory.product).delays(timedelta(seconds=12)).returns(SAW).returns(SAW)
    await inventory.product("1")
    await inventory.product("1")
    assert clock.slept == [12.0]


async def test_a_delay_beyond_the_timeout_ends_the_attempt(
    fake: FakePort, inventory: Inventory, clock: ManualClock
) -> None:
    rule = fake.on(Inventory.product).delays(31).returns(SAW).returns(SAW)
    assert await inventory.product("1") == SAW
    assert clock.slept == [30.0, 1.0]
    assert len(rule.calls) == 2


async def test_a_delay_is_a_timeout_where_nothing_is_retried(
    fake: FakePort, clock: ManualClock
) -> None:
    fake.on(Warehouse.joined).delays(3600).returns(1)
    with pytest.raises(AttemptTimeoutException, match="longer than the attempt may take"):
        await client_for(Warehouse, port=fake, clock=clock).joined([1])
    assert clock.slept == [30.0]


async def test_a_deadline_is_kept_too(
    fake: FakePort, inventory: Inventory, clock: ManualClock
) -> None:
    fake.on(Inventory.product).delays(5).returns(SAW)
    with pytest.raises(DeadlineExceededException), deadline(2, clock=clock):
        await inventory.product("1")
    assert clock.slept == [2.0]


async def test_the_events_of_the_client_are_told(fake: FakePort, clock: ManualClock) -> None:
    history = History()
    fake.on(Inventory.product).responds(503).returns(SAW)
    await client_for(Inventory, port=fake, clock=clock, listeners=[history]).product("1")
    assert [event.delay for event in history.of(RetryScheduled)] == [1.0]


async def test_redirects_are_followed_below_the_base_url() -> None:
    config = Config({"pyfly.client.default.follow-redirects": True}, environ={})
    with FakePort(base_url="http://inventory:8080/v1") as fake:
        fake.on(Inventory.product, "1").responds(301, {"Location": "/v1/products/2"})
        fake.on(Inventory.product, "2").returns(SAW)
        inventory = client_for(Inventory, port=fake, config=config)
        assert await inventory.product("1") == SAW


def test_a_synchronous_client_has_a_fake_of_its_own() -> None:
    clock = ManualClock()
    with SyncFakePort() as fake:
        rule = fake.on(SyncInventory.product, "1").responds(503).delays(4).returns(SAW)
        inventory = client_for(SyncInventory, port=fake, clock=clock)
        assert inventory.product("1") == SAW
        assert clock.slept == [1.0, 4.0]
        fake.on(SyncInventory.product, "2").delays(90).returns(SAW).returns(SAW)
        assert inventory.product("2") == SAW
        blob = fake.on(SyncInventory.blob).returns(None)
        inventory.blob(iter([b"a", b"b"]))
        assert blob.calls[0].body == b"ab"
        assert len(rule.calls) == 2


def test_no_port_at_all_is_refused_and_never_the_network() -> None:
    with pytest.raises(TypeError, match="port is None: give it a FakePort"):
        client_for(Inventory, port=None)


def test_the_other_kind_of_client_is_refused() -> None:
    with pytest.raises(TypeError, match=r"its stubs are async def: give it a FakePort$"):
        client_for(Inventory, port=SyncFakePort())
    with pytest.raises(TypeError, match=r"its stubs are plain def: give it a SyncFakePort$"):
        client_for(SyncInventory, port=FakePort())


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda rule: rule.responds(99), r"responds\(99\): a final status is 200 to 599"),
        (lambda rule: rule.responds("200"), "a final status"),
        (lambda rule: rule.responds(True), "a final status"),
        (lambda rule: rule.responds(503, {"Retry-After": 2}), "header fields are pairs of str"),
        (lambda rule: rule.responds(200, b"[]"), "header fields are pairs of str"),
        (lambda rule: rule.responds(200, {}, {"id": 1}), r"write \.returns_json\(…\) for JSON"),
        (lambda rule: rule.raises("x"), "that is no exception"),
        (
            lambda rule: rule.raises(NotFoundException),
            r"does not raise NotFoundException, the client makes it of a response: write "
            r"\.responds\(…\)",
        ),
        (lambda rule: rule.raises(NotFoundException(404, Headers())), r"write .responds\(404\)"),
        (lambda rule: rule.delays(-1), "write seconds, 0 or more"),
        (lambda rule: rule.returns(1, times=0), r"times=0 \(write an int, 1 or more\)"),
        (lambda rule: rule.returns(1, times=True), "times=True"),
        (lambda rule: rule.returns(object()), "the answer has no form on the wire: a object"),
        (lambda rule: rule.returns_json(float("nan")), "the answer has no form on the wire"),
    ],
)
def test_an_answer_that_cannot_be_given_is_refused(
    fake: FakePort, answer: Any, message: str
) -> None:
    rule = fake.on("GET", "/x")
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        answer(cast(Any, rule))
    assert str(caught.value).startswith("GET /x")


def test_threads_share_a_fake() -> None:
    with SyncFakePort() as fake:
        rule = fake.on(SyncInventory.product)
        for number in range(400):
            rule.returns(Product(str(number)), times=1)
        inventory = client_for(SyncInventory, port=fake)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: inventory.product("x").id, range(400)))
    assert sorted(map(int, found)) == list(range(400))
    assert len(fake.calls) == 400


async def test_a_fake_is_a_port_like_any_other() -> None:
    with FakePort() as fake:
        rule = fake.on("POST", "/items", body={"a": 1}, tag=["x y", "z"]).returns({"ok": True})
        bare = fake.on("GET", "/items").responds(404, body="none")
        assert isinstance(fake, HttpClientPort)
        await fake.start()
        headers = {"X-A": "1"}
        params = {"tag": ["x y", "z"]}
        response = await fake.request(
            "POST", "/items", params=params, json={"a": 1}, headers=headers
        )
        assert (response.status_code, response.json()) == (200, {"ok": True})
        assert (await fake.request("GET", "/items?a=1", params={"b": 2})).text == "none"
        await fake.stop()
        assert rule.calls[0].headers["x-a"] == "1"
        assert bare.calls[0].target == "/items?a=1&b=2"


def test_so_is_the_synchronous_one() -> None:
    with SyncFakePort() as fake:
        fake.on("PUT", "/items/{id}", id="1", body=b"raw").responds(204)
        assert isinstance(fake, SyncHttpClientPort)
        fake.start()
        assert fake.request("PUT", "/items/1", content=b"raw").status_code == 204
        fake.stop()


async def test_a_body_over_max_response_size_is_refused_as_from_a_service() -> None:
    config = Config({"pyfly": {"client": {"default": {"max-response-size": "10"}}}}, environ={})
    with FakePort() as fake:
        fake.on(Inventory.product, "1").responds(200, body=b"12345678901")
        fake.on(Inventory.product, "2").responds(200, body=b"null")
        inventory = client_for(Inventory, port=fake, config=config)
        with pytest.raises(ResponseTooLargeException, match="more than 10 bytes; raise max-resp"):
            await inventory.product("1")
        assert await inventory.product("2") is None
