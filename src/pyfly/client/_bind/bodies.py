"""Bodies: JSON, raw bytes, text, lines of JSON, forms and multipart.

Each binder gives a pair: the content, and the constant headers with its ``Content-Type``. What
may wait for a disk has an ``awaited`` twin for asynchronous clients.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from typing import Any, NoReturn, TypeAlias
from urllib.parse import quote_plus

from pyfly.client._bind.binders import Binder
from pyfly.client._bind.fields import FormFields
from pyfly.client._codec.body import ContentSource, IteratorSource, Pieces
from pyfly.client._codec.encode import JsonEncoding, fields_of
from pyfly.client._codec.files import file_name, source_of
from pyfly.client._codec.multipart import (
    OCTET_STREAM,
    Multipart,
    require_file_name,
    require_media_type,
    require_part_name,
)
from pyfly.client._compile.media_type import MediaType
from pyfly.client._compile.shapes import is_json_only, is_stream, members, takes_none
from pyfly.client._declare.markers import Body, File
from pyfly.client.errors import PortValueException
from pyfly.client.message import ConstantHeaders, FilePart
from pyfly.client.plan import MethodPlan, ParameterKind, ParameterPlan

Content: TypeAlias = bytes | Pieces | None
Fields: TypeAlias = dict[str, str]

_BYTES = (bytes, bytearray, memoryview)
_JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_FORM_TEXT = re.compile(r"[A-Za-z0-9*\-._]*").fullmatch


def _port_refuses(method: MethodPlan, parameter: ParameterPlan, port: str) -> NoReturn:
    error = PortValueException(
        f"{parameter.name!r} cannot be sent by {port}, which takes JSON bodies only (use the "
        "client's own adapter for forms, files, text and bytes: wire it without a port)"
    )
    error.at_call(method.operation, method.http_method, method.template.text, 0)
    raise error


def refusing_port(method: MethodPlan, port: str) -> Callable[..., Any]:
    """In place of a form's binder, for a port that encodes by itself: refuses every call."""
    kinds = (ParameterKind.FILE, ParameterKind.FORM, ParameterKind.FORM_FIELDS)
    first = min(method.of_kind(*kinds), key=lambda p: kinds.index(p.kind))

    def refuse(*values: Any) -> NoReturn:
        _port_refuses(method, first, port)

    return refuse


class BodyBinder(Binder):
    """A body that is one value.

    Args:
        method: Whose body it is.
        parameter: The parameter.
        headers: The constant headers, by lower-case name.
        port: How a port that encodes by itself is called in errors.

    Attributes:
        json_only: Whether the annotation leaves no doubt that the value is sent as JSON.
    """

    def __init__(
        self, method: MethodPlan, parameter: ParameterPlan, headers: Fields, port: str = ""
    ) -> None:
        super().__init__(method, parameter)
        marker = parameter.marker if isinstance(parameter.marker, Body) else Body()
        given = marker.media_type
        # A PATCH says what changes: what nobody set is not to become null.
        options = {"exclude_unset": method.http_method == "PATCH", **marker.dump_options}
        encoding = JsonEncoding(**options)
        self._to_json, self._to_json_line = encoding.to_json, encoding.to_json_line
        self._to_plain = encoding.to_plain
        self._optional = takes_none(parameter.annotation)
        self._type = MediaType(given or _JSON)
        self._explicit = given is not None
        self._port = port
        self._bare = headers
        if given is not None:
            sent = {**headers, "content-type": self._type.with_charset()}
            self._sent = self._raw = ConstantHeaders(sent)
        else:
            self._sent = ConstantHeaders({"content-type": _JSON, **headers})
            self._raw = ConstantHeaders({"content-type": OCTET_STREAM, **headers})
        self.json_only = self._type.is_json and is_json_only(parameter.annotation)
        self._iterable = any(map(is_stream, members(parameter.annotation)))

    # For ports that take encoded requests

    def json(self, value: Any) -> tuple[Content, Fields]:
        """JSON, or bytes as they are."""
        if value is None:
            return self._absent()
        if isinstance(value, _BYTES):
            return bytes(value), self._raw
        return self._encoded(self._to_json, value), self._sent

    def any(self, value: Any) -> tuple[Content, Fields]:
        """Whatever the value and the media type ask for."""
        content, headers = self._made(value)
        if isinstance(content, Pieces):
            content.measure()
        return content, headers

    async def awaited(self, value: Any) -> tuple[Content, Fields]:
        """As :meth:`any`."""
        content, headers = self._made(value)
        if isinstance(content, Pieces):
            await content.measure_async()
        return content, headers

    def _made(self, value: Any) -> tuple[Content, Fields]:
        if value is None:
            return self._absent()
        if isinstance(value, str):
            return self._text(value), self._sent
        source = None if fields_of(value) is not None else source_of(value, self.refuse)
        if source is None and self._iterable:
            source = self._iterated(value)
        if self._type.is_lines and (source is None or isinstance(source, IteratorSource)):
            return self._lines(value), self._sent
        if source is not None:
            return Pieces.joined([source]), self._raw
        if not self._type.is_json:
            self._refuse_kind(value)
        return self._encoded(self._to_json, value), self._sent

    def _absent(self) -> tuple[None, Fields]:
        if not self._optional:
            self.refuse(
                "None is no body of its type, and the service would get an empty one (pass a "
                "value, or annotate it as T | None to send none)"
            )
        return None, self._bare

    def _text(self, value: str) -> bytes:
        if self._type.is_json:
            content: bytes = self._encoded(self._to_json, value)
            return content
        if self._type.is_lines:
            self._refuse_kind(value)
        try:
            return value.encode(self._type.charset)
        except UnicodeEncodeError:
            self.refuse(
                f"it holds characters that {self._type.charset} does not have (use charset=utf-8)"
            )

    def _iterated(self, value: Any) -> bytes | ContentSource | None:
        """An iterable of bytes; a collection may be sent twice."""
        if not isinstance(value, Iterable) or isinstance(value, Mapping):
            return None
        source = IteratorSource(value, self.refuse)
        if isinstance(value, Collection) and not self._type.is_lines:
            return b"".join(source)
        return source

    def _lines(self, value: Any) -> bytes | Pieces:
        if isinstance(value, Collection) and fields_of(value) is None:
            return b"".join(self._encoded(self._to_json_line, item) for item in value)
        if not isinstance(value, Iterable) and not hasattr(value, "__aiter__"):
            self._refuse_kind(value)
        if fields_of(value) is not None:
            self._refuse_kind(value)
        return Pieces([IteratorSource(value, self.refuse, self._to_json_line)])

    def _encoded(self, encode: Callable[[Any], Any], value: Any) -> Any:
        try:
            return encode(value)
        except (TypeError, ValueError, RecursionError) as error:
            self.refuse(error)

    def _refuse_kind(self, value: Any) -> NoReturn:
        wanted = "a list or iterator of values" if self._type.is_lines else "a str or bytes"
        self.refuse(f"a {type(value).__name__} has no form as {self._type.essence} (pass {wanted})")

    # For ports that encode by themselves

    def plain(self, value: Any) -> tuple[Any, Fields]:
        """JSON as dicts, lists, texts and numbers; such a port takes nothing else."""
        if value is None:
            return self._absent()
        is_raw = isinstance(value, _BYTES) or (
            not isinstance(value, str)
            and fields_of(value) is None
            and source_of(value, self.refuse) is not None
        )
        if is_raw or not self._type.is_json:
            _port_refuses(self.method, self.parameter, self._port)
        return self._encoded(self._to_plain, value), self._sent if self._explicit else self._bare


class FormBinder:
    """All ``Form`` parameters of a method, as one ``application/x-www-form-urlencoded`` body."""

    def __init__(self, method: MethodPlan, headers: Fields) -> None:
        kinds = (ParameterKind.FORM, ParameterKind.FORM_FIELDS)
        self._fields = [FormFields(method, parameter) for parameter in method.of_kind(*kinds)]
        self._headers = ConstantHeaders({"content-type": FORM, **headers})

    def __call__(self, *values: Any) -> tuple[Content, Fields]:
        """The body for the arguments, in the order of the parameters."""
        pairs = [
            pair
            for fields, value in zip(self._fields, values, strict=True)
            for pair in fields(value)
        ]
        return encode_form(pairs), self._headers


def encode_form(fields: Iterable[tuple[str, str]]) -> bytes:
    """Names and values as a form's body: a space is ``+``, all but ``A-Z a-z 0-9 * - . _`` is
    percent-encoded as UTF-8.

    Raises:
        ValueError: A text holds half of a surrogate pair.
    """
    return "&".join(
        f"{_form_encoded(name)}={_form_encoded(value)}" for name, value in fields
    ).encode()


def _form_encoded(text: str) -> str:
    # quote_plus leaves the tilde alone, the standard does not.
    return text if _FORM_TEXT(text) else quote_plus(text, safe="*").replace("~", "%7E")


class MultipartBinder:
    """All ``Form`` and ``File`` parameters of a method, as one ``multipart/form-data`` body."""

    def __init__(self, method: MethodPlan, headers: Fields) -> None:
        kinds = (ParameterKind.FORM, ParameterKind.FORM_FIELDS, ParameterKind.FILE)
        self._headers = headers
        self._parts: list[Callable[[Multipart, Any], None]] = [
            FilePartBinder(method, parameter).add
            if parameter.kind is ParameterKind.FILE
            else FieldBinder(method, parameter).add
            for parameter in method.of_kind(*kinds)
        ]

    def __call__(self, *values: Any) -> tuple[Content, Fields]:
        """The body for the arguments, in the order of the parameters."""
        content, headers = self._made(values)
        if isinstance(content, Pieces):
            content.measure()
        return content, headers

    async def awaited(self, *values: Any) -> tuple[Content, Fields]:
        """The same, without waiting for a disk on the event loop."""
        content, headers = self._made(values)
        if isinstance(content, Pieces):
            await content.measure_async()
        return content, headers

    def _made(self, values: tuple[Any, ...]) -> tuple[Content, Fields]:
        multipart = Multipart()
        for add, value in zip(self._parts, values, strict=True):
            add(multipart, value)
        return multipart.body(), {**self._headers, "content-type": multipart.content_type}


class FieldBinder(Binder):
    """The text field or fields of one ``Form`` parameter."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        super().__init__(method, parameter)
        self._fields = FormFields(method, parameter)

    def add(self, multipart: Multipart, value: Any) -> None:
        """Add a part for each field; None adds none."""
        for name, text in self._fields(value):
            try:
                require_part_name(name, "field name")
            except ValueError as reason:
                self.refuse(reason)
            multipart.add_field(name, text)


class FilePartBinder(Binder):
    """The file or files of one ``File`` parameter."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        super().__init__(method, parameter)
        self._marker = parameter.marker if isinstance(parameter.marker, File) else File()

    def add(self, multipart: Multipart, value: Any) -> None:
        """Add a part for each file; None adds none."""
        if isinstance(value, (list, tuple, Set)):
            for item in value:
                self.add(multipart, item)
        elif value is not None:
            self._add_one(multipart, value if isinstance(value, FilePart) else FilePart(value))

    def _add_one(self, multipart: Multipart, part: FilePart) -> None:
        wire, marker = self.parameter.wire_name, self._marker
        names = (part.filename, marker.filename, file_name(part.content), wire)
        filename = next(name for name in names if name is not None)
        kind = marker.content_type if part.content_type is None else part.content_type
        try:
            require_file_name(filename)
            if kind is not None:
                require_media_type(kind)
            content = self._content(part.content)
        except ValueError as reason:
            self.refuse(reason)
        multipart.add_file(wire, content, filename, kind)

    def _content(self, value: Any) -> bytes | ContentSource:
        if isinstance(value, str):
            try:
                return value.encode()
            except UnicodeEncodeError:
                self.refuse(
                    "it holds half of a surrogate pair, which is no character (pass whole "
                    "characters)"
                )
        source = source_of(value, self.refuse)
        if source is None:
            self.refuse(
                f"a {type(value).__name__} is no file (pass bytes, str, a pathlib.Path, a binary "
                "file object, an iterator of bytes, or a FilePart)"
            )
        return source
