"""Redirects, where they are asked for: the rules, and the loop over every adapter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Protocol

import pytest

from pyfly.client import connect, connect_sync, get, http_client, post
from pyfly.client._call.redirects import Redirects, next_request
from pyfly.client.adapters.foreign import PlainValue
from pyfly.client.errors import RedirectException
from pyfly.client.message import Headers, Request, Response
from pyfly.core import Config
from tests.client.contract.peer import OK, Connection, Peer
from tests.client.contract.rows import Caller, Row

BASE = "https://api.example/base"

pytestmark = pytest.mark.filterwarnings("ignore::pyfly.client.standalone.ClientUsageWarning")


def redirected(status: int, location: str | None, **headers: str) -> Response[object]:
    fields = dict(headers) if location is None else {"Location": location, **headers}
    return Response(status, Headers(fields), b"moved")


def follow(
    location: str,
    status: int = 302,
    *,
    method: str = "GET",
    url: str = "/dir/page?q=1",
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    cross_origin: bool = False,
    base: str = BASE,
) -> Request:
    request = Request(method, url, headers or {}, content)
    redirects = Redirects(base_url=base, cross_origin=cross_origin)
    return next_request(redirects, request, redirected(status, location))


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://api.example/x", "https://api.example/x"),
        ("https://API.EXAMPLE:443/x", "https://API.EXAMPLE:443/x"),
        ("/x?y=%2F'", "https://api.example/x?y=%2F'"),
        ("other", "https://api.example/base/dir/other"),
        ("../other", "https://api.example/base/other"),
        ("../../../../other", "https://api.example/other"),
        ("?page=2", "https://api.example/base/dir/page?page=2"),
        ("//api.example/x", "https://api.example/x"),
        ("/x#fragment", "https://api.example/x"),
        ("  /x ", "https://api.example/x"),
        ("/caf\xc3\xa9", "https://api.example/caf%C3%A9"),
        ("#only", "https://api.example/base/dir/page?q=1"),
    ],
)
def test_a_location_is_relative_to_the_whole_url(location: str, expected: str) -> None:
    assert follow(location).url == expected


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("", "missing"),
        ("   ", "missing"),
        ("http://api.example/x", "from https to http"),
        ("https://evil.example/x", "another origin, https://evil.example"),
        ("//evil.example/x", "another origin"),
        ("https://api.example:444/x", "another origin, https://api.example:444"),
        ("https://user:s3cret@api.example/x", "it holds credentials"),
        ("javascript:alert(1)", "no http or https URL"),
        ("file:///etc/passwd", "no http or https URL"),
        ("/a\r\nX-Evil: 1", "characters that no URL has"),
        ("/a b", "characters that no URL has"),
        ("/\\evil.example", "characters that no URL has"),
        ("\\\\evil.example/x", "characters that no URL has"),
        ("https://[::1/x", "malformed"),
        ("//[::1/x", "its Location is malformed"),
        ("https://api.example:99999/x", "its port is 99999"),
        ("https:///x", "host and port are malformed"),
        ("https:x", "no http or https URL"),
    ],
)
def test_a_hostile_or_malformed_location_is_refused(location: str, why: str) -> None:
    with pytest.raises(RedirectException, match=why) as caught:
        follow(location, 307, headers={"Authorization": "s3cret"})
    assert "answered 307 Temporary Redirect, which is not followed" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.status_code == 307
    assert caught.value.body == b"moved"


def test_a_missing_or_doubled_location_is_refused() -> None:
    request = Request("GET", "/", {})
    with pytest.raises(RedirectException, match="its Location is missing"):
        next_request(Redirects(base_url=BASE), request, redirected(301, None))
    twice = Response[object](301, Headers([("location", "/a"), ("location", "/b")]))
    with pytest.raises(RedirectException, match="its Location is ambiguous"):
        next_request(Redirects(base_url=BASE), request, twice)


def test_without_a_base_url_the_destination_of_a_path_is_not_known() -> None:
    with pytest.raises(RedirectException, match="the redirected URL is not known"):
        follow("/x", base="")
    assert follow("/x", base="", url="https://h.example/a/b").url == "https://h.example/x"


HEADERS = {
    "Content-Type": "text/plain",
    "Content-Language": "en",
    "X-Kept": "1",
    "Authorization": "a",
    "cookie": "b",
    "Proxy-Authorization": "c",
    "X-Api-Key": "d",
    "X-Csrf-Token": "e",
}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_see_other_becomes_get_without_a_body(method: str) -> None:
    onward = follow("/x", 303, method=method, headers=HEADERS, content=b"body")
    assert (onward.method, onward.content, onward.json) == ("GET", None, None)
    assert "Content-Type" not in onward.headers
    assert "Content-Language" not in onward.headers
    assert onward.headers["Authorization"] == "a"


def test_see_other_leaves_head_alone() -> None:
    assert follow("/x", 303, method="HEAD").method == "HEAD"


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_redirect_that_keeps_the_method_repeats_the_request(status: int, method: str) -> None:
    onward = follow("/x", status, method=method, headers=HEADERS, content=b"body")
    assert (onward.method, onward.content) == (method, b"body")
    assert onward.headers == HEADERS


@pytest.mark.parametrize("status", [301, 302])
def test_a_moved_request_is_repeated_unless_it_has_a_body(status: int) -> None:
    assert follow("/x", status).method == "GET"
    assert follow("/x", status, method="DELETE").method == "DELETE"
    with pytest.raises(RedirectException, match="whether to send the body again"):
        follow("/x", status, method="POST", content=b"")
    with pytest.raises(RedirectException, match="whether to send the body again"):
        next_request(
            Redirects(base_url=BASE),
            Request("POST", "/", {}, json={"a": 1}),
            redirected(status, "/x"),
        )


def test_to_another_origin_go_neither_credentials_nor_cookies() -> None:
    location = "https://other.example/x"
    onward = follow(location, 307, headers=HEADERS, content=b"body", cross_origin=True)
    assert onward.url == location
    assert dict(onward.headers) == {
        name: HEADERS[name] for name in ("Content-Type", "Content-Language", "X-Kept")
    }


def test_even_to_another_origin_https_never_becomes_http() -> None:
    with pytest.raises(RedirectException, match="from https to http"):
        follow("http://other.example/x", cross_origin=True)
    assert follow("https://h/x", base="http://h", cross_origin=True).url == "https://h/x"


@pytest.mark.parametrize("status", [200, 204, 300, 304, 305, 306, 399, 404, 500])
def test_nothing_else_is_a_redirect(status: int) -> None:
    trail = Redirects(base_url=BASE).trail(Request("GET", "/", {}))
    assert trail.next(redirected(status, "/x")) is None


def test_a_plain_value_is_no_redirect() -> None:
    trail = Redirects(base_url=BASE).trail(Request("GET", "/", {}))
    assert trail.next(PlainValue({}, "Port")) is None


def test_a_trail_ends_after_the_limit() -> None:
    trail = Redirects(base_url=BASE).trail(Request("GET", "/", {}))
    for number in range(20):
        onward = trail.next(redirected(302, f"step{number}"))
        assert onward is not None
        assert onward.url == f"{BASE}/step{number}"
    with pytest.raises(RedirectException, match="one more than the 20 allowed"):
        trail.next(redirected(302, "/x"))
    none = Redirects(base_url=BASE, limit=0).trail(Request("GET", "/", {}))
    with pytest.raises(RedirectException):
        none.next(redirected(302, "/x"))


def test_the_loop_follows_over_the_wire(caller: Callable[..., Caller]) -> None:
    def script(connection: Connection) -> None:
        while True:
            request = connection.read_request()
            if request.startswith(b"POST /base/start "):
                connection.send(b"HTTP/1.1 303 See\r\nLocation: next\r\ncontent-length: 0\r\n\r\n")
            elif request.startswith(b"GET /base/next "):
                connection.send(
                    b"HTTP/1.1 307 T\r\nLocation: /%2Fend?x='#f\r\ncontent-length: 0\r\n\r\n"
                )
            else:
                connection.send(OK)

    with Peer(script) as peer:
        client = caller(f"{peer.url}/base", headers={"Authorization": "mine"})
        request = Request("POST", "/start", {"Content-Type": "a/b"}, b"body")
        trail = Redirects(base_url=client.adapter.base_url).trail(request)
        response = client.send("POST", "/start", request.headers, b"body")
        while (onward := trail.next(response)) is not None:
            response = client.send(onward.method, onward.url, onward.headers, onward.content)
        assert response.content == b"hi"
        assert peer.connections == 1
    assert peer.requests[-1].startswith(b"GET /%2Fend?x=' HTTP/1.1\r\n")
    assert all(b"Authorization: mine" in request for request in peer.requests)
    assert b"Content-Type" not in peer.requests[-1]


@http_client()
class Moved(Protocol):
    @post("/start")
    async def upload(self, body: AsyncIterator[bytes]) -> bytes: ...

    @get("/start")
    async def read(self) -> bytes: ...


@http_client()
class BlockingMoved(Protocol):
    @post("/start")
    def upload(self, body: Iterator[bytes]) -> bytes: ...

    @get("/start")
    def read(self) -> bytes: ...


def follows(row: Row, url: str, call: Callable[[Any], Any]) -> Any:
    """The outcome of a call of a declared client that follows redirects."""
    settings = {"adapter": row.setting, "follow-redirects": True}
    config = Config({"pyfly": {"client": {"default": settings}}}, environ={})
    if not row.asynchronous:
        with connect_sync(BlockingMoved, base_url=url, config=config) as client:
            return call(client)

    async def run() -> Any:
        async with connect(Moved, base_url=url, config=config) as client:
            return await call(client)

    return asyncio.run(run())


@pytest.mark.survives(
    "Redirects",
    "a redirect that asks for an iterator's body a second time",
    "`RedirectException` after 1 attempt; the body was sent",
)
@pytest.mark.parametrize("status", [307, 308])
def test_a_body_that_cannot_be_sent_twice_is_not_asked_for_twice(row: Row, status: int) -> None:
    def script(connection: Connection) -> None:
        head = b"HTTP/1.1 %d X\r\nlocation: /end\r\ncontent-length: 0\r\n\r\n"
        connection.answer_all(head % status)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"

    body = pieces() if row.asynchronous else iter([b"abc"])
    with Peer(script) as peer, pytest.raises(RedirectException) as caught:
        follows(row, peer.url, lambda client: client.upload(body))
    assert caught.value.attempts == 1
    assert str(caught.value).endswith(
        "which is not followed: it asks for the body a second time: the body is an iterator, "
        "which cannot be sent twice (after 1 attempt); set base_url to where it leads (see "
        "location)"
    )
    assert [request.endswith(b"3\r\nabc\r\n0\r\n\r\n") for request in peer.requests] == [True]


@pytest.mark.parametrize(
    ("location", "advice"),
    [
        ("/start", "it is one more than the 20 allowed (after 1 attempt); is it a circle?"),
        (
            "http://other.example/",
            "(after 1 attempt); set base_url to where it leads (see location)",
        ),
        ("ftp://x", "(after 1 attempt); the service has to name another Location"),
    ],
)
def test_a_refused_redirect_does_not_advise_what_is_on(
    row: Row, location: str, advice: str
) -> None:
    head = b"HTTP/1.1 302 X\r\nlocation: %s\r\ncontent-length: 0\r\n\r\n" % location.encode()
    with Peer(lambda c: c.answer_all(head)) as peer, pytest.raises(RedirectException) as caught:
        follows(row, peer.url, lambda client: client.read())
    assert str(caught.value).endswith(advice)
    assert "follow-redirects" not in str(caught.value)
