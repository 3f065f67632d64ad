"""A request as a port of a test sees it, taken apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from pyfly.client._codec.encode import to_json
from pyfly.client._codec.json_text import from_json
from pyfly.client.message import Headers, Request, media_type
from pyfly.kernel.secrets import redacted


class UnexpectedRequestException(BaseException):
    """A request reached a port of a test that has no answer to it; the message says what differs.

    No ``Exception``, and so none of ours: like a failed assertion it is for the test alone. No
    retry repeats it, no circuit breaker counts it, no fallback answers it, and no
    ``except Exception`` in the code under test hides it.
    """


_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_NAME = re.compile(r'[ ;]name="([^"]*)"')
_FILENAME = re.compile(r'[ ;]filename="([^"]*)"')
_ESCAPES = (("%0D", "\r"), ("%0A", "\n"), ("%22", '"'))
_FORM = "application/x-www-form-urlencoded"


class Part:
    """One part of a ``multipart/form-data`` body."""

    __slots__ = ("content", "content_type", "filename", "name")

    def __init__(
        self, name: str, filename: str | None, content_type: str | None, content: bytes
    ) -> None:
        self.name = name
        self.filename = filename
        self.content_type = content_type
        self.content = content

    @property
    def text(self) -> str:
        """Its content as text."""
        return self.content.decode("utf-8", "replace")


class SeenRequest:
    """One attempt's request.

    Args:
        request: What the client handed to its port.
        content: Its body, read; None if it has none.
        base_url: What its path is below, should it be absolute (a redirect, a next page).

    Attributes:
        method: ``GET``, ``POST``, …
        origin: Scheme and host of a URL that is not below the base URL, else ``""``.
        path: The path below the base URL, percent-encoded.
        pairs: The query, still encoded, in order.
        headers: What the client sends; the adapters' own fields are not there yet.
        content: The body.
    """

    def __init__(self, request: Request, content: bytes | None, base_url: str) -> None:
        self.method = request.method
        self.origin, url = _below(request.url, base_url)
        path, _, query = url.partition("#")[0].partition("?")
        self.path = path or "/"
        self.pairs = query_pairs(query)
        self.headers = Headers(request.headers)
        self.content = content

    @property
    def target(self) -> str:
        """Path and query as they may be shown."""
        return shown_url(f"{self.origin}{self.path}", self.pairs)

    @property
    def is_json(self) -> bool:
        """Whether the body says that it is JSON."""
        kind = media_type(self.headers)
        return kind == "application/json" or kind.endswith("+json")

    def json(self) -> Any:
        """The body as JSON values.

        Raises:
            ValueError: There is no body, or it is no JSON.
        """
        return from_json(self.content or b"")

    def form(self) -> list[tuple[str, str]]:
        """The text fields of a form, of either kind; empty without one."""
        if media_type(self.headers) == _FORM:
            return [
                (unquote(name.replace("+", " ")), unquote(value.replace("+", " ")))
                for name, value in query_pairs((self.content or b"").decode("ascii", "replace"))
            ]
        return [(part.name, part.text) for part in self.parts() if part.filename is None]

    def parts(self) -> list[Part]:
        """The parts of a multipart body; empty without one."""
        boundary = _BOUNDARY.search(self.headers.get("content-type", ""))
        if media_type(self.headers) != "multipart/form-data" or boundary is None:
            return []
        between = (self.content or b"").split(b"--" + boundary[1].encode("ascii", "replace"))
        return [_part(raw[2:-2]) for raw in between[1:-1]]


def _part(raw: bytes) -> Part:
    head, _, content = raw.partition(b"\r\n\r\n")
    name = filename = content_type = None
    for line in head.decode("utf-8", "replace").split("\r\n"):
        field, _, value = line.partition(":")
        if field.lower() == "content-disposition":
            name, filename = _quoted(_NAME, value), _quoted(_FILENAME, value)
        elif field.lower() == "content-type":
            content_type = value.strip()
    return Part(name or "", filename, content_type, content)


def _quoted(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    if found is None:
        return None
    value = found[1]
    for escape, character in _ESCAPES:
        value = value.replace(escape, character)
    return value


def query_pairs(query: str) -> list[tuple[str, str]]:
    """The names (decoded) and values (still encoded) of a query, in order."""
    pairs = (piece.partition("=") for piece in query.split("&") if piece)
    return [(unquote(name), value) for name, _, value in pairs]


def shown_url(path: str, pairs: list[tuple[str, str]]) -> str:
    """A URL without the secrets in its query."""
    query = "&".join(f"{name}={redacted(name, value)}" for name, value in pairs)
    return f"{path}?{query}" if query else path


def _below(url: str, base_url: str) -> tuple[str, str]:
    """The origin, if it is not the base URL's, and what follows it."""
    base = base_url.rstrip("/")
    if base and url.startswith(base) and url[len(base) : len(base) + 1] in ("", "/", "?", "#"):
        return "", url[len(base) :]
    absolute = _ORIGIN.match(url)
    return (absolute[0], url[absolute.end() :]) if absolute else ("", url)


def request_by_hand(
    method: str,
    url: str,
    *,
    params: Mapping[str, Any] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> Request:
    """A request as somebody makes it who has a port and no client.

    Args:
        method: ``GET``, ``POST``, …
        url: The path, percent-encoded, perhaps with a query.
        params: Further query parameters: text, or lists of text.
        json: The body as JSON values; None for none.
        headers: Header fields.
        content: The body as bytes, if it is no JSON.
    """
    if params:
        query = urlencode(params, doseq=True, quote_via=quote)
        url = f"{url}{'&' if '?' in url else '?'}{query}"
    given = dict(headers or {})
    if json is not None:
        content = to_json(json)
        given.setdefault("content-type", "application/json")
    return Request(method, url, given, content)


async def read_content(request: Request) -> bytes | None:
    """The body of a request as a whole, also of one that is sent piece by piece."""
    content = request.content
    if content is None or isinstance(content, bytes):
        return content
    try:
        return b"".join([chunk async for chunk in content])
    finally:
        content.close()


def read_content_sync(request: Request) -> bytes | None:
    """The synchronous twin of :func:`read_content`."""
    content = request.content
    if content is None or isinstance(content, bytes):
        return content
    try:
        return b"".join(content)
    finally:
        content.close()
