"""Connections are used again where that is safe, and never where it is not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from pyfly.client.errors import PoolExhaustedException, ReadException
from pyfly.kernel.exceptions import AttemptTimeoutException, RefusedException
from tests.client.contract.conftest import Certificates
from tests.client.contract.peer import OK, Connection, Peer
from tests.client.contract.rows import Caller, Row

Callers = Callable[..., Caller]


def test_calls_one_after_the_other_use_one_connection(caller: Callers) -> None:
    with Peer() as peer:
        client = caller(peer.url)
        for _ in range(20):
            client.send()
        assert peer.connections == 1


def test_send_and_request_share_their_connections(caller: Callers) -> None:
    with Peer() as peer:
        client = caller(peer.url)
        client.send()
        client.request("GET", "/")
        client.send()
        assert peer.connections == 1


@pytest.mark.survives(
    "Connections between calls", "`Connection: close`", "a new connection for the next call"
)
def test_a_connection_is_not_used_after_the_peer_asked_to_close_it(caller: Callers) -> None:
    answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi"
    with Peer(lambda c: c.answer_all(answer)) as peer:
        client = caller(peer.url)
        assert [client.send().content for _ in range(3)] == [b"hi"] * 3
        assert peer.connections == 3


@pytest.mark.survives(
    "Connections between calls",
    "a `204` announces a body, which comes late",
    "a new connection for the next call",
)
def test_a_body_behind_a_204_is_never_taken_for_the_next_answer(caller: Callers, row: Row) -> None:
    if row.library != "own":
        pytest.skip("the library decides")
    late = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL"

    def script(connection: Connection) -> None:
        connection.read_request()
        if connection.number > 1:
            connection.send(OK)
            return
        connection.send(b"HTTP/1.1 204 No Content\r\ncontent-length: %d\r\n\r\n" % len(late))
        connection.read_request()
        connection.send(late)

    with Peer(script) as peer:
        client = caller(peer.url)
        assert [client.send().content for _ in range(2)] == [b"", b"hi"]


@pytest.mark.survives(
    "Connections between calls",
    "an idle connection was closed by the service",
    "a new connection, and the answer",
)
def test_a_connection_that_the_peer_closed_while_idle_is_not_used(caller: Callers) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(OK)

    with Peer(script) as peer:
        client = caller(peer.url)
        for _ in range(5):
            assert client.send().content == b"hi"
            time.sleep(0.02)
        assert peer.connections == 5


def test_a_peer_that_closes_without_saying_so_breaks_no_call_unless_in_the_very_moment(
    caller: Callers,
) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(OK)

    with Peer(script) as peer:
        client = caller(peer.url)
        outcomes = []
        for _ in range(50):
            try:
                outcomes.append(client.send().content)
            except ReadException:  # the FIN was not here yet when the request went out
                outcomes.append(b"lost")
    assert outcomes.count(b"hi") >= 25
    assert set(outcomes) <= {b"hi", b"lost"}


@pytest.mark.survives(
    "Connections between calls", "a connection has idled for too long", "a new connection"
)
def test_an_idle_connection_expires(caller: Callers) -> None:
    with Peer() as peer:
        client = caller(peer.url, keepalive_expiry=0.05)
        client.send()
        client.send()
        time.sleep(0.1)
        client.send()
        assert peer.connections == 2


EVIL = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL"


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx: y\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
    ],
    ids=["length", "chunked", "trailers", "no content", "interim", "bare newlines"],
)
@pytest.mark.parametrize("extra", [EVIL, b"\r\n", b"x"], ids=["response", "newline", "byte"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_response_that_nobody_asked_for_is_never_the_answer_to_the_next_request(
    row: Row, caller: Callers, certificates: Certificates, answer: bytes, extra: bytes, tls: bool
) -> None:
    row.needs("bytes after a response never answer the next request")

    def script(connection: Connection) -> None:
        connection.read_request()
        if connection.number == 1:
            connection.send(answer + extra)
            connection.wait_for_close()
        connection.send(OK)
        connection.wait_for_close()

    context = certificates.server() if tls else None
    options = {"ca": certificates.ca} if tls else {}
    with Peer(script, tls=context) as peer:
        client = caller(peer.url, **options)
        if extra == b"\r\n":
            client.row.needs("refuses empty lines before a status")
        with client.row.may_refuse_what_follows():
            assert client.send().content in (b"hi", b"")
        assert client.send().content == b"hi"
        assert peer.connections == 2


@pytest.mark.survives(
    "Connections between calls",
    "a second response in a TLS record of its own",
    "it never answers the next call",
)
def test_a_second_response_in_a_tls_record_of_its_own_is_noticed(
    row: Row, caller: Callers, certificates: Certificates
) -> None:
    row.needs("bytes after a response never answer the next request")

    def script(connection: Connection) -> None:
        connection.read_request()
        if connection.number == 1:
            connection.send(OK, EVIL)
            connection.wait_for_close()
        connection.send(OK)
        connection.wait_for_close()

    with Peer(script, tls=certificates.server()) as peer:
        client = caller(peer.url, ca=certificates.ca)
        client.send()
        time.sleep(0.05)
        assert client.send().content == b"hi"
        assert peer.connections == 2


def test_idle_connections_to_many_origins_are_no_more_than_allowed(caller: Callers) -> None:
    with Peer() as one, Peer() as two:
        client = caller(one.url, max_connections=1)
        client.send()
        client.send("GET", two.url)
        client.send()
        assert (one.connections, two.connections) == (2, 1)


def test_an_idle_connection_elsewhere_makes_room_for_a_new_one(caller: Callers) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.wait(0.1)
        connection.send(OK)
        connection.wait_for_close()

    with Peer() as one, Peer(script) as two:
        client = caller(two.url, max_connections=2)
        client.send("GET", one.url)
        assert [answer.content for answer in client.together(2)] == [b"hi", b"hi"]
        end = time.monotonic() + 1
        while not one.hangups and time.monotonic() < end:
            time.sleep(0.005)
        assert (one.hangups, two.connections) == (1, 2)


def test_an_expired_connection_is_closed_although_its_origin_is_not_used_again(
    caller: Callers,
) -> None:
    with Peer() as one, Peer() as two:
        client = caller(two.url, keepalive_expiry=0.05)
        client.send("GET", one.url)
        time.sleep(0.1)
        client.send()
        time.sleep(0.02)
        assert one.hangups == 1


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("late", [0, 0.01], ids=["at once", "late"])
def test_a_response_longer_than_it_says_spoils_nothing(
    row: Row, caller: Callers, certificates: Certificates, tls: bool, late: float
) -> None:
    row.needs("bytes after a response never answer the next request")

    def script(connection: Connection) -> None:
        while True:
            connection.read_request()
            connection.send(OK)
            connection.wait(late)
            connection.send(b"and more")

    with Peer(script, tls=certificates.server() if tls else None) as peer:
        client = caller(peer.url, ca=certificates.ca)
        for _ in range(3):
            with client.row.may_refuse_what_follows():
                assert client.send().content == b"hi"
            time.sleep(0.02)
        assert peer.connections == 3


def test_calls_at_once_use_no_more_connections_than_allowed(caller: Callers) -> None:
    def script(connection: Connection) -> None:
        while True:
            connection.read_request()
            connection.wait(0.01)
            connection.send(OK)

    with Peer(script) as peer:
        client = caller(peer.url, max_connections=3)
        outcomes = client.together(12)
        assert [outcome.content for outcome in outcomes] == [b"hi"] * 12
        assert peer.connections <= 3


@pytest.mark.survives(
    "Connections between calls",
    "all connections are in use",
    "`PoolExhaustedException` after `pool-timeout`",
)
def test_waiting_too_long_for_a_connection_is_a_refusal(caller: Callers) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.wait(0.25)
        connection.send(OK)
        connection.wait_for_close()

    with Peer(script) as peer:
        client = caller(peer.url, max_connections=1, pool_timeout=0.05)
        outcomes = client.together(2)
        assert peer.connections == 1
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(refused) == 1
    assert isinstance(refused[0], PoolExhaustedException)
    assert isinstance(refused[0], RefusedException)
    assert "all 1 connections" in str(refused[0])
    assert "50 ms" in str(refused[0])
    assert "max-connections" in str(refused[0])


@pytest.mark.survives(
    "Connections between calls",
    "waiting for a connection outlasts the timeout",
    "`AttemptTimeoutException` in time",
)
def test_the_deadline_bounds_the_wait_for_a_connection(row: Row, caller: Callers) -> None:
    row.needs("a deadline for the attempt as a whole")
    with Peer(lambda c: c.wait()) as peer:
        client = caller(peer.url, max_connections=1, pool_timeout=3)
        outcomes = client.together(2, within=(0.6, 0.1))
        assert client.took[1] < 0.5
    assert [type(outcome) for outcome in outcomes] == [AttemptTimeoutException] * 2


def test_the_connections_of_two_schemes_and_hosts_do_not_mix(
    caller: Callers, certificates: Certificates
) -> None:
    with Peer() as plain, Peer(tls=certificates.server()) as secure:
        client = caller(plain.url, ca=certificates.ca)
        for _ in range(2):
            client.send()
            client.send("GET", f"{secure.url}/s")
        assert (plain.connections, secure.connections) == (1, 1)
    assert secure.requests[0].startswith(b"GET /s ")
