"""Whatever the values: a path value stays in its slot, and a query arrives as it was given."""

import asyncio
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyfly.client import ClientArgumentException, Path, connect, get, http_client
from tests.rules.support import PlainPort, over
from tests.support.servers import ServerClient

HOSTILE = st.text(
    st.one_of(st.sampled_from("./\\?#%;:@&=+{}[] \r\n\t\x00\x7f\ud800é2eEfF"), st.characters()),
    max_size=12,
)
UNRESERVED = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
over_sockets = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@http_client(base_url="http://x")
class Slots:
    @get("/a/{first}/b/{second}/c")
    async def two(self, first: str, second: str) -> Any: ...

    @get("/files/{name}/end")
    async def file(self, name: Annotated[str, Path(segments=True)]) -> Any: ...


def must_be_refused(value: str) -> bool:
    """Whether the rules refuse a value for a whole segment."""
    lone = any("\ud800" <= one <= "\udfff" for one in value)
    control = any(one < " " or one == "\x7f" for one in value)
    return value in ("", ".", "..") or lone or control


def send(call: Any) -> str | None:
    """The path that a call leads to; None if it was refused."""
    port = PlainPort()

    async def run() -> None:
        await call(over(port, Slots))

    try:
        asyncio.run(run())
    except ClientArgumentException:
        assert port.requests == []
        return None
    return port.path


@settings(max_examples=200, deadline=None)
@given(HOSTILE, HOSTILE)
@example("..", "x")
@example("%2e%2e", "%2F")
@example("{second}", "{first}")
@example("a/../../", "\\..\\")
def test_a_path_value_never_leaves_its_slot(first: str, second: str) -> None:
    path = send(lambda client: client.two(first, second))
    if must_be_refused(first) or must_be_refused(second):
        assert path is None
        return
    if path is None:  # other characters may be refused, but not these
        assert any(ord(one) >= 0x80 for one in first + second)
        return
    _, a, one, b, two, c = path.split("/")
    assert (a, b, c) == ("a", "b", "c")
    assert (unquote(one, errors="strict"), unquote(two, errors="strict")) == (first, second)
    assert set(one + two) <= UNRESERVED | {"%"}


@settings(max_examples=200, deadline=None)
@given(HOSTILE)
@example("a/../b")
@example("/..")
@example("a//b")
def test_segments_never_climb(name: str) -> None:
    path = send(lambda client: client.file(name))
    parts = name.split("/")
    if "." in parts or ".." in parts or (must_be_refused(name) and name not in (".", "..")):
        assert path is None
        return
    if path is None:
        return
    assert path.startswith("/files/")
    assert path.endswith("/end")
    inner = path.removeprefix("/files/").removesuffix("/end")
    assert unquote(inner, errors="strict") == name
    assert set(inner) <= UNRESERVED | {"%", "/"}


def test_on_the_wire_path_and_query_arrive_as_they_were_given(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Echo:
        @get("/echo/{slot}/end")
        async def echo(self, slot: str, q: str, many: list[str]) -> dict: ...

    with asyncio.Runner() as runner:
        manager = connect(Echo)
        client = runner.run(manager.__aenter__())

        @over_sockets
        @given(HOSTILE, HOSTILE, st.lists(HOSTILE, max_size=3))
        @example("a b", "+ %2B&=#", ["", "&many=evil"])
        def check(slot: str, q: str, many: list[str]) -> None:
            try:
                heard = runner.run(client.echo(slot, q, many))
            except ClientArgumentException:
                return
            path, _, query = heard["target"].partition("?")
            _, echo, one, end = path.split("/")
            assert (echo, unquote(one, errors="strict"), end) == ("echo", slot, "end")
            expected = [("q", q), *(("many", value) for value in many)]
            got = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
            assert got == expected
            assert "+" not in query
            assert " " not in query

        try:
            check()
        finally:
            runner.run(manager.__aexit__(None, None, None))
    assert all(b"\n" not in r.raw.split(b"\r\n")[0] for r in guide.requests())
    assert all(unquote_to_bytes(r.target).count(b"/end") >= 1 for r in guide.requests())
