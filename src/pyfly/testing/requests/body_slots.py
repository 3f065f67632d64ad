"""Slots in the body of a request: a value, the fields of a form, files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pyfly.client._bind.bodies import BodyBinder, FilePartBinder
from pyfly.client._bind.fields import FormFields
from pyfly.client._codec.body import Pieces
from pyfly.client._codec.decode import decoder_for
from pyfly.client._codec.json_text import from_json
from pyfly.client._codec.multipart import Multipart
from pyfly.client._compile.shapes import is_bytes, is_collection, members
from pyfly.client.message import FilePart, Headers, Request, Response
from pyfly.testing.requests.parameter import (
    Slot,
    fields_among,
    grouped,
    is_nested,
    model,
    outermost,
    shown_fields,
)
from pyfly.testing.requests.received import Part, SeenRequest
from pyfly.testing.requests.secrets import Redactor, alike
from pyfly.testing.requests.text import from_texts

_FEW = 60


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
        kinds = members(self.annotation)
        if not kinds or str in kinds or any(map(is_bytes, kinds)):
            return from_json(raw.encode())
        return _decoded(self.annotation, raw.encode())

    def shown(self, raw: Any) -> str:
        if isinstance(raw, str):
            return shown_json(json.loads(raw))
        if isinstance(raw, bytes) and len(raw) > _FEW:
            return f"{raw[:_FEW]!r}… ({len(raw)} bytes)"
        return repr(raw)

    def differences(self, raw: Any, wire: Any) -> list[str]:
        """Each member of JSON that differs by itself."""
        if not isinstance(raw, str) or not isinstance(wire, str):
            return super().differences(raw, wire)
        found = json_differences(json.loads(wire), json.loads(raw), self.name)
        return [self.told(*each) for each in found]


class FormSlot(Slot):
    """A field of a form, or one whose members are fields: ``name[0]``."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        return self._texts([pair for pair in seen.form() if self._is_mine(pair[0])])

    def wire(self, value: Any) -> Any:
        return self._texts(FormFields(self.method, self.parameter)(value))

    def value(self, raw: Any) -> Any:
        return model(self.parameter, raw) if self._nested else from_texts(self.annotation, raw)

    @property
    def _nested(self) -> bool:
        return is_nested(self.parameter)

    def _is_mine(self, name: str) -> bool:
        return (outermost(name) if self._nested else name) == self.wire_name

    def _texts(self, pairs: list[tuple[str, str]]) -> Any:
        return grouped(pairs) if self._nested else tuple(text for _, text in pairs)


class FormFieldsSlot(Slot):
    """An object whose fields are those of a form."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        return fields_among(self.method, self.parameter, seen.form())

    def wire(self, value: Any) -> Any:
        pairs = FormFields(self.method, self.parameter)(value)
        return fields_among(self.method, self.parameter, pairs)

    def value(self, raw: Any) -> Any:
        return model(self.parameter, raw)

    def shown(self, raw: Any) -> str:
        return shown_fields(raw)


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
        wants_bytes = any(map(is_bytes, members(self.annotation)))
        files = [
            content if wants_bytes else FilePart(content, filename, content_type)
            for filename, content_type, content in raw
        ]
        if any(map(is_collection, members(self.annotation))):
            return files
        return files[0] if len(files) == 1 else files or None

    def shown(self, raw: Any) -> str:
        return repr([f"{filename}, {len(content)} bytes" for filename, _, content in raw])


def _decoded(annotation: Any, content: bytes) -> Any:
    """The value of a JSON body; plain JSON values if the annotation cannot be made of them."""
    try:
        response = Response[Any](200, Headers({"content-type": "application/json"}), content)
        return decoder_for(annotation)(response)
    except Exception:  # whatever the library raises: the record then shows what was sent
        return from_json(content)


def _canonical(content: bytes | None, is_json: bool) -> Any:
    if content is None or not is_json:
        return content
    try:
        return json.dumps(from_json(content), sort_keys=True)
    except ValueError:
        return content


def _file(part: Part) -> tuple[str | None, str | None, bytes]:
    return part.filename, part.content_type, part.content


_NOTHING: Any = object()
_LONGEST = 300


def json_differences(wanted: Any, found: Any, where: str) -> Iterator[tuple[str, str, str]]:
    """Each place in which two values differ, and what stands there in either.

    Args:
        wanted: JSON values; numbers are the same if they are equal.
        found: Likewise.
        where: What the values are called.
    """
    yield from _differences(wanted, found, where, "")


def _differences(wanted: Any, found: Any, where: str, key: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in dict.fromkeys((*wanted, *found)):
            inner = wanted.get(name, _NOTHING), found.get(name, _NOTHING)
            yield from _differences(*inner, f"{where}.{name}", name)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, inner in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(*inner, f"{where}[{index}]", key)
    elif isinstance(wanted, bool) != isinstance(found, bool) or wanted != found:
        yield where, shown_json(wanted, key), shown_json(found, key)


def shown_json(value: Any, key: str = "") -> str:
    """A value as it may be shown: without secrets, and not too long.

    Args:
        value: JSON values.
        key: The name of the member that it is.
    """
    if value is _NOTHING:
        return "nothing"
    text = alike(json.dumps(Redactor().json(value, key), ensure_ascii=False))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
