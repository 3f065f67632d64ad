"""Where a request goes: origin and target, byte for byte as they were encoded.

The libraries' own URL classes quote and normalise; what is on the wire has to be what the
codec wrote, so the target never passes through them.
"""

from __future__ import annotations

import re
from typing import NoReturn

from pyfly.client.errors import ClientArgumentException
from pyfly.kernel.record import Record

__all__ = ["Origin", "Target", "TargetResolver", "parse_origin", "without_fragment"]

_ABSOLUTE = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._~!$&'()*+,;=-]+))(?::(\d{0,5}))?")
_DEFAULT_PORT = {"http": 80, "https": 443}


class Origin(Record):
    """Scheme, host and port (RFC 6454).

    Attributes:
        scheme: ``http`` or ``https``.
        host: Lower case, without the brackets of an IPv6 address.
        port: Always given.
    """

    scheme: str
    host: str
    port: int

    @property
    def peer(self) -> str:
        """``host:port``, as it is shown to people."""
        return f"{self._bracketed}:{self.port}"

    @property
    def authority(self) -> str:
        """The value of a ``Host`` header: the port only where it is not the scheme's own."""
        if self.port == _DEFAULT_PORT[self.scheme]:
            return self._bracketed
        return self.peer

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class Target:
    """One destination.

    Attributes:
        origin: Where to connect.
        host_header: The ``Host`` field for it.
        raw: The request target, as it is sent.
        home: Whether it is at the base URL's origin, if there is a base URL.
    """

    __slots__ = ("home", "host_header", "origin", "raw")

    def __init__(
        self, origin: Origin, host_header: tuple[bytes, bytes], raw: bytes, home: bool
    ) -> None:
        self.origin = origin
        self.home = home
        self.host_header = host_header
        self.raw = raw


class TargetResolver:
    """Puts a request's URL below the base URL.

    Args:
        base_url: ``http`` or ``https``, a host, perhaps a port and a path, which is kept;
            ``""`` if every request brings an absolute URL.

    Raises:
        ClientArgumentException: It is no such URL; also a ``ValueError``.
    """

    __slots__ = ("_base", "_host_header", "_prefix")

    def __init__(self, base_url: str) -> None:
        self._base: Origin | None = None
        self._host_header = (b"Host", b"")
        self._prefix = ""
        if base_url:
            origin, rest = _split(base_url, "base_url")
            if "?" in rest or "#" in rest:
                _refuse("base_url", "it has a query or a fragment; write them per request")
            self._base, self._host_header = origin, _host_header(origin)
            self._prefix = rest.rstrip("/")

    @property
    def origin(self) -> Origin | None:
        """The base URL's origin, None if there is no base URL."""
        return self._base

    def resolve(self, url: str) -> Target:
        """The destination of ``url``: below the base URL, or itself if it is absolute.

        Raises:
            ClientArgumentException: It is relative and there is no base URL, or it holds
                something other than visible ASCII characters.
        """
        if url[:4].lower() == "http" and _ABSOLUTE.match(url):
            origin, rest = _split(without_fragment(url), "url")
            host_header, path = _host_header(origin), rest
        elif self._base is None:
            _refuse("url", "it is a path but there is no base_url; give one, or an absolute URL")
        else:
            origin, host_header = self._base, self._host_header
            path = self._prefix + without_fragment(url)
        if path[:1] != "/":
            path = "/" + path
        if not path.isascii() or not path.isprintable() or " " in path:
            _refuse("url", "it holds characters that must be percent-encoded")
        home = self._base is None or origin is self._base or origin == self._base
        return Target(origin, host_header, path.encode("ascii"), home)


def without_fragment(url: str) -> str:
    """``url`` up to its ``#``: a fragment is never sent (RFC 9110, section 4.2.5)."""
    return url.partition("#")[0] if "#" in url else url


def parse_origin(url: str, what: str) -> Origin:
    """The origin of an absolute URL; ``what`` names it in an error."""
    return _split(url, what)[0]


def _split(url: str, what: str) -> tuple[Origin, str]:
    match = _ABSOLUTE.match(url)
    if match is None:
        _refuse(what, "it must start with http:// or https:// and a host")
    scheme, authority = match[1].lower(), match[2]
    if "@" in authority:
        _refuse(what, "it holds credentials; give them as a header or auth= instead")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        _refuse(
            what,
            "its host and port are malformed; write host, host:port or [IPv6]:port, "
            "international names in their ASCII form (xn--…)",
        )
    port = int(parts[3]) if parts[3] else _DEFAULT_PORT[scheme]
    if not 0 < port < 65536:
        _refuse(what, f"its port is {port}; a port is 1 to 65535")
    return Origin(scheme, (parts[1] or parts[2]).lower(), port), url[match.end() :]


def _host_header(origin: Origin) -> tuple[bytes, bytes]:
    return (b"Host", origin.authority.encode("ascii"))


def _refuse(what: str, why: str) -> NoReturn:
    error = ClientArgumentException(f"{what} cannot be used: {why}")
    error.parameter = what
    raise error
