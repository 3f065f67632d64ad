"""Every failure is one of ours, tells what happened, and leaves no connection behind."""

from __future__ import annotations

import os
import pickle
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pyfly.client.errors import (
    ClientArgumentException,
    ConnectException,
    ConnectTimeoutException,
    ProtocolException,
    ReadException,
    ReadTimeoutException,
    ResponseTooLargeException,
    TransportException,
    WriteException,
    WriteTimeoutException,
)
from pyfly.kernel.exceptions import AttemptTimeoutException
from pyfly.transport.errors import TransportError, WriteError
from tests.client.contract.conftest import Certificates
from tests.client.contract.peer import OK, Connection, Peer
from tests.client.contract.rows import Caller, Row
from tests.client.contract.test_exchange import Pieces
from tests.support.patience import at_most

Callers = Callable[..., Caller]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose backlog is full: connecting to it neither succeeds nor fails."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def failing(client: Caller, expected: type[BaseException], **options: object) -> BaseException:
    """The exception of one attempt; the next one has to get a fresh connection."""
    with pytest.raises(expected) as caught:
        client.send("GET", "/secret-path?token=s3cret", {"Authorization": "s3cret"}, **options)  # type: ignore[arg-type]
    error = caught.value
    assert type(error) is expected
    assert "secret" not in str(error)
    assert "s3cret" not in str(error)
    return error


def one_by_one(*scripts: Callable[[Connection], None]) -> Callable[[Connection], None]:
    """The first connection runs the first script, and so on; further ones answer OK."""

    def script(connection: Connection) -> None:
        if connection.number <= len(scripts):
            scripts[connection.number - 1](connection)
        else:
            connection.answer_all()

    return script


@pytest.mark.survives(
    "Connecting", "nobody listens on the port", "`ConnectException` at once; nothing was sent"
)
def test_a_refused_connection(caller: Callers, unused_port: int) -> None:
    client = caller(f"http://127.0.0.1:{unused_port}")
    error = failing(client, ConnectException)
    assert isinstance(error, ConnectionError)
    assert f"127.0.0.1:{unused_port}" in str(error)
    assert "connection refused" in str(error)
    assert type(error.__cause__).__name__ in ("ConnectError", "ClientConnectorError")
    assert client.row.caused(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.survives(
    "Connecting", "the host's name does not resolve", "`ConnectException` that says so"
)
def test_a_name_that_does_not_resolve(caller: Callers) -> None:
    error = failing(caller("http://no-such-host.invalid"), ConnectException)
    assert "no-such-host.invalid:80" in str(error)
    assert "its name cannot be resolved" in str(error)


@pytest.mark.survives(
    "Connecting",
    "the resolver fails for now, for good, or names no address",
    "`ConnectException` that says which",
)
@pytest.mark.skipif(
    os.environ.get("PYFLY_TEST_LOOP") == "uvloop", reason="its resolver cannot be replaced here"
)
@pytest.mark.parametrize(
    ("answer", "reads"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "later"), "the resolver gives no answer now"),
        (socket.gaierror(socket.EAI_NONAME, "never"), "there is no such name"),
        ([], "it has no address"),
    ],
    ids=["temporary", "permanent", "empty"],
)
def test_what_a_resolver_says_is_told(
    row: Row, caller: Callers, monkeypatch: pytest.MonkeyPatch, answer: Any, reads: str
) -> None:
    row.needs("what a connection was at when it failed")

    def resolve(host: object, *args: Any, **kwargs: Any) -> Any:
        if isinstance(answer, Exception) or kwargs.get("flags"):
            raise answer if isinstance(answer, Exception) else socket.gaierror
        return answer

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    error = failing(caller("http://service.test"), ConnectException)
    assert f"service.test:80: its name cannot be resolved: {reads}. Is the service" in str(error)


@pytest.mark.survives("Connecting", "a host name that no resolver takes", "`ConnectException`")
def test_a_name_that_no_resolver_takes(row: Row, caller: Callers) -> None:
    row.needs("an error for names that are none")
    failing(caller(f"http://{'x' * 80}.example"), ConnectException)


@pytest.mark.survives(
    "Connecting",
    "connecting neither succeeds nor fails",
    "`ConnectTimeoutException` after `connect-timeout`",
)
def test_a_connection_that_takes_too_long(caller: Callers, full_port: int) -> None:
    began = time.monotonic()
    error = failing(
        caller(f"http://127.0.0.1:{full_port}", connect_timeout=0.1), ConnectTimeoutException
    )
    assert 0.08 < time.monotonic() - began < at_most(0.5)
    assert isinstance(error, TimeoutError)
    assert isinstance(error, ConnectionError)
    assert "100 ms" in str(error)


@pytest.mark.survives(
    "Connecting",
    "connecting outlasts the timeout of the attempt",
    "`AttemptTimeoutException` in time",
)
def test_the_deadline_bounds_connecting(row: Row, caller: Callers, full_port: int) -> None:
    row.needs("a deadline for the attempt as a whole")
    began = time.monotonic()
    error = failing(caller(f"http://127.0.0.1:{full_port}"), AttemptTimeoutException, within=0.1)
    assert time.monotonic() - began < at_most(0.5)
    assert error.timeout == pytest.approx(0.1, abs=0.02)  # type: ignore[attr-defined]
    assert f"127.0.0.1:{full_port} took longer than" in str(error)


@pytest.mark.survives(
    "Sending", "a deadline that has passed already", "`AttemptTimeoutException`; nothing was sent"
)
def test_a_deadline_that_has_passed_sends_nothing(caller: Callers) -> None:
    with Peer() as peer:
        failing(caller(peer.url), AttemptTimeoutException, within=-1)
        assert peer.connections == 0


def test_a_silent_peer(caller: Callers) -> None:
    with Peer(one_by_one(lambda c: c.wait_for_close())) as peer:
        client = caller(peer.url, timeout=0.1)
        error = failing(client, ReadTimeoutException)
        assert isinstance(error, TimeoutError)
        assert "sent nothing for 100 ms" in str(error)
        assert client.send().content == b"hi"


def test_the_deadline_bounds_a_silent_peer(row: Row, caller: Callers) -> None:
    row.needs("a deadline for the attempt as a whole")
    with Peer(one_by_one(lambda c: c.wait_for_close())) as peer:
        client = caller(peer.url)
        began = time.monotonic()
        error = failing(client, AttemptTimeoutException, within=0.1)
        assert 0.08 < time.monotonic() - began < at_most(0.5)
        assert isinstance(error, TimeoutError)
        assert client.send(within=1).content == b"hi"


@pytest.mark.parametrize("start", [b"", HEAD, CHUNKED + b"fff\r\n"], ids=["head", "body", "chunk"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_deadline_bounds_a_drip(
    row: Row, caller: Callers, certificates: Certificates, start: bytes, tls: bool
) -> None:
    row.needs("a deadline for the attempt as a whole")

    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(start)
        connection.drip(b"HTTP/1.1 200 OK\r\nx-long: " + b"y" * 1000, 0.01)

    context = certificates.server() if tls else None
    options = {"ca": certificates.ca} if tls else {}
    if start == HEAD:
        start = start.replace(b"10", b"9999")
    with Peer(script, tls=context) as peer:
        client = caller(peer.url, **options)
        began = time.monotonic()
        failing(client, AttemptTimeoutException, within=0.2)
        assert 0.15 < time.monotonic() - began < at_most(0.6)


def test_the_deadline_bounds_a_flood_of_interim_responses(row: Row, caller: Callers) -> None:
    row.needs("a deadline for the attempt as a whole")

    def script(connection: Connection) -> None:
        connection.read_request()
        while True:
            connection.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)

    with Peer(script) as peer:
        client = caller(peer.url)
        began = time.monotonic()
        failing(client, AttemptTimeoutException, within=0.2)
        assert time.monotonic() - began < at_most(0.8)


@pytest.mark.survives(
    "Sending",
    "the service takes nothing of an upload",
    "`WriteTimeoutException`, or the timeout of the attempt",
)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_peer_that_takes_nothing(caller: Callers, certificates: Certificates, tls: bool) -> None:
    context = certificates.server() if tls else None
    options = {"ca": certificates.ca} if tls else {}
    with Peer(lambda c: c.wait(), tls=context) as peer:
        body = b"x" * 30_000_000
        client = caller(peer.url, timeout=0.1, **options)
        with pytest.raises(WriteTimeoutException, match="took nothing for 100 ms"):
            client.send("POST", "/", {}, body)
        client.row.needs("a deadline for the attempt as a whole")
        client = caller(peer.url, **options)
        for content in (body, Pieces([body], None)):
            began = time.monotonic()
            with pytest.raises(AttemptTimeoutException) as caught:
                client.send("POST", "/", {}, content, within=0.2)
            assert time.monotonic() - began < at_most(0.9)
            assert 0 < caught.value.timeout < 0.21  # of the exchange, not since the machine began


def test_a_peer_that_closes_without_an_answer(caller: Callers) -> None:
    with Peer(one_by_one(lambda c: _ignored(c.read_request()))) as peer:
        client = caller(peer.url)
        error = failing(client, ReadException)
        assert isinstance(error, ConnectionError)
        assert "closed the connection without an answer" in str(error)
        assert client.send().content == b"hi"


def test_a_peer_that_closes_within_the_head(caller: Callers) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nx: ")

    with Peer(script) as peer:
        failing(caller(peer.url), ReadException)


@pytest.mark.parametrize("sent", [b"", HEAD + b"abc"], ids=["before", "within"])
def test_a_reset(caller: Callers, sent: bytes) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(sent)
        connection.wait(0.05)
        connection.reset()

    with Peer(one_by_one(script)) as peer:
        client = caller(peer.url)
        error = failing(client, ReadException)
        assert "broke before the whole response came" in str(error)
        assert client.send().content == b"hi"


@pytest.mark.survives(
    "Connections between calls", "an idle connection was reset", "a new connection, and the answer"
)
def test_a_reset_after_the_response_concerns_nobody(caller: Callers) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(OK)
        connection.wait(0.02)
        connection.reset()

    with Peer(one_by_one(script)) as peer:
        client = caller(peer.url)
        assert client.send().content == b"hi"
        time.sleep(0.06)
        assert client.send().content == b"hi"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (HEAD + b"abc", "after 3 of 10 bytes"),
        (CHUNKED + b"5\r\nab", "in the middle of a chunk"),
        (CHUNKED + b"2\r\nab\r\n", "in the middle of a chunk"),
    ],
)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_truncated_body(
    caller: Callers, certificates: Certificates, answer: bytes, text: str, tls: bool
) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(answer)

    context = certificates.server() if tls else None
    options = {"ca": certificates.ca} if tls else {}
    with Peer(script, tls=context) as peer:
        client = caller(peer.url, **options)
        assert text in str(failing(client, ReadException))


@pytest.mark.survives(
    "TLS and proxies",
    "a body without a length is cut within TLS",
    "`ReadException`, not half a body",
)
def test_a_body_until_the_close_of_tls_must_end_with_its_notice(
    row: Row, caller: Callers, certificates: Certificates
) -> None:
    row.needs("a body that was cut within TLS")

    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\npart of")
        if connection.number == 2:
            connection.sock.unwrap()  # type: ignore[attr-defined]

    with Peer(script, tls=certificates.server()) as peer:
        client = caller(peer.url, ca=certificates.ca)
        failing(client, ReadException)
        assert client.send().content == b"part of"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"SECRET-BANNER\r\n\r\n", "its status line is malformed"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "its status line is malformed"),
        (b"HTTP/1.1 200 OK\r\nno colon s3cret\r\n\r\n", "a header line is malformed"),
        (b"HTTP/1.1 200 OK\r\nbad name: s3cret\r\n\r\n", "a header line is malformed"),
        (CHUNKED + b"s3cret\r\nab\r\n", "the size of a chunk is malformed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: s3cret\r\n\r\n", "its content-length is no number"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "two different"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: s3cret\r\n\r\n", "transfer-encoding is not known"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000, "headers"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, "its headers are longer than 100 KiB"),
        (CHUNKED + b"2\r\nabXX", "broke HTTP"),
    ],
)
def test_a_peer_that_breaks_http(caller: Callers, answer: bytes, text: str) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(answer)
        connection.wait_for_close()

    with Peer(one_by_one(script)) as peer:
        client = caller(peer.url)
        error = failing(client, ProtocolException, within=2)
        assert text in str(error)
        assert f"127.0.0.1:{peer.port} broke HTTP" in str(error)
        assert client.row.caused(error) or "transfer-encoding is not known" in text
        assert client.send().content == b"hi"


def test_an_empty_line_is_no_status(caller: Callers) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"\r\n\r\n")
        connection.wait_for_close()

    with Peer(script) as peer:
        client = caller(peer.url)
        client.row.needs("refuses empty lines before a status")
        error = failing(client, ProtocolException, within=2)
    assert "an empty line instead of a status" in str(error)


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
@pytest.mark.parametrize("by", ["send", "request"])
def test_a_response_over_the_limit_is_not_read_to_its_end(
    row: Row, caller: Callers, announced: bool, by: str
) -> None:
    if by == "request":
        row.needs("a limit for request()")
    sent = 0

    def script(connection: Connection) -> None:
        nonlocal sent
        connection.read_request()
        if announced:
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
            connection.wait_for_close()
        connection.send(CHUNKED)
        for _ in range(1000):
            connection.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            sent += 0x10000

    with Peer(one_by_one(script)) as peer:
        client = caller(peer.url, max_response_size=100_000)
        with pytest.raises(
            ResponseTooLargeException, match="100000 bytes; raise max-response-size"
        ):
            client.send() if by == "send" else client.request("GET", "/")
        assert client.send().content == b"hi"
        assert peer.connections == 2
    assert sent < 20_000_000


def test_a_response_of_exactly_the_limit_is_accepted(caller: Callers) -> None:
    with Peer() as peer:
        assert caller(peer.url, max_response_size=2).send().content == b"hi"
        with pytest.raises(ResponseTooLargeException):
            caller(peer.url, max_response_size=1).send()


@pytest.mark.survives(
    "Sending",
    "a URL with spaces, controls or credentials",
    "`ClientArgumentException`; nothing was sent",
)
@pytest.mark.parametrize(
    "url", ["/a b", "/é", "/a\r\nX: y", "/a\x00", "http://user:pw@host/", "http://h:99999/"]
)
def test_a_url_that_must_not_be_sent_is_refused(caller: Callers, url: str) -> None:
    with Peer() as peer:
        with pytest.raises(ClientArgumentException) as caught:
            caller(peer.url).send("GET", url)
        assert peer.connections == 0
    assert "pw" not in str(caught.value)


def test_a_path_without_a_base_url_is_refused(caller: Callers) -> None:
    with pytest.raises(ClientArgumentException, match="there is no base_url"):
        caller("").send("GET", "/a")


@pytest.mark.survives(
    "Sending",
    "a header value with a line break in it",
    "`ClientArgumentException`; nothing was sent",
)
@pytest.mark.parametrize("value", ["a\r\nb", "a\x00b", "s3cret\n"])
def test_a_header_that_would_break_http_is_refused(caller: Callers, value: str) -> None:
    with Peer() as peer:
        with pytest.raises(ClientArgumentException) as caught:
            caller(peer.url).send("GET", "/", {"X-Bad": value})
        assert not peer.requests
    assert "s3cret" not in str(caught.value)


def test_a_header_that_no_header_can_carry_is_refused_by_name(caller: Callers) -> None:
    with Peer() as peer, pytest.raises(ClientArgumentException, match="'X-Bad'") as caught:
        caller(peer.url).send("GET", "/", {"X-Bad": "s3cret€"})
    assert "s3cret" not in str(caught.value)


@pytest.mark.survives(
    "Connecting",
    "a proxy is set in the environment but not trusted",
    "`ConnectException` that names the variable",
)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_connect_failure_tells_of_a_proxy_that_was_ignored(
    caller: Callers, unused_port: int, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://user:s3cret@127.0.0.1:1")
    error = failing(caller(f"http://127.0.0.1:{unused_port}"), ConnectException)
    assert f"{variable} is set but ignored: trust-env is off" in str(error)


def test_errors_of_the_library_client_are_ours_too(caller: Callers, unused_port: int) -> None:
    client = caller(f"http://127.0.0.1:{unused_port}")
    with pytest.raises(ConnectException, match=f"127.0.0.1:{unused_port}") as caught:
        client.request("GET", "/")
    assert client.row.caused(caught.value)
    with pytest.raises(ClientArgumentException):
        client.request("GET", "ftp://127.0.0.1/")
    with pytest.raises(ClientArgumentException):
        client.request("GET", "http://host:port/")
    with pytest.raises(TypeError):
        client.request("GET", "/", nonsense=1)


def test_a_slow_answer_to_the_library_client_is_a_read_timeout(caller: Callers) -> None:
    with Peer(one_by_one(lambda c: c.wait_for_close())) as peer:
        client = caller(peer.url, timeout=0.1)
        with pytest.raises(ReadTimeoutException):
            client.request("GET", "/")


@pytest.mark.survives(
    "Sending", "the service closes while it is sent a body", "the failure, with that as its context"
)
def test_a_body_that_could_not_be_sent_is_the_context_of_what_follows(caller: Callers) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.reset()

    with Peer(script) as peer:
        client = caller(peer.url)
        if client.row.library != "own":
            pytest.skip("it is the library's error")
        with pytest.raises((ReadException, WriteException)) as caught:
            client.send("POST", "/", {}, b"x" * 20_000_000)
        cause = caught.value.__cause__
        assert isinstance(cause, TransportError)
        chain: BaseException | None = cause
        seen = []
        while chain is not None:
            seen.append(type(chain))
            chain = chain.__context__
        assert WriteError in seen


def test_every_transport_failure_is_caught_by_one_name(caller: Callers, unused_port: int) -> None:
    with pytest.raises(TransportException):
        caller(f"http://127.0.0.1:{unused_port}").send()


def _ignored(_: object) -> None:
    """A script's step whose result does not matter."""
