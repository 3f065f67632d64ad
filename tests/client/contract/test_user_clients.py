"""A client of the user's own, of either library: what it was set up with stays in force."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from pyfly.client.adapters.httpx import HttpxClientAdapter
from pyfly.client.adapters.httpx_sync import HttpxSyncClientAdapter
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.errors import (
    ClientArgumentException,
    ClientStoppedException,
    ConnectException,
    NotFoundException,
    ProtocolException,
    ReadTimeoutException,
    ResponseTooLargeException,
    TransportException,
)
from pyfly.client.message import Request
from pyfly.kernel.exceptions import AttemptTimeoutException
from tests.client.contract.peer import OK, Connection, Peer
from tests.client.contract.test_exchange import Pieces
from tests.support.patience import at_most


class Own:
    """A user's client, and adapters over it, called the same way in both worlds."""

    def __init__(self, library: str, asynchronous: bool, runner: asyncio.Runner) -> None:
        self.http = importlib.import_module(library)
        self.asynchronous = asynchronous
        self._runner = runner
        self._clients: list[Any] = []

    def client(self, **options: Any) -> Any:
        kind = self.http.AsyncClient if self.asynchronous else self.http.Client
        self._clients.append(kind(**{"trust_env": False, **options}))
        return self._clients[-1]

    def adapter(self, client: Any, base_url: str = "", **options: Any) -> Any:
        kind = HttpxClientAdapter if self.asynchronous else HttpxSyncClientAdapter
        return kind(base_url, client=client, **options)

    def run(self, outcome: Any) -> Any:
        if not self.asynchronous:
            return outcome

        async def wait() -> Any:
            return await outcome

        return self._runner.run(wait())

    def send(
        self,
        adapter: Any,
        method: str = "GET",
        url: str = "/",
        within: float | None = None,
        **parts: Any,
    ) -> Any:
        deadline = None if within is None else time.monotonic() + within
        request = Request(method, url, parts.get("headers", {}), parts.get("content"))
        return self.run(adapter.send(request, deadline))

    def close(self) -> None:
        for client in self._clients:
            if self.asynchronous:
                self.run(client.aclose())
            else:
                client.close()


@pytest.fixture(params=["httpx2-async", "httpx2-sync", "httpx-async", "httpx-sync"])
def own(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Iterator[Own]:
    library, _, kind = request.param.partition("-")
    made = Own(library, kind == "async", runner)
    yield made
    made.close()


def test_its_headers_cookies_auth_and_base_url_count(own: Own) -> None:
    with Peer() as peer:
        client = own.client(
            base_url=f"{peer.url}/base",
            headers={"X-Mine": "1"},
            cookies={"c": "2"},
            auth=("u", "p"),
        )
        adapter = own.adapter(client, headers={"X-Adapter": "3"})
        assert own.send(adapter, "GET", "/a%2Fb?x='", headers={"X-Request": "4"}).content == b"hi"
        assert adapter.base_url.startswith(f"{peer.url}/base")
    request = peer.requests[0]
    assert request.startswith(b"GET /base/a%2Fb?x=' HTTP/1.1\r\n")
    for line in (b"x-mine: 1", b"cookie: c=2", b"x-adapter: 3", b"x-request: 4"):
        assert line + b"\r\n" in request.lower()
    assert b"Authorization: Basic dTpw" in request


@pytest.mark.parametrize(
    "target", ["/a%2Fb/%2E/;x='!*", "/a/./b/../c", "/p?", "/|^[]`{}", "/%7Efoo?q=%20+`{}"]
)
def test_the_target_is_on_the_wire_byte_for_byte(own: Own, target: str) -> None:
    with Peer() as peer:
        own.send(own.adapter(own.client(), f"{peer.url}/base"), "GET", target)
        own.send(own.adapter(own.client(base_url=f"{peer.url}/base")), "GET", target)
    expected = b"/base" + target.encode()
    assert [request.split(b" ")[1] for request in peer.requests] == [expected, expected]


@pytest.mark.parametrize("length", [7, None])
def test_a_body_in_pieces_arrives_whole(own: Own, length: int | None) -> None:
    body = Pieces([b"abc", b"defg"], length)
    with Peer() as peer:
        own.send(own.adapter(own.client(), peer.url), "POST", content=body)
    expected = b"Content-Length: 7" if length else b"Transfer-Encoding: chunked"
    assert expected.lower() + b"\r\n" in peer.requests[0].lower()
    assert b"defg" in peer.requests[0]
    assert body.closed == 1


def test_bytes_come_undecoded_and_within_the_limit(own: Own) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 7\r\n\r\nno gzip"
    with Peer(lambda c: c.answer_all(answer)) as peer:
        response = own.send(own.adapter(own.client(), peer.url))
        assert (response.content, response.content_encoding) == (b"no gzip", "gzip")
        settings = ConnectionSettings(max_response_size=6)
        with pytest.raises(ResponseTooLargeException):
            own.send(own.adapter(own.client(), peer.url, settings=settings))


def test_hooks_run_and_may_read_the_response(own: Own) -> None:
    seen: list[str] = []

    async def async_hook(response: Any) -> None:
        seen.append((await response.aread()).decode())

    def hook(response: Any) -> None:
        seen.append(response.read().decode())

    hooks = {"response": [async_hook if own.asynchronous else hook]}
    with Peer() as peer:
        response = own.send(own.adapter(own.client(event_hooks=hooks), peer.url))
    assert seen == ["hi"]
    assert (response.content, response.content_encoding) == (b"hi", None)


def test_a_hook_that_raises_for_the_status_is_understood(own: Own) -> None:
    async def async_hook(response: Any) -> None:
        response.raise_for_status()

    def hook(response: Any) -> None:
        response.raise_for_status()

    answer = b"HTTP/1.1 404 Not Found\r\nX-Why: it\r\ncontent-length: 0\r\n\r\n"
    hooks = {"response": [async_hook if own.asynchronous else hook]}
    with Peer(lambda c: c.answer_all(answer)) as peer, pytest.raises(NotFoundException) as caught:
        own.send(own.adapter(own.client(event_hooks=hooks), peer.url))
    assert caught.value.headers["x-why"] == "it"


def test_redirects_are_not_followed_although_the_client_would(own: Own) -> None:
    answer = b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n"
    with Peer(lambda c: c.answer_all(answer)) as peer:
        adapter = own.adapter(own.client(follow_redirects=True), peer.url)
        assert own.send(adapter).status_code == 302
    assert len(peer.requests) == 1


def test_credentials_stay_at_the_origin(own: Own) -> None:
    with Peer() as peer, Peer() as other:
        client = own.client(headers={"X-Api-Key": "k3y"}, auth=("u", "s3cret"))
        adapter = own.adapter(client, peer.url, headers={"Authorization": "mine"})
        own.send(adapter, "GET", f"{other.url}/", headers={"X-Token": "asked-for"})
    assert b"k3y" not in other.requests[0]
    assert b"uthorization" not in other.requests[0]
    assert b"X-Token: asked-for" in other.requests[0]


def test_its_errors_become_ours(own: Own, unused_port: int) -> None:
    adapter = own.adapter(own.client(), f"http://127.0.0.1:{unused_port}")
    with pytest.raises(ConnectException) as caught:
        own.send(adapter)
    assert type(caught.value.__cause__).__module__ == own.http.__name__
    with pytest.raises(ConnectException):
        own.run(adapter.request("GET", f"http://127.0.0.1:{unused_port}/"))
    with (
        Peer(lambda c: c.answer_all(b"nonsense\r\n\r\n")) as peer,
        pytest.raises(ProtocolException),
    ):
        own.send(own.adapter(own.client(), peer.url))


def test_its_timeouts_stay_in_force(own: Own) -> None:
    with Peer(lambda c: c.wait_for_close()) as peer, pytest.raises(ReadTimeoutException):
        own.send(own.adapter(own.client(timeout=0.1), peer.url), within=5)


def test_a_deadline_that_has_passed_sends_nothing(own: Own) -> None:
    with Peer() as peer:
        with pytest.raises(AttemptTimeoutException):
            own.send(own.adapter(own.client(), peer.url), within=-1)
        assert peer.connections == 0


@pytest.mark.survives(
    "Sending", "a client of one's own has no timeout", "`AttemptTimeoutException` all the same"
)
def test_the_deadline_bounds_an_asynchronous_one(own: Own) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        connection.drip(b"x" * 1000, 0.01)

    adapter = own.adapter(own.client())
    assert adapter.bounds_deadline is own.asynchronous
    if own.asynchronous:
        with Peer(script) as peer:
            began = time.monotonic()
            with pytest.raises(AttemptTimeoutException, match=f":{peer.port} took longer than"):
                own.send(own.adapter(own.client(), peer.url), within=0.1)
            assert time.monotonic() - began < at_most(0.6)


@pytest.mark.survives(
    "Sending",
    "a hook of a client of one's own raises `TimeoutError`",
    "that error, not a timeout of ours",
)
def test_a_timeout_of_somebody_else_is_not_taken_for_the_deadline(own: Own) -> None:
    async def async_hook(request: Any) -> None:
        raise TimeoutError("mine")

    def hook(request: Any) -> None:
        raise TimeoutError("mine")

    hooks = {"request": [async_hook if own.asynchronous else hook]}
    with Peer() as peer, pytest.raises(TimeoutError, match="mine"):
        own.send(own.adapter(own.client(event_hooks=hooks), peer.url), within=5)


def test_stopping_leaves_it_open(own: Own) -> None:
    with Peer() as peer:
        client = own.client()
        adapter = own.adapter(client, peer.url)
        own.run(adapter.start())
        own.send(adapter)
        own.run(adapter.stop())
        assert not client.is_closed
        with pytest.raises(ClientStoppedException):
            own.send(adapter)
        own.send(own.adapter(client, peer.url))
        assert peer.connections == 1


def test_a_custom_transport_is_used(own: Own) -> None:
    def answer(request: Any) -> Any:
        return own.http.Response(200, json={"path": request.url.path})

    client = own.client(transport=own.http.MockTransport(answer))
    response = own.send(own.adapter(client, "http://nowhere.example/base"), "GET", "/x")
    assert response.json() == {"path": "/base/x"}


def test_a_body_that_a_hook_has_taken_is_an_error_of_ours(own: Own) -> None:
    async def async_hook(response: Any) -> None:
        async for _ in response.aiter_raw():
            pass

    def hook(response: Any) -> None:
        for _ in response.iter_raw():
            pass

    hooks = {"response": [async_hook if own.asynchronous else hook]}
    with Peer() as peer, pytest.raises(TransportException, match="cannot be read twice"):
        own.send(own.adapter(own.client(event_hooks=hooks), peer.url))


def test_the_wrong_kind_of_client_is_refused(own: Own) -> None:
    wrong = own.http.Client if own.asynchronous else own.http.AsyncClient
    client = wrong(trust_env=False)
    with pytest.raises(TypeError, match="takes the other kind"):
        own.adapter(client)
    with pytest.raises(TypeError, match=r"client is a builtins\.object"):
        own.adapter(object())
    if own.asynchronous:
        client.close()


def test_a_url_that_cannot_be_sent_is_refused(own: Own) -> None:
    with pytest.raises(ClientArgumentException):
        own.send(own.adapter(own.client()), "GET", "no-slash")
    with pytest.raises(ClientArgumentException):
        own.send(own.adapter(own.client(base_url="http://127.0.0.1:1")), "GET", "/é")
    with pytest.raises(ClientArgumentException, match="it holds credentials") as caught:
        own.adapter(own.client(base_url="http://u:s3cret@127.0.0.1:1"))
    assert "s3cret" not in str(caught.value)


@pytest.mark.survives(
    "Sending",
    "a redirect whose `Location` is no URL, over a client of one's own",
    "`RedirectException`, and no second attempt",
)
@pytest.mark.parametrize("location", ["http://[::1", "https://xn--/", "https://a..b/"])
def test_a_location_that_the_library_cannot_read_is_given_back(own: Own, location: str) -> None:
    head = f"HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 2\r\n\r\nhi"
    with Peer(lambda c: c.answer_all(head.encode())) as peer:
        adapter = own.adapter(own.client(), peer.url)
        response = own.send(adapter)
        assert (response.status_code, response.headers["location"]) == (302, location)
        opened = own.run(adapter.open(Request("GET", "/", {}), None, 5.0))
        assert opened.status_code == 302
        assert own.run(opened.read_all()).headers["location"] == location
    assert len(peer.requests) == 2


def test_a_host_that_is_no_domain_name_cannot_be_reached(own: Own) -> None:
    adapter = own.adapter(own.client(), "http://xn--a:9")
    with pytest.raises(ConnectException):
        own.send(adapter)


def test_request_goes_below_the_adapters_own_base_url(own: Own) -> None:
    seen: list[str] = []

    def answer(request: Any) -> Any:
        seen.append(str(request.url))
        return own.http.Response(200)

    transport = own.http.MockTransport(answer)
    for client in (
        own.client(transport=transport),
        own.client(transport=transport, base_url="https://api.test"),
    ):
        adapter = own.adapter(client, "https://other.test/v2")
        own.run(adapter.request("GET", "/users/1", params={"a": "b"}))
        own.run(adapter.request("GET", "https://third.test/x"))
    own.run(own.adapter(client).request("GET", "users/2"))
    below = "https://other.test/v2/users/1?a=b"
    assert seen == [*[below, "https://third.test/x"] * 2, "https://api.test/users/2"]


def test_the_timeout_of_an_adapter_must_be_one() -> None:
    with pytest.raises(ValueError, match="timeout is 30; write a timedelta"):
        HttpxClientAdapter("http://h", 30)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="it must be above 0"):
        HttpxClientAdapter("http://h", timedelta())
    assert OK.startswith(b"HTTP/1.1 200")
