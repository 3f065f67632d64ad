"""Where a request goes: the origin of a URL, read as it is written.

URL classes of libraries quote and normalise; what is on the wire has to be what the caller
encoded, so a target never passes through one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pyfly.transport.errors import UrlError

_ABSOLUTE = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._~!$&'()*+,;=-]+))(?::(\d{0,5}))?")
_DEFAULT_PORT = {"http": 80, "https": 443}


class HttpOrigin(NamedTuple):
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


def split_origin(url: str) -> tuple[HttpOrigin, str]:
    """The origin of an absolute URL, and what follows it.

    Raises:
        UrlError: It is no ``http`` or ``https`` URL, or its host or port cannot be used.
    """
    match = _ABSOLUTE.match(url)
    if match is None:
        raise UrlError("it must start with http:// or https:// and a host")
    scheme, authority = match[1].lower(), match[2]
    if "@" in authority:
        raise UrlError("it holds credentials; give them as a header or auth= instead")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise UrlError(
            "its host and port are malformed; write host, host:port or [IPv6]:port, "
            "international names in their ASCII form (xn--…)"
        )
    port = int(parts[3]) if parts[3] else _DEFAULT_PORT[scheme]
    if not 0 < port < 65536:
        raise UrlError(f"its port is {port}; a port is 1 to 65535")
    return HttpOrigin(scheme, (parts[1] or parts[2]).lower(), port), url[match.end() :]
