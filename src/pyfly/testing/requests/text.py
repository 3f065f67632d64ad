"""From the text of a path, query, header or form back to the value that it stands for."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

from pyfly.client._bind.values import text_of
from pyfly.client._compile.shapes import is_collection, members, resolved_alias


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text]


#: Those that only few texts fit come first.
_READERS: tuple[tuple[type, Callable[[str], Any]], ...] = (
    (bool, _boolean),
    (int, int),
    (float, float),
    (Decimal, Decimal),
    (UUID, UUID),
    (datetime, datetime.fromisoformat),
    (date, date.fromisoformat),
)


def from_text(annotation: Any, text: str) -> Any:
    """The value of an annotated parameter; the text itself if it fits none of its types."""
    for option in _literals(annotation):
        if text_of(option) == text:
            return option
    kinds = members(annotation)
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, Enum):
            for member in kind:
                if text_of(member) == text:
                    return member
    for kind, read in _READERS:
        if kind in kinds:
            try:
                return read(text)
            except (ValueError, KeyError, ArithmeticError):
                continue
    return text


def _literals(annotation: Any) -> Iterator[Any]:
    annotation = resolved_alias(annotation)
    if get_origin(annotation) is typing.Literal:
        yield from (option for option in get_args(annotation) if option is not None)
    elif get_origin(annotation) in (typing.Union, types.UnionType, Annotated):
        for inner in get_args(annotation):
            yield from _literals(inner)


def from_texts(annotation: Any, texts: tuple[str, ...]) -> Any:
    """The value of a parameter that may be a collection; None if there is no text."""
    for kind in members(annotation):
        if is_collection(kind):
            return _collection(kind, texts)
    if not texts:
        return None
    values = [from_text(annotation, text) for text in texts]
    return values[0] if len(values) == 1 else values


def _collection(kind: Any, texts: tuple[str, ...]) -> Any:
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    values = [from_text(arguments[0] if arguments else Any, text) for text in texts]
    if isinstance(origin, type) and issubclass(origin, (tuple, set, frozenset)):
        return origin(values)
    return values
