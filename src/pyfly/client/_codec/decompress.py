"""Decompression in one place, whole or not at all, within a limit.

The HTTP libraries decode a truncated gzip as if it were whole and a bomb as far as the memory
reaches; so the adapters hand over what was on the wire, and it is decoded here.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from importlib import import_module
from io import BytesIO
from typing import Any, NoReturn

from pyfly.client.errors import ResponseDecodeException, ResponseTooLargeException

__all__ = ["MAX_ENCODINGS", "inflate"]

#: More encodings on one body are nothing but an attack.
MAX_ENCODINGS = 5
#: How much a decoder may produce, or is given, in one step: what memory may exceed the limit by.
STEP = 64 * 1024

_GZIP = 16 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS

Decoder = Callable[[bytes], Iterable[bytes]]


def inflate(content: bytes, content_encoding: str, limit: int) -> bytes:
    """Decode a body as its ``Content-Encoding`` says (RFC 9110, section 8.4).

    Args:
        content: The body as it was on the wire.
        content_encoding: The header's value: ``gzip``, ``deflate`` (with or without the zlib
            header), ``identity``; ``br`` and ``zstd`` where a library for them is installed;
            at most five of them, in the order in which they were applied.
        limit: The largest result, in bytes, of every step on the way.

    Raises:
        ResponseDecodeException: The body is damaged or truncated, something follows its end,
            or an encoding is not known.
        ResponseTooLargeException: It grows past ``limit``; decoding stops at once.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > MAX_ENCODINGS:
        raise ResponseTooLargeException(
            f"the body is compressed {len(names)} times over; at most {MAX_ENCODINGS} are decoded"
        )
    decoders = [(name, _decoder(name)) for name in names]
    for name, decoder in reversed(decoders):
        content = _within(limit, name, decoder(content))
    return content


def _decoder(name: str) -> Decoder:
    match name:
        case "gzip" | "x-gzip":
            return _gunzip
        case "deflate":
            return _undeflate
        case "br":
            return _unbrotli(_library(name, "brotli", "brotlicffi"))
        case "zstd":
            return _unzstd(_library(name, "compression.zstd", "backports.zstd"))
        case _:
            raise ResponseDecodeException(
                f"the body is encoded as {name[:40]!r}, which is not known; "
                "send an accept-encoding of gzip and deflate only"
            )


def _library(name: str, *modules: str) -> Any:
    for module in modules:
        try:
            return import_module(module)
        except ImportError:
            continue
    raise ResponseDecodeException(
        f"the body is encoded as {name!r}, for which none of {', '.join(modules)} is installed; "
        "install one, or send an accept-encoding of gzip and deflate only"
    )


def _within(limit: int, name: str, pieces: Iterable[bytes]) -> bytes:
    whole = BytesIO()  # its getvalue() copies nothing
    for piece in pieces:
        if whole.tell() + len(piece) > limit:
            raise ResponseTooLargeException(
                f"the body decompresses ({name}) to more than {limit} bytes; "
                "raise max-response-size to accept it"
            )
        whole.write(piece)
    return whole.getvalue()


def _gunzip(content: bytes) -> Iterator[bytes]:
    """All members (RFC 1952, section 2.2); zeros may pad the end, as in Python's own gzip."""
    rest = memoryview(content)
    while True:
        rest = yield from _zlib_pieces("gzip", zlib.decompressobj(_GZIP), rest)
        if not rest:
            return
        if rest[0] == 0:
            if rest.tobytes().strip(b"\0"):
                _damaged("gzip", "something follows its end")
            return


def _undeflate(content: bytes) -> Iterator[bytes]:
    """With the zlib header that RFC 9110 asks for, or without, as some servers send it."""
    # CMF says deflate, and CMF and FLG are a multiple of 31 (RFC 1950, section 2.2).
    wrapped = (
        len(content) >= 2 and content[0] & 15 == 8 and int.from_bytes(content[:2], "big") % 31 == 0
    )
    decoder = zlib.decompressobj(zlib.MAX_WBITS if wrapped else _RAW)
    rest = yield from _zlib_pieces("deflate", decoder, memoryview(content))
    if rest:
        _damaged("deflate", "something follows its end")


def _zlib_pieces(
    name: str, decoder: Any, content: memoryview
) -> Generator[bytes, None, memoryview]:
    """Yield one stream's output, and return what follows it in ``content``."""
    # What a decoder leaves of a slice is copied each time. Slices that begin small and
    # grow keep that in proportion, for a thousand tiny members as for one large one.
    start, size = 0, 256
    try:
        while start < len(content):
            waiting: Any = content[start : start + size]
            while waiting and not decoder.eof:
                yield decoder.decompress(waiting, STEP)
                waiting = decoder.unconsumed_tail
            start += size
            if decoder.eof:
                return content[min(start, len(content)) - len(decoder.unused_data) :]
            size = min(size * 2, STEP)
        while not decoder.eof and (piece := decoder.decompress(b"", STEP)):
            yield piece
    except zlib.error as exc:
        _damaged(name, "it is malformed", exc)
    if not decoder.eof:
        _damaged(name, "it is truncated")
    return content[len(content) :]


def _unbrotli(library: Any) -> Decoder:
    def decode(content: bytes) -> Iterator[bytes]:
        decoder = library.Decompressor()
        process = getattr(decoder, "process", None) or decoder.decompress
        waiting = content
        try:
            while not decoder.is_finished():
                piece = process(waiting, output_buffer_limit=STEP)
                waiting = b""
                if not piece and decoder.can_accept_more_data() and not decoder.is_finished():
                    _damaged("br", "it is truncated")
                yield piece
        except library.error as exc:
            _damaged("br", "it is malformed, or something follows its end", exc)
        except TypeError as exc:  # the output of an older one cannot be bounded
            _damaged("br", f"{library.__name__} 1.2 or newer is needed", exc)

    return decode


def _unzstd(library: Any) -> Decoder:
    def decode(content: bytes) -> Iterator[bytes]:
        rest = content
        try:
            while True:  # frames may follow each other (RFC 8878, section 3)
                decoder = library.ZstdDecompressor()
                waiting = rest
                while not decoder.eof:
                    piece = decoder.decompress(waiting, STEP)
                    waiting = b""
                    if not piece and decoder.needs_input and not decoder.eof:
                        _damaged("zstd", "it is truncated")
                    yield piece
                rest = decoder.unused_data
                if not rest:
                    return
        except library.ZstdError as exc:
            _damaged("zstd", "it is malformed, or something follows its end", exc)

    return decode


def _damaged(name: str, why: str, exc: Exception | None = None) -> NoReturn:
    raise ResponseDecodeException(f"the body cannot be decoded as {name}: {why}") from exc
