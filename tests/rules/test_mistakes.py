"""WiredClient mistakes: all of a class at once, each by class, method and what to write."""

from collections.abc import Sequence
from typing import Annotated, Any, Protocol

import pytest

from pyfly.client import (
    Body,
    ClientDeclarationException,
    Path,
    Query,
    connect,
    connect_sync,
    get,
    head,
    http_client,
    post,
    service_client,
)
from tests.rules.support import PlainPort, over

WRONG_PATHS = {
    "no_slash": "users",
    "absolute": "http://evil.example/users",
    "scheme_relative": "//evil.example/users",
    "with_query": "/users?active=1",
    "with_fragment": "/users#top",
    "not_closed": "/users/{id",
    "not_opened": "/users/id}",
    "nested": "/users/{a{b}}",
    "no_name": "/users/{}",
    "no_identifier": "/users/{user id}",
    "unknown": "/users/{nobody}",
    "repeated": "/users/{id}/{id}",
}


@http_client(base_url="http://x")
class Bad:
    @get("users")
    async def no_slash(self) -> dict: ...

    @get("http://evil.example/users")
    async def absolute(self) -> dict: ...

    @get("//evil.example/users")
    async def scheme_relative(self) -> dict: ...

    @get("/users?active=1")
    async def with_query(self) -> dict: ...

    @get("/users/{id")
    async def not_closed(self, id: str) -> dict: ...

    @get("/users/id}")
    async def not_opened(self) -> dict: ...

    @get("/users/{nobody}")
    async def unknown(self, id: str) -> dict: ...

    @get("/users/{id}/{id}")
    async def repeated(self, id: str) -> dict: ...

    @get("/users")
    async def missing(self, id: Annotated[str, Path()]) -> dict: ...

    @get("/users")
    async def body_on_get(self, body: dict) -> dict: ...

    @head("/users")
    async def body_on_head(self, body: dict) -> None: ...

    @post("/users")
    async def two_bodies(self, body: dict, other: Annotated[dict, Body()]) -> dict: ...

    @get("/fine/{id}")
    async def fine(self, id: str) -> dict: ...


MISTAKEN = [
    "no_slash", "absolute", "scheme_relative", "with_query", "not_closed", "not_opened",
    "unknown", "repeated", "missing", "body_on_get", "body_on_head", "two_bodies",
]  # fmt: skip


@pytest.fixture(scope="module")
def told() -> ClientDeclarationException:
    with pytest.raises(ClientDeclarationException) as caught:
        over(PlainPort(), Bad)
    return caught.value


def test_all_mistakes_are_reported_at_once(told: ClientDeclarationException) -> None:
    named = {problem.split(":")[0] for problem in told.problems}
    assert named == {f"Bad.{name}" for name in MISTAKEN}


@pytest.mark.parametrize("name", MISTAKEN)
def test_each_has_a_line_with_class_method_and_what_to_write(
    told: ClientDeclarationException, name: str
) -> None:
    mine = [problem for problem in told.problems if problem.startswith(f"Bad.{name}: ")]
    assert mine
    for problem in mine:
        assert "(" in problem, "it says what to write instead"
        assert "\n" not in problem
        assert problem in str(told).replace("\n  ", "\n")


def test_a_method_without_a_mistake_is_not_mentioned(told: ClientDeclarationException) -> None:
    assert "fine" not in str(told)


@pytest.mark.parametrize(
    ("name", "words"),
    [("unknown", ["nobody"]), ("repeated", ["id"]), ("missing", ["id"]), ("body_on_get", ["body"]),
     ("two_bodies", ["body", "other"])],
)  # fmt: skip
def test_a_mistake_names_its_parameter(
    told: ClientDeclarationException, name: str, words: list[str]
) -> None:
    (problem,) = [problem for problem in told.problems if problem.startswith(f"Bad.{name}:")]
    assert all(word in problem for word in words)


@pytest.mark.parametrize("name", WRONG_PATHS)
def test_a_wrong_path_is_refused(name: str) -> None:
    @http_client(base_url="http://x")
    class Client:
        @get(WRONG_PATHS[name])
        async def read(self, id: str = "1", a: str = "1") -> dict: ...

    with pytest.raises(ClientDeclarationException, match=r"Client\.read: "):
        over(PlainPort(), Client)


def test_a_path_in_traversal_is_refused_or_harmless() -> None:
    @http_client(base_url="http://x/base")
    class Client:
        @get("/../admin")
        async def read(self) -> dict: ...

    with pytest.raises(ClientDeclarationException, match=r"Client\.read: "):
        over(PlainPort(), Client)


async def test_connect_reports_them_too() -> None:
    async def use() -> None:
        async with connect(Bad):
            pass

    with pytest.raises(ClientDeclarationException, match=r"Bad\.no_slash"):
        await use()


async def test_a_synchronous_stub_in_an_asynchronous_client_is_a_mistake() -> None:
    @http_client(base_url="http://x")
    class Mixed:
        @get("/a")
        async def a(self) -> dict: ...

        @get("/b")
        def b(self) -> dict: ...

    async def use() -> None:
        async with connect(Mixed):
            pass

    with pytest.raises(ClientDeclarationException, match="Mixed"):
        await use()


def test_connect_sync_refuses_asynchronous_stubs() -> None:
    @http_client(base_url="http://x")
    class Async:
        @get("/a")
        async def a(self) -> dict: ...

    def use() -> None:
        with connect_sync(Async):
            pass

    with pytest.raises((ClientDeclarationException, TypeError), match=r"Async"):
        use()


def test_a_class_that_was_never_declared_is_named() -> None:
    class Forgotten:
        @get("/a")
        async def a(self) -> dict: ...

    with pytest.raises((ClientDeclarationException, TypeError), match="Forgotten") as caught:
        over(PlainPort(), Forgotten)
    assert "client" in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"retry": -1},
        {"retry": 0},
        {"retry": "3"},
        {"retry_base_delay": -1.0},
        {"retry_base_delay": float("nan")},
        {"circuit_breaker_failure_threshold": 0},
        {"circuit_breaker_failure_threshold": -5},
        {"circuit_breaker_recovery_timeout": -1.0},
        {"circuit_breaker_recovery_timeout": float("inf")},
        {"circuit_breaker": "yes"},
    ],
    ids=repr,
)
def test_a_parameter_of_the_decorator_out_of_range_is_refused_and_named(
    arguments: dict[str, Any],
) -> None:
    def use() -> None:
        @service_client(base_url="http://x", **arguments)
        class Client:
            @get("/a")
            async def a(self) -> dict: ...

        over(PlainPort(), Client)

    with pytest.raises((ClientDeclarationException, ValueError, TypeError)) as caught:
        use()
    name = next(iter(arguments))
    assert name in str(caught.value) or name.rsplit("_", 2)[-1] in str(caught.value)


def test_a_style_that_does_not_exist_is_refused() -> None:
    def use() -> None:
        @http_client(base_url="http://x")
        class Client:
            @get("/a")
            async def a(self, q: Annotated[Sequence[str], Query(style="tabs")]) -> dict: ...

        over(PlainPort(), Client)

    with pytest.raises((ClientDeclarationException, ValueError), match="tabs"):
        use()


def test_a_protocol_with_mistakes_reports_them_alike() -> None:
    @http_client(base_url="http://x")
    class Wrong(Protocol):
        @get("a")
        async def a(self) -> dict: ...

        @get("/b/{c}")
        async def b(self) -> dict: ...

    with pytest.raises(ClientDeclarationException) as caught:
        over(PlainPort(), Wrong)
    assert len(caught.value.problems) == 2
