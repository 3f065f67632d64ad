"""The generated function of a method."""

from __future__ import annotations

import gc
import inspect
import linecache
import traceback
from typing import Annotated, Any

import pytest

from pyfly.client import (
    ClientArgumentException,
    ClientDeclarationException,
    Cookie,
    Header,
    Query,
    Timeout,
    get,
    http_client,
    post,
)
from pyfly.client._bind.codegen import generate, render
from pyfly.client._compile.compile import compile_client
from pyfly.client._compile.plan import MethodPlan
from pyfly.client.message import Request


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
    assert "_path_shop(shop)" in shown


async def test_the_text_is_kept_as_long_as_the_declaration() -> None:
    function = generate(plan_of(Search), True, echo)
    name = function.__code__.co_filename
    del function
    gc.collect()
    assert name in linecache.cache
    assert generate(plan_of(Search), True, echo).__code__.co_filename == name


async def test_names_of_parameters_never_collide_with_its_own() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/a/{url}")
        async def call(
            self, url: str, query: str, headers: str, _invoke: str, _request: str, _method: str
        ) -> None: ...

    assert (await run(Client, "1", "2", "3", "4", "5", "6")).url == (
        "/a/1?query=2&headers=3&_invoke=4&_request=5&_method=6"
    )


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


async def test_constants_that_cannot_be_sent_are_declaration_errors() -> None:
    @http_client(base_url="http://x", headers={"X-App": "a\r\nb"}, params={"v": object()})
    class Client:
        @get("/a")
        async def call(self) -> None: ...

    plan = plan_of(Client)
    for encoded in (True, False):
        with pytest.raises(ClientDeclarationException, match="the value of 'v' cannot be sent"):
            render(plan, encoded)
        with pytest.raises(ClientDeclarationException, match="the value of 'X-App' cannot be sent"):
            render(plan.replace(params={}), encoded)
