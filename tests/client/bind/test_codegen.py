"""The generated function of a method."""

from __future__ import annotations

import copy
import gc
import inspect
import linecache
import sys
import time
import timeit
import traceback
from datetime import date
from enum import IntEnum
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client import (
    ClientArgumentException,
    Cookie,
    Header,
    Path,
    Query,
    Timeout,
    get,
    http_client,
    post,
)
from pyfly.client._bind import codegen
from pyfly.client._bind.codegen import generate, render
from pyfly.client._bind.constants import constant_mistakes
from pyfly.client._compile.compile import compile_client
from pyfly.client._settings.config import ClientConfig
from pyfly.client.message import Request
from pyfly.client.plan import MethodPlan
from pyfly.client.wiring import ClientFactory
from pyfly.core import Config


def is_traced() -> bool:
    """Whether coverage is measured."""
    monitoring = getattr(sys, "monitoring", None)
    return sys.gettrace() is not None or (
        monitoring is not None and monitoring.get_tool(monitoring.COVERAGE_ID) is not None
    )


def plan_of(cls: type) -> MethodPlan:
    return compile_client(cls).methods[0]


async def echo(request: Request, timeout: float | None = None) -> Any:
    return request, timeout


async def run(cls: type, *args: Any, encoded: bool = True, **kwargs: Any) -> Request:
    function = generate(plan_of(cls), encoded, echo)
    request, _ = await function(object(), *args, **kwargs)
    assert isinstance(request, Request)
    return request


@http_client(base_url="http://x")
class Search:
    @get("/shops/{shop}/products")
    async def search(
        self,
        shop: str,
        category: str | None = None,
        tags: Annotated[list[str], Query("tag")] = [],  # noqa: B006  # never changed
        *,
        sizes: Annotated[tuple[int, ...], Query(style="csv")] = (),
    ) -> list[Any]:
        """Find products."""


async def test_the_url_holds_path_and_query_encoded() -> None:
    request = await run(Search, "a/b", "x&y=z", ["p q", "r"], sizes=(1, 2))
    assert request.method == "GET"
    assert request.url == "/shops/a%2Fb/products?category=x%26y%3Dz&tag=p%20q&tag=r&sizes=1,2"


async def test_what_is_none_or_empty_is_left_out() -> None:
    assert (await run(Search, "a")).url == "/shops/a/products"


async def test_a_port_that_encodes_gets_text_and_lists() -> None:
    request = await run(Search, "a/b", "x&y", {"q", "p"}, encoded=False, sizes=(1, 2))
    assert request.url == "/shops/a%2Fb/products"
    assert request.params == {"category": "x&y", "tag": ["p", "q"], "sizes": "1,2"}
    assert (await run(Search, "a", encoded=False)).params is None


async def test_a_separator_within_a_value_is_encoded_or_refused() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/a")
        async def call(self, v: Annotated[list[str], Query(style="csv")]) -> None: ...

    assert (await run(Client, ["a,b", "c"])).url == "/a?v=a%2Cb,c"
    with pytest.raises(ClientArgumentException, match="holds the separator"):
        await run(Client, ["a,b"], encoded=False)


async def test_headers_cookies_and_the_mapping_meet_without_regard_to_case() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/a")
        async def call(
            self,
            headers: dict[str, str | None] | None = None,
            trace: Annotated[str | None, Header("X-Trace")] = None,
            sid: Annotated[str | None, Cookie()] = None,
            lang: Annotated[str | None, Cookie()] = None,
        ) -> None: ...

    request = await run(Client, {"x-TRACE": "mapping", "X-Gone": None}, "given", "1", "de")
    assert dict(request.headers) == {"x-trace": "mapping", "cookie": "sid=1; lang=de"}
    assert dict((await run(Client)).headers) == {}
    for wrong in ({"Host": "evil"}, {"a b": "c"}, {"a": "b\r\nc"}, {"a": "\x00"}, {7: "x"}, "text"):
        with pytest.raises(ClientArgumentException):
            await run(Client, wrong)


async def test_a_body_is_json_bytes_or_plain_values() -> None:
    @http_client(base_url="http://x")
    class Client:
        @post("/a")
        async def call(self, body: Any, page: int = 1) -> None: ...

    request = await run(Client, {"ä": [1, None]})
    assert (request.url, request.content) == ("/a?page=1", '{"ä":[1,null]}'.encode())
    assert dict(request.headers) == {"content-type": "application/json"}
    request = await run(Client, {"a": (1,)}, encoded=False)
    assert (request.json, request.content, dict(request.headers)) == ({"a": [1]}, None, {})
    for falsy in ({}, [], 0, False, ""):
        assert (await run(Client, falsy, encoded=False)).json == falsy
        assert (await run(Client, falsy)).content is not None
    assert (await run(Client, None)).content is None
    for wrong in (float("nan"), object(), {"a": b""}, "\ud800"):
        with pytest.raises(ClientArgumentException, match="'body' cannot be sent"):
            await run(Client, wrong)


async def test_a_timeout_goes_beside_the_request() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/a")
        async def call(self, patience: Annotated[float | None, Timeout()] = None) -> None: ...

    function = generate(plan_of(Client), True, echo)
    assert (await function(None, 1.5))[1] == 1.5
    assert (await function(None))[1] is None
    for wrong in (0, -1, float("inf"), float("nan"), "1", True):
        with pytest.raises(ClientArgumentException, match="a timeout is"):
            await function(None, wrong)


async def test_it_looks_like_the_stub() -> None:
    function = generate(plan_of(Search), True, echo)
    stub = Search.search
    assert inspect.signature(function) == inspect.signature(stub)
    assert function.__doc__ == "Find products."
    assert function.__qualname__ == stub.__qualname__
    assert function.__annotations__ == stub.__annotations__
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'shop'"):
        await function(object())


async def test_inspect_and_tracebacks_show_its_text() -> None:
    function = generate(plan_of(Search), True, echo)
    source = inspect.getsource(function)
    assert source.lstrip().startswith("async def search(self, shop, category=None")
    try:
        await function(object(), "..")
    except ClientArgumentException as error:
        shown = "".join(traceback.format_exception(error))
    assert "shop = _path_shop(shop)" in shown


async def test_the_text_lives_as_long_as_the_class_or_one_of_its_functions() -> None:
    def make_class() -> Any:
        @http_client(base_url="http://x")
        class Client:
            @get("/a")
            async def call(self) -> None: ...

        return Client

    cls = make_class()
    first, second = (generate(plan_of(cls), True, echo) for _ in range(2))
    name = first.__code__.co_filename
    assert second.__code__.co_filename == name
    del first, cls
    gc.collect()
    assert name in linecache.cache
    assert "return await _invoke(request)" in inspect.getsource(second)
    del second
    gc.collect()
    assert name not in linecache.cache


def test_clients_of_one_class_share_what_is_compiled() -> None:
    functions = [generate(plan_of(Search), True, echo) for _ in range(2)]
    assert functions[0].__code__ is functions[1].__code__
    assert functions[0] is not functions[1]
    constant = plan_of(Search).replace(params={"v": 1})
    first, again = generate(constant, True, echo), generate(constant.replace(), True, echo)
    assert first.__code__ is again.__code__
    other = generate(plan_of(Search), False, echo)
    assert other.__code__ is not functions[0].__code__


@pytest.mark.skipif(is_traced(), reason="what a trace costs is not what it costs")
def test_classes_whose_methods_have_one_text_share_the_compilation_but_not_the_file() -> None:
    def shop(path: str) -> type:
        @http_client(base_url="http://x")
        class Shop:
            @get(path + "/{id}")
            async def find(self, id: str) -> dict: ...

        return Shop

    first = generate(plan_of(shop("/a")), True, echo)
    compiled = codegen._code.cache_info().misses
    second = generate(plan_of(shop("/b")), True, echo)
    assert codegen._code.cache_info().misses == compiled
    assert first.__code__.co_filename != second.__code__.co_filename
    assert inspect.getsource(first) == inspect.getsource(second)


def test_a_further_client_of_a_class_costs_next_to_nothing() -> None:
    plan, workshop = plan_of(Search), ClientFactory(ClientConfig(Config(environ={})))
    generate(plan, True, echo)
    own = {"timer": time.thread_time, "repeat": 5}  # what others do meanwhile does not count
    bound = min(timeit.repeat(lambda: generate(plan, True, echo), number=100, **own)) / 100
    wired = min(timeit.repeat(lambda: workshop.wire(Search()), number=200, **own)) / 200
    assert bound < 0.000_1  # of a method; to compile one takes several times as long
    assert wired < 0.001  # of a client with one method, its port included


async def test_names_of_parameters_never_collide_with_its_own() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/a/{url}")
        async def call(
            self, url: str, query: str, headers: str, _invoke: str, request: str, _method: str
        ) -> None: ...

        @get("/b")
        async def _invoke(self, q: str) -> None: ...

    assert (await run(Client, "1", "2", "3", "4", "5", "6")).url == (
        "/a/1?query=2&headers=3&_invoke=4&request=5&_method=6"
    )
    function = generate(compile_client(Client).methods[1], True, echo)
    assert (await function(None, "1"))[0].url == "/b?q=1"


def test_no_text_of_a_user_enters_the_source() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/evil'+__import__('os').abort()+'/{a}")
        async def call(self, a: str, b: Annotated[str, Query("'+boom+'")] = "'; boom") -> None: ...

    source, bound = render(plan_of(Client), True)
    assert "boom" not in source
    assert "evil" not in source
    assert any("evil" in str(value) for value in bound.values())


def test_a_synchronous_stub_gets_a_synchronous_function() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/a/{x}")
        def call(self, x: str) -> Any: ...

    function = generate(plan_of(Client), True, lambda request: request.url)
    assert function(object(), "1") == "/a/1"


@http_client(base_url="http://x", headers={"X-App": "a", "Accept": "text/plain"}, params={"v": 2})
class Constant:
    @get("/a", headers={"accept": "application/json"}, params={"tag": ["p q", "r"], "no": None})
    async def call(
        self, page: int | None = None, app: Annotated[str | None, Header("X-App")] = "b"
    ) -> None: ...


async def test_constants_of_class_and_method_go_with_every_request() -> None:
    request = await run(Constant, 3)
    assert request.url == "/a?v=2&tag=p%20q&tag=r&page=3"
    assert dict(request.headers) == {"x-app": "b", "accept": "application/json"}
    request = await run(Constant, encoded=False)
    assert (request.url, request.params) == ("/a", {"v": "2", "tag": ["p q", "r"]})
    assert dict((await run(Constant, 3, None)).headers) == {"accept": "application/json"}


def test_constants_that_cannot_be_sent_are_declaration_errors() -> None:
    @http_client(base_url="http://x", headers={"X-App": "a\r\nb"}, params={"v": object()})
    class Client:
        @get("/a")
        async def call(self) -> None: ...

    plan = plan_of(Client)
    header, parameter = constant_mistakes(plan)
    assert header.startswith("Client.call: headers: the value of 'X-App' cannot be sent: it holds")
    assert parameter.startswith("Client.call: params: the value of 'v' cannot be sent: a object")


class Number(IntEnum):
    ONE = 1


@http_client(base_url="http://x")
class Mixed:
    @get("/{s}/{i}/{a}")
    async def call(
        self,
        s: str,
        i: int,
        a: Any,
        q: str | None = None,
        n: int | None = None,
        b: bool = True,
        c: Any = None,
        d: date | None = None,
        ssv: Annotated[list[str] | None, Query(style="ssv")] = None,
    ) -> None: ...


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SEGMENT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda text: text not in (".", "..")
)


@given(SEGMENT, st.integers(), SEGMENT, TEXT, st.integers(), st.booleans(), TEXT, st.dates())
async def test_a_url_is_read_back_as_it_was(
    s: str, i: int, a: str, q: str, n: int, b: bool, c: str, d: date
) -> None:
    url = (await run(Mixed, s, i, a, q, n, b, c, d, [q.replace(" ", "_")])).url
    path, _, query = url.partition("?")
    assert [unquote(segment) for segment in path.split("/")[1:]] == [s, str(i), a]
    assert parse_qsl(query, keep_blank_values=True) == [
        ("q", q),
        ("n", str(n)),
        ("b", str(b).lower()),
        ("c", c),
        ("d", d.isoformat()),
        ("ssv", q.replace(" ", "_")),
    ]


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (("é", 1, "x"), "/%C3%A9/1/x?b=true"),
        (("a", 2**70, 1), f"/a/{2**70}/1?b=true"),
        (("a", Number.ONE, True), "/a/1/true?b=true"),
        ((1, "a/b", 1.5), "/1/a%2Fb/1.5?b=true"),
        (("a", 1, "a", 7, "x y", "no", 3), "/a/1/a?q=7&n=x%20y&b=no&c=3"),
        (("a", 1, "a", "", 2**70, False), f"/a/1/a?q=&n={2**70}&b=false"),
        (("a", 1, "a", ["1", "2"], [3], [True]), "/a/1/a?q=1&q=2&n=3&b=true"),
        (("a", 1, "a", None, None, None), "/a/1/a"),
    ],
    ids=str,
)
async def test_values_of_other_types_than_annotated_are_sent_all_the_same(
    arguments: tuple[Any, ...], url: str
) -> None:
    assert (await run(Mixed, *arguments)).url == url


@pytest.mark.parametrize("argument", ["i", "n"])
async def test_a_number_that_python_does_not_print_names_its_parameter(argument: str) -> None:
    arguments: dict[str, Any] = {"s": "a", "i": 1, "a": "a", argument: 10**5000}
    with pytest.raises(ClientArgumentException, match="thousands of digits") as caught:
        await run(Mixed, **arguments)
    assert caught.value.parameter == argument


async def test_a_constant_path_and_a_bare_request_have_every_attribute() -> None:
    request = await run(Constant)
    for each in (request, copy.copy(request), request.with_headers({"a": "b"})):
        assert isinstance(each, Request)
        assert type(each).__name__ == "Request"
        assert (each.method, each.url) == (request.method, request.url)
        for name in ("content", "params", "json", "single_use"):
            assert getattr(each, name) is None
            setattr(each, name, None)  # as those do that make another request of it


@http_client(base_url="http://x")
class Slots:
    @get("/{path}/end")
    async def call(
        self,
        path: Annotated[str, Path(segments=True)],
        header: Annotated[str, Header("X-Text")],
        one: Annotated[str, Cookie()],
        two: Annotated[str, Cookie("b")],
        headers: dict[str, str],
    ) -> None: ...


VISIBLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
COOKIES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='",;\\'))
SEGMENTS = st.lists(SEGMENT.filter(lambda text: "/" not in text), min_size=1)


@given(SEGMENTS, st.text(VISIBLE), COOKIES, COOKIES, st.text(VISIBLE))
async def test_segments_headers_and_cookies_are_read_back_as_they_were(
    segments: list[str], header: str, one: str, two: str, more: str
) -> None:
    request = await run(Slots, "/".join(segments), header, one, two, {"X-More": more})
    first, *between, last = request.url.split("/")
    assert (first, last) == ("", "end")
    assert [unquote(segment) for segment in between] == segments
    assert dict(request.headers) == {
        "x-text": header,
        "cookie": f"one={one}; b={two}",
        "x-more": more,
    }
