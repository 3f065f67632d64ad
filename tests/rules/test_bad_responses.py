"""Bodies that are too large, cut short or compressed with bad intent; redirects; cookies."""

import gzip
import tracemalloc
import zlib
from typing import Any

import pytest

from pyfly.client import (
    HttpStatusException,
    ProtocolException,
    ReadException,
    RedirectException,
    ResponseDecodeException,
    ResponseException,
    ResponseTooLargeException,
    TransportException,
    connect,
    get,
    http_client,
    post,
)
from pyfly.kernel.exceptions import PyFlyException
from tests.rules.support import settings
from tests.support.servers import ServerClient


def client_class(url: str, annotation: Any = bytes) -> Any:
    @http_client(base_url=url)
    class Client:
        @get("/x")
        async def read(self) -> annotation: ...

        @get("/echo/next")
        async def echo(self) -> dict: ...

        @post("/x")
        async def send(self, body: dict) -> Any: ...

    return Client


def limited(size: Any, **more: Any) -> Any:
    return settings({"default.max-response-size": size, **more})


# Size


@pytest.mark.parametrize("answer", [{"body": b"x" * 1000}, {"chunks": [b"x" * 100] * 10}])
async def test_a_body_of_exactly_the_limit_passes(
    guide: ServerClient, answer: dict[str, Any]
) -> None:
    guide.script("/x", answer)
    async with connect(client_class(guide.url), config=limited(1000)) as client:
        assert await client.read() == b"x" * 1000


@pytest.mark.parametrize(
    "answer",
    [{"body": b"x" * 1001}, {"chunks": [b"x" * 143] * 7}, {"body": b"x" * 1001, "status": 500}],
    ids=["length", "chunked", "error"],
)
async def test_a_body_over_the_limit_is_a_typed_error_and_closes_the_connection(
    guide: ServerClient, answer: dict[str, Any]
) -> None:
    guide.script("/x", answer)
    async with connect(client_class(guide.url), config=limited(1000)) as client:
        with pytest.raises((ResponseTooLargeException, HttpStatusException)) as caught:
            await client.read()
        if answer.get("status") != 500:
            assert isinstance(caught.value, ResponseTooLargeException)
            assert "1000" in str(caught.value) or "max-response-size" in str(caught.value)
            guide.wait_for_open(0)
        await client.echo()


async def test_a_length_that_announces_too_much_is_refused_before_it_is_read(
    guide: ServerClient,
) -> None:
    raw = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nxxx"
    guide.script("/x", {"raw": raw})
    async with connect(client_class(guide.url)) as client:
        with pytest.raises(ResponseTooLargeException):
            await client.read()


async def test_the_limit_is_ten_mebibytes_unless_said_otherwise(guide: ServerClient) -> None:
    piece = b"x" * (1 << 20)
    guide.script("/x", {"chunks": [piece] * 10}, {"chunks": [*[piece] * 10, b"x"]})
    async with connect(client_class(guide.url)) as client:
        assert len(await client.read()) == 10 << 20
        with pytest.raises(ResponseTooLargeException):
            await client.read()


# Compression


def encoded(body: bytes, *names: str) -> dict[str, Any]:
    return {"headers": {"Content-Encoding": ", ".join(names)}, "body": body}


async def test_gzip_and_deflate_are_decoded(guide: ServerClient) -> None:
    guide.script(
        "/x",
        encoded(gzip.compress(b"zipped"), "gzip"),
        encoded(zlib.compress(b"zipped"), "deflate"),
        encoded(gzip.compress(gzip.compress(b"zipped")), "gzip", "gzip"),
    )
    async with connect(client_class(guide.url)) as client:
        for _ in range(3):
            assert await client.read() == b"zipped"


async def test_a_compression_bomb_is_a_typed_error_and_memory_stays_bounded(
    guide: ServerClient,
) -> None:
    guide.script("/x", encoded(gzip.compress(bytes(64 << 20), 9), "gzip"))
    async with connect(client_class(guide.url), config=limited(1 << 20)) as client:
        tracemalloc.start()
        try:
            with pytest.raises(ResponseTooLargeException):
                await client.read()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 8 << 20


async def test_a_bomb_in_a_bomb_is_a_typed_error(guide: ServerClient) -> None:
    inner = gzip.compress(gzip.compress(bytes(64 << 20), 9), 9)
    guide.script("/x", encoded(inner, "gzip", "gzip"))
    async with connect(client_class(guide.url), config=limited(1 << 20)) as client:
        with pytest.raises(ResponseTooLargeException):
            await client.read()


@pytest.mark.parametrize(("times", "fails"), [(5, False), (6, True)])
async def test_at_most_five_encodings_are_undone(
    guide: ServerClient, times: int, fails: bool
) -> None:
    body = b"deep"
    for _ in range(times):
        body = gzip.compress(body)
    guide.script("/x", encoded(body, *["gzip"] * times))
    async with connect(client_class(guide.url)) as client:
        if not fails:
            assert await client.read() == b"deep"
            return
        with pytest.raises(ResponseException):
            await client.read()


@pytest.mark.parametrize("annotation", [bytes, str, dict, Any], ids=str)
@pytest.mark.parametrize("keep", [-1, -8, -9, 12, 5])
async def test_a_truncated_gzip_is_a_typed_error(
    guide: ServerClient, annotation: Any, keep: int
) -> None:
    guide.script("/x", encoded(gzip.compress(b'{"whole": true}')[:keep], "gzip"))
    async with connect(client_class(guide.url, annotation)) as client:
        with pytest.raises((ResponseException, TransportException)):
            await client.read()


@pytest.mark.parametrize(
    "body", [b"no gzip at all", gzip.compress(b"x", mtime=0)[:-4] + b"\x00\x00\x00\x00", b""]
)
async def test_a_gzip_that_is_none_is_a_typed_error(guide: ServerClient, body: bytes) -> None:
    guide.script("/x", encoded(body, "gzip"))
    async with connect(client_class(guide.url, dict)) as client:
        with pytest.raises(PyFlyException):
            await client.read()


async def test_an_unknown_encoding_is_a_typed_error(guide: ServerClient) -> None:
    guide.script("/x", encoded(b"???", "x-mystery"))
    async with connect(client_class(guide.url, dict)) as client:
        with pytest.raises(ResponseException, match="x-mystery"):
            await client.read()


# Cut short and broken


@pytest.mark.parametrize(
    "answer",
    [
        {"raw": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", "close": True},
        {"chunks": [b"12345"], "cut": 0},
    ],
    ids=["length", "chunked"],
)
async def test_a_body_that_is_cut_short_is_a_typed_error(
    guide: ServerClient, answer: dict[str, Any]
) -> None:
    guide.script("/x", answer)
    async with connect(client_class(guide.url)) as client:
        with pytest.raises((ReadException, ProtocolException)) as caught:
            await client.read()
        assert caught.value.__cause__ is not None
        await client.echo()


@pytest.mark.parametrize(
    "raw",
    [
        "garbage\r\n\r\n",
        "HTTP/1.1 999999 What\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: minus one\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Long: " + "a" * 200_000 + "\r\n\r\n",
    ],
    ids=["no status", "status", "length", "two lengths", "chunk", "header", "long header"],
)
async def test_a_peer_that_breaks_http_is_a_typed_error(guide: ServerClient, raw: str) -> None:
    guide.script("/x", {"raw": raw, "close": True})
    async with connect(client_class(guide.url)) as client:
        with pytest.raises(ProtocolException) as caught:
            await client.read()
        assert caught.value.__cause__ is not None
        await client.echo()


async def test_bytes_after_a_response_never_become_the_next_one(guide: ServerClient) -> None:
    stray = 'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"evil": "yes"}'
    raw = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" + stray
    guide.script("/x", {"raw": raw})
    async with connect(client_class(guide.url)) as client:
        assert await client.read() == b"{}"
        assert (await client.echo())["target"] == "/echo/next"


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_typed_error_with_its_location(
    guide: ServerClient, status: int
) -> None:
    guide.script("/x", {"status": status, "headers": {"Location": "/echo/next"}})
    async with connect(client_class(guide.url, dict)) as client:
        with pytest.raises(RedirectException) as caught:
            await client.read()
    assert (caught.value.status_code, caught.value.location) == (status, "/echo/next")
    assert len(guide.requests()) == 1


async def test_304_is_no_redirect_but_no_success_either(guide: ServerClient) -> None:
    guide.script("/x", {"raw": 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'})
    async with connect(client_class(guide.url, dict)) as client:
        with pytest.raises(HttpStatusException) as caught:
            await client.read()
    assert caught.value.status_code == 304
    assert not isinstance(caught.value, RedirectException)


@pytest.fixture
def following() -> Any:
    return settings({"default.follow-redirects": True})


async def test_when_on_a_redirect_within_the_origin_is_followed(
    guide: ServerClient, following: Any
) -> None:
    for location in ("/echo/next", f"{guide.url}/echo/next", "echo/next"):
        guide.script("/x", {"status": 302, "headers": {"Location": location}})
        async with connect(client_class(guide.url, dict), config=following) as client:
            assert (await client.read())["target"] == "/echo/next"


async def test_twenty_redirects_are_followed_and_no_more(
    guide: ServerClient, following: Any
) -> None:
    hop = {"status": 302, "headers": {"Location": "/x"}}
    guide.script("/x", *[hop] * 20, {"body": {"end": True}})
    async with connect(client_class(guide.url, dict), config=following) as client:
        assert await client.read() == {"end": True}
        guide.script("/x", *[hop] * 21, {"body": {"end": True}})
        with pytest.raises(RedirectException):
            await client.read()


@pytest.mark.parametrize(
    "location",
    ["http://other.invalid/", "//other.invalid/x", "https://127.0.0.1/x", "http://127.0.0.1:1/x",
     "file:///etc/passwd", "http://a:b@other.invalid/", ""],
)  # fmt: skip
async def test_a_redirect_never_leaves_the_origin(
    guide: ServerClient, following: Any, location: str
) -> None:
    guide.script("/x", {"status": 302, "headers": {"Location": location}})
    async with connect(client_class(guide.url, dict), config=following) as client:
        with pytest.raises(RedirectException) as caught:
            await client.read()
    assert caught.value.location == location
    assert len(guide.requests()) == 1


async def test_303_becomes_get_and_307_keeps_method_and_body(
    guide: ServerClient, following: Any
) -> None:
    guide.script(
        "/x",
        {"status": 303, "headers": {"Location": "/echo/next"}},
        {"status": 307, "headers": {"Location": "/echo/next"}},
    )
    async with connect(client_class(guide.url, dict), config=following) as client:
        after_303 = await client.send({"a": 1})
        after_307 = await client.send({"a": 1})
    assert (after_303["method"], after_303["body"]) == ("GET", "")
    assert (after_307["method"], after_307["body"].replace(" ", "")) == ("POST", '{"a":1}')


@pytest.mark.parametrize("status", [301, 302])
async def test_301_and_302_with_a_body_are_an_error(
    guide: ServerClient, following: Any, status: int
) -> None:
    guide.script("/x", {"status": status, "headers": {"Location": "/echo/next"}})
    async with connect(client_class(guide.url, dict), config=following) as client:
        with pytest.raises(RedirectException):
            await client.send({"a": 1})
    assert len(guide.requests()) == 1


# Cookies


async def test_cookies_are_not_kept_between_calls(guide: ServerClient) -> None:
    guide.script("/x", {"headers": {"Set-Cookie": "session=secret; Path=/"}, "body": {}})
    async with connect(client_class(guide.url, dict)) as client:
        await client.read()
        await client.echo()
    assert guide.requests()[1].header("cookie") is None


async def test_a_connection_serves_one_call_after_the_other(guide: ServerClient) -> None:
    async with connect(client_class(guide.url, dict)) as client:
        for _ in range(5):
            await client.echo()
    assert guide.connections().opened == 1


def test_decode_errors_are_value_errors() -> None:
    assert issubclass(ResponseDecodeException, ValueError)
