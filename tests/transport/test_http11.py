"""What the bytes of a response mean, wherever they are cut, and where it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.transport.errors import (
    BodyTooLarge,
    LocalProtocolError,
    PrematureEnd,
    RemoteProtocolError,
)
from pyfly.transport.http11 import IncomingResponse, checked_field, request_head

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#: Responses, and their bodies.
WHOLE = {
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi": b"hi",
    b"HTTP/1.1 200 OK\r\nContent-Length:  0  \r\n\r\n": b"",
    b"HTTP/1.1 404 No\r\nX: y\r\nCONTENT-LENGTH:2\r\n\r\n\r\n": b"\r\n",
    b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi": b"hi",
    b"HTTP/1.1 204 No Content\r\n\r\n": b"",
    b"HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n": b"",
    b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 H\r\nlink: x\r\n\r\nHTTP/1.1 204 N\r\n\r\n": b"",
    CHUNKED + b"0\r\n\r\n": b"",
    CHUNKED + b"2\r\nhi\r\n0\r\n\r\n": b"hi",
    CHUNKED + b"2;a=b\r\n\r\n\r\nA\r\n0123456789\r\n00\r\nx: y\r\nz: 1\r\n\r\n": b"\r\n0123456789",
}  # fmt: skip


def incoming(*received: bytes, method: str = "GET") -> IncomingResponse:
    made = IncomingResponse(method)
    for piece in received:
        made.feed(piece)
    return made


def cut(response: bytes, size: int) -> list[bytes]:
    return [response[at : at + size] for at in range(0, len(response), size)]


@pytest.mark.parametrize("response", WHOLE)
def test_a_response_is_over_at_its_last_byte_and_not_before(response: bytes) -> None:
    for end in range(1, len(response)):
        assert not incoming(response[:end]).ended
    for size in (1, 2, 3, len(response)):
        whole = incoming(*cut(response, size))
        assert whole.ended
        assert whole.reusable
        assert whole.take() == WHOLE[response]


@pytest.mark.parametrize("response", WHOLE)
@pytest.mark.parametrize("extra", [b"x", b"\r\n", b"\n", b"\r", next(iter(WHOLE)), CHUNKED])
def test_whatever_follows_a_response_spoils_the_connection(response: bytes, extra: bytes) -> None:
    for pieces in ([response + extra], [response, extra]):
        spoilt = incoming(*pieces)
        assert spoilt.ended
        assert not spoilt.reusable
        assert spoilt.take() == WHOLE[response]


@given(st.sampled_from(list(WHOLE)), st.data())
def test_it_does_not_matter_where_a_response_is_cut(response: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(1, len(response) - 1), max_size=6, unique=True)))
    pieces = [response[a:b] for a, b in zip([0, *cuts], [*cuts, len(response)], strict=True)]
    whole = incoming(*pieces)
    assert whole.reusable
    assert whole.take() == WHOLE[response]


def test_a_response_to_head_has_no_body() -> None:
    for head in (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
        CHUNKED,
        b"HTTP/1.1 200 OK\r\n\r\n",
    ):
        assert incoming(head, method="HEAD").reusable
        assert not incoming(head + b"0", method="HEAD").reusable


@pytest.mark.parametrize("announced", [b"content-length: 5", b"transfer-encoding: chunked"])
def test_a_body_that_may_not_be_but_is_announced_spoils_the_connection(announced: bytes) -> None:
    head = b"HTTP/1.1 204 No Content\r\n%b\r\n\r\n" % announced
    assert incoming(head).ended
    assert not incoming(head).reusable
    assert incoming(b"HTTP/1.1 204 N\r\ncontent-length: 0\r\n\r\n").reusable


def test_a_body_until_the_connection_closes_is_known_as_such() -> None:
    follower = incoming(b"HTTP/1.1 200 OK\r\nx: y\r\n\r\nsome")
    assert follower.until_close
    follower.feed(b"more")
    assert not follower.ended
    follower.feed(b"")
    assert follower.ended
    assert not follower.reusable
    assert follower.take() == b"somemore"


@pytest.mark.parametrize(
    ("head", "stays"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x, Close\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: Keep-Alive\r\n\r\n", True),
    ],
)
def test_a_connection_stays_open_if_the_peer_says_so(head: bytes, stays: bool) -> None:
    assert incoming(head).reusable is stays


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "changed to"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "changed to"),
        (b"nonsense\r\n\r\n", "status line"),
        (b"\r\n\r\n", "empty line"),
        (b"HTTP/2 200\r\n\r\n", "status line"),
        (b"HTTP/1.1 099 x\r\n\r\n", "status line"),
        (b"HTTP/1.1 200 O\0K\r\n\r\n", "status line"),
        (b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", "header line"),
        (b"HTTP/1.1 200 OK\r\n x: y\r\n\r\n", "header line"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "content-length is no number"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2, 3\r\n\r\nhi", "two different lengths"),
        (b"HTTP/1.1 200 OK\r\ncontent-length:\r\n 2\r\n\r\nhi", "header line|no number"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "not known"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: x\r\n\r\n0\r\n\r\n", "not known"),
        (CHUNKED + b"zz\r\nhi\r\n0\r\n\r\n", "size of a chunk"),
        (CHUNKED + b"f" * 17 + b"\r\nhi\r\n0\r\n\r\n", "size of a chunk"),
        (b"SSH-2.0-x\r\n", "status line"),  # and then it waits for us
        (b"HTTP/1.1 200 OK\r\nx: 1\rcontent-length: 2\n\r\nhi", "header line"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length:" + b"9" * 20 + b"\rcontent-length: \n\r\nhi",
            "content-length is no number",
        ),
        (b"HTTP/1.1 101 S\r\nupgrade: a\x07\r\nconnection: upgrade\r\n\r\n", "a protocol"),
        (CHUNKED + b"\r\n", "size of a chunk"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, "100 KiB"),
        (CHUNKED + b"1;" + b"y" * 200_000, "chunk"),
        (CHUNKED + b"0\r\n" + b"x: y\r\n" * 40_000, "trailers"),
    ],
)
def test_what_is_no_response_is_refused(response: bytes, says: str) -> None:
    for size in (1, 4096, len(response)):
        if len(response) > 100_000 and size != 4096:
            continue
        with pytest.raises(RemoteProtocolError, match=says):
            raise incoming(*cut(response, size)).fault or AssertionError("no fault")


def test_a_body_that_is_malformed_in_the_packet_of_the_head_leaves_the_head() -> None:
    response = incoming(CHUNKED + b"2\r\nhi\r\nzz\r\n")
    assert response.status == 200
    assert response.take() == b"hi"
    assert not response.ended
    assert "size of a chunk" in str(response.fault)


@pytest.mark.parametrize(
    ("response", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nhi", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nhi", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n"
         b"2\r\nhi\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nx: a\x07b\r\ncontent-length: 2\r\n\r\nhi", True),
        (b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 2\r\n\r\nhi", True),
        (CHUNKED + b"2\r\nhi\r\n0\r\nContent-Length: 9\r\n\r\n", True),
        (CHUNKED + b"2  \r\nhi\r\n0 \r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\nhi", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length : 2\r\n\r\nhi", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding : chunked\r\n\r\n"
         b"2\r\nhi\r\n0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n"
         b"2\r\nhi\r\n0\r\n\r\n", False),
        (CHUNKED + b"2\r\nhi\r\n0\r\n\r\n"
         b"HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", False),
    ],
)  # fmt: skip
def test_deviations_that_harm_nobody_are_taken(response: bytes, reusable: bool) -> None:
    whole = incoming(response)
    assert whole.take() == b"hi"
    assert whole.reusable is reusable


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (b"", "without an answer"),
        (b"HTTP/1.1 103 Hints\r\n\r\n", "without an answer"),
        (b"HTTP/1.1 2", "in the middle of the headers"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi", "after 2 of 9 bytes of the body"),
        (CHUNKED + b"5\r\nhi", "in the middle of a chunk"),
    ],
)
def test_an_early_end_says_where_it_came(response: bytes, says: str) -> None:
    follower = incoming(response) if response else incoming()
    with pytest.raises(PrematureEnd, match=says):
        follower.feed(b"")


def test_fields_keep_their_order_and_their_values() -> None:
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX: caf\xe9\r\nE:\r\n\r\n"
    response = incoming(head)
    assert response.fields == [
        ("Set-Cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("X", "café"),
        ("E", ""),
    ]
    assert response.index == {"set-cookie": "a=1, b=2", "x": "café", "e": ""}


@pytest.mark.parametrize(
    "response",
    [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", CHUNKED + b"9\r\n012345678\r\n",
     b"HTTP/1.1 200 OK\r\n\r\n012345678",
     b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n"],
)  # fmt: skip
def test_a_body_over_a_limit_is_refused_as_soon_as_that_is_known(response: bytes) -> None:
    with pytest.raises(BodyTooLarge):
        incoming(response).require_at_most(8)


def test_a_head_is_written_as_it_is_given() -> None:
    fields = checked_field("Host", "h") + checked_field("X-Latin", "café")
    assert request_head("GET", b"", b"/a?b", fields) == (
        b"GET /a?b HTTP/1.1\r\nHost: h\r\nX-Latin: caf\xe9\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("a b", "x"), ("", "x"), ("a:", "x"), ("ä", "x"), ("a\r\n", "x"), ("a", "x\r\ny"),
     ("a", "x\0"), ("a", " x"), ("a", "x\t"), ("a", "€"), ("a", "x\n")],
)  # fmt: skip
def test_a_field_that_would_be_read_as_something_else_is_refused(name: str, value: str) -> None:
    with pytest.raises(LocalProtocolError):
        checked_field(name, value)


def test_a_method_that_is_none_is_refused() -> None:
    for method in ("", "GET ", "G\r\nT", "GÉT"):
        with pytest.raises(LocalProtocolError):
            request_head(method, b"", b"/", b"")
