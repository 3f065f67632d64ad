"""A class becomes a plan, or one error with every mistake."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Protocol
from unittest.mock import AsyncMock, Mock

import pytest

from pyfly.client import (
    Body,
    ClientDeclarationException,
    Cookie,
    File,
    Header,
    Path,
    Query,
    RetryPolicy,
    Timeout,
    connect,
    connect_sync,
    delete,
    get,
    http_client,
    idempotent,
    post,
    put,
    retryable,
    service_client,
)
from pyfly.client._compile.compile import compile_client
from pyfly.client.plan import ParameterKind
from pyfly.client.ports import HttpClientPort
from pyfly.core import Config
from pyfly.testing import client_for


class Opaque:
    """Nothing that JSON could become."""


def problems_of(cls: type) -> str:
    with pytest.raises(ClientDeclarationException) as caught:
        compile_client(cls)
    return "\n".join(caught.value.problems)


def test_each_parameter_gets_its_place() -> None:
    @http_client(base_url="http://x")
    class Client:
        @put("/a/{one}/{two}")
        async def call(
            self,
            one: str,
            renamed: Annotated[int, Path("two")],
            body: dict[str, Any],
            page: int,
            headers: Mapping[str, str] | None,
            trace: Annotated[str, Header],
            session: Annotated[str, Cookie("sid")],
            tags: Annotated[list[str], Query("tag")],
            *,
            patience: Annotated[timedelta | None, Timeout()] = None,
        ) -> None: ...

    (method,) = compile_client(Client).methods
    kinds = {p.name: (p.kind, p.wire_name) for p in method.parameters}
    assert kinds == {
        "one": (ParameterKind.PATH, "one"),
        "renamed": (ParameterKind.PATH, "two"),
        "body": (ParameterKind.BODY, "body"),
        "page": (ParameterKind.QUERY, "page"),
        "headers": (ParameterKind.HEADERS, "headers"),
        "trace": (ParameterKind.HEADER, "trace"),
        "session": (ParameterKind.COOKIE, "sid"),
        "tags": (ParameterKind.QUERY, "tag"),
        "patience": (ParameterKind.TIMEOUT, "patience"),
    }
    assert method.operation == "Client.call"
    assert [p.name for p in method.parameters if p.keyword_only] == ["patience"]


def test_a_body_of_a_delete_is_a_query_parameter_unless_it_is_marked() -> None:
    @http_client(base_url="http://x")
    class Client:
        @delete("/a")
        async def plain(self, body: str) -> None: ...

        @delete("/b")
        async def marked(self, body: Annotated[dict[str, Any], Body()]) -> None: ...

    plain, marked = compile_client(Client).methods
    assert plain.parameters[0].kind is ParameterKind.QUERY
    assert marked.parameters[0].kind is ParameterKind.BODY


def test_idempotence_is_by_method_and_by_decorator_above_or_below_the_verb() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/a")
        async def read(self) -> None: ...

        @post("/a")
        async def write(self) -> None: ...

        @idempotent
        @post("/a")
        async def upsert(self) -> None: ...

        @post("/a")
        @retryable
        async def send(self) -> None: ...

    flags = {m.name: (m.idempotent, m.retryable) for m in compile_client(Client).methods}
    assert flags == {
        "read": (True, False),
        "write": (False, False),
        "upsert": (True, False),
        "send": (False, True),
    }


def test_all_mistakes_of_a_class_are_told_at_once() -> None:
    @service_client(
        base_url="http://x",
        retry=0,
        circuit_breaker="yes",  # type: ignore[arg-type]
        retry_base_delay=-1.0,
        circuit_breaker_failure_threshold=0,
        circuit_breaker_recovery_timeout=float("nan"),
    )
    class Wrong:
        @get("/a/{missing}")
        async def placeholder(self, other: str) -> dict[str, Any]: ...

        @get("/a")
        async def a_body_on_get(self, body: dict[str, Any]) -> None: ...

        @post("/a")
        async def bodies(self, body: dict[str, Any], more: Annotated[Any, Body()]) -> None: ...

        @get("no-slash")
        async def bad_path(self) -> None: ...

        @get("/a")
        async def stars(self, *many: str, **more: str) -> None: ...

        @get("/a")
        async def positional(self, one: str, /) -> None: ...

        @get("/a")
        async def unknown(self, x: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

        @get("/a")
        async def host(self, h: Annotated[str, Header("Host")]) -> None: ...

        @get("/a")
        async def token(self, h: Annotated[str, Header("X Y")]) -> None: ...

        @get("/a")
        async def cookie(self, c: Annotated[str, Cookie("a;b")]) -> None: ...

        @get("/a")
        async def twice(self, a: str, b: Annotated[str, Query("a")]) -> None: ...

        @get("/a")
        async def two_marks(self, a: Annotated[str, Query("a"), Header("b")]) -> None: ...

        @get("/a/{x}")
        async def path_mark(self, x: str, y: Annotated[str, Path()]) -> None: ...

        @get("/a/{x}")
        async def path_twice(self, x: str, y: Annotated[str, Path("x")]) -> None: ...

        @get("/a")
        async def patience(
            self, a: Annotated[float, Timeout()], b: Annotated[float, Timeout()]
        ) -> None: ...

        @get("/a")
        async def wire_name(self, a: Annotated[str, Query("")]) -> None: ...

        @get("/a")
        async def no_self() -> None: ...  # type: ignore[misc]

        @get("/a")
        def blocking(self) -> None: ...

    text = problems_of(Wrong)
    for expected in (
        "Wrong: retry=0 (it makes no attempt at all; write the number of attempts, 1 or",
        "Wrong: circuit_breaker='yes'",
        "Wrong: retry_base_delay=-1.0",
        "Wrong: circuit_breaker_failure_threshold=0",
        "Wrong: circuit_breaker_recovery_timeout=nan",
        "Wrong.placeholder: the placeholder {missing} has no parameter (there are: other",
        "Wrong.a_body_on_get: a GET has no body, so 'body' cannot be one",
        "Wrong.bodies: two bodies, 'body' and 'more'",
        "Wrong.bad_path: the path 'no-slash' must start with a slash",
        "Wrong.stars: *many cannot be sent",
        "Wrong.stars: **more cannot be sent",
        "Wrong.positional: 'one' is positional-only (remove the '/')",
        "Wrong.unknown: the annotation 'Nowhere' cannot be resolved",
        "Wrong.host: 'h': the header 'Host' is not a caller's to set",
        "Wrong.token: 'h': 'X Y' is no header name",
        "Wrong.cookie: 'c': 'a;b' is no cookie name",
        "Wrong.twice: 'a' and 'b' are both sent as the query parameter 'a'",
        "Wrong.two_marks: 'a' is marked Query and Header",
        "Wrong.path_mark: 'y' is marked Path, but '/a/{x}' has no {y}",
        "Wrong.path_twice: two parameters fill {x}",
        "Wrong.patience: 'a' and 'b' both are its timeout",
        "Wrong.wire_name: 'a': the name on the wire must be a non-empty str",
        "Wrong.no_self: has no self",
        "Wrong: placeholder is async and blocking is not",
    ):
        assert expected in text


def test_an_annotation_that_raises_is_a_mistake_not_a_crash() -> None:
    @http_client(base_url="http://x")
    class Wrong:
        @get("/a")
        async def call(self, x: 1 / 0) -> None: ...  # type: ignore[valid-type]

    assert "annotations cannot be read: ZeroDivisionError" in problems_of(Wrong)


def test_a_class_without_a_decorator_or_a_request_is_refused() -> None:
    class Bare: ...

    @http_client(base_url="http://x")
    class Empty: ...

    assert "Bare: is no client class" in problems_of(Bare)
    assert "Empty: declares no request" in problems_of(Empty)


def test_two_verbs_on_one_stub_are_told_with_the_other_mistakes_of_the_class() -> None:
    @http_client(base_url="http://x")
    class Wrong:
        @get("/a")
        @post("/a")
        @put("/a")
        async def call(self) -> None: ...

        @get("b")
        async def other(self) -> None: ...

    problems = problems_of(Wrong)
    assert "Wrong.call: two verbs on one stub, PUT and POST and GET (declare a" in problems
    assert "Wrong.other: the path 'b' must start with a slash" in problems


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"headers": ["X"]}, 'headers=[\'X\'] is no mapping (write headers={"X-Name": "value"})'),
        ({"params": 3}, 'params=3 is no mapping (write params={"name": "value"})'),
        ({"errors": "4xx"}, "errors='4xx' is no mapping (write errors={404: ProductNotFound})"),
        ({"interceptors": "log"}, "interceptors='log' is no list (write interceptors=[…])"),
        ({"interceptors": Mock()}, "interceptors=<Mock> is no list (write interceptors=[…])"),
    ],
)
def test_an_argument_of_the_wrong_shape_is_told_for_the_class_and_the_method(
    arguments: Any, told: str
) -> None:
    @http_client("http://x", **arguments)
    class Wrong:
        @get("/a", **arguments)
        async def call(self) -> None: ...

    assert problems_of(Wrong).splitlines() == [f"Wrong: {told}", f"Wrong.call: {told}"]


def test_a_verb_or_class_decorator_without_its_argument_says_what_to_write() -> None:
    with pytest.raises(TypeError, match=r'write @get\("/…"\)'):

        class Wrong:
            @get  # type: ignore[arg-type]
            async def call(self) -> None: ...

    with pytest.raises(TypeError, match=r"write @service_client\(base_url=…\) above Other"):

        @service_client  # type: ignore[arg-type]
        class Other: ...

    with pytest.raises(TypeError, match=r"write @http_client\(base_url=…\) above Third"):

        @http_client  # type: ignore[arg-type]
        class Third: ...

    with pytest.raises(TypeError, match="are for classes"):
        http_client("http://x")(lambda: None)


def test_an_abstract_method_that_is_no_stub_is_a_mistake() -> None:
    @service_client(base_url="http://x")
    class Client(ABC):
        @get("/a")
        @abstractmethod
        async def stub(self) -> None: ...

        @abstractmethod
        def other(self) -> None: ...

    assert "Client.other: is abstract and no stub" in problems_of(Client)


def test_overridden_stubs_stay_reachable_for_super_but_not_by_name() -> None:
    @service_client(base_url="http://x")
    class Base(Protocol):
        @get("/a")
        async def one(self) -> Any: ...

        @get("/b")
        async def two(self) -> Any: ...

    class Child(Base):
        async def one(self) -> Any:
            return None

    plan = compile_client(Child)
    assert sorted(m.name for m in plan.methods) == ["one", "two"]
    assert list(plan.names) == ["two"]


def test_a_shared_policy_is_no_mistake() -> None:
    @service_client(base_url="http://x", retry=RetryPolicy(2))
    class Client:
        @get("/a")
        async def one(self) -> Any: ...

    assert compile_client(Client).asynchronous is True


def test_a_class_is_read_once_unless_a_stub_in_it_is_replaced() -> None:
    @http_client(base_url="http://x")
    class Client:
        @get("/a")
        async def one(self) -> Any: ...

    class Child(Client): ...

    plan = compile_client(Client)
    assert compile_client(Client) is plan
    assert compile_client(Child) is not plan
    Client.one = get("/b")(Client.one.__wrapped__)  # type: ignore[attr-defined, method-assign]
    assert compile_client(Client).methods[0].template.text == "/b"


async def test_connect_of_something_else_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="connect takes a client class"):
        async with connect(lambda: None):
            pass


def test_mistakes_that_other_rooms_find_are_in_the_same_list() -> None:
    @http_client(base_url="no-scheme", auth=7, errors={200: KeyError})
    class Wrong:
        @get("no-slash")
        async def path(self) -> None: ...

        @get("/a", interceptors=[object()])
        async def result(self) -> Opaque: ...

    with pytest.raises(ClientDeclarationException) as caught:
        client_for(Wrong, port=AsyncMock(spec=HttpClientPort))
    text = str(caught.value)
    for expected in (
        "Wrong.path: the path 'no-slash' must start with a slash",
        "Wrong.result: nothing decodes into",
        "Wrong.path: auth must be a header value",
        "Wrong.result: errors: 200 is no status",
        "Wrong.result: interceptors: object is none",
        "Wrong: base_url 'no-scheme' must start with http://",
    ):
        assert expected in text


def test_every_mistake_is_in_one_error_whoever_finds_it() -> None:
    @service_client("http://x", bulkhead=True, name="wrong", timeout="soon")  # type: ignore[arg-type]
    class Wrong:
        __slots__ = ()

        @get("no-slash")
        async def path(self) -> None: ...

        @get("/a", headers={"X-A": "é"}, params={"a": object()})
        async def constants(self) -> None: ...

        @post("/b", headers={"X-B": "ü", "Content-Type": "multipart/form-data"})
        async def more(self, photo: Annotated[bytes, File()]) -> None: ...

        @get("/c")
        async def result(self) -> Opaque: ...

        @get("/d", paginate="next")
        def items(self) -> AsyncIterator[int]: ...

        @get("/e")
        def lines(self) -> AsyncIterator[bytes]: ...

    with pytest.raises(ClientDeclarationException) as caught:
        client_for(Wrong, port=object())
    problems = caught.value.problems
    for expected in (
        "Wrong: has __slots__ and no __dict__",
        "Wrong: timeout='soon'",
        "Wrong.path: the path 'no-slash' must start with a slash",
        "Wrong.constants: headers: the value of 'X-A' cannot be sent",
        "Wrong.constants: params: the value of 'a' cannot be sent",
        "Wrong.more: headers: the value of 'X-B' cannot be sent",
        "Wrong.more: headers: a multipart body's Content-Type names its boundary",
        "Wrong.result: nothing decodes into Opaque",
        "Wrong.items: paginate: 'next' is no Page",
        "wrong: the port object lacks request() and start() and stop()",
        "Wrong.path: bulkhead: max-concurrent is not set",
    ):
        assert any(problem.startswith(expected) for problem in problems), expected
    assert len(problems) == len(set(problems))


def test_what_only_the_wiring_knows_comes_in_one_error_too() -> None:
    @service_client(name="shop", bulkhead=True)
    class Shop:
        @get("/a", headers={"X-A": "${NAME:é}"})
        def read(self) -> Any: ...

    config = Config({"pyfly": {"client": {"default": {"adapter": "aiohttp"}}}}, environ={})
    with pytest.raises(ClientDeclarationException) as caught, connect_sync(Shop, config=config):
        pass
    assert [problem.partition(" (")[0] for problem in caught.value.problems] == [
        "Shop.read: headers: the value of 'X-A' cannot be sent: a header holds ASCII only",
        "Shop: has no base URL",
        "Shop: the adapter aiohttp serves asynchronous clients alone",
        "Shop.read: bulkhead: max-concurrent is not set",
    ]
