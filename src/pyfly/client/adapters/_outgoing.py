"""What of a request is on the wire: its target and its header fields, byte for byte.

A target is a path below the base URL, or an absolute URL. The fields are the adapter's own with
those of the request over them, and those that frame the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from pyfly import __version__
from pyfly.client.errors import ClientArgumentException
from pyfly.client.message import BodyStream, ConstantHeaders, Request
from pyfly.kernel.secrets import SecretBytes, is_secret
from pyfly.transport.errors import LocalProtocolError, UrlError
from pyfly.transport.http11 import OutgoingRequest, checked_field
from pyfly.transport.target import HttpOrigin, split_origin

__all__ = [
    "DEFAULTS",
    "HttpOrigin",
    "RequestFields",
    "Target",
    "TargetResolver",
    "length_field",
    "parse_origin",
    "without_fragment",
]

#: What is sent unless it is said otherwise. Only encodings that are always at hand.
DEFAULTS = {
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "user-agent": f"pyfly-client/{__version__}",
}
#: Methods whose requests say how long their body is, even if there is none (RFC 9110, 8.6).
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_FRAMING = ("content-length", "transfer-encoding")


class Target:
    """One destination.

    Attributes:
        origin: Where to connect.
        host_line: The ``Host`` field for it, as a line.
        raw: The request target, as it is sent.
        home: Whether it is at the base URL's origin, if there is a base URL.
    """

    __slots__ = ("home", "host_line", "origin", "raw")

    def __init__(self, origin: HttpOrigin, host_line: bytes, raw: bytes, home: bool) -> None:
        self.origin = origin
        self.home = home
        self.host_line = host_line
        self.raw = raw


class TargetResolver:
    """Puts a request's URL below the base URL.

    Args:
        base_url: ``http`` or ``https``, a host, perhaps a port and a path, which is kept;
            ``""`` if every request brings an absolute URL.

    Raises:
        ClientArgumentException: It is no such URL; also a ``ValueError``.
    """

    __slots__ = ("_base", "_host_line", "_prefix")

    def __init__(self, base_url: str) -> None:
        self._base: HttpOrigin | None = None
        self._host_line = b""
        self._prefix = ""
        if base_url:
            origin, rest = _split(base_url, "base_url")
            if "?" in rest or "#" in rest:
                _refuse("base_url", "it has a query or a fragment; write them per request")
            self._base, self._host_line = origin, _host_line(origin)
            self._prefix = rest.rstrip("/")

    @property
    def origin(self) -> HttpOrigin | None:
        """The base URL's origin, None if there is no base URL."""
        return self._base

    def resolve(self, url: str) -> Target:
        """The destination of ``url``: below the base URL, or itself if it is absolute.

        Raises:
            ClientArgumentException: It is relative and there is no base URL, or it holds
                something other than visible ASCII characters.
        """
        if url[:1] != "/" and url.lower().startswith(("http://", "https://")):
            origin, rest = _split(without_fragment(url), "url")
            host_line, path = _host_line(origin), rest
        elif self._base is None:
            _refuse("url", "it is a path but there is no base_url; give one, or an absolute URL")
        else:
            origin, host_line = self._base, self._host_line
            path = self._prefix + (without_fragment(url) if "#" in url else url)
        if path[:1] != "/":
            path = "/" + path
        if not path.isascii() or not path.isprintable() or " " in path:
            _refuse("url", "it holds characters that must be percent-encoded")
        home = self._base is None or origin is self._base or origin == self._base
        return Target(origin, host_line, path.encode("ascii"), home)


def without_fragment(url: str) -> str:
    """``url`` up to its ``#``: a fragment is never sent (RFC 9110, section 4.2.5)."""
    return url.partition("#")[0]


def parse_origin(url: str, what: str) -> HttpOrigin:
    """The origin of an absolute URL; ``what`` names it in an error."""
    return _split(url, what)[0]


def _split(url: str, what: str) -> tuple[HttpOrigin, str]:
    try:
        return split_origin(url)
    except UrlError as exc:
        _refuse(what, str(exc))


def _host_line(origin: HttpOrigin) -> bytes:
    return b"Host: %b\r\n" % origin.authority.encode("ascii")


def _refuse(what: str, why: str) -> NoReturn:
    error = ClientArgumentException(f"{what} cannot be used: {why}")
    error.parameter = what
    raise error from None


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
            if lower != "host" and not is_secret(lower)
        }
        self._home_lines = b"".join(self._at_home.values())
        self._own_host = "host" in merged

    def outgoing(self, request: Request, target: Target) -> OutgoingRequest:
        """One request as the transport takes it."""
        fields = self.lines(request, target.host_line, target.home)
        return OutgoingRequest(request.method, target.raw, fields, request.content)

    def lines(self, request: Request, host_line: bytes, home: bool) -> bytes:
        """All fields of one request as lines, ``Host`` first (RFC 9110, section 7.2).

        Args:
            request: What is sent.
            host_line: Its ``Host`` field.
            home: Whether it goes to the adapter's own origin.
        """
        content, headers = request.content, request.headers
        if home and type(headers) is ConstantHeaders:
            encoded = headers.encoded
            if encoded is None or encoded[0] is not self:
                encoded = headers.encoded = self, self._merged(headers, content, home)
            fields, own_host = encoded[1]
        elif home and not headers:
            fields, own_host = self._home_lines, self._own_host
        else:
            fields, own_host = self._merged(headers, content, home)
        if content is not None:
            name, value = length_field(content)
            fields += b"%b: %b\r\n" % (name.encode("ascii"), value.encode("ascii"))
        elif request.method in _WITH_BODY:
            fields += b"Content-Length: 0\r\n"
        return fields if own_host else host_line + fields

    def _merged(self, headers: Mapping[str, str], content: Any, home: bool) -> tuple[bytes, bool]:
        """The lines with those of one request over them, and whether a ``Host`` is among them."""
        lines = dict(self._at_home if home else self._elsewhere)
        for name, value in headers.items():
            lower = name.lower()
            if lower in _FRAMING and not _agrees(lower, value, content):
                raise _bad_field(name, "contradicts the body")
            lines.pop(lower, None)
            if lower not in _FRAMING:
                lines[lower] = _line(name, value)
        return b"".join(lines.values()), "host" in lines

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
        line = checked_field(name, value)
    except LocalProtocolError:
        raise _bad_field(name, "holds characters that a header cannot carry") from None
    return SecretBytes(line) if is_secret(name) else line


def _bad_field(name: str, why: str) -> ClientArgumentException:
    # Neither the value nor the cause is shown: a header may hold a secret.
    error = ClientArgumentException(f"header {name!r} {why}")
    error.parameter = name
    return error
