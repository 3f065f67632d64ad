"""What an annotation can hold, as far as it tells where and how a value can be sent.

The annotation is a hint of the user's, not a check: where it leaves a doubt nothing is refused
here, and the value itself decides when it comes.
"""

from __future__ import annotations

import collections.abc
import functools
import io
import operator
import os
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, TypeVar, get_args, get_origin
from uuid import UUID

from pyfly.client._compile.generics import substituted
from pyfly.client.message import FilePart

Shape = Callable[[Any], bool]

_BYTES = (bytes, bytearray, memoryview)
_SCALARS = (str, int, float, Decimal, UUID, date, Enum)
_MODEL_MARKS = (
    "__dataclass_fields__",
    "model_fields",  # pydantic
    "__struct_fields__",
    "__attrs_attrs__",
)


def resolved_alias(annotation: Any) -> Any:
    """The annotation that a ``type X = …`` or ``X[int]`` stands for; any other one itself."""
    while True:
        alias = get_origin(annotation) or annotation
        if type(alias).__name__ != "TypeAliasType":
            return annotation
        filled = dict(zip(alias.__type_params__, get_args(annotation), strict=False))
        annotation = substituted(alias.__value__, filled)


def unaliased(annotation: Any, within: tuple[Any, ...] = ()) -> Any:
    """The annotation with every alias in it resolved, but where one stands in itself."""
    alias = get_origin(annotation) or annotation
    if alias in within:
        return annotation
    if type(alias).__name__ == "TypeAliasType":
        return unaliased(resolved_alias(annotation), (*within, alias))
    arguments = get_args(annotation)
    if not arguments or alias in (typing.Literal, Annotated):
        return annotation
    bare = tuple(unaliased(argument, within) for argument in arguments)
    if bare == arguments:
        return annotation
    if alias in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, bare)
    return annotation.copy_with(bare) if hasattr(annotation, "copy_with") else alias[bare]


def members(annotation: Any) -> list[Any]:
    """The types that a value may have: a union taken apart, None left out, aliases resolved.

    Empty if the annotation says nothing, as ``Any`` does.
    """
    found: list[Any] = []
    for member in _flat(annotation):
        if member in (Any, object, typing.Hashable, None) or isinstance(member, TypeVar):
            return []
        if member is not type(None):
            found.append(member)
    return found


def takes_none(annotation: Any) -> bool:
    """Whether None is a value of it; also where it says nothing, as ``Any`` does."""
    return not members(annotation) or type(None) in _flat(annotation)


def may_be_pydantic(annotation: Any) -> bool:
    """Whether a value of it can be, or hold, a model of pydantic's."""
    kinds = members(annotation)
    return not kinds or any(
        hasattr(get_origin(kind) or kind, "__pydantic_serializer__")
        or any(map(may_be_pydantic, get_args(kind)))
        for kind in kinds
    )


def _flat(annotation: Any) -> Iterator[Any]:
    annotation = resolved_alias(annotation)
    origin = get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        for option in get_args(annotation):
            yield from _flat(option)
    elif origin is Annotated:
        yield from _flat(get_args(annotation)[0])
    elif origin is typing.Literal:
        yield from (type(value) for value in get_args(annotation))
    elif hasattr(annotation, "__supertype__"):  # NewType
        yield from _flat(annotation.__supertype__)
    else:
        yield annotation


def _subclass(member: Any, *kinds: Any) -> bool:
    origin = get_origin(member) or member
    return isinstance(origin, type) and issubclass(origin, kinds)


def is_mapping(member: Any) -> bool:
    """Whether it is a mapping, a TypedDict among them."""
    return _subclass(member, Mapping)


def is_model(member: Any) -> bool:
    """Whether it is a dataclass, pydantic model, attrs class or msgspec struct."""
    origin = get_origin(member) or member
    return isinstance(origin, type) and any(hasattr(origin, mark) for mark in _MODEL_MARKS)


def is_fields(member: Any) -> bool:
    """Whether it has named fields, so that it can be spread into parameters."""
    return is_mapping(member) or is_model(member)


def is_bytes(member: Any) -> bool:
    """Whether it is ``bytes`` or the like."""
    return _subclass(member, *_BYTES)


def is_scalar(member: Any) -> bool:
    """Whether it stands for one text on the wire."""
    return _subclass(member, *_SCALARS)


def is_collection(member: Any) -> bool:
    """Whether it holds several values."""
    return _subclass(member, Sequence, Set) and not is_scalar(member) and not is_bytes(member)


def is_file(member: Any) -> bool:
    """Whether it is a file: a path, a file object, or a part with its own name."""
    return _subclass(member, os.PathLike, io.IOBase, typing.IO, FilePart)


def is_async_stream(member: Any) -> bool:
    """Whether it is iterated with ``async for``."""
    return _subclass(member, collections.abc.AsyncIterable)


def is_stream(member: Any) -> bool:
    """Whether it is an iterator, or an iterable of no particular kind."""
    origin = get_origin(member) or member
    return _subclass(member, Iterator) or origin is collections.abc.Iterable


def is_raw(member: Any) -> bool:
    """Whether its bytes are a body as they are, or become one piece by piece."""
    return is_bytes(member) or is_file(member) or is_async_stream(member) or is_stream(member)


def is_json_only(annotation: Any) -> bool:
    """Whether no value of it is sent otherwise than as JSON."""
    kinds = members(annotation)
    known: tuple[Shape, ...] = (is_scalar, is_fields, is_collection)
    return bool(kinds) and all(any(knows(kind) for knows in known) for kind in kinds)


def can_be_file(annotation: Any) -> bool:
    """Whether some value of it can be a file of a multipart body."""

    def refused(member: Any) -> bool:
        if _subclass(member, str) and not _subclass(member, Enum):
            return False
        if is_file(member):
            return False
        if is_collection(member):
            return bool(items := items_of(member)) and all(map(refused, items))
        return is_scalar(member) or is_fields(member) or _subclass(member, timedelta)

    kinds = members(annotation)
    return not kinds or not all(map(refused, kinds))


def items_of(member: Any) -> list[Any]:
    """What a collection holds; empty if its annotation does not say."""
    arguments = [item for item in get_args(member) if item is not Ellipsis]
    found = [members(item) for item in arguments]
    return [] if [] in found else [item for items in found for item in items]


def field_names(member: Any) -> list[str] | None:
    """The names on the wire of a class's fields; None if they are not known, as of a dict."""
    origin = get_origin(member) or member
    if is_mapping(member):
        typed = hasattr(origin, "__required_keys__")
        return list(origin.__annotations__) if typed else None
    renamed = getattr(origin, "__struct_encode_fields__", None)
    if renamed is not None:
        return list(renamed)
    fields = getattr(origin, "__pydantic_fields__", None) or getattr(origin, "model_fields", None)
    if fields is not None:
        return [f.serialization_alias or f.alias or name for name, f in fields.items()]
    fields = getattr(origin, "__dataclass_fields__", None)
    if fields is None:
        return [field.name for field in origin.__attrs_attrs__]
    return list(fields)


def in_words(member: Any) -> str:
    """A type as it may be written."""
    if get_args(member) or not isinstance(member, type):
        return str(member).replace("typing.", "").replace("collections.abc.", "")
    return member.__name__
