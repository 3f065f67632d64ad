"""From the text of an argument to the value that its annotation asks for."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

from pyfly.cli.annotations import type_text
from pyfly.client._codec.json_text import from_json
from pyfly.client._codec.typed import typed_json
from pyfly.client._compile.shapes import is_collection, is_model, members, resolved_alias
from pyfly.core import ConfigException, parse_duration

_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def scalar(annotation: Any, text: str) -> Any:
    """One value of a text: the first type of a union that it can be, ``str`` last.

    Raises:
        ValueError: It can be none of them; the message says what it must be.
    """
    choices = choices_of(annotation)
    for spelled, value in choices.items():
        if text == spelled:
            return value
    kinds = [kind for kind in members(annotation) if kind is not str]
    for kind in kinds:
        if choices and isinstance(kind, type) and issubclass(kind, Enum):
            continue
        try:
            return _reader(kind)(text)
        except (ValueError, InvalidOperation, ConfigException):
            continue
    if not choices and (not kinds or str in members(annotation)):
        return text
    if choices:
        raise ValueError(f"{text!r} is none of {', '.join(choices)}")
    raise ValueError(f"{text!r} is no {' or '.join(map(type_text, kinds))}")


def choices_of(annotation: Any) -> dict[str, Any]:
    """What can be written for a ``Literal`` or an enum, and what it stands for."""
    found: dict[str, Any] = {}
    for option in _options(annotation):
        if get_origin(option) is typing.Literal:
            found.update({_spelled(value): value for value in get_args(option)})
        elif isinstance(option, type) and issubclass(option, Enum):
            found.update({_spelled(member): member for member in option})
            for member in option:
                found.setdefault(member.name, member)
    return found


def _options(annotation: Any) -> Iterator[Any]:
    annotation = resolved_alias(annotation)
    if get_origin(annotation) in (typing.Union, types.UnionType):
        for option in get_args(annotation):
            yield from _options(option)
    elif get_origin(annotation) is Annotated:
        yield from _options(get_args(annotation)[0])
    else:
        yield annotation


def _spelled(value: Any) -> str:
    plain = value.value if isinstance(value, Enum) else value
    return str(plain).lower() if isinstance(plain, bool) else str(plain)


def _reader(kind: Any) -> Callable[[str], Any]:
    base = next(
        (base for base in _READERS if isinstance(kind, type) and issubclass(kind, base)), None
    )
    if base is None:
        return lambda text: json_value(kind, text.encode())
    read = _READERS[base]
    return read if kind is base else lambda text: kind(read(text))


def _flag(text: str) -> bool:
    try:
        return _FLAGS[text.lower()]
    except KeyError:
        raise ValueError("write true or false") from None


def _int(text: str) -> int:
    if not text.lstrip("+-").isascii():
        raise ValueError("no digits")
    return int(text)


#: The more particular types first: a bool is an int, a datetime a date.
_READERS: dict[type, Callable[[str], Any]] = {
    bool: _flag,
    int: _int,
    float: float,
    Decimal: Decimal,
    UUID: UUID,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    time: time.fromisoformat,
    timedelta: parse_duration,
    bytes: str.encode,
    str: str,
}


def item_annotation(annotation: Any) -> Any:
    """What a collection holds; None if the annotation is no collection."""
    for kind in members(annotation):
        if is_collection(kind):
            arguments = get_args(kind)
            return arguments[0] if arguments else str
    return None


def json_value(annotation: Any, content: bytes) -> Any:
    """JSON as the annotation asks for it: a model where it has one, else plain values.

    Raises:
        ValueError: It is no JSON, or does not fit.
    """
    try:
        plain = from_json(content)
    except ValueError as error:
        raise ValueError(f"it is no JSON: {error}") from None
    if annotation is inspect.Parameter.empty or not _holds_model(annotation):
        return plain
    try:
        codec = typed_json(annotation)
    except ImportError:  # without pydantic a dict does: it looks the same on the wire
        return plain
    try:
        return codec.from_bytes(content)
    except codec.errors as error:
        where, why = codec.explain(error)
        at = f" at {where}" if where else ""
        raise ValueError(f"it is no {type_text(annotation)}{at}: {why}") from None


def _holds_model(annotation: Any) -> bool:
    annotation = resolved_alias(annotation)
    return is_model(annotation) or any(map(_holds_model, get_args(annotation)))
