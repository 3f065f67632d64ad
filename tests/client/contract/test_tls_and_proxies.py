"""TLS with certificates made for the test, proxies on loopback, IPv6."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyfly.client.adapters._library import MissingLibraryException
from pyfly.client.errors import (
    ConnectException,
    ConnectTimeoutException,
    ProxyException,
    ReadException,
    TlsException,
)
from pyfly.kernel.exceptions import AttemptTimeoutException
from tests.client.contract.conftest import Certificates
from tests.client.contract.peer import OK, Connection, Hangup, Peer
from tests.client.contract.rows import Caller, Row
from tests.support.patience import at_most

Callers = Callable[..., Caller]


def test_a_trusted_peer_is_served_and_its_connection_used_again(
    caller: Callers, certificates: Certificates
) -> None:
    with Peer(tls=certificates.server()) as peer:
        client = caller(peer.url, ca=certificates.ca)
        for _ in range(3):
            assert client.send().content == b"hi"
            time.sleep(0.02)
        assert peer.connections == 1


def test_large_bodies_pass_through_tls(caller: Callers, certificates: Certificates) -> None:
    body = os.urandom(1_000_000)
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + body
    with Peer(lambda c: c.answer_all(answer), tls=certificates.server()) as peer:
        response = caller(peer.url, ca=certificates.ca).send("POST", "/", {}, body, within=10)
    assert response.content == body
    assert peer.requests[0].endswith(body)


@pytest.mark.survives(
    "TLS and proxies", "a certificate of an unknown authority", "`TlsException`; nothing was sent"
)
def test_an_untrusted_certificate_is_refused(caller: Callers, certificates: Certificates) -> None:
    with Peer(tls=certificates.server(trusted=False)) as peer:
        client = caller(peer.url, ca=certificates.ca)
        with pytest.raises(TlsException) as caught:
            client.send()
        assert not peer.requests
    assert isinstance(caught.value, ConnectException)
    assert f"TLS with 127.0.0.1:{peer.port} failed" in str(caught.value)
    assert "Name the authority with ca" in str(caught.value)
    assert client.row.caused(caught.value)


def test_by_default_nothing_private_is_trusted(caller: Callers, certificates: Certificates) -> None:
    with Peer(tls=certificates.server()) as peer, pytest.raises(TlsException):
        caller(peer.url).send()


@pytest.mark.survives("TLS and proxies", "a certificate for another host", "`TlsException`")
def test_a_certificate_for_another_host_is_refused(
    caller: Callers, certificates: Certificates
) -> None:
    with Peer(tls=certificates.server("other.example")) as peer:
        with pytest.raises(TlsException, match=r"(?i)ip address mismatch|doesn't match"):
            caller(peer.url, ca=certificates.ca).send()
        assert not peer.requests


def test_verification_can_be_switched_off(caller: Callers, certificates: Certificates) -> None:
    with Peer(tls=certificates.server("other.example", trusted=False)) as peer:
        assert caller(peer.url, verify=False).send().content == b"hi"


def test_the_environment_can_name_the_authorities(
    caller: Callers, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    with Peer(tls=certificates.server()) as peer:
        assert caller(peer.url).send().content == b"hi"


@pytest.mark.parametrize("pair", [False, True], ids=["one file", "pair"])
def test_a_client_certificate_is_shown(
    caller: Callers, certificates: Certificates, pair: bool
) -> None:
    cert = (certificates.client, certificates.client) if pair else certificates.client
    with Peer(tls=certificates.server(ask=True)) as peer:
        client = caller(peer.url, ca=certificates.ca, cert=cert)
        assert client.send().content == b"hi"


@pytest.mark.survives(
    "TLS and proxies",
    "the service wants a client certificate",
    "`TlsException` that names `cert`, or `ReadException` if the reset was faster",
)
@pytest.mark.parametrize("resets", [False, True])
def test_a_missing_client_certificate_is_told_from_a_broken_connection(
    caller: Callers, certificates: Certificates, resets: bool
) -> None:
    context = certificates.server(ask=True)

    def script(connection: Connection) -> None:
        with contextlib.suppress(OSError):  # it refuses; the copy of the socket is closed then
            context.wrap_socket(connection.sock.dup(), server_side=True).close()
        connection.wait_for_close()

    with Peer(tls=context) if resets else Peer(script) as peer:
        url = peer.url.replace("http:", "https:")
        client = caller(url, ca=certificates.ca)
        with pytest.raises((TlsException, ReadException)) as caught:
            client.send()
    if not resets:  # else the RST may outrun the alert
        assert type(caught.value) is TlsException
    if isinstance(caught.value, TlsException):
        assert "set cert to one that it knows" in str(caught.value)


@pytest.mark.survives(
    "TLS and proxies", "plain HTTP on a port for TLS", "`TlsException` that asks for `http://`"
)
def test_a_peer_that_speaks_no_tls(caller: Callers, certificates: Certificates) -> None:
    def script(connection: Connection) -> None:
        connection.sock.recv(100)
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    expected = pytest.raises(TlsException, match="is it http:// rather than https://")
    with Peer(script) as peer, expected:
        caller(peer.url.replace("http:", "https:"), ca=certificates.ca).send()


@pytest.mark.survives("TLS and proxies", "a handshake that is cut off", "`TlsException`")
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_handshake_that_is_cut_off(
    caller: Callers, certificates: Certificates, reset: bool
) -> None:
    def script(connection: Connection) -> None:
        connection.sock.recv(65536)
        if reset:
            connection.reset()

    with Peer(script) as peer:
        client = caller(peer.url.replace("http:", "https:"), ca=certificates.ca)
        with pytest.raises(ConnectException) as caught:
            client.send()
        client.row.needs("what a connection was at when it failed")
    assert type(caught.value) is TlsException
    assert f"TLS with 127.0.0.1:{peer.port} failed: " in str(caught.value)
    assert ("connection reset by peer" in str(caught.value)) == reset


@pytest.mark.survives(
    "TLS and proxies",
    "a handshake that stalls",
    "`ConnectTimeoutException`, or `AttemptTimeoutException`",
)
def test_a_handshake_that_stalls_is_bounded(
    row: Row, caller: Callers, certificates: Certificates
) -> None:
    row.needs("a handshake that ends early closes its socket")
    with Peer(lambda c: c.wait()) as peer:
        url = peer.url.replace("http:", "https:")
        began = time.monotonic()
        with pytest.raises(ConnectTimeoutException) as late:
            caller(url, ca=certificates.ca, connect_timeout=0.1).send()
        with pytest.raises(AttemptTimeoutException) as later:
            caller(url, ca=certificates.ca).send(within=0.1)
        if row.library == "own":
            assert "the TLS handshake did not end" in str(late.value)
            assert "the TLS handshake did not end" in str(later.value)
        assert time.monotonic() - began < at_most(0.8)


def test_only_http_1_is_offered(caller: Callers, certificates: Certificates) -> None:
    chosen: list[object] = []

    def script(connection: Connection) -> None:
        assert isinstance(connection.sock, ssl.SSLSocket)
        chosen.append(connection.sock.selected_alpn_protocol())
        connection.answer_all()

    context = certificates.server()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with Peer(script, tls=context) as peer:
        caller(peer.url, ca=certificates.ca).send()
    assert chosen == ["http/1.1"]


@pytest.mark.survives(
    "TLS and proxies",
    "a certificate file that is missing",
    "`TlsException` at the start that names the setting",
)
def test_a_missing_file_is_named_with_its_setting(caller: Callers, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    client = caller("https://127.0.0.1:1", ca=missing)
    for act in (client.start, client.send):
        with pytest.raises(TlsException, match=r"^ca is '.*missing\.pem', which cannot be used"):
            act()


# Proxies


class Proxy:
    """A small proxy: CONNECT opens a tunnel, an absolute form is forwarded."""

    def __init__(self, refuse: bytes = b"") -> None:
        self.heads: list[bytes] = []
        self._refuse = refuse

    def __call__(self, connection: Connection) -> None:
        while True:
            head = connection.read_head()
            self.heads.append(head)
            if self._refuse:
                connection.send(self._refuse)
                continue
            method, target, _ = head.split(b" ", 2)
            if method == b"CONNECT":
                host, _, port = target.decode().rpartition(":")
                with socket.create_connection((host, int(port))) as onward:
                    connection.send(b"HTTP/1.1 200 Connected\r\n\r\n")
                    _tunnel(connection.sock, onward)
                return
            found = re.match(rb"http://([^/]+?):(\d+)(/.*)", target)
            assert found is not None
            with socket.create_connection((found[1].decode(), int(found[2]))) as onward:
                onward.sendall(head.replace(target, found[3]))
                connection.send(onward.recv(65536))


def answer_once(connection: Connection) -> None:
    connection.read_request()
    connection.send(OK)


def _tunnel(left: socket.socket, right: socket.socket) -> None:
    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for each in (source, sink):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    thread = threading.Thread(target=pump, args=(right, left), daemon=True)
    thread.start()
    pump(left, right)
    thread.join(5)
    raise Hangup


def test_a_request_goes_through_a_proxy_in_its_absolute_form(caller: Callers) -> None:
    proxy = Proxy()
    with Peer(answer_once) as peer, Peer(proxy) as middle:
        url = middle.url.replace("//", "//us%20er:p%40ss@")
        client = caller(f"{peer.url}/base", proxy=url)
        assert client.send("GET", "/a%2Fb?x='").content == b"hi"
        assert client.request("GET", "/c").text == "hi"
        assert middle.connections == 1
    expected = base64.b64encode(b"us er:p@ss")
    assert proxy.heads[0].startswith(b"GET %s/base/a%%2Fb?x=' HTTP/1.1" % peer.url.encode())
    assert b"Proxy-Authorization: Basic " + expected in proxy.heads[0]
    assert "p%40ss" not in repr(client.adapter._settings)


def test_tls_goes_through_a_tunnel(caller: Callers, certificates: Certificates) -> None:
    proxy = Proxy()
    with Peer(tls=certificates.server()) as peer, Peer(proxy) as middle:
        client = caller(peer.url, proxy=middle.url, ca=certificates.ca)
        assert [client.send().content for _ in range(2)] == [b"hi", b"hi"]
        assert (peer.connections, middle.connections) == (1, 1)
    assert proxy.heads[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1" % peer.port)
    assert len(proxy.heads) == 1


def test_tls_goes_through_a_tunnel_of_tls(caller: Callers, certificates: Certificates) -> None:
    class Inner(Proxy):
        """TLS to the proxy itself; the tunnel has to go through this end's TLS."""

    with (
        Peer(tls=certificates.server()) as peer,
        Peer(Inner(), tls=certificates.server()) as middle,
    ):
        client = caller(peer.url, proxy=middle.url, ca=certificates.ca)
        assert client.send(within=3).content == b"hi"


@pytest.mark.survives(
    "TLS and proxies", "a proxy answers `CONNECT` with a page", "`ProxyException`, at once"
)
def test_a_proxy_that_sends_a_page_instead_of_the_way_is_told_apart(
    caller: Callers, certificates: Certificates, row: Row
) -> None:
    if row.library != "own":
        pytest.skip("the library decides")
    page = b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nPlease log in"
    with Peer(tls=certificates.server()) as peer, Peer(Proxy(page)) as middle:
        client = caller(peer.url, proxy=middle.url, ca=certificates.ca)
        with pytest.raises(ProxyException, match="a body instead of opening the way"):
            client.send()
        assert peer.connections == 0


@pytest.mark.survives("TLS and proxies", "the proxy refuses", "`ProxyException` with its status")
def test_a_proxy_that_refuses_is_told_apart(caller: Callers, certificates: Certificates) -> None:
    refusal = b"HTTP/1.1 407 s3cret\r\ncontent-length: 0\r\n\r\n"
    with Peer(tls=certificates.server()) as peer, Peer(Proxy(refusal)) as middle:
        client = caller(peer.url, proxy=middle.url, ca=certificates.ca)
        with pytest.raises(ProxyException, match="it answered 407") as caught:
            client.send()
        assert peer.connections == 0
    assert "s3cret" not in str(caught.value)


@pytest.mark.survives(
    "TLS and proxies", "the proxy is dead", "`ProxyException` that names the proxy"
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_dead_proxy_is_named(
    row: Row, caller: Callers, certificates: Certificates, unused_port: int, scheme: str
) -> None:
    row.needs("what a connection was at when it failed")
    proxy = f"http://me:s3cret@127.0.0.1:{unused_port}"
    client = caller(f"{scheme}://service.test", proxy=proxy, ca=certificates.ca)
    for call in (client.send, lambda: client.request("GET", "/")):
        with pytest.raises(ProxyException) as caught:
            call()
        assert (
            f"no way to service.test:{443 if scheme == 'https' else 80} through the proxy "
            f"127.0.0.1:{unused_port}: it cannot be reached: connection refused"
        ) in str(caught.value)
        assert "s3cret" not in str(caught.value)


@pytest.mark.survives(
    "TLS and proxies", "the proxy's name does not resolve", "`ProxyException` that names the proxy"
)
def test_a_proxy_that_is_nowhere_is_named(
    row: Row, caller: Callers, certificates: Certificates
) -> None:
    row.needs("what a connection was at when it failed")
    client = caller("https://service.test", proxy="http://proxy.invalid:3128", ca=certificates.ca)
    with pytest.raises(ProxyException, match=r"through the proxy proxy\.invalid:3128: it cannot"):
        client.send()


@pytest.mark.survives(
    "TLS and proxies",
    "the proxy closes, or speaks no HTTP",
    "`ProxyException` that names the proxy",
)
@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n"], ids=["nothing", "no HTTP"])
def test_a_proxy_that_breaks_off_is_named(
    row: Row, caller: Callers, certificates: Certificates, answer: bytes
) -> None:
    row.needs("what a connection was at when it failed")

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(answer)

    with Peer(script) as middle:
        client = caller("https://service.test", proxy=middle.url, ca=certificates.ca)
        with pytest.raises(ProxyException) as caught:
            client.send()
    broke = f"through the proxy 127.0.0.1:{middle.port}: it broke off before the way was open"
    assert broke in str(caught.value)


def test_a_proxy_without_tls_is_told_apart(caller: Callers, certificates: Certificates) -> None:
    def script(connection: Connection) -> None:
        connection.sock.recv(100)
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Peer(script) as middle:
        proxy = middle.url.replace("http:", "https:")
        client = caller("http://api.example", proxy=proxy, ca=certificates.ca)
        if client.row.library != "own":
            pytest.skip("it is the error of a connection there")
        with pytest.raises(ProxyException, match=f"127.0.0.1:{middle.port}: it cannot be reached"):
            client.send()


class Socks:
    """A SOCKS5 proxy that speaks by single bytes; it asks for a name and a password."""

    def __init__(
        self, *, methods: bytes = b"\2", password: bytes = b"p@ss", reply: int = 0
    ) -> None:
        self.destinations: list[tuple[bytes, int]] = []
        self._methods = methods
        self._password = password
        self._reply = reply

    def __call__(self, connection: Connection) -> None:
        sock = connection.sock
        assert sock.recv(1) == b"\5"
        asked = sock.recv(sock.recv(1)[0])
        drip(sock, b"\5" + (self._methods if self._methods in asked else b"\xff"))
        if self._methods != b"\2":
            connection.wait_for_close()
        assert sock.recv(1) == b"\1"
        name, password = (sock.recv(sock.recv(1)[0]) for _ in range(2))
        if (name, password) != (b"us er", self._password):
            drip(sock, b"\1\1")
            connection.wait_for_close()
        drip(sock, b"\1\0")
        assert sock.recv(3) == b"\5\1\0"
        kind = sock.recv(1)
        size = {b"\1": 4, b"\4": 16}.get(kind) or sock.recv(1)[0]
        destination = sock.recv(size), int.from_bytes(sock.recv(2), "big")
        self.destinations.append(destination)
        drip(sock, b"\5%c\0\1\x7f\0\0\1\0\1" % self._reply)
        if self._reply:
            connection.wait_for_close()
        with socket.create_connection(("127.0.0.1", destination[1])) as onward:
            _tunnel(sock, onward)


def drip(sock: socket.socket, data: bytes) -> None:
    for byte in data:
        sock.sendall(bytes([byte]))
        time.sleep(0.002)


def socks_caller(caller: Callers, url: str, middle: Peer, **options: Any) -> Caller:
    proxy = middle.url.replace("http://", "socks5://us%20er:p%40ss@")
    return caller(url, proxy=proxy, **options)


@pytest.fixture
def own_row(row: Row) -> None:
    """What the test is about is the transport's, not a library's."""
    if row.library != "own":
        pytest.skip("its SOCKS is the library's")


@pytest.mark.usefixtures("own_row")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_socks_proxy_opens_the_way(
    caller: Callers, certificates: Certificates, tls: bool
) -> None:
    context = certificates.server("localhost") if tls else None
    with Peer(tls=context) as peer, Peer(socks := Socks()) as middle:
        url = peer.url.replace("127.0.0.1", "localhost")
        client = socks_caller(caller, url, middle, ca=certificates.ca)
        assert [client.send(within=3).content for _ in range(2)] == [b"hi", b"hi"]
        assert (peer.connections, middle.connections) == (1, 1)
    assert socks.destinations == [(b"localhost", peer.port)]  # the proxy resolves the name
    assert peer.requests[0].startswith(b"GET / HTTP/1.1\r\n")


@pytest.mark.usefixtures("own_row")
@pytest.mark.survives("TLS and proxies", "a SOCKS proxy refuses", "`ProxyException` that says why")
@pytest.mark.parametrize(
    ("socks", "why"),
    [
        (Socks(password=b"other"), "it does not accept the credentials"),
        (Socks(methods=b"\1"), "it wants other credentials"),
        (Socks(reply=5), "it refused: connection refused"),
        (
            lambda connection: connection.send(b"HTTP/1.1 400 No\r\n\r\n"),
            "it does not speak SOCKS5",
        ),
        (lambda connection: None, "it broke off before the way was open"),
    ],
)
def test_a_socks_proxy_that_refuses_says_why(caller: Callers, socks: Any, why: str) -> None:
    with Peer(socks) as middle:
        client = socks_caller(caller, "http://localhost:1", middle)
        with pytest.raises(ProxyException, match=why):
            client.send(within=3)


@pytest.mark.usefixtures("own_row")
def test_a_socks_proxy_needs_its_library(caller: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setitem(sys.modules, "socksio.socks5", None)
    with Peer() as middle:
        client = socks_caller(caller, "http://localhost:1", middle)
        with pytest.raises(MissingLibraryException, match=r"pip install 'pyfly-client\[socks\]'"):
            client.send(within=3)


def test_the_environment_names_a_proxy_if_it_is_trusted(
    caller: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy()
    with Peer(answer_once) as peer, Peer(proxy) as middle:
        monkeypatch.setenv("http_proxy", middle.url.removeprefix("http://"))
        caller(peer.url).send()
        assert not proxy.heads
        caller(peer.url, trust_env=True).send()
        assert len(proxy.heads) == 1
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        caller(peer.url, trust_env=True).send()
        assert len(proxy.heads) == 1


@pytest.mark.survives("TLS and proxies", "the proxy is silent", "`AttemptTimeoutException` in time")
def test_the_deadline_bounds_a_silent_proxy(
    row: Row, caller: Callers, certificates: Certificates
) -> None:
    row.needs("a deadline for the attempt as a whole")
    with Peer(lambda c: c.wait()) as middle:
        began = time.monotonic()
        client = caller("https://127.0.0.1:1", proxy=middle.url, ca=certificates.ca)
        with pytest.raises(AttemptTimeoutException):
            client.send(within=0.1)
        assert time.monotonic() - began < at_most(0.6)


# Addresses


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no ::1")


@needs_ipv6
def test_a_literal_ipv6_address(caller: Callers) -> None:
    with Peer(host="::1") as peer:
        client = caller(peer.url)
        assert client.send().content == b"hi"
        assert client.request("GET", "/").text == "hi"
    assert f"Host: [::1]:{peer.port}\r\n".encode() in peer.requests[0]


@pytest.mark.survives(
    "Connecting",
    "a name with an address where nobody listens",
    "the answer, from the other address",
)
@needs_ipv6
@pytest.mark.skipif(
    os.environ.get("PYFLY_TEST_LOOP") == "uvloop", reason="its resolver cannot be replaced here"
)
@pytest.mark.parametrize("first", ["::1", "127.0.0.1"])
def test_the_address_that_answers_is_found(
    caller: Callers, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    real = socket.getaddrinfo

    def both(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in ("dual.test", b"dual.test"):
            return real(host, port, *args, **kwargs)
        if kwargs.get("flags"):
            raise socket.gaierror
        names = [first, "::1" if first == "127.0.0.1" else "127.0.0.1"]
        return [real(name, port, type=socket.SOCK_STREAM)[0] for name in names]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with Peer() as peer:
        client = caller(f"http://dual.test:{peer.port}")
        assert client.send().content == b"hi"
    with pytest.raises(ConnectException) as caught:
        client.send()
    reason = "the reason why none of several addresses answers"
    assert "connection refused" in str(caught.value) or reason in client.row.lacks
