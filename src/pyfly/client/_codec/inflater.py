"""Decompression piece by piece: what comes in may be cut anywhere, what goes out is bounded.

The HTTP libraries decode a truncated gzip as if it were whole and a bomb as far as the memory
reaches; so the adapters hand over what was on the wire, and it is decoded here.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from importlib import import_module
from io import BytesIO
from typing import Any, NoReturn, Protocol

from pyfly.client.errors import ResponseDecodeException, ResponseTooLargeException

#: More encodings on one body are nothing but an attack.
MAX_ENCODINGS = 5
#: How much a decoder may produce in one step: what memory may exceed a limit by.
STEP = 64 * 1024
#: How much a decoder is given at once: what it does not use is copied each time, which a
#: thousand tiny members in a row would make costly.
_SLICE = 4096

_GZIP = 16 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


class _Stage(Protocol):
    """One encoding that is being undone."""

    name: str

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these bytes stand for."""
        ...

    def end(self) -> Iterator[bytes]:
        """What was still held back; raises if more should have come."""
        ...


def inflate(content: bytes, content_encoding: str, limit: int) -> bytes:
    """Decode a body as its ``Content-Encoding`` says; see :class:`Inflater`.

    Args:
        content: The body as it was on the wire.
        content_encoding: The header's value.
        limit: The largest result, in bytes, of every step on the way.

    Raises:
        ResponseDecodeException: The body is damaged or truncated, something follows its end,
            or an encoding is not known.
        ResponseTooLargeException: It grows past ``limit``; decoding stops at once.
    """
    inflater = Inflater(content_encoding, limit)
    whole = BytesIO()  # its getvalue() copies nothing
    for piece in inflater.feed(content):
        whole.write(piece)
    for piece in inflater.end():
        whole.write(piece)
    return whole.getvalue()


class Inflater:
    """Undoes a ``Content-Encoding`` (RFC 9110, section 8.4). For one body.

    Args:
        content_encoding: The header's value: ``gzip``, ``deflate`` (with or without the zlib
            header), ``identity``; ``br`` and ``zstd`` where a library for them is installed;
            at most five of them, in the order in which they were applied. None for none.
        limit: The largest result, in bytes, of every step on the way; None for any size.

    Raises:
        ResponseDecodeException: An encoding is not known; later: the body is damaged or
            truncated, or something follows its end.
        ResponseTooLargeException: There are too many; later: it grows past ``limit``.
    """

    def __init__(self, content_encoding: str | None, limit: int | None = None) -> None:
        names = [name.strip().lower() for name in (content_encoding or "").split(",")]
        names = [name for name in names if name not in ("", "identity")]
        if len(names) > MAX_ENCODINGS:
            raise ResponseTooLargeException(
                f"the body is compressed {len(names)} times over; "
                f"at most {MAX_ENCODINGS} are decoded (send an accept-encoding of identity)"
            )
        self._stages = [_stage(name) for name in reversed(names)]
        self._sizes = [0] * len(names)
        self._limit = limit

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes in the next ones of the body, in pieces of at most 64 KiB."""
        return self._through(0, data) if self._stages else iter((data,))

    def end(self) -> Iterator[bytes]:
        """The plain bytes that are left when the body is over."""
        for position, stage in enumerate(self._stages):
            for piece in stage.end():
                yield from self._onward(position, piece)

    def _through(self, position: int, data: bytes) -> Iterator[bytes]:
        if position == len(self._stages):
            yield data
            return
        for piece in self._stages[position].feed(data):
            yield from self._onward(position, piece)

    def _onward(self, position: int, piece: bytes) -> Iterator[bytes]:
        self._sizes[position] += len(piece)
        if self._limit is not None and self._sizes[position] > self._limit:
            raise ResponseTooLargeException(
                f"the body decompresses ({self._stages[position].name}) to more than "
                f"{self._limit} bytes; raise max-response-size to accept it"
            )
        if piece:
            yield from self._through(position + 1, piece)


def _stage(name: str) -> _Stage:
    match name:
        case "gzip" | "x-gzip":
            return _Gzip()
        case "deflate":
            return _Deflate()
        case "br":
            return _Brotli(_library(name, "brotli", "brotlicffi"))
        case "zstd":
            return _Zstd(_library(name, "compression.zstd", "backports.zstd"))
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


class _Gzip:
    """All members (RFC 1952, section 2.2); zeros may pad the end, as in Python's own gzip."""

    name = "gzip"

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(_GZIP)
        self._padding = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _SLICE):
            rest = data[start : start + _SLICE]
            while rest:
                if self._decoder.eof and not self._padding:
                    self._padding = rest[0] == 0
                    self._decoder = self._decoder if self._padding else zlib.decompressobj(_GZIP)
                if self._padding:
                    if rest.strip(b"\0"):
                        _damaged("gzip", "something follows its end")
                    break
                rest = yield from _inflated("gzip", self._decoder, rest)

    def end(self) -> Iterator[bytes]:
        if not self._decoder.eof:
            _damaged("gzip", "it is truncated")
        return iter(())


class _Deflate:
    """With the zlib header that RFC 9110 asks for, or without, as some servers send it."""

    name = "deflate"

    def __init__(self) -> None:
        self._head = b""
        self._decoder: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        decoder = self._decoder
        if decoder is None:
            data = self._head + data
            if len(data) < 2:
                self._head = data
                return
            decoder = self._decoder = _deflate_decoder(data)
        for start in range(0, len(data), _SLICE):
            ended = decoder.eof
            rest = yield from _inflated("deflate", decoder, data[start : start + _SLICE])
            if ended or rest:
                _damaged("deflate", "something follows its end")

    def end(self) -> Iterator[bytes]:
        # Nothing that is compressed is shorter than the two bytes that tell how.
        if self._decoder is None or not self._decoder.eof:
            _damaged("deflate", "it is truncated")
        return iter(())


def _deflate_decoder(head: bytes) -> Any:
    # CMF says deflate, and CMF and FLG are a multiple of 31 (RFC 1950, section 2.2).
    wrapped = head[0] & 15 == 8 and int.from_bytes(head[:2], "big") % 31 == 0
    return zlib.decompressobj(zlib.MAX_WBITS if wrapped else _RAW)


def _inflated(name: str, decoder: Any, data: bytes) -> Generator[bytes, None, bytes]:
    """Yield what ``data`` stands for; return what follows the end of the compressed bytes."""
    try:
        while not decoder.eof:
            piece = decoder.decompress(data, STEP)
            data = decoder.unconsumed_tail
            yield piece
            if not data and len(piece) < STEP:
                break
    except zlib.error as exc:
        _damaged(name, "it is malformed", exc)
    rest: bytes = decoder.unused_data if decoder.eof else b""
    return rest


class _Brotli:
    name = "br"

    def __init__(self, library: Any) -> None:
        self._library = library
        self._decoder = library.Decompressor()
        self._process = getattr(self._decoder, "process", None) or self._decoder.decompress

    def feed(self, data: bytes) -> Iterator[bytes]:
        decoder = self._decoder
        try:
            if decoder.is_finished() and data:
                _damaged("br", "something follows its end")
            while True:
                piece = self._process(data, output_buffer_limit=STEP)
                data = b""
                yield piece
                if decoder.is_finished() or (not piece and decoder.can_accept_more_data()):
                    return
        except self._library.error as exc:
            _damaged("br", "it is malformed, or something follows its end", exc)
        except TypeError as exc:  # the output of an older one cannot be bounded
            _damaged("br", f"{self._library.__name__} 1.2 or newer is needed", exc)

    def end(self) -> Iterator[bytes]:
        if not self._decoder.is_finished():
            _damaged("br", "it is truncated")
        return iter(())


class _Zstd:
    """Frames may follow each other (RFC 8878, section 3)."""

    name = "zstd"

    def __init__(self, library: Any) -> None:
        self._library = library
        self._decoder = library.ZstdDecompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                if self._decoder.eof:
                    self._decoder = self._library.ZstdDecompressor()
                decoder = self._decoder
                while not decoder.eof:
                    piece = decoder.decompress(data, STEP)
                    data = b""
                    yield piece
                    if decoder.needs_input:
                        break
                data = decoder.unused_data if decoder.eof else b""
        except self._library.ZstdError as exc:
            _damaged("zstd", "it is malformed, or something follows its end", exc)

    def end(self) -> Iterator[bytes]:
        if not self._decoder.eof:
            _damaged("zstd", "it is truncated")
        return iter(())


def _damaged(name: str, why: str, exc: Exception | None = None) -> NoReturn:
    raise ResponseDecodeException(
        f"the body cannot be decoded as {name}: {why} (send an accept-encoding of identity to get "
        "it as it is)"
    ) from exc
