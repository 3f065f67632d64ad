"""The base URL of a client: checked before a byte is sent anywhere."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from pyfly.client.template import has_dot_segment

_TEXT = re.compile(r"[\x21-\x7e]+")
#: What a host and a port are made of, besides what ``urlsplit`` checks.
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=]+)(?::[0-9]+)?")
_FOUR_NUMBERS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){3}")
_PATH = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")


def check_base_url(url: object) -> tuple[str, str | None]:
    """A base URL without a trailing slash, and what is wrong with it (None: nothing).

    The message never shows the part before an ``@``, which may be a password.
    """
    if not isinstance(url, str) or not url:
        return "", 'has no base_url (write @service_client(base_url="http://…"))'
    return _checked(url)


@lru_cache(64)  # that of a class is asked for when it is reviewed, and when it is wired
def _checked(url: str) -> tuple[str, str | None]:
    shown = re.sub(r"//[^/]*@", "//***@", url)
    if not _TEXT.fullmatch(url):
        return "", f"base_url {shown!r} holds a space or a character that is not ASCII (encode it)"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return "", f"base_url {shown!r} is no URL: {error}"
    if parts.scheme not in ("http", "https"):
        return "", f"base_url {shown!r} must start with http:// or https:// (write http://host)"
    if "@" in parts.netloc:
        return "", f"base_url {shown!r} holds credentials (send them in a header)"
    if not parts.hostname or port == 0 or parts.netloc.endswith(":"):
        return "", f"base_url {shown!r} has no host, or an empty port (write http://host:80)"
    if not _AUTHORITY.fullmatch(parts.netloc):
        return "", (
            f"base_url {shown!r} has a malformed host (write host, host:port or [IPv6]:port, "
            "international names in their ASCII form, xn--…)"
        )
    if _FOUR_NUMBERS.fullmatch(parts.hostname) and max(map(int, parts.hostname.split("."))) > 255:
        return "", f"base_url {shown!r} has no IPv4 address: its numbers go to 255 (mend it)"
    if "?" in url or "#" in url:
        return "", f"base_url {shown.split('?')[0]!r} holds a query or a fragment (remove it)"
    if not _PATH.fullmatch(parts.path):
        return "", f"base_url {shown!r} holds characters that a path must not (encode them)"
    if has_dot_segment(parts.path):
        return "", f"base_url {shown!r} has a '.' or '..' segment (write the path it means)"
    if "//" in parts.path:
        return "", f"base_url {shown!r} has an empty segment, '//' (write one slash)"
    return url.rstrip("/"), None
