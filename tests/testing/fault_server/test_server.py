"""The server: routes, chance, counting, opening and closing, TLS, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import time
from typing import Any

import pytest
import trustme

from pyfly.testing import FaultServer
from pyfly.testing.fault_server import (
    Answer,
    Close,
    Delayed,
    Drip,
    Early,
    Fixed,
    Flapping,
    HalfClose,
    InTurn,
    LogNormal,
    Mix,
    Pareto,
    Raw,
    ReceivedRequest,
    Reset,
    Silence,
    Uniform,
)
from tests.support.patience import at_most
from tests.testing.fault_server.raw_client import RawClient, ask


def status(client: RawClient, path: str = "/") -> int:
    return int(client.exchange(path)[9:12])


def statuses(server: FaultServer, path: str, count: int) -> list[int]:
    with RawClient(server) as client:
        return [status(client, path) for _ in range(count)]


# Routes


def test_a_request_without_a_route_is_a_404_and_is_noted() -> None:
    with FaultServer() as server:
        assert statuses(server, "/x", 1) == [404]
        assert server.requests[0].route == ""
        assert server.counts() == {}


def test_behaviours_are_played_in_turn_and_the_last_one_goes_on() -> None:
    with FaultServer() as server:
        server.on("/a", Answer(503), Answer(200), Answer(201))
        assert statuses(server, "/a", 5) == [503, 200, 201, 201, 201]
        server.on("/a", Answer(503), Answer(200), repeat=True)
        assert statuses(server, "/a", 5) == [503, 200, 503, 200, 503]
        assert server.count("/a") == 5


@pytest.mark.parametrize(
    ("route", "fits", "fits_not"),
    [
        ("/a", ["/a", "/a?b=/c"], ["/a/", "/ab", "/"]),
        ("/a/{id}", ["/a/1", "/a/%2F"], ["/a/", "/a/1/2"]),
        ("/a/{id}/b-{x}", ["/a/1/b-2"], ["/a/1/b-"]),
        ("/a/*", ["/a/", "/a/b/c"], ["/a", "/b"]),
        ("*", ["/", "/x", "*"], []),
        ("GET /a", ["/a"], []),
        ("POST /a", [], ["/a"]),
        ("/a.b", ["/a.b"], ["/aXb"]),
    ],
)
def test_a_route_takes_what_it_says(route: str, fits: list[str], fits_not: list[str]) -> None:
    with FaultServer() as server:
        server.on(route, Answer(200))
        for path in fits:
            assert statuses(server, path, 1) == [200], path
        for path in fits_not:
            assert statuses(server, path, 1) == [404], path


def test_of_two_routes_that_fit_the_later_one_counts() -> None:
    with FaultServer(Answer(200)) as server:
        server.on("/a", Answer(201))
        assert statuses(server, "/a", 1) == [201]
        assert statuses(server, "/b", 1) == [200]
        assert server.counts() == {"*": 1, "/a": 1}


@pytest.mark.parametrize(
    ("route", "message"),
    [
        ("a", "write a path such as"),
        ("get /a", "write a path"),
        ("/a b", "write a path"),
        ("/{a", "braces"),
        ("/{a b}", "write a path"),
        ("/{a.b}", "braces"),
        ("/a?b=1", "no query"),
    ],
)
def test_a_route_that_is_none_is_refused(route: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FaultServer().on(route, Answer())


def test_a_script_needs_a_behaviour() -> None:
    with pytest.raises(ValueError, match=r"such as Answer\(\)"):
        FaultServer().on("/a")


# Chance and the clock


@pytest.mark.parametrize("answer", [503, "hello", {"status": 503}, Answer])
def test_what_is_no_behaviour_is_refused_when_it_is_given(answer: Any) -> None:
    with pytest.raises(TypeError, match=r"is no behaviour: write one such as Answer\(\)"):
        FaultServer().on("GET /a", answer)


def test_chance_is_the_same_with_the_same_seed_and_other_requests_do_not_matter() -> None:
    def run(seed: int, noise: int) -> list[int]:
        mix = Mix((0.5, Answer(200)), (0.3, Answer(503)), (0.2, Answer(429)))
        with FaultServer(mix, seed=seed) as server:
            server.on("/a", mix)
            statuses(server, "/other", noise)
            return statuses(server, "/a", 40)

    assert run(7, 0) == run(7, 5)
    assert run(7, 0) != run(8, 0)
    assert set(run(7, 0)) == {200, 503, 429}


def test_weights_are_shares() -> None:
    with FaultServer(Mix((9, Answer(200)), (1, Answer(500)), (0, Answer(501))), seed=3) as server:
        found = statuses(server, "/", 300)
    assert 10 <= found.count(500) <= 50
    assert 501 not in found


@pytest.mark.parametrize("shares", [(), ((-1, Answer()),), ((0, Answer()),)])
def test_weights_that_are_none_are_refused(shares: tuple[tuple[float, Answer], ...]) -> None:
    with pytest.raises(ValueError, match="pairs of a weight"):
        Mix(*shares)


def test_mixes_and_turns_may_be_nested() -> None:
    script = InTurn(Mix((1, Answer(500))), InTurn(Answer(501), Answer(502)))
    with FaultServer(script) as server:
        assert statuses(server, "/", 3) == [500, 502, 502]


def test_flapping_goes_by_the_clock() -> None:
    with FaultServer(Flapping(0.15, 0.15, Answer(200), Answer(503))) as server:
        seen: list[int] = []
        with RawClient(server) as client:
            end = time.monotonic() + 5
            while time.monotonic() < end and len(seen) < 4:
                now = status(client)
                if not seen or seen[-1] != now:
                    seen.append(now)
                time.sleep(0.005)
    assert seen == [200, 503, 200, 503]


def test_a_behaviour_around_another_plays_that_one() -> None:
    wrapped = Delayed(0.0, InTurn(Early(Drip(0.0, 100)), Delayed(0.001, Answer(503))))
    with FaultServer(wrapped) as server:
        assert ask(server)[0].startswith(b"HTTP/1.1 200 OK")
        assert statuses(server, "/", 1) == [503]
        assert [each.behaviour for each in server.requests] == ["Drip", "Answer"]


def test_flapping_needs_both_times() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Flapping(0, 1, Answer(), Answer())


def test_latencies_are_what_their_names_say() -> None:
    from random import Random

    def drawn(latency: Fixed | Uniform | LogNormal | Pareto) -> list[float]:
        random = Random(1)
        return sorted(latency.seconds(random) for _ in range(2000))

    assert set(drawn(Fixed(0.5))) == {0.5}
    uniform = drawn(Uniform(1, 3))
    assert all(1 <= each <= 3 for each in uniform)
    assert uniform[1000] == pytest.approx(2, abs=0.1)
    log_normal = drawn(LogNormal(0.1, 1.0))
    assert log_normal[1000] == pytest.approx(0.1, rel=0.1)
    assert log_normal[1980] == pytest.approx(1.0, rel=0.4)
    assert max(drawn(LogNormal(1, 2, maximum=3))) == 3
    pareto = drawn(Pareto(0.1, 2.0))
    assert pareto[0] >= 0.1
    assert pareto[1980] == pytest.approx(1.0, rel=0.4)
    assert max(drawn(Pareto(1, 0.5, maximum=3))) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fixed(-1),
        lambda: Fixed(float("nan")),
        lambda: Uniform(2, 1),
        lambda: LogNormal(-1),
        lambda: Pareto(1, 0),
        lambda: Pareto(1, float("inf")),
    ],
)
def test_a_latency_that_cannot_be_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"give|less than low"):
        make()  # type: ignore[operator]


# Counting


def test_requests_are_kept_byte_for_byte() -> None:
    told: list[ReceivedRequest] = []
    with FaultServer(Answer(204), on_exchange=told.append) as server:
        with RawClient(server) as client:
            client.sock.sendall(b"POST /a?b=c HTTP/1.1\r\nX-A:  b \r\ncontent-length: 3\r\n\r\nabc")
            client.read_until(b"\r\n\r\n")
            chunked = b"3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"
            client.sock.sendall(b"PUT /b HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + chunked)
            client.read_until(b"\r\n\r\n")
        server.wait_until(lambda s: s.open_connections == 0)
        first, second = server.requests
    assert first.raw == b"POST /a?b=c HTTP/1.1\r\nX-A:  b \r\ncontent-length: 3\r\n\r\nabc"
    assert (first.method, first.target, first.path) == ("POST", "/a?b=c", "/a")
    assert (first.headers["x-a"], first.body, first.route) == ("b", b"abc", "*")
    assert (first.number, first.connection, first.behaviour) == (1, 1, "Answer")
    assert first.sent == len(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert first.at <= second.at
    assert 0 < first.seconds < 1
    assert second.body == chunked
    assert repr(second) == "<PUT /b on connection 1, Answer>"
    assert [each.target for each in told] == ["/a?b=c", "/b"]


@pytest.mark.parametrize(
    "request_",
    [
        b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"y" * 2_000_000,
        b"PUT / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab",
        b"nothing",
    ],
    ids=["chunk", "long head", "short body", "half a head"],
)
def test_a_client_that_breaks_http_ends_its_own_connection_only(request_: bytes) -> None:
    with FaultServer(Answer()) as server:
        with RawClient(server) as client:
            try:
                client.sock.sendall(request_)
                client.sock.shutdown(socket.SHUT_WR)
            except OSError:  # the server has closed by now
                pass
            assert client.read_all()[0] == b""
        server.wait_until(lambda s: s.open_connections == 0)
        assert statuses(server, "/", 1) == [200]


def test_odd_requests_are_noted_as_they_are() -> None:
    with FaultServer(Answer(204)) as server, RawClient(server) as client:
        client.sock.sendall(b"odd\r\ncontent-length: many\r\nno colon\r\n\r\n")
        client.read_until(b"\r\n\r\n")
        assert (server.requests[0].method, server.requests[0].target) == ("odd", "")


def test_an_unknown_route_has_no_count() -> None:
    with FaultServer(Answer()) as server, pytest.raises(KeyError, match=r"there is \*"):
        server.count("/a")
    with pytest.raises(KeyError, match="there is none"):
        FaultServer().count("/a")


def test_waiting_for_what_never_comes_tells_what_there_is() -> None:
    told = "0 connections, 0 open, 0 requests"
    with FaultServer() as server, pytest.raises(TimeoutError, match=told):
        server.wait_until(lambda s: s.connections == 1, within=0.01)


# Taking connections


def connect_error(server: FaultServer, within: float = 0.2) -> type[BaseException] | None:
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=within).close()
    except OSError as error:
        return type(error)
    return None


def test_a_server_that_refuses_resets_what_there_is_and_comes_back_on_the_same_port() -> None:
    with FaultServer(Answer()) as server:
        port = server.port
        with RawClient(server) as client:
            client.exchange()
            server.refuse()
            server.refuse()
            assert client.read_all() == (b"", "reset")
        assert connect_error(server) is ConnectionRefusedError
        server.accept()
        assert server.port == port
        assert statuses(server, "/", 1) == [200]


def test_a_server_that_stalls_keeps_what_there_is_and_lets_nobody_in() -> None:
    with FaultServer(Answer()) as server, RawClient(server) as client:
        client.exchange()
        server.stall()
        assert connect_error(server, 0.1) is TimeoutError
        assert status(client) == 200
        server.refuse()
        assert connect_error(server) is ConnectionRefusedError
        server.stall()
        server.accept()
        assert connect_error(server) is None


def test_a_schedule_opens_and_closes_by_itself() -> None:
    with FaultServer(Answer()) as server:
        server.schedule(("refuse", 0.05), ("open", 0.05), repeat=True)
        for _ in range(2):
            server.wait_until(lambda s: connect_error(s) is not None)
            server.wait_until(lambda s: connect_error(s) is None)
        server.schedule(("refuse", 0.0), ("open", 0.0))
        server.wait_until(lambda s: connect_error(s) is None)
        server.schedule(("stall", 10))
        server.accept()
        assert connect_error(server) is None


def test_a_schedule_that_cannot_be_is_refused() -> None:
    with FaultServer() as server:
        with pytest.raises(ValueError, match="'shut' is no state"):
            server.schedule(("shut", 1))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="no time at all"):
            server.schedule(("open", 0), repeat=True)


def test_connections_can_be_met_at_the_door() -> None:
    with FaultServer(Answer()) as server:
        server.at_accept(Reset("before"), Raw(b"SSH-2.0-hello\r\n"), None, Silence(), None)
        for expected in ((b"", "reset"), (b"SSH-2.0-hello\r\n", "close")):
            with RawClient(server) as client:
                assert client.read_all() == expected
        assert statuses(server, "/", 1) == [200]
        with RawClient(server) as client:
            client.get()
            client.sock.settimeout(0.03)
            with pytest.raises(TimeoutError):
                client.sock.recv(1)
        for _ in range(2):
            assert statuses(server, "/", 1) == [200]
        server.at_accept()
        assert statuses(server, "/", 1) == [200]
        assert server.connections == 7


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def secured(client: RawClient, context: ssl.SSLContext) -> RawClient:
    client.sock = context.wrap_socket(
        client.sock, server_hostname="127.0.0.1", suppress_ragged_eofs=False
    )
    return client


def test_tls_serves_the_same(tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with FaultServer(Answer(), Answer(200, b"x" * 300_000), Reset("body"), tls=tls) as server:
        assert server.url.startswith("https://127.0.0.1:")
        with RawClient(server) as client:
            secured(client, trusting)
            assert status(client) == 200
            assert client.exchange().endswith(b"x" * 300_000)
            client.get()
            assert client.read_until(b'"ok":').endswith(b'{"ok":')
            client.sock.settimeout(None)
            with pytest.raises(ConnectionResetError):  # ssl itself takes it for an end
                os.read(client.sock.fileno(), 1)


def test_tls_can_be_met_before_its_handshake(tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with FaultServer(Answer(), tls=tls) as server:
        server.at_accept(Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), None)
        with RawClient(server) as client, pytest.raises(ssl.SSLError):
            secured(client, trusting)
        with RawClient(server) as client:
            assert status(secured(client, trusting)) == 200


def test_a_client_that_does_not_trust_the_certificate_is_a_hangup(tls: ssl.SSLContext) -> None:
    with FaultServer(Answer(), tls=tls) as server:
        with RawClient(server) as client, pytest.raises(ssl.SSLError):
            secured(client, ssl.create_default_context())
        with RawClient(server) as client:
            client.sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            client.read_all()
        server.wait_until(lambda s: s.open_connections == 0)
        assert server.hangups == 2


def test_a_half_close_within_tls_is_an_end_without_notice(
    tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    with FaultServer(HalfClose("after"), tls=tls) as server, RawClient(server) as client:
        secured(client, trusting)
        assert status(client) == 200
        with pytest.raises(ssl.SSLEOFError):
            client.sock.recv(1)


# Its life


async def test_it_serves_an_asynchronous_test_as_well() -> None:
    with FaultServer(Answer()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        await writer.wait_closed()


def test_many_connections_at_once_are_served_at_once() -> None:
    with FaultServer(Answer(latency=0.1)) as server:
        clients = [RawClient(server) for _ in range(50)]
        began = time.monotonic()
        for client in clients:
            client.get()
        for client in clients:
            assert client.read(15) == b"HTTP/1.1 200 OK"
        assert time.monotonic() - began < at_most(2)
        assert server.open_connections == 50
        for client in clients:
            client.sock.close()


def test_nothing_is_left_when_it_ends() -> None:
    threads = threading.active_count()
    with FaultServer(Silence()) as server:
        server.schedule(("open", 60), repeat=True)
        waiting = RawClient(server)
        waiting.get()
        server.wait_until(lambda s: len(s.requests) == 1)
    assert threading.active_count() == threads
    assert waiting.read_all() == (b"", "close")
    waiting.sock.close()
    assert connect_error(server) is ConnectionRefusedError


def test_a_port_that_is_taken_is_an_error_of_the_with_block() -> None:
    with (
        FaultServer() as server,
        pytest.raises(OSError, match="in use"),
        FaultServer(port=server.port),
    ):
        pass


def test_it_is_used_once_and_only_while_it_runs() -> None:
    server = FaultServer()
    with pytest.raises(RuntimeError, match="in a with block"):
        server.refuse()
    with server:
        pass
    with pytest.raises(RuntimeError, match="in a with block"):
        server.accept()
    with pytest.raises(RuntimeError, match="used once"), server:
        pass


def test_it_listens_on_the_other_loopback_too() -> None:
    with FaultServer(Answer(), host="::1") as server:
        assert server.url == f"http://[::1]:{server.port}"
        with socket.create_connection(("::1", server.port)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert sock.recv(15) == b"HTTP/1.1 200 OK"
        server.refuse()
        server.stall()
        server.accept()
    with FaultServer(Close("before")) as server:
        assert ask(server) == (b"", "close")
