"""Decompression of bodies that come in pieces."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client._codec.inflater import STEP, Inflater
from pyfly.client.errors import ResponseDecodeException
from tests.client.stream.test_lines import CUTS, pieces

brotli = pytest.importorskip("brotlicffi")


def raw(data: bytes) -> bytes:
    """Deflate without a header."""
    return zlib.compress(data)[2:-4]


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
}
CODECS = [*ENCODERS.items(), ("deflate", raw)]


def inflated(encoding: str | None, data: bytes, cuts: list[int]) -> bytes:
    inflater = Inflater(encoding)
    found = [plain for piece in pieces(data, cuts) for plain in inflater.feed(piece)]
    return b"".join([*found, *inflater.end()])


@pytest.mark.parametrize(("encoding", "encode"), CODECS)
@given(data=st.binary(max_size=200), cuts=CUTS)
def test_pieces_give_what_the_whole_gives(
    encoding: str, encode: Callable[[bytes], bytes], data: bytes, cuts: list[int]
) -> None:
    assert inflated(encoding, encode(data), cuts) == data


@given(data=st.binary(max_size=200), cuts=CUTS)
def test_encodings_over_each_other_and_members_in_a_row_are_undone(
    data: bytes, cuts: list[int]
) -> None:
    assert (
        inflated("deflate, br, gzip", gzip.compress(brotli.compress(zlib.compress(data))), cuts)
        == data
    )
    assert inflated("gzip", gzip.compress(data) * 3 + b"\0\0", cuts) == data * 3
    assert inflated(None, data, cuts) == data


@pytest.mark.parametrize(("encoding", "encode"), CODECS)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_truncated_body_is_an_error_at_its_end(
    encoding: str, encode: Callable[[bytes], bytes], step: int
) -> None:
    data = encode(b"hello world, hello world")
    for end in range(1, len(data)):
        with pytest.raises(ResponseDecodeException, match=r"truncated|malformed"):
            inflated(encoding, data[:end], list(range(0, end, step)))


@pytest.mark.parametrize(("encoding", "encode"), CODECS)
@pytest.mark.parametrize("apart", [True, False])
def test_what_follows_the_end_is_an_error(
    encoding: str, encode: Callable[[bytes], bytes], apart: bool
) -> None:
    data = encode(b"hello")
    with pytest.raises(ResponseDecodeException):
        inflated(encoding, data + b"more", [len(data)] if apart else [])


@pytest.mark.parametrize(("encoding", "encode"), CODECS)
def test_a_bomb_comes_in_bounded_steps(encoding: str, encode: Callable[[bytes], bytes]) -> None:
    data = encode(b"\0" * 20_000_000)
    inflater, size = Inflater(encoding), 0
    tracemalloc.start()
    for piece in inflater.feed(data):
        assert len(piece) <= STEP
        size += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 20_000_000
    assert peak < 10 * STEP


def test_what_has_come_is_given_at_once() -> None:
    compressor = zlib.compressobj(wbits=31)
    inflater = Inflater("gzip")
    for word in (b"one", b"two"):
        sent = compressor.compress(word) + compressor.flush(zlib.Z_SYNC_FLUSH)
        assert b"".join(inflater.feed(sent)) == word
