"""What travels: a request on its way to a port, and the response that comes back."""

from __future__ import annotations

import codecs
import copy
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol

from pyfly.kernel.record import Record
from pyfly.kernel.secrets import redacted

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    #: With a default, ``Response`` alone is complete to the strictest checker.
    T = TypeVar("T", default=Any)
else:
    from typing import TypeVar

    T = TypeVar("T")

#: Codecs that Python has beside those for charsets.
_NO_CHARSETS = frozenset(
    {
        *("base64", "bz2", "hex", "quopri", "rot-13", "uu", "zlib"),
        *("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"),
    }
)


class Headers(Mapping[str, str]):
    """Header fields in the order they were sent; names compare without case.

    Args:
        fields: Pairs of name and value, or a mapping. Bytes are read as latin-1 (RFC 9110,
            section 5.5). A repeated name keeps all of its values.
    """

    __slots__ = ("_fields", "_index")

    def __init__(
        self,
        fields: Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]] = (),
    ) -> None:
        pairs: Any = fields.items() if isinstance(fields, Mapping) else fields
        self._fields: list[tuple[str, str]] = [(_text(name), _text(value)) for name, value in pairs]
        self._index: dict[str, str] | None = None

    @classmethod
    def indexed(cls, fields: list[tuple[str, str]], index: dict[str, str]) -> Headers:
        """Header fields that were put in order already; both are kept, not copied.

        Args:
            fields: Pairs of name and value.
            index: Lower-case names → values, those of one name joined by commas.
        """
        headers = cls.__new__(cls)
        headers._fields, headers._index = fields, index
        return headers

    @property
    def fields(self) -> list[tuple[str, str]]:
        """All fields, one pair for each line that was sent."""
        return list(self._fields)

    def get_list(self, name: str) -> list[str]:
        """Every value of ``name``, one for each line; ``Set-Cookie`` must be read this way."""
        name = name.lower()
        return [value for key, value in self._fields if key.lower() == name]

    def _lookup(self) -> dict[str, str]:
        index = self._index
        if index is None:
            index = {}
            for name, value in self._fields:
                key = name.lower()
                index[key] = f"{index[key]}, {value}" if key in index else value
            self._index = index
        return index

    def __getitem__(self, name: str) -> str:
        return self._lookup()[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._lookup()

    def __iter__(self) -> Iterator[str]:
        return iter(self._lookup())

    def __len__(self) -> int:
        return len(self._lookup())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return sorted(self._lower()) == sorted(other._lower())
        if isinstance(other, Mapping):
            return self == Headers(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable by contract of Mapping equality

    def _lower(self) -> list[tuple[str, str]]:
        return [(name.lower(), value) for name, value in self._fields]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}: {redacted(name, value)}" for name, value in self._fields)
        return f"Headers({shown})"


class ConstantHeaders(dict[str, str]):
    """Header fields that are the same in every request of a method, so that nobody changes them.

    Attributes:
        encoded: Who has encoded them last, and what came of it: it is not done for each request.
    """

    __slots__ = ("encoded",)

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(fields)
        self.encoded: tuple[object, Any] | None = None


class FilePart(Record):
    """One file of a ``multipart/form-data`` body, with its own name and type.

    For a parameter marked :class:`~pyfly.client.File`; what it says beats the marker::

        await client.upload(FilePart(data, filename="photo.png", content_type="image/png"))

    Args:
        content: ``bytes``, ``str``, a ``pathlib.Path``, a binary file object, or an iterator of
            ``bytes``.
        filename: The file name to send.
        content_type: Its media type.
    """

    content: Any
    filename: str | None = None
    content_type: str | None = None

    def __repr__(self) -> str:  # not the content: it may be large, and nobody else's business
        return f"FilePart({self.filename!r}, {self.content_type!r})"


class BodyStream(Protocol):
    """A body that is sent piece by piece.

    Asynchronous ports iterate with ``async for``, the others with ``for``; each iteration is
    one attempt and begins anew.

    Attributes:
        length: How many bytes it has; None if that is not known (send it chunked).
        single_use: Why it cannot be sent twice; None if it can. A second iteration raises.
    """

    @property
    def length(self) -> int | None:
        """How many bytes it has; None if that is not known."""
        ...

    @property
    def single_use(self) -> str | None:
        """Why it cannot be sent twice; None if it can."""
        ...

    def __iter__(self) -> Iterator[bytes]: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def close(self) -> None:
        """Let go of what an attempt has opened: a port does so after each; another may follow."""
        ...


class Request:
    """One request as it is handed to a port.

    Attributes:
        method: ``GET``, ``POST``, …
        url: The path below the base URL, percent-encoded. For a port that takes encoded
            URLs (``takes_encoded``) it includes the query string.
        headers: Field names and values to send, without those that the port adds itself.
        content: The encoded body, as bytes or as a :class:`BodyStream`, or None. Only for ports
            that take encoded requests.
        params: Query parameters by name, as text or lists of text; None if there are none.
            Only for ports that encode by themselves.
        json: The body as plain JSON values, or None; only for ports that encode by themselves.
        single_use: Why it cannot be sent a second time; None if it can.
    """

    __slots__ = ("content", "headers", "json", "method", "params", "single_use", "url")

    def __init__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | BodyStream | None = None,
        params: dict[str, str | list[str]] | None = None,
        json: Any = None,
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.content = content
        self.params = params
        self.json = json
        self.single_use: str | None = None
        if content is not None and not isinstance(content, bytes):
            self.single_use = content.single_use

    def with_headers(self, headers: Mapping[str, str]) -> Request:
        """The same request with other header fields."""
        other = copy.copy(self)
        other.headers = headers
        return other

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url.partition('?')[0]}>"


#: A :class:`Request` whose constructor takes nothing, and sets nothing: whoever makes one fills
#: in every attribute. That takes two thirds of the time, in the one place where it counts.
BlankRequest: type[Request] = type(
    "Request",
    (Request,),
    {"__slots__": (), "__init__": object.__init__, "__module__": __name__},
)


class Response(Generic[T]):
    """One response. As a return annotation, ``Response[T]`` gives it with the decoded value.

    A method annotated with ``Response`` alone raises no error for a status: the caller reads
    ``status_code`` and decides.

    Attributes:
        status_code: The status, 100 to 599.
        headers: The header fields.
        content: The body as bytes, decompressed.
        content_encoding: How ``content`` is still compressed, None when it is plain.
        value: What the body was decoded into; None for ``Response`` alone.
    """

    #: True for what a port gave instead of a response: a value with no status and no bytes.
    is_plain_value = False

    def __init__(
        self,
        status_code: int,
        headers: Headers,
        content: bytes = b"",
        *,
        content_encoding: str | None = None,
    ) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content
        self.content_encoding = content_encoding
        nothing: Any = None
        self.value: T = nothing  # until the decoder of Response[T] has set it

    @property
    def is_success(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status_code < 300

    @property
    def text(self) -> str:
        """The body as text, in the charset that ``Content-Type`` declares (UTF-8 if none).

        Raises:
            LookupError: The charset is not known.
            UnicodeError: The body is no such text.
        """
        return text_codec(charset(self.headers) or "utf-8").decode(self.content)[0]

    def json(self) -> Any:
        """The body as JSON values.

        Raises:
            ValueError: The body is no JSON.
        """
        return json.loads(self.content)

    def __repr__(self) -> str:
        return f"<Response {self.status_code}, {len(self.content)} bytes>"


def charset(headers: Headers) -> str | None:
    """The ``charset`` parameter of ``Content-Type``, lower case; None if there is none."""
    for part in headers.get("content-type", "").split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower() or None
    return None


def text_codec(name: str) -> codecs.CodecInfo:
    """The codec of a charset.

    Raises:
        LookupError: There is none; also for those codecs of Python's that are no charsets. Some
            of them take a time that grows with the square of the text.
    """
    try:
        found = codecs.lookup(name)
    except ValueError:  # a NUL in the name
        raise LookupError(f"unknown encoding: {name!r}") from None
    if found.name in _NO_CHARSETS:
        raise LookupError(f"{found.name} is no charset")
    return found


def media_type(headers: Headers) -> str:
    """The type and subtype of ``Content-Type``, lower case, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
