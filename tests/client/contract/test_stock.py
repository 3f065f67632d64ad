"""The stock transport, a setting away, and HTTP/2 over it."""

from __future__ import annotations

import ssl
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from pyfly.client import ClientDeclarationException, connect, get, service_client
from pyfly.client.adapters._library import MissingLibraryException
from pyfly.client.errors import (
    ClientStoppedException,
    ConnectException,
    ProtocolException,
    ReadException,
    ReadTimeoutException,
    ResponseTooLargeException,
    TlsException,
)
from pyfly.client.wiring import wiring_of
from pyfly.core import Config
from tests.client.contract.conftest import Certificates
from tests.client.contract.peer import OK, Connection, Hangup, Peer
from tests.client.contract.rows import STOCK_ROWS, Caller, Row
from tests.client.contract.test_exchange import Pieces

Callers = Callable[..., Caller]


@pytest.fixture(params=STOCK_ROWS, ids=lambda row: row.name)
def row(request: pytest.FixtureRequest) -> Row:
    """Each kind of stock adapter in turn."""
    found: Row = request.param
    return found


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_every_verb_reaches_the_peer_over_one_connection(
    caller: Callers, certificates: Certificates, method: str, tls: bool
) -> None:
    with Peer(tls=certificates.server() if tls else None) as peer:
        client = caller(f"{peer.url}/base", ca=certificates.ca)
        for _ in range(3):
            assert client.send(method, "/a%2Fb?x='").content == b"hi"
        assert client.request(method, "/a").text == "hi"
        assert peer.connections == 1
    assert peer.requests[0].startswith(f"{method} /base/a%2Fb?x=' HTTP/1.1\r\n".encode())
    assert b"accept-encoding: gzip, deflate\r\n" in peer.requests[0].lower()


def test_bodies_go_up_and_come_down_undecoded(caller: Callers) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 7\r\n\r\nno gzip"
    with Peer(lambda c: c.answer_all(answer)) as peer:
        client = caller(peer.url)
        response = client.send("POST", "/", {}, Pieces([b"abc", b"defg"], 7))
        assert (response.content, response.content_encoding) == (b"no gzip", "gzip")
        with client.opened() as opened:
            assert opened.read() == b"no gzip"
    assert peer.requests[0].endswith(b"\r\n\r\nabcdefg")


def test_its_failures_are_ours(caller: Callers, unused_port: int) -> None:
    with pytest.raises(ConnectException, match="cannot connect"):
        caller(f"http://127.0.0.1:{unused_port}").send()
    with Peer(lambda c: c.wait_for_close()) as peer, pytest.raises(ReadTimeoutException):
        caller(peer.url, timeout=0.1).send()
    nonsense = Peer(lambda c: c.answer_all(b"nonsense\r\n\r\n"))
    with nonsense as peer, pytest.raises(ProtocolException):
        caller(peer.url).send()

    def cut_short(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")

    with Peer(cut_short) as peer, pytest.raises(ReadException):
        caller(peer.url).send()


def test_its_responses_are_within_the_limit(caller: Callers) -> None:
    with Peer() as peer, pytest.raises(ResponseTooLargeException):
        caller(peer.url, max_response_size=1).send()


def test_it_trusts_whom_it_is_told_to(caller: Callers, certificates: Certificates) -> None:
    with Peer(tls=certificates.server()) as peer:
        with pytest.raises((TlsException, ConnectException)):
            caller(peer.url).send()
        assert caller(peer.url, verify=False).send().content == b"hi"


def test_cookies_and_redirects_are_left_to_the_caller(caller: Callers) -> None:
    answer = b"HTTP/1.1 302 F\r\nlocation: /x\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n"
    with Peer(lambda c: c.answer_all(answer)) as peer:
        client = caller(peer.url)
        assert [client.send().status_code for _ in range(2)] == [302, 302]
    assert not any(b"ookie" in request for request in peer.requests)


def test_stopping_closes_and_starting_begins_anew(caller: Callers) -> None:
    with Peer() as peer:
        client = caller(peer.url)
        client.start()
        client.send()
        client.stop()
        client.stop()
        with pytest.raises(ClientStoppedException):
            client.send()
        end = time.monotonic() + 1
        while not peer.hangups and time.monotonic() < end:
            time.sleep(0.005)
        assert peer.hangups == 1
        client.start()
        assert client.send().content == b"hi"
        assert client.adapter.base_url == peer.url
        assert peer.url in repr(client.adapter)


# HTTP/2


def http2(connection: Connection) -> None:
    """A small service over HTTP/2: every stream is answered with its path."""
    import h2.config
    import h2.connection
    import h2.events

    assert isinstance(connection.sock, ssl.SSLSocket)
    assert connection.sock.selected_alpn_protocol() == "h2"
    h2_side = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    h2_side.initiate_connection()
    connection.send(h2_side.data_to_send())
    while data := connection.sock.recv(65536):
        for event in h2_side.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                headers = {bytes(name): bytes(value) for name, value in event.headers or ()}
                assert event.stream_id is not None
                h2_side.send_headers(event.stream_id, [(":status", "200")])
                h2_side.send_data(event.stream_id, headers[b":path"], end_stream=True)
        connection.send(h2_side.data_to_send())
    raise Hangup


def http2_context(certificates: Certificates) -> ssl.SSLContext:
    context = certificates.server()
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def test_http2_is_spoken_where_it_is_wanted_and_offered(
    caller: Callers, certificates: Certificates
) -> None:
    with Peer(http2, tls=http2_context(certificates)) as peer:
        client = caller(peer.url, ca=certificates.ca, http2=True)
        assert [client.send("GET", f"/{number}").content for number in range(3)] == [
            b"/0",
            b"/1",
            b"/2",
        ]
        with client.opened() as opened:
            assert opened.read() == b"/"
        assert peer.connections == 1


def test_a_peer_without_http2_is_served_by_http1(
    caller: Callers, certificates: Certificates
) -> None:
    with Peer(tls=certificates.server()) as peer:
        assert caller(peer.url, ca=certificates.ca, http2=True).send().content == b"hi"


def test_calls_at_once_share_a_connection_of_http2(
    caller: Callers, certificates: Certificates
) -> None:
    with Peer(http2, tls=http2_context(certificates)) as peer:
        client = caller(peer.url, ca=certificates.ca, http2=True)
        client.send()
        assert [each.content for each in client.together(8)] == [b"/"] * 8
        assert peer.connections == 1


def test_without_h2_it_is_told_what_to_install(
    caller: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = caller("https://127.0.0.1:1", http2=True)
    monkeypatch.setitem(sys.modules, "h2", None)
    monkeypatch.setattr("pyfly.client.adapters.stock.find_spec", lambda name: None)
    with pytest.raises(MissingLibraryException, match=r"pip install 'pyfly-client\[http2\]'"):
        client.start()


# The setting


@service_client(name="things")
class Things(Protocol):
    @get("/things")
    async def things(self) -> str: ...


def configured(url: str, **settings: Any) -> Config:
    client = {"clients": {"things": {"base-url": url, **settings}}}
    return Config({"pyfly": {"client": client}}, environ={})


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, "HttpxClientAdapter"),
        ({"transport": "own"}, "HttpxClientAdapter"),
        ({"transport": "stock"}, "StockHttpxClientAdapter"),
        ({"transport": "stock", "adapter": "httpx"}, "StockHttpxClientAdapter"),
        ({"http2": True}, "StockHttpxClientAdapter"),
    ],
)
async def test_the_transport_is_a_setting(settings: dict[str, Any], kind: str) -> None:
    with Peer(lambda c: c.answer_all(OK)) as peer:
        async with connect(Things, config=configured(peer.url, **settings)) as things:
            wiring = wiring_of(things)
            assert wiring is not None
            assert type(wiring.port).__name__ == kind
            assert await things.things() == "hi"


@pytest.mark.parametrize("settings", [{"transport": "stock"}, {"http2": True}])
async def test_it_is_none_of_other_libraries(settings: dict[str, Any]) -> None:
    config = configured("http://127.0.0.1:1", adapter="aiohttp", **settings)
    with pytest.raises(ClientDeclarationException, match="transport and http2 are not for aiohttp"):
        await connect(Things, config=config).__aenter__()
