"""Bodies that are handed over while they come, by the port itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from pyfly.client.errors import (
    ClientStoppedException,
    PoolExhaustedException,
    ReadException,
    ReadTimeoutException,
    ResponseTooLargeException,
)
from pyfly.kernel.exceptions import AttemptTimeoutException
from tests.client.contract.conftest import Certificates
from tests.client.contract.peer import OK, Connection, Peer
from tests.client.contract.rows import Caller, Row
from tests.client.contract.test_exchange import Pieces
from tests.support.patience import at_most

Callers = Callable[..., Caller]
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\n"

pytestmark = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@pytest.fixture
def peer_of(
    certificates: Certificates, tls: bool, caller: Callers
) -> Callable[..., tuple[Peer, Callers]]:
    """A peer, with TLS or without, and what makes callers of it."""

    def make(script: Callable[[Connection], None]) -> tuple[Peer, Callers]:
        peer = Peer(script, tls=certificates.server() if tls else None)
        return peer, lambda **options: caller(peer.url, ca=certificates.ca, **options)

    return make


PeerOf = Callable[..., tuple[Peer, Callers]]


def test_a_body_is_handed_over_piece_by_piece_as_it_was_on_the_wire(peer_of: PeerOf) -> None:
    def script(connection: Connection) -> None:
        while True:
            connection.read_request()
            connection.send(CHUNKED, b"3\r\nabc\r\n")
            connection.wait(0.05)
            connection.send(b"3\r\ndef\r\n0\r\n\r\n")

    peer, callers = peer_of(script)
    with peer:
        client = callers()
        for _ in range(2):
            with client.opened() as opened:
                assert (opened.status_code, opened.content_encoding) == (200, "gzip")
                assert opened.headers["transfer-encoding"] == "chunked"
                assert [opened.read(), opened.read(), opened.read()] == [b"abc", b"def", b""]
        assert peer.connections == 1


def test_a_whole_body_is_read_at_once_where_it_is_wanted_after_all(peer_of: PeerOf) -> None:
    peer, callers = peer_of(Connection.answer_all)
    with peer:
        client = callers()
        with client.opened() as opened:
            assert opened.read_all().content == b"hi"
        client.send()
        assert peer.connections == 1


def test_a_whole_body_has_to_come_by_the_deadline_and_within_the_limit(
    row: Row, peer_of: PeerOf
) -> None:
    row.needs("a deadline for the attempt as a whole")

    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
        connection.wait_for_close()

    peer, callers = peer_of(script)
    with peer:
        began = time.monotonic()
        with callers().opened(within=0.2) as opened, pytest.raises(AttemptTimeoutException):
            opened.read_all()
        assert time.monotonic() - began < at_most(1)
        with (
            callers(max_response_size=5).opened() as opened,
            pytest.raises(ResponseTooLargeException),
        ):
            opened.read_all()


def test_the_deadline_is_for_the_headers_alone(row: Row, peer_of: PeerOf) -> None:
    row.needs("a deadline for the attempt as a whole")

    def script(connection: Connection) -> None:
        connection.read_request()
        if connection.number == 1:
            connection.wait_for_close()
        connection.send(CHUNKED)
        connection.wait(0.2)
        connection.send(b"3\r\nabc\r\n0\r\n\r\n")
        connection.wait_for_close()

    peer, callers = peer_of(script)
    with peer:
        client = callers()
        with pytest.raises(AttemptTimeoutException), client.opened(within=0.1):
            pass
        with client.opened(within=0.15) as opened:
            assert opened.read() == b"abc"


def test_a_peer_that_falls_silent_is_noticed_by_the_idle_timeout(row: Row, peer_of: PeerOf) -> None:
    row.needs("an idle timeout for streams")

    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(CHUNKED, b"3\r\nabc\r\n")
        connection.wait_for_close()

    peer, callers = peer_of(script)
    with peer:
        client = callers(max_connections=1)
        with client.opened(idle=0.1) as opened:
            assert opened.read() == b"abc"
            with pytest.raises(ReadTimeoutException, match="sent nothing for"):
                opened.read()
        with client.opened() as opened:
            opened.read()
            with pytest.raises(ReadTimeoutException):
                opened.read(until=time.monotonic() + 0.1)


def test_a_stream_that_is_left_early_closes_its_connection(peer_of: PeerOf) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        if connection.number > 1:
            connection.send(OK)
        connection.send(CHUNKED, b"3\r\nabc\r\n")
        connection.wait_for_close()

    peer, callers = peer_of(script)
    with peer:
        client = callers(max_connections=1)
        with client.opened() as opened:
            opened.read()
        assert client.send().content == b"hi"
        assert peer.connections == 2


def test_a_stream_that_breaks_off_is_an_error(peer_of: PeerOf) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(CHUNKED, b"3\r\nabc\r\n")
        connection.wait(0.02)

    peer, callers = peer_of(script)
    with peer, callers().opened() as opened:
        assert opened.read() == b"abc"
        with pytest.raises(ReadException):
            opened.read()


def test_an_open_stream_takes_a_place_in_the_pool(peer_of: PeerOf) -> None:
    peer, callers = peer_of(Connection.answer_all)
    with peer:
        client = callers(max_connections=1, pool_timeout=0.05)
        with client.opened(), pytest.raises(PoolExhaustedException):
            client.send()
        client.send()


def test_an_aborted_stream_fails_its_reader(peer_of: PeerOf) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(CHUNKED, b"3\r\nabc\r\n")
        connection.wait_for_close()

    peer, callers = peer_of(script)
    with peer:
        client = callers(max_connections=1)
        with client.opened() as opened:
            opened.read()
            opened.abort()
            with pytest.raises(ReadException):
                opened.read()
        with client.opened() as opened:  # the place was given back
            assert opened.read() == b"abc"


def test_a_body_goes_up_while_nobody_holds_it_whole(peer_of: PeerOf) -> None:
    body = Pieces([b"x" * 50_000] * 10, None)
    peer, callers = peer_of(Connection.answer_all)
    with peer, callers().opened("POST", body) as opened:
        assert opened.read() == b"hi"
    assert peer.requests[0].count(b"x") >= 500_000
    assert body.closed == 1


def test_an_error_of_a_body_passes_through_unchanged(peer_of: PeerOf) -> None:
    peer, callers = peer_of(Connection.answer_all)
    with peer:
        client = callers()
        with (
            pytest.raises(KeyError, match="mine"),
            client.opened("POST", Pieces([b"abc"], 10, fails=True)),
        ):
            pass
        assert client.send().content == b"hi"


def test_a_stopped_adapter_opens_nothing(peer_of: PeerOf) -> None:
    peer, callers = peer_of(Connection.answer_all)
    with peer:
        client = callers()
        client.stop()
        with pytest.raises(ClientStoppedException), client.opened():
            pass
        assert peer.connections == 0
