"""Objects that are spread: each of their fields becomes a parameter of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from pyfly.client._bind.binders import (
    Binder,
    ParamsBinder,
    QueryBinder,
    abbreviated,
    is_collection,
    items_of,
    refuse_argument,
)
from pyfly.client._bind.values import Unsendable, plain_text, query_text
from pyfly.client._codec.encode import fields_of
from pyfly.client._declare.markers import Form, Query
from pyfly.client.plan import MethodPlan, ParameterKind, ParameterPlan

_DEEPEST = 32


class _Spread(Binder):
    """Takes an object apart.

    Args:
        method: Whose parameter it is.
        parameter: The parameter.
        kind: What its fields become; a name that another parameter of this kind has is refused.
    """

    def __init__(self, method: MethodPlan, parameter: ParameterPlan, kind: ParameterKind) -> None:
        super().__init__(method, parameter)
        marker = parameter.marker
        self._nested = isinstance(marker, (Form, Query)) and marker.nested
        self._below = marker.name if isinstance(marker, (Form, Query)) and self._nested else None
        self._taken = {p.wire_name for p in method.of_kind(kind)}
        if kind is ParameterKind.QUERY:
            self._taken.update(method.params)

    def each(self, value: Any, put: Callable[[str, Any], None]) -> None:
        """Call ``put`` with the name and value of each field that is not None."""
        if value is None:
            return
        for name, item in self._fields(value):
            try:
                for path, leaf in self._leaves(name, item):
                    put(path, leaf)
            except Unsendable as reason:
                if not self._nested and isinstance(fields_of(item), dict):
                    self.refuse(
                        f"its field {abbreviated(name)} is a {type(item).__name__}, and what is "
                        "nested has no form here (put its fields beside the others, or mark it "
                        "with nested=True to send them as name[key])"
                    )
                self.refuse(f"its field {abbreviated(name)}: {reason}")

    def _leaves(self, name: str, item: Any) -> Iterable[tuple[str, Any]]:
        if not self._nested:
            return ((name, item),)
        return leaves(name if self._below is None else below(self._below, name), item)

    def _fields(self, value: Any) -> Iterator[tuple[str, Any]]:
        try:
            fields = fields_of(value)
        except (TypeError, ValueError) as error:
            self.refuse(error)
        if not isinstance(fields, dict):
            self.refuse(f"a {type(value).__name__} has no fields (pass a mapping or a model)")
        for name, item in fields.items():
            if self._below is None and name in self._taken:
                self.refuse(f"its field {abbreviated(name)} is sent by another parameter as well")
            if item is not None:
                yield name, item


class QueryFieldsBinder(_Spread):
    """An object as encoded query parameters, ``&name=value`` for each field."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        super().__init__(method, parameter, ParameterKind.QUERY)
        self._encoded = QueryBinder(method, parameter).encoded

    def __call__(self, value: Any) -> str:
        texts: list[str] = []

        def put(name: str, item: Any) -> None:
            texts.append(self._encoded(f"&{query_text(name)}=", item))

        self.each(value, put)
        return "".join(texts)


class ParamsFieldsBinder(_Spread):
    """An object as query parameters for a port that encodes by itself."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        super().__init__(method, parameter, ParameterKind.QUERY)
        self._put = ParamsBinder(method, parameter).put

    def __call__(self, params: dict[str, str | list[str]], value: Any) -> None:
        self.each(value, lambda name, item: self._put(params, plain_text(name), item))


class FormFields:
    """The fields that one ``Form`` parameter makes: by its name, or by those of its fields."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        self._method = method
        self._parameter = parameter
        self._spread: _Spread | None = None
        if parameter.kind is ParameterKind.FORM_FIELDS:
            self._spread = _Spread(method, parameter, ParameterKind.FORM)

    def __call__(self, value: Any) -> list[tuple[str, str]]:
        """Names and texts; none for None, several for a collection."""
        texts: list[tuple[str, str]] = []

        def put(name: str, item: Any) -> None:
            items = items_of(item) if is_collection(item) else [item]
            texts.extend((plain_text(name), plain_text(each)) for each in items)

        if self._spread is not None:
            self._spread.each(value, put)
        elif value is not None:
            marker, name = self._parameter.marker, self._parameter.wire_name
            nested = isinstance(marker, Form) and marker.nested
            try:
                for path, leaf in leaves(name, value) if nested else ((name, value),):
                    put(path, leaf)
            except Unsendable as reason:
                self._refuse(reason)
        return texts

    def _refuse(self, reason: object) -> NoReturn:
        refuse_argument(self._method, self._parameter, reason)


def leaves(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The names and values of all that is in a value; None, and what is empty, is left out.

    Raises:
        Unsendable: A name holds a bracket, or it is nested too deep.
    """
    if depth > _DEEPEST:
        raise Unsendable(f"it is nested more than {_DEEPEST} deep")
    fields = enumerate(items_of(value)) if is_collection(value) else _fields_of_value(value)
    if fields is None:
        yield name, value
        return
    for key, item in fields:
        if item is not None:
            yield from leaves(below(name, key), item, depth + 1)


def _fields_of_value(value: Any) -> Iterable[tuple[str, Any]] | None:
    fields = fields_of(value)
    return None if fields is None else fields.items()


def below(name: str, key: object) -> str:
    """The name of a field of a field.

    Raises:
        Unsendable: The key holds a bracket, so that it would be taken for several.
    """
    text = str(key)
    if "[" in text or "]" in text:
        raise Unsendable(f"the name {abbreviated(text)} within it holds a bracket")
    return f"{name}[{text}]"
