"""A service that listens on a Unix domain socket, with TLS and without."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from pyfly.client import ClientDeclarationException, connect, connect_sync, get, service_client
from pyfly.client.adapters.settings import ConnectionSettingsException
from pyfly.client.errors import ConnectException, ReadTimeoutException, TlsException
from pyfly.client.message import Request
from pyfly.core import Config
from pyfly.kernel.exceptions import AttemptTimeoutException
from tests.client.contract.conftest import Certificates
from tests.client.contract.peer import Connection, Peer
from tests.client.contract.rows import ROWS, Caller, Row
from tests.support.patience import at_most

Callers = Callable[..., Caller]

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="this platform has no Unix sockets"
)
TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@pytest.fixture
def uds(row: Row, tmp_path: Path) -> str:
    """Where the service listens."""
    return str(tmp_path / "service.sock")


@TLS
def test_everything_goes_over_one_connection_to_the_socket(
    caller: Callers, certificates: Certificates, uds: str, tls: bool
) -> None:
    with Peer(uds=uds, tls=certificates.server() if tls else None) as peer:
        scheme = "https" if tls else "http"
        client = caller(f"{scheme}://localhost/base", uds=uds, ca=certificates.ca)
        for _ in range(3):
            assert client.send("POST", "/a%2Fb?x=1", {}, b"abc", within=3).content == b"hi"
        with client.opened() as opened:
            assert [opened.read(), opened.read()] == [b"hi", b""]
        assert client.request("GET", "/").text == "hi"
        assert peer.connections == 1
    assert peer.requests[0].startswith(b"POST /base/a%2Fb?x=1 HTTP/1.1\r\nHost: localhost\r\n")


def test_the_certificate_has_to_be_for_the_host_of_the_url(
    caller: Callers, certificates: Certificates, uds: str
) -> None:
    with (
        Peer(uds=uds, tls=certificates.server()) as peer,
        pytest.raises(TlsException, match=r"TLS with other\.example:443 failed"),
    ):
        caller("https://other.example", uds=uds, ca=certificates.ca).send()
    assert not peer.requests


def test_a_service_without_tls_is_told_from_others(
    caller: Callers, certificates: Certificates, uds: str
) -> None:
    def script(connection: Connection) -> None:
        connection.sock.recv(100)
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Peer(script, uds=uds), pytest.raises(TlsException, match="is it http:// rather than"):
        caller("https://localhost", uds=uds, ca=certificates.ca).send()


def test_large_bodies_pass_through(caller: Callers, uds: str) -> None:
    body = b"x" * 3_000_000
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n" + body
    with Peer(lambda c: c.answer_all(answer), uds=uds) as peer:
        response = caller("http://localhost", uds=uds).send("POST", "/", {}, body, within=10)
    assert response.content == body
    assert peer.requests[0].endswith(body)


def test_a_path_where_nothing_is_is_named(caller: Callers, uds: str) -> None:
    client = caller("http://localhost", uds=uds)
    client.row.needs("a socket that cannot connect is closed")
    with pytest.raises(ConnectException) as caught:
        client.send()
    assert f"cannot connect to {uds!r}, the Unix socket for localhost:80" in str(caught.value)
    assert "uds right?" in str(caught.value)
    assert "no such file or directory" in str(caught.value)


def test_a_path_where_nobody_listens_any_more_is_named(caller: Callers, uds: str) -> None:
    with Peer(uds=uds):
        pass
    client = caller("http://localhost", uds=uds)
    client.row.needs("a socket that cannot connect is closed")
    with pytest.raises(ConnectException, match=r"service\.sock"):
        client.send()


def test_a_silent_service_is_left_in_time(caller: Callers, uds: str) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.wait_for_close()

    with Peer(script, uds=uds):
        client = caller("http://localhost", uds=uds, timeout=0.1)
        with pytest.raises(ReadTimeoutException, match="sent nothing for 100 ms"):
            client.send()
        client.row.needs("a deadline for the attempt as a whole")
        began = time.monotonic()
        with pytest.raises(AttemptTimeoutException):
            caller("http://localhost", uds=uds).send(within=0.1)
        assert time.monotonic() - began < at_most(1)


def test_a_connection_that_was_closed_while_idle_is_not_used(caller: Callers, uds: str) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")

    with Peer(script, uds=uds) as peer:
        client = caller("http://localhost", uds=uds)
        for _ in range(3):
            assert client.send().content == b"hi"
            time.sleep(0.02)
        assert peer.connections == 3


def test_stopping_leaves_nothing(caller: Callers, uds: str) -> None:
    with Peer(uds=uds) as peer:
        client = caller("http://localhost", uds=uds)
        client.send()
        client.stop()
        end = time.monotonic() + 1
        while not peer.hangups and time.monotonic() < end:
            time.sleep(0.005)
        assert peer.hangups == 1


@pytest.mark.parametrize("row", [row for row in ROWS if row.asynchronous], ids=lambda r: r.name)
@TLS
async def test_a_cancelled_attempt_closes_its_connection(
    row: Row, certificates: Certificates, uds: str, tls: bool
) -> None:
    # Under TLS the peer never answers the handshake.
    with Peer(lambda c: c.wait_for_close(), uds=uds) as peer:
        if tls:
            row.needs("a handshake that ends early closes its socket")
        url = "https://localhost" if tls else "http://localhost"
        adapter = row.adapter(url, uds=uds, ca=certificates.ca)
        task = asyncio.create_task(adapter.send(Request("GET", "/", {}), None))
        await asyncio.sleep(0.06)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        end = time.monotonic() + 1
        while not peer.hangups and time.monotonic() < end:
            await asyncio.sleep(0.005)
        assert peer.hangups == 1
        await adapter.stop()


# The setting


def test_what_is_no_path_of_a_socket_is_refused(row: Row) -> None:
    for uds, words in (
        ("", "write the path of a Unix socket"),
        ("/a\0b", "write the path of a Unix socket"),
        (f"/{'x' * 200}", r"which is 201 bytes long; the system takes at most \d+"),
    ):
        with pytest.raises(ConnectionSettingsException, match=words):
            row.adapter("http://localhost", uds=uds)
    with pytest.raises(ConnectionSettingsException, match=r"leave one of the two out") as caught:
        row.adapter("http://localhost", uds="/a", proxy="http://u:s3cret@127.0.0.1:1")
    assert "s3cret" not in str(caught.value)


def test_a_platform_without_unix_sockets_says_so(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(ConnectionSettingsException, match="this platform has no Unix sockets"):
        row.adapter("http://localhost", uds="/run/service.sock")


@service_client(name="things", retry=False)
class Things(Protocol):
    @get("/things")
    async def things(self) -> str: ...


@service_client(name="things", retry=False)
class BlockingThings(Protocol):
    @get("/things")
    def things(self) -> str: ...


def configured(**settings: Any) -> Config:
    things = {"base-url": "http://things", **settings}
    return Config({"pyfly": {"client": {"clients": {"things": things}}}}, environ={})


@pytest.mark.parametrize(
    "settings", [{}, {"transport": "stock"}, {"adapter": "httpx"}, {"adapter": "aiohttp"}]
)
async def test_a_client_is_configured_for_a_socket(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uds = str(tmp_path / "s")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    config = configured(uds=uds, **{"trust-env": True}, **settings)
    with Peer(uds=uds) as peer:
        async with connect(Things, config=config) as things:
            assert await things.things() == "hi"
    assert b"Host: things\r\n" in peer.requests[0]


def test_a_synchronous_client_is_configured_for_a_socket(tmp_path: Path) -> None:
    uds = str(tmp_path / "s")
    with Peer(uds=uds), connect_sync(BlockingThings, config=configured(uds=uds)) as things:
        assert things.things() == "hi"


async def test_a_path_that_is_too_long_is_a_mistake_of_the_client() -> None:
    config = configured(uds="/" + "x" * 200)
    with pytest.raises(ClientDeclarationException, match=r"Things: uds is .* 201 bytes long"):
        await connect(Things, config=config).__aenter__()
