"""The pure parts of an exchange: the fields of a request, the body of a response."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyfly import __version__
from pyfly.client.errors import ClientArgumentException, ResponseTooLargeException
from pyfly.client.message import BodyStream, Headers, Request, Response, redacted

__all__ = ["Body", "Fields", "RequestFields", "Wire", "client_body", "let_go", "too_large"]

Field = tuple[bytes, bytes]

#: What is sent unless it is said otherwise. Only encodings that are always at hand.
DEFAULTS = {
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "user-agent": f"pyfly-client/{__version__}",
}
#: Methods whose requests say how long their body is, even if there is none (RFC 9110, 8.6).
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_NO_LENGTH: list[Field] = []
_ZERO_LENGTH: list[Field] = [(b"Content-Length", b"0")]


class Fields(list[Field]):
    """Header fields of a request, and what h11 makes of them: once, where they are used again."""

    __slots__ = ("_prepared",)

    def __init__(self, fields: Iterable[Field]) -> None:
        super().__init__(fields)
        self._prepared: Any = None

    def prepared(self, h11: Any) -> Any:
        """As h11 keeps them, checked."""
        if self._prepared is None:
            # Its own constructor is not public: a request shows what it makes.
            request = h11.Request(method=b"GET", target=b"/", headers=self)
            self._prepared = request.headers
        return self._prepared


class Wire:
    """A request as a connection takes it: target and fields byte for byte.

    Attributes:
        method: ``GET``, ``POST``, …
        target: What stands between method and version.
        headers: All fields.
        content: The body: None, bytes, or something to iterate over.
        extensions: ``timeout``: what each step may take, by name, in seconds.
    """

    __slots__ = ("content", "extensions", "headers", "method", "target")

    def __init__(
        self,
        method: str,
        target: bytes,
        headers: list[Field],
        content: Any,
        extensions: dict[str, Any],
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.content = content
        self.extensions = extensions

    @property
    def comes_in_pieces(self) -> bool:
        """Whether the body has to be iterated over."""
        return self.content is not None and not isinstance(self.content, bytes)

    def prepared(self, h11: Any) -> Any:
        """The fields for h11."""
        fields = self.headers
        return fields.prepared(h11) if isinstance(fields, Fields) else fields


class RequestFields:
    """Header fields of an adapter's requests, encoded once.

    Args:
        headers: The adapter's own, over the defaults.
        defaults: The fields below them.
    """

    __slots__ = ("_constant", "_fields", "_names", "_public")

    def __init__(
        self, headers: Mapping[str, str] | None, defaults: Mapping[str, str] = DEFAULTS
    ) -> None:
        merged = {name.lower(): (name, value) for name, value in defaults.items()}
        merged.update({name.lower(): (name, value) for name, value in (headers or {}).items()})
        self._names = list(merged)
        self._fields = [_encoded(name, value) for name, value in merged.values()]
        self._public = [redacted(name, "") != "***" for name in merged]
        self._constant: dict[Field, Fields] = {}

    def for_request(self, request: Request, host: Field, home: bool) -> list[Field]:
        """All fields of one request, ``Host`` first (RFC 9110, section 7.2).

        Args:
            request: What is sent.
            host: Its ``Host`` field.
            home: Whether it goes to the adapter's own origin; the adapter's credentials go
                nowhere else.
        """
        content = request.content
        if home and content is None and not request.headers and request.method not in _WITH_BODY:
            return self._without_own(host)
        fields = self.over_defaults(request.headers, home)
        if content is None:
            length = _ZERO_LENGTH if request.method in _WITH_BODY else _NO_LENGTH
        else:
            length = [_length(content)]
        if home and "host" in self._names:
            return [*fields, *length]
        return [host, *fields, *length]

    def _without_own(self, host: Field) -> Fields:
        """The fields of a request that brings none, which are the same every time."""
        fields = self._constant.get(host)
        if fields is None:
            own = [] if "host" in self._names else [host]
            fields = self._constant[host] = Fields([*own, *self._fields])
        return fields

    def as_mapping(self) -> dict[str, str]:
        """The adapter's fields alone."""
        return {name.decode("ascii"): value.decode("latin-1") for name, value in self._fields}

    def over_defaults(self, headers: Mapping[str, str], home: bool) -> list[Field]:
        """The adapter's fields with those of one request over them."""
        if home and not headers:
            return self._fields
        replaced = {name.lower() for name in headers}
        kept = [
            field
            for name, field, public in zip(self._names, self._fields, self._public, strict=True)
            if name not in replaced and (home or (public and name != "host"))
        ]
        return kept + [_encoded(name, value) for name, value in headers.items()]


def client_body(content: bytes | BodyStream | None, asynchronous: bool) -> tuple[Any, list[Field]]:
    """A body as the library's own client takes it, and the fields that tell its length."""
    if content is None or isinstance(content, bytes):
        return content, []
    # It goes by what it can iterate over, and would take the wrong one of the two.
    return content.__aiter__() if asynchronous else content.__iter__(), [_length(content)]


def let_go(content: bytes | BodyStream | None) -> None:
    """End what an attempt has opened for its body."""
    if content is not None and not isinstance(content, bytes):
        content.close()


def _length(content: bytes | BodyStream) -> Field:
    length = len(content) if isinstance(content, bytes) else content.length
    if length is None:
        return (b"Transfer-Encoding", b"chunked")
    return (b"Content-Length", b"%d" % length)


def _encoded(name: str, value: str) -> Field:
    try:
        return name.encode("ascii"), value.encode("latin-1")
    except UnicodeEncodeError:
        # Neither the value nor the library's error is shown: a header may hold a secret.
        error = ClientArgumentException(
            f"header {name!r} holds characters that a header cannot carry"
        )
        error.parameter = name
        raise error from None


class Body:
    """Collects one response, undecoded, within a limit.

    Args:
        method: The request's method: a response to HEAD tells a length but has no body.
        status: The response's status.
        fields: Its header fields.
        limit: The largest body, in bytes.
        peer: Whom to name in an error.

    Raises:
        ResponseTooLargeException: Its length says already that it is too large.
    """

    __slots__ = ("_chunks", "_limit", "_peer", "_size", "headers", "status")

    def __init__(
        self, method: str, status: int, fields: Iterable[Any], limit: int, peer: str
    ) -> None:
        self.status = status
        self.headers = Headers(fields)
        self._limit = limit
        self._peer = peer
        self._chunks: list[bytes] = []
        self._size = 0
        length = self.headers.get("content-length")
        too_long = length is not None and length.isdecimal() and int(length) > limit
        if too_long and method != "HEAD" and status != 304:
            raise too_large(peer, limit)

    def add(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            ResponseTooLargeException: They are too many.
        """
        self._size += len(chunk)
        if self._size > self._limit:
            raise too_large(self._peer, self._limit)
        self._chunks.append(chunk)

    def response(self) -> Response[Any]:
        """The whole response."""
        chunks = self._chunks
        content = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        encoding = self.headers.get("content-encoding") if content else None
        return Response(self.status, self.headers, content, content_encoding=encoding or None)


def too_large(peer: str, limit: int) -> ResponseTooLargeException:
    """The error for a body over the limit."""
    return ResponseTooLargeException(
        f"{peer} sent a body of more than {limit} bytes; raise max-response-size to accept it"
    )
