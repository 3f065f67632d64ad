"""Decompression of a whole body, whole or not at all, within a limit."""

from __future__ import annotations

from io import BytesIO

from pyfly.client._codec.inflater import MAX_ENCODINGS, STEP, Inflater

__all__ = ["MAX_ENCODINGS", "STEP", "inflate"]


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
