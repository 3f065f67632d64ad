"""Which requests a rule takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, cast
from unittest.mock import ANY
from uuid import UUID

import pytest
from pydantic import BaseModel

from pyfly.client import Cookie, FilePart, Form, Query, get, http_client, post, service_client
from pyfly.testing import FakePort, UnexpectedRequestException, client_for
from tests.testing.support import Filter, Inventory, Product, Shelf, Warehouse

KEY = UUID("12345678-1234-5678-1234-567812345678")


@pytest.fixture
def fake() -> FakePort:
    return FakePort()


@pytest.fixture
def inventory(fake: FakePort) -> Inventory:
    return client_for(Inventory, port=fake)


@pytest.fixture
def warehouse(fake: FakePort) -> Warehouse:
    return client_for(Warehouse, port=fake)


async def test_a_declared_method_and_its_arguments(fake: FakePort, inventory: Inventory) -> None:
    rule = fake.on(Inventory.product, product_id="4/2").returns(Product("4/2"))
    assert await inventory.product("4/2") == Product("4/2")
    assert rule.calls == fake.calls
    assert rule.calls[0].arguments == {"product_id": "4/2"}
    assert rule.calls[0].operation == "Inventory.product"
    assert rule.calls[0].path == "/products/4%2F2"


async def test_other_arguments_are_another_call(fake: FakePort, inventory: Inventory) -> None:
    fake.on(Inventory.product, "42").returns(Product("42"))
    with pytest.raises(UnexpectedRequestException):
        await inventory.product("43")


async def test_a_method_alone_takes_any_arguments(fake: FakePort, inventory: Inventory) -> None:
    rule = fake.on(Inventory.search).returns([])
    await inventory.search("tools")
    await inventory.search("toys", in_stock=False, tags=["a", "b"], trace="t")
    assert [call.arguments for call in rule.calls] == [
        {"category": "tools", "in_stock": True, "tags": [], "trace": None},
        {"category": "toys", "in_stock": False, "tags": ["a", "b"], "trace": "t"},
    ]


async def test_a_default_that_is_left_out_is_meant(fake: FakePort, inventory: Inventory) -> None:
    fake.on(Inventory.search, "tools").returns([])
    assert await inventory.search("tools") == []
    with pytest.raises(UnexpectedRequestException, match="in_stock: the rule wants True"):
        await inventory.search("tools", in_stock=False)


async def test_any_leaves_an_argument_open(fake: FakePort, inventory: Inventory) -> None:
    fake.on(Inventory.search, ANY, in_stock=ANY, tags=["a"]).returns([])
    assert await inventory.search("toys", in_stock=False, tags=("a",)) == []
    with pytest.raises(UnexpectedRequestException, match=r"tags: the rule wants \['a'\]"):
        await inventory.search("toys", in_stock=False, tags=("b",))


async def test_a_body_is_compared_as_json_whatever_it_was_made_of(
    fake: FakePort, inventory: Inventory
) -> None:
    rule = fake.on(Inventory.create, Product("1", "Saw", 9.0)).returns(Product("1"))
    await inventory.create(body=Product("1", "Saw", 9.0))
    assert rule.calls[0].arguments == {"body": Product("1", "Saw", 9.0)}
    assert rule.calls[0].json == {"id": "1", "name": "Saw", "price": 9.0}
    await inventory.create(Product("1", "Saw", 9))
    with pytest.raises(UnexpectedRequestException) as caught:
        await inventory.create(Product("1", "Saw", 9.5))
    assert str(caught.value).endswith("    body.price: the rule wants 9.0, but 9.5 was sent")


async def test_any_may_stand_within_a_body(fake: FakePort, inventory: Inventory) -> None:
    fake.on(Inventory.create, Product(ANY, "Saw", ANY)).returns(Product("1"))
    fake.on("POST", "/products", body={"id": "7", "name": ANY, "price": 1.5}).returns(Product("7"))
    assert await inventory.create(Product("5", "Saw")) == Product("1")
    assert await inventory.create(Product("7", "Axe")) == Product("7")
    with pytest.raises(UnexpectedRequestException, match="<ANY>"):
        await inventory.create(Product("5", "Axe"))


async def test_a_template_and_the_arguments_that_matter(
    fake: FakePort, inventory: Inventory
) -> None:
    one = fake.on("GET", "/products/{id}", id="42").returns_json({"id": "42"})
    tools = fake.on("GET", "/products", category="tools").returns_json([])
    assert await inventory.product("42") == Product("42")
    assert await inventory.search("tools", in_stock=False) == []
    assert one.calls[0].arguments == {"id": "42"}
    assert tools.calls[0].arguments == {"category": "tools"}
    with pytest.raises(UnexpectedRequestException, match="category: the rule wants 'tools'"):
        await inventory.search("toys")


async def test_a_template_without_arguments_takes_any(fake: FakePort, inventory: Inventory) -> None:
    fake.on("GET", "/products/{id}").returns(Product("any"))
    assert await inventory.product("1") == Product("any")


async def test_of_several_rules_the_latest_answers(fake: FakePort, inventory: Inventory) -> None:
    fake.on(Inventory.product).returns(Product("any"))
    fake.on(Inventory.product, "42").returns(Product("42"))
    assert await inventory.product("42") == Product("42")
    assert await inventory.product("41") == Product("any")


async def test_a_path_of_several_segments(fake: FakePort, inventory: Inventory) -> None:
    rule = fake.on(Inventory.file, "a/b c.txt").returns(b"data")
    assert await inventory.file("a/b c.txt") == b"data"
    assert rule.calls[0].arguments == {"path": "a/b c.txt"}


async def test_arguments_come_back_with_their_types(fake: FakePort, warehouse: Warehouse) -> None:
    arguments: dict[str, Any] = {
        "number": 7,
        "price": Decimal("1.50"),
        "key": KEY,
        "day": date(2026, 11, 24),
        "shelf": Shelf.TOP,
        "kind": "b",
        "ratio": 0.5,
        "flags": (True, False),
    }
    rule = fake.on(Warehouse.number, **arguments).returns(None)
    await warehouse.number(**arguments)
    assert rule.calls[0].arguments == arguments
    assert [type(v) for v in rule.calls[0].arguments.values()] == [
        type(v) for v in arguments.values()
    ]


async def test_what_fits_no_type_stays_text(fake: FakePort, warehouse: Warehouse) -> None:
    rule = fake.on(Warehouse.number).returns(None)
    odd = cast(Any, warehouse)
    await odd.number("x", price="y", shelf="attic", kind="c")
    found = rule.calls[0].arguments
    assert (found["number"], found["price"], found["shelf"], found["kind"]) == (
        "x",
        "y",
        "attic",
        "c",
    )


async def test_a_collection_in_one_value(fake: FakePort, warehouse: Warehouse) -> None:
    rule = fake.on(Warehouse.joined, [1, 2]).returns(None)
    await warehouse.joined([1, 2])
    assert rule.calls[0].arguments == {"ids": [1, 2]}


async def test_an_object_whose_fields_are_the_query(fake: FakePort, warehouse: Warehouse) -> None:
    rule = fake.on(Warehouse.filtered, "s", Filter("red", 3)).returns(None)
    await warehouse.filtered("s", Filter("red", 3))
    assert rule.calls[0].arguments == {"shop": "s", "by": Filter("red", 3)}
    with pytest.raises(UnexpectedRequestException, match="by: the rule wants"):
        await warehouse.filtered("s", Filter("red"))


async def test_fields_that_make_no_object_come_back_as_they_are(
    fake: FakePort, warehouse: Warehouse
) -> None:
    rule = fake.on(Warehouse.filtered).returns(None)
    await warehouse.filtered("s", cast(Any, {"size": "large"}))
    assert rule.calls[0].arguments["by"] == {"size": "large"}


async def test_headers_and_cookies(fake: FakePort, warehouse: Warehouse) -> None:
    rule = fake.on(Warehouse.headed, "abc", 3, headers={"X-More": "1"}).returns(None)
    await warehouse.headed("abc", 3, {"X-More": "1", "X-Other": "2"})
    assert rule.calls[0].arguments == {
        "token": "abc",
        "level": 3,
        "headers": {"x-more": "1", "x-other": "2"},
    }
    assert rule.calls[0].headers["X-Level"] == "3"
    with pytest.raises(UnexpectedRequestException) as caught:
        await warehouse.headed("other", None, {"X-More": "2"})
    message = str(caught.value)
    assert "token: the rule wants ***, but *** was sent" in message
    assert "level: the rule wants 3, but None was sent" in message
    assert "headers: the rule wants {'x-more': '1'}, but {'x-more': '2'} was sent" in message


async def test_headers_and_cookies_that_are_left_out(fake: FakePort, warehouse: Warehouse) -> None:
    rule = fake.on(Warehouse.headed, None, level=None).returns(None)
    await warehouse.headed()
    assert rule.calls[0].arguments == {"token": None, "level": None, "headers": None}
    with pytest.raises(UnexpectedRequestException, match="level: the rule wants None, but 3"):
        await warehouse.headed(level=3)


async def test_a_timeout_is_not_compared(fake: FakePort, warehouse: Warehouse) -> None:
    rule = fake.on(Warehouse.timed, wait=ANY).returns(None)
    await warehouse.timed(wait=2.0)
    assert rule.calls[0].arguments == {}
    with pytest.raises(TypeError, match="'wait' is not sent"):
        fake.on(Warehouse.timed, wait=2.0)


async def test_fields_of_a_form(fake: FakePort, warehouse: Warehouse) -> None:
    rule = fake.on(Warehouse.form, "Ann & Bob", age=30).returns(None)
    await warehouse.form("Ann & Bob", 30)
    assert rule.calls[0].arguments == {"user": "Ann & Bob", "age": 30}
    with pytest.raises(UnexpectedRequestException, match="age: the rule wants 30, but None"):
        await warehouse.form("Ann & Bob")


async def test_an_object_whose_fields_are_a_form(fake: FakePort, warehouse: Warehouse) -> None:
    rule = fake.on(Warehouse.spread, "Ann", Filter("red", 3)).returns(None)
    await warehouse.spread("Ann", Filter("red", 3))
    assert rule.calls[0].arguments == {"user": "Ann", "by": Filter("red", 3)}
    with pytest.raises(UnexpectedRequestException, match="by: the rule wants"):
        await warehouse.spread("Ann", Filter("blue", 3))


async def test_files(fake: FakePort, warehouse: Warehouse) -> None:
    scans = [FilePart(b"\r\n--x", 'a"b.bin'), FilePart(b"2", "b.txt", "text/plain")]
    rule = fake.on(Warehouse.upload, "t", b"\x89PNG", scans).returns(None)
    await warehouse.upload("t", b"\x89PNG", scans)
    found = rule.calls[0].arguments
    assert found["title"] == "t"
    assert found["photo"] == b"\x89PNG"
    assert [(each.filename, each.content) for each in found["scans"]] == [
        ('a"b.bin', b"\r\n--x"),
        ("b.txt", b"2"),
    ]
    with pytest.raises(UnexpectedRequestException, match="photo: the rule wants"):
        await warehouse.upload("t", b"other", scans)


async def test_no_file_and_files_with_names(fake: FakePort, warehouse: Warehouse) -> None:
    rule = fake.on(Warehouse.upload, "t", ANY).returns(None)
    await warehouse.upload("t", FilePart("text", "a.txt"))
    assert rule.calls[0].arguments["scans"] == []
    assert rule.calls[0].arguments["photo"] == b"text"


async def test_bodies_of_bytes(fake: FakePort, warehouse: Warehouse) -> None:
    rule = fake.on(Warehouse.blob, b"\x00\x01").returns(None)
    await warehouse.blob(b"\x00\x01")
    assert rule.calls[0].arguments == {"body": b"\x00\x01"}
    assert rule.calls[0].body == b"\x00\x01"
    with pytest.raises(UnexpectedRequestException, match="body: the rule wants"):
        await warehouse.blob(b"\x00\x02")


async def test_a_body_that_is_streamed_is_read(fake: FakePort, warehouse: Warehouse) -> None:
    async def rows() -> AsyncIterator[bytes]:
        yield b"a;b\n"
        await asyncio.sleep(0)
        yield b"1;2\n"

    rule = fake.on(Warehouse.big, ANY).returns(None)
    await warehouse.big(rows())
    assert rule.calls[0].arguments == {"body": b"a;b\n1;2\n"}


async def test_a_text_as_json(fake: FakePort, inventory: Inventory) -> None:
    rule = fake.on(Inventory.note, "1", "hello").returns("ok")
    assert await inventory.note("1", "hello") == "ok"
    assert rule.calls[0].arguments == {"product_id": "1", "body": "hello"}


async def test_stubs_that_are_inherited_and_generic() -> None:
    class Base:
        @get("/base/{key}")
        async def base(self, key: int) -> Any: ...

    @http_client(base_url="http://x")
    class Sub(Base):
        pass

    with FakePort() as fake:
        rule = fake.on(Sub.base, 3).returns({"a": 1})
        assert await client_for(Sub, port=fake).base(3) == {"a": 1}
        assert rule.calls[0].operation == "Base.base"
        assert rule.calls[0].arguments == {"key": 3}


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        (lambda fake: fake.on(len), "len is no declared method"),
        (
            lambda fake: fake.on(client_for(Inventory, port=fake).product),
            r"Inventory\.product of an instance is no declared method",
        ),
        (lambda fake: fake.on(3), "3 is no declared method"),
        (lambda fake: fake.on(Inventory.product, "1", "2"), r"product\(product_id\): too many"),
        (lambda fake: fake.on(Inventory.product, product_id="1", colour="red"), "colour"),
        (lambda fake: fake.on("get", "/x"), "'get' is no HTTP method"),
        (lambda fake: fake.on("GET", "x"), "must start with a slash"),
        (lambda fake: fake.on("GET"), "must start with a slash"),
    ],
)
def test_a_rule_for_nothing_is_refused(
    fake: FakePort, begin: Callable[[Any], Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        begin(fake)


def test_a_stub_that_cannot_be_read_is_refused(fake: FakePort) -> None:
    class Odd:
        @get("/odd/{key}")
        async def odd(self) -> None: ...

    with pytest.raises(TypeError, match=r"Odd\.odd: .*key"):
        fake.on(Odd.odd)


async def test_a_request_says_what_it_was(fake: FakePort, inventory: Inventory) -> None:
    fake.on(Inventory.product).returns(None)
    await inventory.product("42")
    call = fake.calls[0]
    assert repr(call) == "<Inventory.product(product_id='42')>"
    assert call.target == "/products/42"
    assert call.body is None
    with pytest.raises(ValueError, match="Expecting value"):
        _ = call.json
    assert repr(fake) == "<FakePort, 1 rules, 1 calls>"


async def test_odd_bodies_are_compared_as_they_are(fake: FakePort) -> None:
    fake.on("POST", "/items", body={"a": ANY}).returns(1)
    fake.on("POST", "/rows", body=iter([b"a", b"b"])).returns(2)

    @http_client(base_url="http://x")
    class Items:
        @post("/items")
        async def items(self, body: bytes, headers: dict[str, str] | None = None) -> Any: ...

        @post("/rows")
        async def rows(self, body: bytes) -> Any: ...

    client = client_for(Items, port=fake)
    kind = {"Content-Type": "application/json"}
    assert await client.items(b'{"a": 1}', kind) == 1
    assert await client.rows(b"ab") == 2
    with pytest.raises(UnexpectedRequestException, match="body: the rule wants"):
        await client.items(b"{", kind)


async def test_a_body_that_is_no_model_comes_back_as_json(
    fake: FakePort, inventory: Inventory
) -> None:
    rule = fake.on(Inventory.create).returns(Product("1"))
    await inventory.create(cast(Any, {"colour": "red"}))
    assert rule.calls[0].arguments == {"body": {"colour": "red"}}


async def test_literals_within_other_annotations(fake: FakePort) -> None:
    @http_client(base_url="http://x")
    class Kinds:
        @get("/kinds")
        async def kinds(
            self,
            kind: Annotated[Literal[1, "b"], "noted"],
            more: Annotated[Literal[2], "too"] | None = None,
        ) -> Any: ...

    rule = fake.on(Kinds.kinds).returns(None)
    await client_for(Kinds, port=fake).kinds(1, 2)
    assert rule.calls[0].arguments == {"kind": 1, "more": 2}


async def test_every_difference_between_two_bodies_is_told(fake: FakePort) -> None:
    @http_client(base_url="http://x")
    class Items:
        @post("/items")
        async def items(self, body: Any) -> Any: ...

    wanted = {"a": [1, {"b": True}], "c": "x", "password": "s3cret", "list": [1]}
    fake.on(Items.items, wanted)
    sent = {"a": [1.0, {"b": 1}], "d": None, "password": "s3cr3t", "list": "x" * 400}
    with pytest.raises(UnexpectedRequestException) as caught:
        await client_for(Items, port=fake).items(sent)
    differs = str(caught.value).partition("which differs:\n")[2].splitlines()
    assert differs == [
        "    body.a[1].b: the rule wants true, but 1 was sent",
        '    body.c: the rule wants "x", but nothing was sent',
        f'    body.list: the rule wants [1], but "{"x" * 299}… was sent',
        '    body.password: the rule wants "***", but "***" was sent',
        "    body.d: the rule wants nothing, but null was sent",
    ]


async def test_a_long_body_of_bytes_is_not_shown_as_a_whole(
    fake: FakePort, warehouse: Warehouse
) -> None:
    fake.on(Warehouse.blob, b"x")
    with pytest.raises(UnexpectedRequestException, match=r"(?s)…\ \(100\ bytes\)\ was\ sent$"):
        await warehouse.blob(bytes(100))


async def test_constants_of_the_class_do_not_count_as_fields(fake: FakePort) -> None:
    @http_client(base_url="http://x", params={"v": "1"})
    class Shop:
        @get("/shop")
        async def shop(self, by: Annotated[Filter, Query()]) -> Any: ...

        @get("/any/{name}")
        async def any(
            self, name: str, by: Annotated[dict[str, str], Query()], page: int = 1
        ) -> Any: ...

        @post("/form")
        async def form(
            self, by: Annotated[dict[str, str], Form()], page: Annotated[int, Form()] = 1
        ) -> Any: ...

    rule = fake.on(Shop.shop, Filter("red")).returns(1)
    loose = fake.on(Shop.any).returns(2)
    form = fake.on(Shop.form, {"v": "2"}).returns(3)
    client = client_for(Shop, port=fake)
    assert await client.form({"v": "2"}) == 3
    assert form.calls[0].arguments == {"by": {"v": "2"}, "page": 1}
    assert await client.shop(Filter("red")) == 1
    assert rule.calls[0].arguments == {"by": Filter("red")}
    assert await client.any("x", {"name": "y"}) == 2
    assert loose.calls[0].arguments == {
        "name": "x",
        "by": {"v": "1", "name": "y"},
        "page": 1,
    }


async def test_a_recorded_call_shows_no_secret(fake: FakePort) -> None:
    @http_client(base_url="http://x", auth="Bearer s3cret")
    class Guarded:
        @post("/login")
        async def login(
            self,
            password: Annotated[str, Form()],
            user: Annotated[Filter, Form()],
            token: Annotated[str, Cookie("sid")],
            headers: dict[str, str] | None = None,
        ) -> None: ...

    rule = fake.on(Guarded.login).returns(None)
    await client_for(Guarded, port=fake).login("s3cret", Filter("red"), "s3cret")
    assert rule.calls[0].arguments["password"] == "s3cret"
    assert "s3cret" not in repr(rule.calls)
    assert "red" in repr(rule.calls)


@dataclass
class Inner:
    colours: list[str]
    size: int | None = None


@dataclass
class Outer:
    name: str
    inner: Inner


@http_client(base_url="http://x")
class Nested:
    @get("/spread")
    async def spread(self, by: Annotated[Outer, Query(nested=True)], page: int = 1) -> Any: ...

    @get("/below")
    async def below(self, by: Annotated[Inner, Query("in", nested=True)]) -> Any: ...

    @post("/form")
    async def form(
        self,
        by: Annotated[Outer, Form(nested=True)],
        numbers: Annotated[list[int], Form(nested=True)],
        meta: Annotated[dict[str, Any], Form("meta", nested=True)],
    ) -> Any: ...


async def test_fields_within_fields(fake: FakePort) -> None:
    outer = Outer("a%41 b", Inner(["red", "blue"], 3))
    spread = fake.on(Nested.spread, outer).returns(1)
    below = fake.on(Nested.below, Inner(["red"])).returns(2)
    form = fake.on(Nested.form, outer, [1, 2], {"a": {"b": "c"}}).returns(3)
    client = client_for(Nested, port=fake)
    assert await client.spread(outer) == 1
    assert await client.below(Inner(["red"])) == 2
    assert await client.form(outer, [1, 2], {"a": {"b": "c"}}) == 3
    assert spread.calls[0].arguments == {"by": outer, "page": 1}
    assert below.calls[0].arguments == {"by": Inner(["red"])}
    assert form.calls[0].arguments == {
        "by": outer,
        "numbers": [1, 2],
        "meta": {"a": {"b": "c"}},
    }
    with pytest.raises(UnexpectedRequestException, match="by: the rule wants"):
        await client.below(Inner(["blue"]))


async def test_nested_fields_that_contradict_each_other_come_back_as_they_are(
    fake: FakePort,
) -> None:
    rule = fake.on(Nested.spread).returns(1)
    await fake.request("GET", "/spread?name=a&name[b]=c&inner=x")
    assert rule.calls[0].arguments["by"] == {"name": "a", "name[b]": "c", "inner": "x"}


async def test_a_multipart_body_of_another_hand(fake: FakePort) -> None:
    rule = fake.on(Warehouse.upload, "t\ufffd", b"x").returns(None)
    body = (
        b'--b\r\nX-Other: 1\r\nContent-Disposition: form-data; name="title"\r\n\r\nt\xff\r\n'
        b'--b\r\nContent-Disposition: form-data; name="photo"; filename="photo"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\nx\r\n--b--\r\n"
    )
    kind = {"content-type": 'multipart/form-data; boundary="b"'}
    await fake.request("POST", "/upload", content=body, headers=kind)
    assert rule.calls[0].arguments == {"title": "t\ufffd", "photo": b"x", "scans": []}


async def test_half_a_surrogate_pair_does_no_harm(fake: FakePort) -> None:
    rule = fake.on(Inventory.note).returns("x")
    kind = {"content-type": "application/json"}
    await fake.request("PUT", "/products/1/note", content=b'"\\ud800"', headers=kind)
    assert rule.calls[0].arguments == {"product_id": "1", "body": "\ud800"}


class Draft(BaseModel):
    name: str
    price: float = 1.0


@service_client("http://shop")
class Drafts:
    @post("/drafts")
    async def create(self, body: Draft) -> int: ...


async def test_any_within_a_model_is_any_without_a_warning() -> None:
    with FakePort() as fake:
        fake.on(Drafts.create, Draft.model_construct(name=ANY, price=2.0)).returns(1)
        drafts = client_for(Drafts, port=fake)
        assert await drafts.create(Draft(name="Saw", price=2.0)) == 1
        with pytest.raises(UnexpectedRequestException, match="<ANY>"):
            await drafts.create(Draft(name="Saw", price=3.0))
        fake._unexpected.clear()
