"""Each behaviour does to a client what its name says, byte for byte."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from http import HTTPStatus
from typing import Any

import pytest

from pyfly.testing import FaultServer
from pyfly.testing.fault_server import (
    Answer,
    BadChunks,
    Bomb,
    Close,
    Delayed,
    Drip,
    Early,
    Exchange,
    HalfClose,
    HeaderBomb,
    Interim,
    Leaf,
    LeftOver,
    Raw,
    Reset,
    Silence,
    TruncatedGzip,
    WrongLength,
)
from tests.support.patience import at_most
from tests.testing.fault_server.raw_client import RawClient, ask

OK = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{"ok": true}'


def body_of(data: bytes) -> bytes:
    return data.partition(b"\r\n\r\n")[2]


def test_an_answer_is_a_small_json_object_unless_said_otherwise() -> None:
    with FaultServer(Answer()) as server, RawClient(server) as client:
        assert client.exchange() == OK
        assert client.exchange() == OK
        assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            Answer(201, b"\x00\x01"),
            b"HTTP/1.1 201 Created\r\ncontent-type: application/octet-stream\r\n"
            b"content-length: 2\r\n\r\n\x00\x01",
        ),
        (
            Answer(200, "é", headers={"X-One": "1"}),
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\nX-One: 1\r\n"
            b"content-length: 2\r\n\r\n\xc3\xa9",
        ),
        (
            Answer(200, json=[1], headers={"Content-Type": None}, reason="Fine"),
            b"HTTP/1.1 200 Fine\r\ncontent-length: 3\r\n\r\n[1]",
        ),
        (
            Answer(299, '{"a": 1}'),
            b"HTTP/1.1 299 Unknown\r\ncontent-type: application/json\r\n"
            b'content-length: 8\r\n\r\n{"a": 1}',
        ),
        (
            Answer(503),
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n"
            b'content-length: 47\r\n\r\n{"title": "Service Unavailable", "status": 503}',
        ),
        (Answer(204), b"HTTP/1.1 204 No Content\r\n\r\n"),
        (
            Answer(200, b"x" * 1025, chunked=True, headers={"content-type": None}),
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n400\r\n"
            + b"x" * 1024
            + b"\r\n1\r\nx\r\n0\r\n\r\n",
        ),
    ],
    ids=["bytes", "text", "json", "odd status", "problem", "no content", "chunked"],
)
def test_an_answer_is_what_it_is_told_to_be(answer: Answer, expected: bytes) -> None:
    with FaultServer(answer) as server, RawClient(server) as client:
        client.get()
        assert client.read(len(expected)) == expected


def test_a_head_is_answered_without_a_body() -> None:
    with FaultServer(Answer()) as server, RawClient(server) as client:
        client.sock.sendall(b"HEAD / HTTP/1.1\r\n\r\n" * 2)
        assert client.read(2 * len(OK) - 24) == OK[:-12] * 2


@pytest.mark.parametrize(
    ("place", "sent"),
    [("before", b""), ("head", OK[: len(OK[:-12]) // 2]), ("body", OK[:-6]), ("after", OK)],
)
def test_a_reset_and_a_close_come_where_they_are_told_to(place: Any, sent: bytes) -> None:
    with FaultServer(seed=1) as server:
        server.on("/reset", Reset(place))
        server.on("/close", Close(place))
        assert ask(server, "/reset") == (sent, "reset")
        assert ask(server, "/close") == (sent, "close")


def test_a_half_closed_connection_is_closed_by_the_client() -> None:
    with FaultServer(HalfClose()) as server:
        with RawClient(server) as client:
            client.get()
            assert client.read_all() == (OK, "close")
            client.sock.sendall(b"still taken" * 1000)
            assert server.open_connections == 1
        server.wait_until(lambda s: s.open_connections == 0)


def test_a_length_may_say_too_much_or_too_little() -> None:
    with FaultServer(WrongLength(+5), WrongLength(-2), WrongLength(+5, close=False)) as server:
        assert ask(server) == (OK.replace(b": 12", b": 17"), "close")
        with RawClient(server) as client:
            client.get()
            assert client.read(len(OK)) == OK.replace(b": 12", b": 10")
            client.get()  # the connection goes on
            assert client.read(len(OK)) == OK.replace(b": 12", b": 17")
            client.sock.settimeout(0.05)
            with pytest.raises(TimeoutError):
                client.sock.recv(1)


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        ("size", b"xyz\r\nabc\r\n0\r\n\r\n"),
        ("negative", b"-3\r\nabc\r\n0\r\n\r\n"),
        ("huge", b"f" * 40 + b"\r\nabc\r\n"),
        ("end", b"3\r\nabcdef\r\n0\r\n\r\n"),
        ("truncated", b"ff\r\nabc"),
        ("last", b""),
    ],
)
def test_chunks_go_wrong_after_a_good_one(kind: Any, end: bytes) -> None:
    with FaultServer(BadChunks(kind)) as server:
        data, how = ask(server)
    assert (body_of(data), how) == (b"a\r\na good one\r\n" + end, "close")


def test_a_chunk_extension_may_be_a_mebibyte() -> None:
    with FaultServer(BadChunks("extension")) as server:
        assert len(ask(server)[0]) > 1 << 20


def test_a_bomb_is_small_and_unfolds() -> None:
    bombs = (Bomb(3_000_000), Bomb(5000, "deflate"), Bomb(100, times=3))
    with FaultServer(*bombs) as server, RawClient(server) as client:
        once, deflated, thrice = (client.exchange() for _ in bombs)
    assert len(once) < 5000
    assert gzip.decompress(body_of(once)) == bytes(3_000_000)
    assert zlib.decompress(body_of(deflated)) == bytes(5000)
    assert b"content-encoding: gzip, gzip, gzip\r\n" in thrice
    inner = gzip.decompress(gzip.decompress(body_of(thrice)))
    assert gzip.decompress(inner) == bytes(100)


def test_a_deflate_bomb_may_be_folded_as_well() -> None:
    with FaultServer(Bomb(10, "deflate", 2)) as server, RawClient(server) as client:
        assert zlib.decompress(zlib.decompress(body_of(client.exchange()))) == bytes(10)


def test_a_truncated_gzip_has_the_length_it_says() -> None:
    script = (TruncatedGzip(), TruncatedGzip(b"abc", missing=1))
    with FaultServer(*script) as server, RawClient(server) as client:
        assert body_of(client.exchange()) == gzip.compress(b'{"ok": true}', mtime=0)[:-8]
        assert body_of(client.exchange()) == gzip.compress(b"abc", mtime=0)[:-1]


def test_left_over_bytes_follow_a_right_answer() -> None:
    with FaultServer(LeftOver(b"!"), LeftOver()) as server, RawClient(server) as client:
        client.get()
        assert client.read(len(OK) + 1) == OK + b"!"
        client.get()
        assert client.read(len(OK)) == OK
        assert client.read_until(b"}").endswith(b'\r\n\r\n{"unasked": true}')


def test_header_fields_are_as_many_and_as_long_as_one_likes() -> None:
    with FaultServer(HeaderBomb(3, 2)) as server, RawClient(server) as client:
        assert b"\r\nx-0: xx\r\nx-1: xx\r\nx-2: xx\r\n\r\n{" in client.exchange()


def test_interim_responses_come_before_the_answer() -> None:
    script = (Interim(2), Interim(1, 100, Answer(404)))
    with FaultServer(*script) as server, RawClient(server) as client:
        client.get()
        early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
        assert client.read(2 * len(early) + len(OK)) == early * 2 + OK
        client.get()
        assert client.read(60).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 ")


def test_a_flood_of_interim_responses_has_no_end() -> None:
    with FaultServer(Interim(None, 102)) as server:
        with RawClient(server) as client:
            client.get()
            assert client.read(1_000_000).count(b"HTTP/1.1 102 Processing\r\n\r\n") > 30_000
        server.wait_until(lambda s: s.open_connections == 0)


def test_raw_bytes_are_sent_as_they_are() -> None:
    with FaultServer(Raw(b"\x00any", b"thing", gap=0.01, close=True)) as server:
        assert ask(server) == (b"\x00anything", "close")
    with FaultServer(Raw(b"a", wait=True)) as server, RawClient(server) as client:
        client.get()
        assert client.read(1) == b"a"
        client.get()  # read, but not answered
        client.sock.settimeout(0.03)
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
        assert len(server.requests) == 1


def test_silence_lasts_until_the_client_has_had_enough() -> None:
    with FaultServer(Silence()) as server:
        with RawClient(server) as client:
            client.get()
            client.sock.settimeout(0.03)
            with pytest.raises(TimeoutError):
                client.sock.recv(1)
        server.wait_until(lambda s: s.open_connections == 0)
        assert server.hangups == 1


def test_a_drip_comes_piece_by_piece_head_and_body() -> None:
    drip = Drip(0.02, 5, head_gap=0.001, answer=Answer(headers={"x-a": "b"}))
    with FaultServer(drip) as server, RawClient(server) as client:
        began = time.monotonic()
        client.get()
        head = client.read_until(b"\r\n\r\n")
        pieces = [client.sock.recv(100) for _ in range(3)]
        assert time.monotonic() - began > 0.06
    assert b"x-a: b" in head
    assert pieces == [b'{"ok"', b": tru", b"e}"]


def test_latency_is_before_the_answer_whatever_is_done_then() -> None:
    script = [Answer(latency=0.05), Delayed(0.05, Close("before"))]
    with FaultServer(*script) as server:
        for _ in range(2):
            with RawClient(server) as client:
                began = time.monotonic()
                client.get()
                client.sock.recv(1)
                assert 0.045 < time.monotonic() - began < at_most(1)


def test_waiting_ends_when_the_client_leaves() -> None:
    with FaultServer(Answer(latency=60)) as server:
        with RawClient(server) as client:
            client.get()
            server.wait_until(lambda s: len(s.requests) == 1)
        server.wait_until(lambda s: s.open_connections == 0)


def test_an_early_answer_does_not_wait_for_the_body() -> None:
    with FaultServer(Early(Answer(413))) as server, RawClient(server) as client:
        client.sock.sendall(b"PUT / HTTP/1.1\r\ncontent-length: 1000000\r\n\r\nbegin")
        phrase = HTTPStatus(413).phrase.encode()  # another one from Python 3.13 on
        assert client.read_until(b"\r\n") == b"HTTP/1.1 413 " + phrase + b"\r\n"
        assert server.requests[0].body == b""


def test_an_upload_can_be_left_to_stall() -> None:
    with FaultServer(Early(Silence())) as server, RawClient(server) as client:
        client.sock.settimeout(0.2)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with pytest.raises(TimeoutError):
            client.sock.sendall(
                b"PUT / HTTP/1.1\r\ncontent-length: 99000000\r\n\r\n" + b"x" * 99_000_000
            )


def test_a_behaviour_of_ones_own_is_a_few_lines() -> None:
    class Teapot(Leaf):
        async def act(self, exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 418 Short\r\ncontent-length: 0\r\n\r\n")

    with FaultServer(Teapot()) as server, RawClient(server) as client:
        assert client.exchange().startswith(b"HTTP/1.1 418 Short")
        assert server.requests[0].behaviour == "Teapot"


def test_a_behaviour_that_raises_fails_the_test_that_uses_it() -> None:
    class Wrong(Leaf):
        async def act(self, exchange: Exchange) -> None:
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"), FaultServer(Wrong()) as server:
        assert ask(server) == (b"", "close")


def test_the_failure_of_a_test_itself_is_the_one_that_is_told() -> None:
    class Wrong(Leaf):
        async def act(self, exchange: Exchange) -> None:
            raise LookupError("mine")

    def failing(server: FaultServer) -> None:
        ask(server)
        server.count("nothing")

    with pytest.raises(KeyError, match="nothing"), FaultServer(Wrong()) as server:
        failing(server)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Answer(100), "Interim sends 1xx"),
        (lambda: Answer(600), "200 to 599"),
        (lambda: Answer(200, b"x", json=1), "body or json, not both"),
        (lambda: Interim(1, 101), "100, 102 or 103"),
        (lambda: Interim(1, 200), "100, 102 or 103"),
        (lambda: Reset("middle"), "give before, head, body, after"),  # type: ignore[arg-type]
        (lambda: WrongLength(0), "other than 0"),
        (lambda: WrongLength(-13), "12 bytes"),
        (lambda: BadChunks("odd"), "give size, negative"),  # type: ignore[arg-type]
        (lambda: Bomb(encoding="br"), "gzip or deflate"),  # type: ignore[arg-type]
        (lambda: Bomb(times=0), "1 or more"),
        (lambda: Bomb(0), "1 or more"),
        (lambda: TruncatedGzip(missing=0), "give 1 to"),
        (lambda: TruncatedGzip(missing=99), "give 1 to"),
        (lambda: Drip(size=0), "1 or more bytes"),
        (lambda: Drip(-1), "at least 0"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_write(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_json_bodies_are_json() -> None:
    with FaultServer(Answer(json={"a": None})) as server, RawClient(server) as client:
        assert json.loads(body_of(client.exchange())) == {"a": None}
