"""One small class for each kind of parameter: the reverse of the client's binders.

A slot finds in a request what its parameter has become there (its *raw* form), tells what a
value of the test's would become by the client's own binder, and gives back the typed value.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import unquote

from pyfly.client._bind.binders import (
    CookieBinder,
    HeaderBinder,
    HeadersBinder,
    PathBinder,
    QueryBinder,
)
from pyfly.client._bind.bodies import BodyBinder, FilePartBinder
from pyfly.client._bind.fields import FormFields, QueryFieldsBinder
from pyfly.client._codec.body import Pieces
from pyfly.client._codec.decode import decoder_for
from pyfly.client._codec.json_text import from_json
from pyfly.client._codec.multipart import Multipart
from pyfly.client._codec.typed import typed_json
from pyfly.client._compile.plan import MethodPlan, ParameterKind, ParameterPlan
from pyfly.client._compile.shapes import is_bytes, is_collection, members
from pyfly.client._declare.markers import Query
from pyfly.client.message import FilePart, Headers, Request, Response, redacted
from pyfly.testing.wire.seen import Part, SeenRequest, query_pairs
from pyfly.testing.wire.text import from_text, from_texts

__all__ = ["Slot", "slot_for"]

_SEPARATORS = {"csv": ",", "ssv": "%20", "pipes": "%7C"}


class Slot(ABC):
    """Where the value of one parameter goes.

    Args:
        method: Whose parameter it is.
        parameter: The parameter.
    """

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        self.method = method
        self.parameter = parameter
        self.name = parameter.name
        self.wire_name = parameter.wire_name

    @abstractmethod
    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        """What the request holds for it.

        Args:
            seen: The request.
            path: The path's values by placeholder, still encoded.
        """

    @abstractmethod
    def wire(self, value: Any) -> Any:
        """What a value becomes, in the same form.

        Raises:
            ClientArgumentException: It cannot be sent.
        """

    @abstractmethod
    def value(self, raw: Any) -> Any:
        """The value that stands for what was found, of the annotated type where that is told."""

    def fits(self, raw: Any, wire: Any) -> bool:
        """Whether what was found is what a value becomes."""
        return bool(raw == wire)

    def shown(self, raw: Any) -> str:
        """What was found, as it may be shown."""
        return redacted(self.wire_name, repr(self.value(raw)))

    @property
    def _annotation(self) -> Any:
        return self.parameter.annotation


class PathSlot(Slot):
    """A placeholder of the path."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        return unquote(path.get(self.wire_name, ""))

    def wire(self, value: Any) -> Any:
        return unquote(PathBinder(self.method, self.parameter)(value))

    def value(self, raw: Any) -> Any:
        return from_text(self._annotation, raw)


class QuerySlot(Slot):
    """A query parameter, with all of its values."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        return self._texts(seen.pairs)

    def wire(self, value: Any) -> Any:
        return self._texts(query_pairs(QueryBinder(self.method, self.parameter)(value)))

    def _texts(self, pairs: list[tuple[str, str]]) -> tuple[str, ...]:
        marker = self.parameter.marker
        separator = _SEPARATORS.get(marker.style) if isinstance(marker, Query) else None
        collects = separator is not None and any(map(is_collection, members(self._annotation)))
        found: list[str] = []
        for name, text in pairs:
            if name == self.wire_name:
                found += text.split(separator) if collects else [text]
        return tuple(map(unquote, found))

    def value(self, raw: Any) -> Any:
        return from_texts(self._annotation, raw)


class QueryFieldsSlot(Slot):
    """An object whose fields are query parameters: all that no other parameter sends."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        taken = {p.wire_name for p in self.method.of_kind(ParameterKind.QUERY)}
        taken.update(self.method.params)
        return _grouped([pair for pair in seen.pairs if pair[0] not in taken])

    def wire(self, value: Any) -> Any:
        return _grouped(query_pairs(QueryFieldsBinder(self.method, self.parameter)(value)))

    def value(self, raw: Any) -> Any:
        return _model(self._annotation, raw)

    def shown(self, raw: Any) -> str:
        return _shown_fields(raw)


class HeaderSlot(Slot):
    """A header field."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        return seen.headers.get(self.wire_name)

    def wire(self, value: Any) -> Any:
        headers: dict[str, str] = {}
        HeaderBinder(self.method, self.parameter)(headers, value)
        return headers.get(self.wire_name)

    def value(self, raw: Any) -> Any:
        return None if raw is None else from_text(self._annotation, raw)


class HeadersSlot(Slot):
    """A mapping of header fields; those of the client, or of its interceptors, may be there too."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        taken = {p.wire_name.lower() for p in self.method.of_kind(ParameterKind.HEADER)}
        taken |= {"content-type", "cookie", *(name.lower() for name in self.method.headers)}
        return {
            name: value
            for name, value in ((n.lower(), v) for n, v in seen.headers.fields)
            if name not in taken
        }

    def wire(self, value: Any) -> Any:
        headers: dict[str, str] = {}
        HeadersBinder(self.method, self.parameter)(headers, value)
        return {name.lower(): text for name, text in headers.items()}

    def value(self, raw: Any) -> Any:
        return raw or None

    def fits(self, raw: Any, wire: Any) -> bool:
        return all(raw.get(name) == text for name, text in wire.items())

    def shown(self, raw: Any) -> str:
        return repr({name: redacted(name, value) for name, value in raw.items()})


class CookieSlot(Slot):
    """A cookie."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        for cookie in seen.headers.get("cookie", "").split(";"):
            name, _, value = cookie.strip().partition("=")
            if name == self.wire_name:
                return value
        return None

    def wire(self, value: Any) -> Any:
        headers: dict[str, str] = {}
        CookieBinder(self.method, self.parameter)(headers, value)
        return headers.get("cookie", "").partition("=")[2] if headers else None

    def value(self, raw: Any) -> Any:
        return None if raw is None else from_text(self._annotation, raw)

    def shown(self, raw: Any) -> str:
        return repr(raw) if raw is None else "***"


class BodySlot(Slot):
    """A body that is one value: JSON as text with its keys sorted, or bytes."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        return _canonical(seen.content, seen.is_json)

    def wire(self, value: Any) -> Any:
        content, headers = BodyBinder(self.method, self.parameter, {}).any(value)
        if isinstance(content, Pieces):
            content = b"".join(content)
        request = Request(self.method.http_method, "/", headers)
        return _canonical(content, SeenRequest(request, content, "").is_json)

    def value(self, raw: Any) -> Any:
        if not isinstance(raw, str):
            return raw
        kinds = members(self._annotation)
        if not kinds or str in kinds or any(map(is_bytes, kinds)):
            return from_json(raw.encode())
        return _decoded(self._annotation, raw.encode())

    def shown(self, raw: Any) -> str:
        return raw if isinstance(raw, str) else repr(raw)


class FormSlot(Slot):
    """A field of a form."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        return tuple(text for name, text in seen.form() if name == self.wire_name)

    def wire(self, value: Any) -> Any:
        return tuple(text for _, text in FormFields(self.method, self.parameter)(value))

    def value(self, raw: Any) -> Any:
        return from_texts(self._annotation, raw)


class FormFieldsSlot(Slot):
    """An object whose fields are those of a form: all that no other parameter sends."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        taken = {p.wire_name for p in self.method.of_kind(ParameterKind.FORM)}
        return _grouped([pair for pair in seen.form() if pair[0] not in taken])

    def wire(self, value: Any) -> Any:
        return _grouped(FormFields(self.method, self.parameter)(value))

    def value(self, raw: Any) -> Any:
        return _model(self._annotation, raw)

    def shown(self, raw: Any) -> str:
        return _shown_fields(raw)


class FileSlot(Slot):
    """The file or files of one parameter: name and content of each."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        parts = seen.parts()
        return tuple(_file(part) for part in parts if part.name == self.wire_name)

    def wire(self, value: Any) -> Any:
        multipart = Multipart()
        FilePartBinder(self.method, self.parameter).add(multipart, value)
        body = multipart.body()
        content = body if isinstance(body, bytes) else b"".join(body)
        request = Request("POST", "/", {"content-type": multipart.content_type})
        return self.raw(SeenRequest(request, content, ""), {})

    def value(self, raw: Any) -> Any:
        wants_bytes = any(map(is_bytes, members(self._annotation)))
        files = [
            content if wants_bytes else FilePart(content, filename, content_type)
            for filename, content_type, content in raw
        ]
        if any(map(is_collection, members(self._annotation))):
            return files
        return files[0] if len(files) == 1 else files or None

    def shown(self, raw: Any) -> str:
        return repr([f"{filename}, {len(content)} bytes" for filename, _, content in raw])


_SLOTS: dict[ParameterKind, type[Slot]] = {
    ParameterKind.PATH: PathSlot,
    ParameterKind.QUERY: QuerySlot,
    ParameterKind.QUERY_FIELDS: QueryFieldsSlot,
    ParameterKind.HEADER: HeaderSlot,
    ParameterKind.HEADERS: HeadersSlot,
    ParameterKind.COOKIE: CookieSlot,
    ParameterKind.BODY: BodySlot,
    ParameterKind.FORM: FormSlot,
    ParameterKind.FORM_FIELDS: FormFieldsSlot,
    ParameterKind.FILE: FileSlot,
}


def slot_for(method: MethodPlan, parameter: ParameterPlan) -> Slot:
    """The slot of a parameter that is sent: any but a timeout."""
    return _SLOTS[parameter.kind](method, parameter)


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, text in pairs:
        found[name] = (*found.get(name, ()), unquote(text))
    return found


def _shown_fields(raw: dict[str, tuple[str, ...]]) -> str:
    return repr({name: redacted(name, ", ".join(texts)) for name, texts in raw.items()})


def _model(annotation: Any, raw: dict[str, tuple[str, ...]]) -> Any:
    """The object that fields stand for; the fields themselves if it cannot be made of them."""
    plain = {name: texts[0] if len(texts) == 1 else list(texts) for name, texts in raw.items()}
    try:
        return typed_json(annotation).from_value(plain)
    except Exception:  # whatever the library raises: the record then shows what was sent
        return plain


def _decoded(annotation: Any, content: bytes) -> Any:
    """The value of a JSON body; plain JSON values if the annotation cannot be made of them."""
    try:
        response = Response[Any](200, Headers({"content-type": "application/json"}), content)
        return decoder_for(annotation)(response)
    except Exception:  # as above
        return from_json(content)


def _canonical(content: bytes | None, is_json: bool) -> Any:
    if content is None or not is_json:
        return content
    try:
        return json.dumps(from_json(content), sort_keys=True, ensure_ascii=False)
    except ValueError:
        return content


def _file(part: Part) -> tuple[str | None, str | None, bytes]:
    return part.filename, part.content_type, part.content
