"""What is sent is what was asked for, and what came is what is given back."""

from __future__ import annotations

import gzip
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from pyfly.client.errors import ClientArgumentException
from pyfly.client.message import Headers, Response
from tests.client.contract.conftest import Certificates
from tests.client.contract.peer import OK, Connection, Peer
from tests.client.contract.rows import Caller, Row

Callers = Callable[..., Caller]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_every_verb_reaches_the_peer(caller: Callers, method: str) -> None:
    with Peer() as peer:
        response = caller(peer.url).send(method, "/things")
    assert peer.requests[0].startswith(f"{method} /things HTTP/1.1\r\n".encode())
    assert (response.status_code, response.content) == (200, b"hi")
    assert type(response) is Response
    assert isinstance(response.headers, Headers)


def test_head_has_no_body_whatever_its_length_says(caller: Callers) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\ncontent-encoding: gzip\r\n\r\n"
    with Peer(lambda c: c.answer_all(answer)) as peer:
        client = caller(peer.url)
        for _ in range(2):
            response = client.send("HEAD")
            assert response.content == b""
            assert response.content_encoding is None
            assert response.headers["content-length"] == "99999999999"
        assert peer.connections == 1


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_leaves_the_connection_usable(caller: Callers, status: int) -> None:
    answer = f"HTTP/1.1 {status} Nothing\r\n\r\n".encode()
    with Peer(lambda c: c.answer_all(answer)) as peer:
        client = caller(peer.url)
        assert [client.send().status_code for _ in range(3)] == [status] * 3
        assert peer.connections == 1


@pytest.mark.parametrize(
    "target",
    [
        "/a%2Fb/%2E%2E/%2e/c",
        "/;v=1/a;b,c/~x/!$&'()*+,=:@-._",
        "/%41%7E%C3%A9/%25/%3F/%23/%5C",
        "/p?q=%20+%2B&a=1&a=2&%C3%A9=&=&b'!*();:@/?",
        "/p?",
        "/p?a=1?b=2",
        "//double//slashes",
        "/a/./b/../c",
        "/|^[]`{}",
    ],
)
def test_the_target_is_on_the_wire_byte_for_byte(caller: Callers, target: str) -> None:
    with Peer() as peer:
        client = caller(peer.url)
        if target.endswith("?"):
            client.row.needs("a question mark with nothing behind it")
        client.send("GET", target)
    assert peer.requests[0].split(b" ")[1] == target.encode()


@pytest.mark.parametrize("base", ["/api", "/api/", "/a%2Fb/v1", "/v1;x='y'"])
def test_the_path_of_the_base_url_is_kept(caller: Callers, base: str) -> None:
    with Peer() as peer:
        caller(peer.url + base).send("GET", "/things?x=1")
    assert peer.requests[0].split(b" ")[1] == base.rstrip("/").encode() + b"/things?x=1"


def test_a_fragment_is_not_sent(caller: Callers) -> None:
    with Peer() as peer:
        client = caller(peer.url)
        client.send("GET", "/a#secret")
        client.send("GET", f"{peer.url}/b?x#secret")
    assert [request.split(b" ")[1] for request in peer.requests] == [b"/a", b"/b?x"]


def test_an_absolute_url_is_used_as_it_is(caller: Callers) -> None:
    with Peer() as peer, Peer() as other:
        caller(f"{peer.url}/base").send("GET", f"{other.url}/%2Felsewhere?q=%27")
    assert not peer.requests
    assert other.requests[0].startswith(b"GET /%2Felsewhere?q=%27 HTTP/1.1\r\n")


def test_an_absolute_url_needs_no_base_url(caller: Callers) -> None:
    with Peer() as peer:
        assert caller("").send("GET", peer.url).status_code == 200
    assert peer.requests[0].startswith(b"GET / HTTP/1.1\r\n")


def test_the_whole_request_is_what_one_expects(caller: Callers) -> None:
    with Peer() as peer:
        client = caller(peer.url)
        client.send("POST", "/p", {"X-One": "1", "Content-Type": "text/x"}, b"abc")
    assert peer.requests[0].split(b"\r\n") == [
        b"POST /p HTTP/1.1",
        b"Host: 127.0.0.1:%d" % peer.port,
        b"accept: */*",
        b"accept-encoding: gzip, deflate",
        b"user-agent: pyfly-client/0.1.0",
        b"X-One: 1",
        b"Content-Type: text/x",
        b"Content-Length: 3",
        b"",
        b"abc",
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_library_adds_a_field_to_a_request_without_a_body(caller: Callers, method: str) -> None:
    head = b"HTTP/1.1 204 No Content\r\n\r\n"
    with Peer(lambda c: c.answer_all(head)) as peer:
        client = caller(peer.url)
        client.send(method, "/")
        client.send(method, "/", {"X-One": "1"})
    for sent, own in zip(peer.requests, ([], [b"x-one"]), strict=True):
        names = {line.partition(b":")[0].lower() for line in sent.split(b"\r\n")[1:] if line}
        length = [b"content-length"] if method in ("POST", "PUT", "PATCH") else []
        assert names == {b"host", b"accept", b"accept-encoding", b"user-agent", *own, *length}


def test_headers_of_the_adapter_go_over_the_defaults_and_those_of_a_request_over_both(
    caller: Callers,
) -> None:
    with Peer() as peer:
        client = caller(peer.url, headers={"User-Agent": "mine", "X-Both": "adapter"})
        client.send("GET", "/", {"x-both": "request", "ACCEPT": "text/plain"})
    lines = peer.requests[0].split(b"\r\n")
    assert b"User-Agent: mine" in lines
    assert b"x-both: request" in lines
    assert b"ACCEPT: text/plain" in lines
    names = [line.partition(b":")[0].lower() for line in lines[1:] if line]
    assert len(names) == len(set(names))


def test_a_host_header_of_the_adapter_is_respected(caller: Callers) -> None:
    with Peer() as peer:
        caller(peer.url, headers={"Host": "virtual.example"}).send()
    assert peer.requests[0].count(b"ost: ") == 1
    assert b"Host: virtual.example\r\n" in peer.requests[0]


@pytest.mark.survives("Sending", "a request to another origin", "no credentials go with it")
def test_credentials_of_the_adapter_stay_at_its_own_origin(caller: Callers) -> None:
    secret = {"Authorization": "Bearer s3cret", "X-Api-Key": "k3y", "X-Plain": "shown"}
    with Peer() as peer, Peer() as other:
        client = caller(peer.url, headers=secret)
        client.send("GET", f"{peer.url}/absolute")
        client.send("GET", f"{other.url}/")
    assert b"s3cret" in peer.requests[0]
    assert b"s3cret" not in other.requests[0]
    assert b"k3y" not in other.requests[0]
    assert b"X-Plain: shown" in other.requests[0]


@pytest.mark.parametrize("size", [0, 1, 70_000, 5 * 1024 * 1024])
def test_a_body_arrives_whole(caller: Callers, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    with Peer() as peer:
        caller(peer.url).send("POST", "/", {}, body, within=10)
    head, _, sent = peer.requests[0].partition(b"\r\n\r\n")
    assert sent == body
    assert b"Content-Length: %d" % size in head


class Pieces:
    """A body in pieces, as a client's codec makes it."""

    single_use = None

    def __init__(self, pieces: list[bytes], length: int | None, fails: bool = False) -> None:
        self.length = length
        self.closed = 0
        self._pieces = pieces
        self._fails = fails

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._fails:
            raise KeyError("mine")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.closed += 1


def test_a_body_in_pieces_of_known_length_arrives_whole(caller: Callers) -> None:
    body = Pieces([b"abc", b"x" * 100_000, b"", b"end"], 100_006)
    with Peer() as peer:
        client = caller(peer.url)
        for _ in range(2):
            client.send("POST", "/", {}, body, within=5)
        assert peer.connections == 1
    for request in peer.requests:
        assert b"Content-Length: 100006\r\n" in request
        assert request.endswith(b"\r\n\r\nabc" + b"x" * 100_000 + b"end")
    assert body.closed == 2


def test_a_body_in_pieces_of_unknown_length_is_chunked(caller: Callers) -> None:
    with Peer() as peer:
        caller(peer.url).send("POST", "/", {}, Pieces([b"abc", b"defg"], None))
    assert b"Transfer-Encoding: chunked\r\n" in peer.requests[0]
    assert peer.requests[0].endswith(b"\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")


@pytest.mark.survives(
    "Sending",
    "an upload of another length than was announced",
    "`ClientArgumentException`; the next call is sound",
)
def test_a_body_of_another_length_than_it_says_is_refused(caller: Callers) -> None:
    with Peer() as peer:
        client = caller(peer.url)
        for length in (2, 4):
            with pytest.raises(ClientArgumentException):
                client.send("POST", "/", {}, Pieces([b"abc"], length))
        assert client.send().content == b"hi"
    assert len(peer.requests) == 1


@pytest.mark.survives(
    "Sending",
    "the caller's own iterator raises within an upload",
    "that exception; the connection is closed",
)
def test_an_error_of_a_body_passes_through_unchanged(caller: Callers) -> None:
    body = Pieces([b"abc"], 10, fails=True)
    with Peer() as peer:
        client = caller(peer.url)
        with pytest.raises(KeyError, match="mine"):
            client.send("POST", "/", {}, body)
        assert body.closed == 1
        end = time.monotonic() + 2
        while not peer.hangups and time.monotonic() < end:  # on the real clock: it is told
            time.sleep(0.005)
        assert peer.hangups == 1
        assert client.send().content == b"hi"
        assert peer.connections == 2


def test_a_verb_with_a_body_says_so_if_there_is_none(caller: Callers) -> None:
    with Peer() as peer:
        client = caller(peer.url)
        client.send("POST")
        client.send("GET")
    assert b"Content-Length: 0\r\n" in peer.requests[0]
    assert b"Content-Length" not in peer.requests[1]


@pytest.mark.parametrize("size", [0, 1, 70_000, 5 * 1024 * 1024])
def test_a_response_arrives_whole(caller: Callers, size: int) -> None:
    body = b"x" * size
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + body
    with Peer(lambda c: c.answer_all(answer)) as peer:
        assert caller(peer.url).send(within=10).content == body


def test_a_chunked_response_arrives_whole(caller: Callers) -> None:
    def script(connection: Connection) -> None:
        while True:
            connection.read_request()
            connection.send(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                b"3;ext=1\r\nabc\r\nA\r",
                b"\n0123456789\r\n",
                b"0\r\nX-Trailer: 1\r\n",
                b"\r\n",
            )

    with Peer(script) as peer:
        client = caller(peer.url)
        assert [client.send().content for _ in range(3)] == [b"abc0123456789"] * 3
        assert peer.connections == 1


def test_a_response_without_a_length_lasts_until_the_connection_closes(caller: Callers) -> None:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nuntil ", b"the end")

    with Peer(script) as peer:
        client = caller(peer.url)
        assert [client.send().content for _ in range(2)] == [b"until the end"] * 2
        assert peer.connections == 2


def test_bodies_are_given_back_as_they_were_on_the_wire(caller: Callers) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\nContent-Encoding: gzip\r\n"
        b"content-length: 7\r\n\r\nno gzip"
    )
    with Peer(lambda c: c.answer_all(answer)) as peer:
        response = caller(peer.url).send()
    assert response.content == b"no gzip"
    assert response.content_encoding == "deflate, gzip"


def test_repeated_and_odd_headers_are_kept(caller: Callers) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2; Expires=Mon, 1 Jan 2035\r\n"
        b"X-Latin: caf\xe9\r\nX-Empty:\r\ncontent-length: 0\r\n\r\n"
    )
    with Peer(lambda c: c.answer_all(answer)) as peer:
        client = caller(peer.url)
        headers = client.send().headers
    assert headers.get_list("Set-Cookie") == ["a=1", "b=2; Expires=Mon, 1 Jan 2035"]
    assert headers["x-latin"] == "café"
    assert headers["x-empty"] == ""


def test_interim_responses_are_passed_over(caller: Callers) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
    with Peer(lambda c: c.answer_all(interim + OK)) as peer:
        client = caller(peer.url)
        assert [client.send().content for _ in range(2)] == [b"hi", b"hi"]
        assert peer.connections == 1


def test_redirects_and_cookies_are_left_to_the_caller(caller: Callers) -> None:
    answer = (
        b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\nset-cookie: a=1\r\n"
        b"content-length: 0\r\n\r\n"
    )
    with Peer(lambda c: c.answer_all(answer)) as peer:
        client = caller(peer.url)
        assert client.send().headers["location"] == "/elsewhere"
        client.send()
        client.request("GET", "/")
        client.request("GET", "/")
    assert len(peer.requests) == 4
    assert not any(b"ookie" in request for request in peer.requests)


@pytest.mark.survives("Sending", "an answer before the upload was read", "that answer")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("in_pieces", [False, True], ids=["bytes", "pieces"])
@pytest.mark.parametrize("then", ["waits", "closes", "resets", "stays open"])
def test_an_early_answer_to_a_large_upload_is_given_back(
    row: Row, caller: Callers, certificates: Certificates, then: str, in_pieces: bool, tls: bool
) -> None:
    row.needs("an answer before the upload was read")
    if tls:
        row.needs("an answer before the upload was read, within TLS")
    if then == "stays open":
        row.needs("an answer from a peer that reads no more")

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(
            b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig"
        )
        if then == "waits":
            connection.wait(0.05)
        elif then == "resets":
            connection.reset()
        elif then == "stays open":
            connection.wait()

    with Peer(script, tls=certificates.server() if tls else None) as peer:
        content: Any = Pieces([b"x" * 65536] * 300, None) if in_pieces else b"x" * 20_000_000
        response = caller(peer.url, ca=certificates.ca).send("POST", "/", {}, content, within=5)
    assert (response.status_code, response.content) == (413, b"big")


def test_a_request_as_http_libraries_take_it(caller: Callers) -> None:
    with Peer() as peer:
        client = caller(f"{peer.url}/base", headers={"X-Mine": "1"})
        response = client.request(
            "POST", "/p", params={"a": "b c"}, json={"k": 1}, headers={"X-R": "2"}
        )
        client.request("POST", "/f", data={"k": "v w"})
        client.request("PUT", "/c", content=b"raw")
        client.request("GET", "/q?a=1", params={"b": ["2", "3"]})
        assert peer.connections == 1
    assert (response.status_code, response.text) == (200, "hi")
    first, second, third, fourth = peer.requests
    assert first.startswith((b"POST /base/p?a=b%20c ", b"POST /base/p?a=b+c "))
    assert first.lower().count(b"x-mine: 1") == 1
    assert b"content-type: application/json\r\n" in first.lower()
    assert b"2\r\n" in first
    assert first.endswith((b'{"k":1}', b'{"k": 1}'))
    assert second.endswith((b"k=v+w", b"k=v%20w"))
    assert b"content-type: application/x-www-form-urlencoded\r\n" in second.lower()
    assert third.endswith(b"\r\n\r\nraw")
    if "stock" not in client.row.name:  # the library takes the place of the query
        assert fourth.startswith(b"GET /base/q?a=1&b=2&b=3 HTTP/1.1\r\n")
        assert type(response) is Response


def test_a_request_that_cannot_be_made_is_refused(caller: Callers) -> None:
    client = caller("http://127.0.0.1:1")
    if "stock" not in client.row.name:
        with pytest.raises(TypeError, match="give one of json, content and data"):
            client.request("POST", "/", json={}, content=b"x")
        with pytest.raises(TypeError, match=r"argument '?files'"):
            client.request("POST", "/", files={})


def test_a_request_is_answered_decompressed(caller: Callers) -> None:
    body = gzip.compress(b"plain")
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    with Peer(lambda c: c.answer_all(head + body)) as peer:
        assert caller(peer.url).request("GET", "/").text == "plain"
