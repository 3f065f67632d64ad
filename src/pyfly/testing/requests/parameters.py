"""Slots in the URL and the header of a request, and the table of all slots.

Slots are the reverse of the client's binders: one small class for each kind of parameter. A slot
finds in a request what its parameter has become there (its *raw* form), tells what a value of the
test's would become by the client's own binder, and gives back the typed value.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from pyfly.client import Query
from pyfly.client._bind.binders import (
    CookieBinder,
    HeaderBinder,
    HeadersBinder,
    PathBinder,
    QueryBinder,
)
from pyfly.client._bind.constants import constant_headers
from pyfly.client._bind.fields import QueryFieldsBinder
from pyfly.client._compile.shapes import is_collection, members
from pyfly.client.plan import MethodPlan, ParameterKind, ParameterPlan
from pyfly.kernel.secrets import redacted
from pyfly.testing.requests.body_slots import BodySlot, FileSlot, FormFieldsSlot, FormSlot
from pyfly.testing.requests.parameter import Slot, fields_among, model, shown_fields
from pyfly.testing.requests.received import SeenRequest, query_pairs
from pyfly.testing.requests.text import from_text, from_texts

_SEPARATORS = {"csv": ",", "ssv": "%20", "pipes": "%7C"}


class PathSlot(Slot):
    """A placeholder of the path."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        return unquote(path.get(self.wire_name, ""))

    def wire(self, value: Any) -> Any:
        return unquote(PathBinder(self.method, self.parameter)(value))

    def value(self, raw: Any) -> Any:
        return from_text(self.annotation, raw)


class QuerySlot(Slot):
    """A query parameter, with all of its values."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        return self._texts(seen.pairs)

    def wire(self, value: Any) -> Any:
        return self._texts(query_pairs(QueryBinder(self.method, self.parameter)(value)))

    def _texts(self, pairs: list[tuple[str, str]]) -> tuple[str, ...]:
        marker = self.parameter.marker
        separator = _SEPARATORS.get(marker.style) if isinstance(marker, Query) else None
        collects = separator is not None and any(map(is_collection, members(self.annotation)))
        found: list[str] = []
        for name, text in pairs:
            if name == self.wire_name:
                found += text.split(separator) if collects else [text]
        return tuple(map(unquote, found))

    def value(self, raw: Any) -> Any:
        return from_texts(self.annotation, raw)


class QueryFieldsSlot(Slot):
    """An object whose fields are query parameters."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        return self._fields(seen.pairs)

    def wire(self, value: Any) -> Any:
        return self._fields(query_pairs(QueryFieldsBinder(self.method, self.parameter)(value)))

    def _fields(self, pairs: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
        decoded = [(name, unquote(text)) for name, text in pairs]
        return fields_among(self.method, self.parameter, decoded)

    def value(self, raw: Any) -> Any:
        return model(self.parameter, raw)

    def shown(self, raw: Any) -> str:
        return shown_fields(raw)


class HeaderSlot(Slot):
    """A header field."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        return seen.headers.get(self.wire_name)

    def wire(self, value: Any) -> Any:
        headers: dict[str, str] = {}
        HeaderBinder(self.method, self.parameter)(headers, value)
        return headers.get(self.wire_name)

    def value(self, raw: Any) -> Any:
        return None if raw is None else from_text(self.annotation, raw)


class HeadersSlot(Slot):
    """A mapping of header fields; those of the client, or of its interceptors, may be there too."""

    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        taken = {p.wire_name.lower() for p in self.method.of_kind(ParameterKind.HEADER)}
        taken |= {"content-type", "cookie"}
        constant = constant_headers(self.method, True)
        return {
            name: value
            for name, value in ((n.lower(), v) for n, v in seen.headers.fields)
            if name not in taken and constant.get(name) != value
        }

    def wire(self, value: Any) -> Any:
        headers: dict[str, str] = {}
        HeadersBinder(self.method, self.parameter)(headers, value)
        return {name.lower(): text for name, text in headers.items()}

    def value(self, raw: Any) -> Any:
        return raw or None

    def differences(self, raw: Any, wire: Any) -> list[str]:
        """Those among them that differ; others do not matter."""
        return super().differences({name: raw[name] for name in wire if name in raw}, wire)

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
        return None if raw is None else from_text(self.annotation, raw)

    def shown(self, raw: Any) -> str:
        return repr(raw) if raw is None else "***"


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
