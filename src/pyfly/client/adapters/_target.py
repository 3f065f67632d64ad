"""Where a request goes: a path below the base URL, or an absolute URL; byte for byte as encoded."""

from __future__ import annotations

from typing import NoReturn

from pyfly.client.errors import ClientArgumentException
from pyfly.transport.errors import UrlError
from pyfly.transport.target import Origin, split_origin

__all__ = ["Origin", "Target", "TargetResolver", "parse_origin", "without_fragment"]


class Target:
    """One destination.

    Attributes:
        origin: Where to connect.
        host_line: The ``Host`` field for it, as a line.
        raw: The request target, as it is sent.
        home: Whether it is at the base URL's origin, if there is a base URL.
    """

    __slots__ = ("home", "host_line", "origin", "raw")

    def __init__(self, origin: Origin, host_line: bytes, raw: bytes, home: bool) -> None:
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
        self._base: Origin | None = None
        self._host_line = b""
        self._prefix = ""
        if base_url:
            origin, rest = _split(base_url, "base_url")
            if "?" in rest or "#" in rest:
                _refuse("base_url", "it has a query or a fragment; write them per request")
            self._base, self._host_line = origin, _host_line(origin)
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
        if url[:1] != "/" and url.lower().startswith(("http://", "https://")):
            origin, rest = _split(without_fragment(url), "url")
            host_line, path = _host_line(origin), rest
        elif self._base is None:
            _refuse("url", "it is a path but there is no base_url; give one, or an absolute URL")
        else:
            origin, host_line = self._base, self._host_line
            path = self._prefix + without_fragment(url)
        if path[:1] != "/":
            path = "/" + path
        if not path.isascii() or not path.isprintable() or " " in path:
            _refuse("url", "it holds characters that must be percent-encoded")
        home = self._base is None or origin is self._base or origin == self._base
        return Target(origin, host_line, path.encode("ascii"), home)


def without_fragment(url: str) -> str:
    """``url`` up to its ``#``: a fragment is never sent (RFC 9110, section 4.2.5)."""
    return url.partition("#")[0] if "#" in url else url


def parse_origin(url: str, what: str) -> Origin:
    """The origin of an absolute URL; ``what`` names it in an error."""
    return _split(url, what)[0]


def _split(url: str, what: str) -> tuple[Origin, str]:
    try:
        return split_origin(url)
    except UrlError as exc:
        _refuse(what, str(exc))


def _host_line(origin: Origin) -> bytes:
    return b"Host: %b\r\n" % origin.authority.encode("ascii")


def _refuse(what: str, why: str) -> NoReturn:
    error = ClientArgumentException(f"{what} cannot be used: {why}")
    error.parameter = what
    raise error from None
