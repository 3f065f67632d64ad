"""Where a response ends, byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client.adapters._framing import Framing

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nContent-Length:  0  \r\n\r\n",
    b"HTTP/1.0 404 No\r\nX: y\r\nCONTENT-LENGTH:2\r\n\r\n\r\n",
    b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
    CHUNKED + b"0\r\n\r\n",
    CHUNKED + b"2\r\nhi\r\n0\r\n\r\n",
    CHUNKED + b"2;a=b\r\n\r\n\r\nA\r\n0123456789\r\n00\r\nx: y\r\nz: 1\r\n\r\n",
]


def framing(*received: bytes, method: bytes = b"GET") -> Framing:
    made = Framing()
    made.sent(method + b" / HTTP/1.1\r\n\r\n")
    for piece in received:
        made.received(piece)
    return made


@pytest.mark.parametrize("response", WHOLE)
def test_a_response_is_over_at_its_last_byte_and_not_before(response: bytes) -> None:
    for end in range(len(response)):
        if b"\r\n0" not in response[:end] and not response.startswith(b"HTTP/1.1 100"):
            assert not framing(response[:end]).clean
    assert framing(response).clean
    assert framing(*(response[at : at + 1] for at in range(len(response)))).clean


@pytest.mark.parametrize("response", WHOLE)
@pytest.mark.parametrize("extra", [b"x", b"\r\n", WHOLE[0]])
def test_whatever_follows_a_response_spoils_the_connection(response: bytes, extra: bytes) -> None:
    assert not framing(response + extra).clean
    assert not framing(response, extra).clean
    spoilt = framing(response + extra)
    spoilt.sent(b"GET / HTTP/1.1\r\n\r\n")
    spoilt.received(WHOLE[0])
    assert not spoilt.clean


@given(st.sampled_from(WHOLE), st.data())
def test_it_does_not_matter_where_a_response_is_cut(response: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(response)), max_size=6)))
    pieces = [response[a:b] for a, b in zip([0, *cuts], [*cuts, len(response)], strict=True)]
    assert framing(*pieces).clean


def test_a_connection_can_be_followed_through_many_exchanges() -> None:
    follower = Framing()
    for response in WHOLE * 3:
        follower.sent(b"POST / HTTP/1.1\r\n\r\n")
        follower.sent(b"body")
        follower.received(response)
        assert follower.clean


def test_a_response_to_head_has_no_body() -> None:
    assert framing(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", method=b"HEAD").clean
    assert framing(CHUNKED, method=b"HEAD").clean
    assert not framing(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").clean


def test_a_body_until_the_connection_closes_is_known_as_such() -> None:
    follower = framing(b"HTTP/1.1 200 OK\r\nx: y\r\n\r\nsome")
    assert follower.until_close
    follower.received(b"more")
    assert follower.until_close
    assert not follower.clean
    assert not framing(WHOLE[0]).until_close


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ncontent-length:\r\n 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"zz\r\nhi\r\n0\r\n\r\n",
        CHUNKED + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
        CHUNKED + b"1;" + b"y" * 200_000,
    ],
)
def test_what_is_in_doubt_spoils_the_connection(response: bytes) -> None:
    follower = framing(response)
    assert not follower.clean
    follower.received(b"more")
    assert not follower.clean


def test_bytes_before_any_request_spoil_the_connection() -> None:
    follower = Framing()
    assert follower.clean
    follower.received(b"x")
    assert not follower.clean
