"""Decompression: whole or not at all, within the limit, in linear time."""

from __future__ import annotations

import gzip
import sys
import time
import tracemalloc
import types
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client._codec.inflater import MAX_ENCODINGS, STEP, inflate
from pyfly.client.errors import ResponseDecodeException, ResponseTooLargeException

LIMIT = 1_000_000
TEXT = b"to be or not to be, " * 500


def raw_deflate(data: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return encoder.compress(data) + encoder.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZip": gzip.compress,
    "deflate": zlib.compress,
    " deflate ": raw_deflate,
    "identity": bytes,
    "": bytes,
}


@pytest.mark.parametrize("encoding", ENCODERS)
@pytest.mark.parametrize("data", [b"", b"x", TEXT, bytes(range(256)) * 1000])
def test_what_was_encoded_is_decoded(encoding: str, data: bytes) -> None:
    assert inflate(ENCODERS[encoding](data), encoding, LIMIT) == data


@given(st.binary(max_size=3000), st.sampled_from(["gzip", "deflate"]))
def test_any_bytes_survive(data: bytes, encoding: str) -> None:
    assert inflate(ENCODERS[encoding](data), encoding, LIMIT) == data
    assert inflate(raw_deflate(data), "deflate", LIMIT) == data


@pytest.mark.parametrize("size", [*range(STEP - 3, STEP + 4), STEP + 257, 2 * STEP, 2 * STEP + 1])
def test_output_that_ends_near_a_step_is_whole(size: int) -> None:
    data = b"\0" * size
    assert inflate(raw_deflate(data), "deflate", LIMIT) == data
    assert inflate(gzip.compress(data), "gzip", LIMIT) == data


def test_encodings_are_undone_in_reverse_order() -> None:
    content = zlib.compress(gzip.compress(gzip.compress(TEXT)))
    assert inflate(content, "gzip, gzip,identity, ,deflate", LIMIT) == TEXT


def test_five_encodings_are_decoded_and_six_are_an_attack() -> None:
    content = TEXT
    for _ in range(MAX_ENCODINGS):
        content = gzip.compress(content)
    assert inflate(content, ",".join(["gzip"] * MAX_ENCODINGS), LIMIT) == TEXT
    with pytest.raises(ResponseTooLargeException, match="6 times over; at most 5"):
        inflate(gzip.compress(content), ",".join(["gzip"] * 6), LIMIT)


def test_members_of_a_gzip_follow_each_other() -> None:
    content = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(TEXT)
    assert inflate(content, "gzip", LIMIT) == b"one " + TEXT


def test_zeros_may_pad_a_gzip() -> None:
    assert inflate(gzip.compress(TEXT) + b"\0" * 600, "gzip", LIMIT) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", " deflate "])
def test_every_truncation_is_noticed(encoding: str) -> None:
    content = ENCODERS[encoding](b"hello world, hello world")
    for end in range(len(content)):
        with pytest.raises(ResponseDecodeException, match=r"truncated|malformed"):
            inflate(content[:end], encoding, LIMIT)


def test_a_truncated_second_member_is_noticed() -> None:
    with pytest.raises(ResponseDecodeException, match="truncated"):
        inflate(gzip.compress(b"one") + gzip.compress(b"two")[:-3], "gzip", LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("extra", [b"x", b"\0x", b"\x1f", TEXT])
def test_what_follows_the_end_is_an_error(encoding: str, extra: bytes) -> None:
    with pytest.raises(ResponseDecodeException):
        inflate(ENCODERS[encoding](TEXT) + extra, encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_every_damaged_byte_is_an_error_or_harmless(encoding: str) -> None:
    content = ENCODERS[encoding](b"hello world, hello world")
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        try:
            found = inflate(bytes(damaged), encoding, LIMIT)
        except ResponseDecodeException:
            continue
        assert found == b"hello world, hello world"  # such as the time in gzip's header


def test_an_error_holds_the_cause_and_nothing_of_the_body() -> None:
    with pytest.raises(ResponseDecodeException, match="as gzip: it is malformed") as caught:
        inflate(b"s3cret is no gzip", "gzip", LIMIT)
    assert isinstance(caught.value.__cause__, zlib.error)
    assert "s3cret" not in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(ResponseDecodeException, match="'compress', which is not known"):
        inflate(b"", "compress", LIMIT)
    with pytest.raises(ResponseDecodeException) as caught:
        inflate(b"", "x" * 5000, LIMIT)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", " deflate "])
def test_the_limit_is_exact(encoding: str) -> None:
    content = ENCODERS[encoding](b"x" * LIMIT)
    assert len(inflate(content, encoding, LIMIT)) == LIMIT
    with pytest.raises(ResponseTooLargeException, match="more than 999999 bytes"):
        inflate(content, encoding, LIMIT - 1)


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 100_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ResponseTooLargeException):
            inflate(bomb, "gzip", LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.3 * LIMIT + 3 * STEP


def test_a_bomb_within_a_bomb_is_stopped_at_the_first_step() -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 200_000_000))
    with pytest.raises(ResponseTooLargeException):
        inflate(bomb, "gzip, gzip", 100_000)


def test_many_tiny_members_take_linear_time() -> None:
    def seconds(count: int) -> float:
        content = gzip.compress(b"") * count
        began = time.process_time()
        assert inflate(content, "gzip", LIMIT) == b""
        return time.process_time() - began

    seconds(1000)
    few, many = seconds(5_000), seconds(40_000)
    assert many < 8 * few * 4 + 0.05


def test_brotli_is_decoded_where_a_library_is_installed() -> None:
    brotli = pytest.importorskip("brotlicffi")
    content = brotli.compress(TEXT)
    assert inflate(content, "br", LIMIT) == TEXT
    assert inflate(brotli.compress(b""), "br", LIMIT) == b""
    assert inflate(gzip.compress(content), "br, gzip", LIMIT) == TEXT
    for end in (0, 1, len(content) // 2, len(content) - 1):
        with pytest.raises(ResponseDecodeException):
            inflate(content[:end], "br", LIMIT)
    with pytest.raises(ResponseDecodeException):
        inflate(b"\xff" * 50, "br", LIMIT)
    with pytest.raises(ResponseTooLargeException):
        inflate(brotli.compress(b"\0" * 50_000_000), "br", LIMIT)


def test_what_follows_a_brotli_stream_is_an_error() -> None:
    brotli = pytest.importorskip("brotlicffi")
    with pytest.raises(ResponseDecodeException):
        inflate(brotli.compress(TEXT) + b"more", "br", LIMIT)


def test_a_brotli_library_that_cannot_bound_its_output_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Decompressor:
        def is_finished(self) -> bool:
            return False

        def process(self, data: bytes) -> bytes:
            return data * 1000

    old = types.ModuleType("brotli")
    vars(old).update(Decompressor=Decompressor, error=ValueError)
    monkeypatch.setitem(sys.modules, "brotli", old)
    with pytest.raises(ResponseDecodeException, match=r"brotli 1\.2 or newer is needed"):
        inflate(b"x", "br", LIMIT)


class ZstdError(Exception):
    """What the fake below raises."""


class ZstdDecompressor:
    """The interface of ``compression.zstd`` (Python 3.14), over zlib."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj()
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    def decompress(self, data: bytes, max_length: int) -> bytes:
        try:
            found = self._zlib.decompress(self._waiting + data, max_length)
        except zlib.error as exc:
            raise ZstdError(str(exc)) from exc
        self._waiting = self._zlib.unconsumed_tail
        return found


def zstd_everywhere() -> types.ModuleType:
    module = types.ModuleType("compression.zstd")
    vars(module).update(ZstdDecompressor=ZstdDecompressor, ZstdError=ZstdError)
    return module


def test_zstd_is_decoded_where_a_library_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "compression.zstd", zstd_everywhere())
    content = zlib.compress(TEXT)
    assert inflate(content, "zstd", LIMIT) == TEXT
    assert inflate(content + content, "zstd", LIMIT) == TEXT * 2
    for end in (0, len(content) - 1):
        with pytest.raises(ResponseDecodeException, match="zstd: it is truncated"):
            inflate(content[:end], "zstd", LIMIT)
    with pytest.raises(ResponseDecodeException, match="it is malformed"):
        inflate(content + b"more", "zstd", LIMIT)
    with pytest.raises(ResponseTooLargeException):
        inflate(zlib.compress(b"\0" * 10_000_000), "zstd", LIMIT)


def test_real_zstd_is_decoded() -> None:
    zstd = pytest.importorskip("compression.zstd", exc_type=ImportError)
    assert inflate(zstd.compress(TEXT), "zstd", LIMIT) == TEXT
    with pytest.raises(ResponseDecodeException):
        inflate(zstd.compress(TEXT)[:-1], "zstd", LIMIT)


@pytest.mark.parametrize(
    ("encoding", "modules"),
    [("br", ("brotli", "brotlicffi")), ("zstd", ("compression.zstd", "backports.zstd"))],
)
def test_a_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, encoding: str, modules: tuple[str, ...]
) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ResponseDecodeException, match=f"none of {', '.join(modules)} is installed"):
        inflate(b"x", encoding, LIMIT)
