"""Against httpbin: verbs, status codes, redirects, delays, drips, encodings."""

import time
from typing import Any
from urllib.parse import unquote

import pytest

from pyfly.client import (
    AttemptTimeoutException,
    CircuitBreakerException,
    HttpStatusException,
    NotFoundException,
    RedirectException,
    Response,
    ServerErrorException,
    TooManyRequestsException,
    connect,
    delete,
    get,
    patch,
    post,
    put,
    service_client,
)
from tests.rules.support import settings
from tests.support.patience import at_most
from tests.support.servers import ServerHandle


def client_class(url: str, **more: Any) -> Any:
    @service_client(base_url=url, **{"retry": False, **more})
    class Httpbin:
        @get("/get")
        async def get_it(self, q: str = "a b&c", flag: bool = True) -> dict: ...

        @post("/post")
        async def post_it(self, body: dict, dry: bool = False) -> dict: ...

        @put("/put")
        async def put_it(self, body: dict) -> dict: ...

        @patch("/patch")
        async def patch_it(self, body: dict) -> dict: ...

        @delete("/delete")
        async def delete_it(self, why: str = "old") -> dict: ...

        @get("/anything/{value}")
        async def anything(self, value: str) -> dict: ...

        @get("/status/{code}")
        async def status(self, code: int) -> None: ...

        @get("/status/{code}")
        async def raw_status(self, code: int) -> Response: ...

        @get("/redirect-to")
        async def redirect(self, url: str, status_code: int = 302) -> dict: ...

        @get("/redirect/{times}")
        async def redirects(self, times: int) -> dict: ...

        @get("/delay/{seconds}")
        async def delay(self, seconds: int) -> dict: ...

        @get("/drip")
        async def drip(self, duration: float = 5, numbytes: int = 5, delay: float = 0) -> bytes: ...

        @get("/gzip")
        async def gzip(self) -> dict: ...

        @get("/deflate")
        async def deflate(self) -> dict: ...

        @get("/bytes/{count}")
        async def some_bytes(self, count: int) -> bytes: ...

        @get("/encoding/utf8")
        async def text(self) -> str: ...

        @get("/cookies/set/{name}/{value}")
        async def set_cookie(self, name: str, value: str) -> Response: ...

        @get("/cookies")
        async def cookies(self) -> dict: ...

    return Httpbin


async def test_the_five_verbs(httpbin_server: ServerHandle) -> None:
    async with connect(client_class(httpbin_server.url)) as client:
        assert (await client.get_it())["args"] == {"q": "a b&c", "flag": "true"}
        posted = await client.post_it({"a": ["é", None]}, dry=True)
        assert (posted["json"], posted["args"]) == ({"a": ["é", None]}, {"dry": "true"})
        assert posted["headers"]["Content-Type"] == "application/json"
        assert (await client.put_it({"b": 1}))["json"] == {"b": 1}
        assert (await client.patch_it({"c": 1}))["json"] == {"c": 1}
        assert (await client.delete_it())["args"] == {"why": "old"}


@pytest.mark.parametrize("value", ["a b", "é", "a?b=c", "x;y", "100%", "a+b"])
async def test_a_path_value_arrives_as_it_was_given(
    httpbin_server: ServerHandle, value: str
) -> None:
    async with connect(client_class(httpbin_server.url)) as client:
        answer = await client.anything(value)
    assert unquote(answer["url"].partition("/anything/")[2]) == value
    assert answer["args"] == {}


@pytest.mark.parametrize(
    ("code", "kind"),
    [(404, NotFoundException), (418, HttpStatusException), (429, TooManyRequestsException),
     (500, ServerErrorException), (503, ServerErrorException), (301, RedirectException)],
)  # fmt: skip
async def test_status_codes_are_typed_errors(
    httpbin_server: ServerHandle, code: int, kind: type[HttpStatusException]
) -> None:
    async with connect(client_class(httpbin_server.url)) as client:
        with pytest.raises(kind) as caught:
            await client.status(code)
        assert caught.value.status_code == code
        assert (await client.raw_status(code)).status_code == code


@pytest.mark.parametrize("code", [200, 201, 204])
async def test_successes_are_none_for_none(httpbin_server: ServerHandle, code: int) -> None:
    async with connect(client_class(httpbin_server.url)) as client:
        assert await client.status(code) is None


async def test_redirects_are_off_and_carry_their_location(httpbin_server: ServerHandle) -> None:
    async with connect(client_class(httpbin_server.url)) as client:
        with pytest.raises(RedirectException) as caught:
            await client.redirect("http://other.invalid/x")
    assert caught.value.location == "http://other.invalid/x"
    assert caught.value.status_code == 302


async def test_redirects_are_followed_when_they_are_on(httpbin_server: ServerHandle) -> None:
    config = settings({"default.follow-redirects": True})
    async with connect(client_class(httpbin_server.url), config=config) as client:
        assert (await client.redirects(3))["url"].endswith("/get")
        with pytest.raises(RedirectException):
            await client.redirect("http://other.invalid/x")


async def test_a_delay_longer_than_the_timeout_is_a_timeout(httpbin_server: ServerHandle) -> None:
    config = settings({"default.timeout": "100ms"})
    async with connect(client_class(httpbin_server.url), config=config) as client:
        began = time.monotonic()
        with pytest.raises(AttemptTimeoutException):
            await client.delay(1)
    assert 0.08 <= time.monotonic() - began < at_most(0.4)


async def test_a_drip_longer_than_the_timeout_is_a_timeout(httpbin_server: ServerHandle) -> None:
    config = settings({"default.timeout": "150ms"})
    async with connect(client_class(httpbin_server.url), config=config) as client:
        began = time.monotonic()
        with pytest.raises(AttemptTimeoutException):
            await client.drip(duration=2, numbytes=100)
    assert 0.1 <= time.monotonic() - began < at_most(0.45)


async def test_a_drip_within_the_timeout_is_complete(httpbin_server: ServerHandle) -> None:
    async with connect(client_class(httpbin_server.url)) as client:
        assert await client.drip(duration=0.1, numbytes=7) == b"*" * 7


async def test_encodings_are_undone(httpbin_server: ServerHandle) -> None:
    async with connect(client_class(httpbin_server.url)) as client:
        assert (await client.gzip())["gzipped"] is True
        assert (await client.deflate())["deflated"] is True
        assert len(await client.some_bytes(1000)) == 1000
        assert "∮ E⋅da = Q" in await client.text()


async def test_cookies_are_not_kept(httpbin_server: ServerHandle) -> None:
    async with connect(client_class(httpbin_server.url)) as client:
        assert (await client.set_cookie("a", "b")).status_code == 302
        assert await client.cookies() == {"cookies": {}}


async def test_the_circuit_opens_on_its_errors(httpbin_server: ServerHandle) -> None:
    cls = client_class(httpbin_server.url, circuit_breaker_failure_threshold=2)
    async with connect(cls) as client:
        for _ in range(2):
            with pytest.raises(ServerErrorException):
                await client.status(503)
        with pytest.raises(CircuitBreakerException):
            await client.status(200)
