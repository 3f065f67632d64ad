"""Where the value of one parameter goes, and how it is read back from there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from pyfly.client import Form, Query
from pyfly.client._codec.typed import typed_json
from pyfly.client._compile.shapes import field_names, is_fields, members
from pyfly.client.plan import MethodPlan, ParameterKind, ParameterPlan
from pyfly.kernel.secrets import redacted
from pyfly.testing.requests.received import SeenRequest

_QUERY = (ParameterKind.QUERY, ParameterKind.QUERY_FIELDS)
_FORM = (ParameterKind.FORM, ParameterKind.FORM_FIELDS)

#: The texts of each name in a query or a form.
Grouped = dict[str, tuple[str, ...]]


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
        self.annotation = parameter.annotation

    @abstractmethod
    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        """What the request holds for it.

        Args:
            seen: The request.
            path: The path's values by placeholder, still encoded.
        """

    @abstractmethod
    def wire(self, value: Any) -> Any:
        """What a value becomes by the client's own binder, in the same form.

        Raises:
            ClientArgumentException: It cannot be sent.
        """

    @abstractmethod
    def value(self, raw: Any) -> Any:
        """The value that stands for what was found, of the annotated type where that is told."""

    def shown(self, raw: Any) -> str:
        """What was found, as it may be shown."""
        return redacted(self.wire_name, repr(self.value(raw)))

    def differences(self, raw: Any, wire: Any) -> list[str]:
        """How what was found differs from what a value becomes; empty if it does not."""
        if raw == wire:
            return []
        return [self.told(self.name, self.shown(wire), self.shown(raw))]

    @staticmethod
    def told(what: str, wanted: str, found: str) -> str:
        """One difference in words."""
        return f"{what}: the rule wants {wanted}, but {found} was sent"


def grouped(pairs: list[tuple[str, str]]) -> Grouped:
    """The texts of each name."""
    found: Grouped = {}
    for name, text in pairs:
        found[name] = (*found.get(name, ()), text)
    return found


def shown_fields(raw: Grouped) -> str:
    """Fields as they may be shown."""
    return repr({name: redacted(name, ", ".join(texts)) for name, texts in raw.items()})


def is_nested(parameter: ParameterPlan) -> bool:
    """Whether fields within fields are sent as ``name[key]``."""
    marker = parameter.marker
    return isinstance(marker, (Form, Query)) and marker.nested


def outermost(name: str) -> str:
    """``a`` of ``a[b][0]``."""
    return name.partition("[")[0]


def fields_among(
    method: MethodPlan, parameter: ParameterPlan, pairs: list[tuple[str, str]]
) -> Grouped:
    """The fields of an object that is spread, among all of a query or form.

    Those of the annotated class, if it says which they are; else all that no other parameter
    of the method sends.
    """
    mine = _names_of(parameter)
    if mine is not None:
        return grouped([pair for pair in pairs if outermost(pair[0]) in mine])
    in_query = parameter.kind is ParameterKind.QUERY_FIELDS
    taken = set(method.params) if in_query else set[str]()
    for other in method.of_kind(*(_QUERY if in_query else _FORM)):
        if other.name != parameter.name:
            taken |= _names_of(other) or set()
    return grouped([pair for pair in pairs if outermost(pair[0]) not in taken])


def _names_of(parameter: ParameterPlan) -> set[str] | None:
    """The names that a parameter has on the wire; None if its value decides."""
    spread = parameter.kind in (ParameterKind.QUERY_FIELDS, ParameterKind.FORM_FIELDS)
    if not spread or _is_below(parameter):
        return {parameter.wire_name}
    known: set[str] = set()
    for member in members(parameter.annotation):
        names = field_names(member) if is_fields(member) else None
        if names is None:
            return None
        known.update(names)
    return known or None


def _is_below(parameter: ParameterPlan) -> bool:
    """Whether all of its fields stand below one name: ``name[key]``."""
    marker = parameter.marker
    return isinstance(marker, (Form, Query)) and marker.nested and marker.name is not None


def model(parameter: ParameterPlan, raw: Grouped) -> Any:
    """The object that fields stand for; the fields themselves if it cannot be made of them."""
    plain: Any = {n: texts[0] if len(texts) == 1 else list(texts) for n, texts in raw.items()}
    try:
        if is_nested(parameter):
            plain = _unfolded(parameter, plain)
        return typed_json(parameter.annotation).from_value(plain)
    except Exception:  # whatever the library raises: the record then shows what was sent
        return plain


def _unfolded(parameter: ParameterPlan, fields: dict[str, Any]) -> Any:
    """``{"a[b]": 1, "a[c]": 2}`` as ``{"a": {"b": 1, "c": 2}}``, or what is below its name."""
    whole: dict[str, Any] = {}
    for name, value in fields.items():
        first, *rest = name.split("[")
        *parents, last = (first, *(key.removesuffix("]") for key in rest))
        inner = whole
        for key in parents:
            inner = inner.setdefault(key, {})
        inner[last] = value
    listed = {name: _listed(value) for name, value in whole.items()}
    is_one = _is_below(parameter) or parameter.kind is ParameterKind.FORM
    return listed.get(parameter.wire_name) if is_one else listed


def _listed(value: Any) -> Any:
    """Members that are numbered from 0 are those of a list."""
    if not isinstance(value, dict):
        return value
    members = {name: _listed(member) for name, member in value.items()}
    if list(members) == [str(index) for index in range(len(members))]:
        return list(members.values())
    return members
