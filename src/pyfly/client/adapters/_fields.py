"""The header fields of requests: an adapter's own with those of one request over them."""

from __future__ import annotations

from collections.abc import Mapping

from pyfly import __version__
from pyfly.client.errors import ClientArgumentException
from pyfly.client.message import BodyStream, Request, redacted
from pyfly.transport.errors import LocalProtocolError
from pyfly.transport.http11 import checked_field

__all__ = ["DEFAULTS", "RequestFields", "length_field"]

#: What is sent unless it is said otherwise. Only encodings that are always at hand.
DEFAULTS = {
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "user-agent": f"pyfly-client/{__version__}",
}
#: Methods whose requests say how long their body is, even if there is none (RFC 9110, 8.6).
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_FRAMING = ("content-length", "transfer-encoding")


class RequestFields:
    """Header fields of an adapter's requests, encoded once.

    Args:
        headers: The adapter's own, over the defaults.
        defaults: The fields below them.
    """

    __slots__ = ("_at_home", "_elsewhere", "_fields", "_home_lines", "_own_host")

    def __init__(
        self, headers: Mapping[str, str] | None, defaults: Mapping[str, str] = DEFAULTS
    ) -> None:
        merged = {name.lower(): (name, value) for name, value in defaults.items()}
        merged.update({name.lower(): (name, value) for name, value in (headers or {}).items()})
        self._fields = merged
        self._at_home = {lower: _line(*field) for lower, field in merged.items()}
        #: The adapter's credentials go nowhere else.
        self._elsewhere = {
            lower: line
            for lower, line in self._at_home.items()
            if lower != "host" and redacted(lower, "") != "***"
        }
        self._home_lines = b"".join(self._at_home.values())
        self._own_host = "host" in merged

    def lines(self, request: Request, host_line: bytes, home: bool) -> bytes:
        """All fields of one request as lines, ``Host`` first (RFC 9110, section 7.2).

        Args:
            request: What is sent.
            host_line: Its ``Host`` field.
            home: Whether it goes to the adapter's own origin.
        """
        content, headers = request.content, request.headers
        if home and not headers:
            fields, own_host = self._home_lines, self._own_host
        else:
            lines = dict(self._at_home if home else self._elsewhere)
            for name, value in headers.items():
                lower = name.lower()
                if lower in _FRAMING and not _agrees(lower, value, content):
                    raise _refused(name, "contradicts the body")
                lines.pop(lower, None)
                if lower not in _FRAMING:
                    lines[lower] = _line(name, value)
            fields, own_host = b"".join(lines.values()), "host" in lines
        if content is not None:
            name, value = length_field(content)
            fields += b"%b: %b\r\n" % (name.encode("ascii"), value.encode("ascii"))
        elif request.method in _WITH_BODY:
            fields += b"Content-Length: 0\r\n"
        return fields if own_host else host_line + fields

    def as_mapping(self) -> dict[str, str]:
        """The adapter's fields alone."""
        return dict(self._fields.values())

    def over_defaults(self, headers: Mapping[str, str], home: bool) -> list[tuple[bytes, bytes]]:
        """The adapter's fields with those of one request over them, as pairs."""
        replaced = {name.lower() for name in headers}
        kept = self._at_home if home else self._elsewhere
        fields = [field for lower, field in self._fields.items() if lower in kept]
        fields = [field for field in fields if field[0].lower() not in replaced]
        for name, value in headers.items():
            _line(name, value)  # checked
            fields.append((name, value))
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in fields]


def length_field(content: bytes | BodyStream) -> tuple[str, str]:
    """The field that tells how long a body is."""
    length = len(content) if isinstance(content, bytes) else content.length
    if length is None:
        return "Transfer-Encoding", "chunked"
    return "Content-Length", str(length)


def _agrees(lower: str, value: str, content: bytes | BodyStream | None) -> bool:
    """Whether a framing field of the caller's says what is sent anyway."""
    if content is None:
        return (lower, value.strip()) == ("content-length", "0")
    name, right = length_field(content)
    return (lower, value.strip().lower()) == (name.lower(), right)


def _line(name: str, value: str) -> bytes:
    try:
        return checked_field(name, value)
    except LocalProtocolError:
        raise _refused(name, "holds characters that a header cannot carry") from None


def _refused(name: str, why: str) -> ClientArgumentException:
    # Neither the value nor the cause is shown: a header may hold a secret.
    error = ClientArgumentException(f"header {name!r} {why}")
    error.parameter = name
    return error
