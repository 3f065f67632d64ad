"""From a Python value to text, and from text to a piece of a URL or a header.

Every function raises :class:`Unsendable` with the reason; the binder that called it knows the
method and the parameter and turns that into a :class:`ClientArgumentException`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import quote
from uuid import UUID

from pyfly.client._codec.encode import iso_text

_UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]*").fullmatch
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]").search
#: RFC 9110, section 5.5, without obs-text: visible ASCII, and spaces or tabs between it.
_FIELD_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?").fullmatch
#: RFC 6265, section 4.1.1, of what is a header's value already.
_COOKIE_VALUE = re.compile(r'[^ \t",;\\]*').fullmatch


class Unsendable(ValueError):
    """Why a value cannot be sent, as the end of a sentence."""


def text_of(value: Any) -> str:
    """The text that stands for a value on the wire.

    ``str`` as it is, booleans as ``true`` and ``false``, an enum by its value, dates and aware
    datetimes in ISO 8601 (UTC as ``Z``), UUIDs, decimals and numbers by ``str``.
    """
    if type(value) is str:
        return value
    convert = _CONVERSIONS.get(type(value))
    if convert is not None:
        return convert(value)
    for kind, convert in _BY_BASE:
        if isinstance(value, kind):
            return convert(value)
    raise Unsendable(
        f"a {type(value).__name__} has no form on the wire (pass a str, a number, a bool, a "
        "date, a UUID or an Enum)"
    )


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _integer(value: int) -> str:
    try:
        return int.__str__(value)
    except ValueError:  # Python's own limit of 4,300 digits
        raise Unsendable("it is a number of thousands of digits (pass it as text)") from None


def _string(value: Any) -> str:
    # A lazy text says that it is a str without being one; a subclass may print otherwise.
    return str.__str__(value) if issubclass(type(value), str) else str(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise Unsendable(f"{value} is no number that can be sent (pass a finite one)")
    return str(value)


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise Unsendable(f"{value} is no number that can be sent (pass a finite one)")
    return str(value)


def _moment(value: datetime) -> str:
    if value.tzinfo is None or value.utcoffset() is None:
        raise Unsendable("a datetime without a time zone is ambiguous (give it a tzinfo)")
    return iso_text(value)


def _enumerated(value: Enum) -> str:
    return text_of(value.value)


_CONVERSIONS: dict[type, Callable[[Any], str]] = {
    bool: _boolean,
    int: _integer,
    float: _number,
    Decimal: _decimal,
    UUID: str,
    datetime: _moment,
    date: date.isoformat,
}
_BY_BASE: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (Enum, _enumerated),
    (str, _string),
    *((kind, convert) for kind, convert in _CONVERSIONS.items()),
)


def _encoded(text: str, safe: str = "") -> str:
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError:
        raise Unsendable(
            "it holds half of a surrogate pair, which is no character (pass whole characters)"
        ) from None


def query_text(value: Any) -> str:
    """A value percent-encoded for a query: all but ``A-Z a-z 0-9 - . _ ~`` is encoded."""
    text = text_of(value)
    return text if _UNRESERVED(text) else _encoded(text)


def _path_text(value: Any) -> str:
    if value is None:
        raise Unsendable("None has no place in a path (pass a value)")
    text = text_of(value)
    if not text:
        raise Unsendable(
            "an empty value would drop a segment of the path (pass a value, or declare a method "
            "for the shorter path)"
        )
    if _CONTROL(text):
        raise Unsendable("it holds a control character (remove it)")
    return text


def path_segment(value: Any) -> str:
    """A value percent-encoded as one path segment; ``/`` is encoded like all the rest."""
    text = _path_text(value)
    if text == "." or text == "..":
        raise Unsendable(f"the segment {text!r} would climb out of the path (pass a name)")
    return text if _UNRESERVED(text) else _encoded(text)


def path_segments(value: Any) -> str:
    """A value percent-encoded as one or more path segments; ``/`` separates them."""
    text = _path_text(value)
    if text.startswith("/"):
        raise Unsendable("a leading slash would leave an empty segment (remove it)")
    if any(segment in (".", "..") for segment in text.split("/")):
        raise Unsendable("a '.' or '..' segment would climb out of the path (pass a name)")
    return _encoded(text, safe="/")


def plain_text(value: Any) -> str:
    """A value as text, for a port that encodes by itself; lone surrogates are refused."""
    text = text_of(value)
    if not text.isascii():
        _encoded(text)
    return text


def header_value(value: Any) -> str:
    """A value as a header field's value: visible ASCII without spaces at its ends."""
    text = text_of(value)
    if not _FIELD_VALUE(text):
        if not text.isascii():
            raise Unsendable("a header holds ASCII only (encode it, as in RFC 8187)")
        if text != text.strip(" \t"):
            raise Unsendable("a space at its beginning or end would be lost (strip it)")
        raise Unsendable("it holds a line break or another control character (remove it)")
    return text


def cookie_value(value: Any) -> str:
    """A value as a cookie's value (RFC 6265, section 4.1.1)."""
    text = header_value(value)
    if not _COOKIE_VALUE(text):
        raise Unsendable(
            "a cookie must not hold a space, tab, quote, comma, semicolon or backslash (encode it)"
        )
    return text
