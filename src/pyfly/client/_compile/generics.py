"""Type variables of generic clients, filled in from the class that names the types."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

__all__ = ["substituted", "type_arguments"]


def type_arguments(cls: type) -> dict[Any, Any]:
    """What each type variable of the bases of ``cls`` stands for in it.

    ``class Products(Repository[Product])`` gives ``{T: Product}``; a variable that nobody
    fills in is left out.
    """
    found: dict[Any, Any] = {}
    _collect(cls, found)
    return found


def _collect(cls: type, found: dict[Any, Any]) -> None:
    for base in getattr(cls, "__orig_bases__", cls.__bases__):
        origin = get_origin(base) or base
        if origin in (typing.Generic, typing.Protocol) or not isinstance(origin, type):
            continue
        for variable, argument in zip(
            getattr(origin, "__parameters__", ()), get_args(base), strict=False
        ):
            value = substituted(argument, found)
            if not isinstance(value, TypeVar):
                found[variable] = value
        _collect(origin, found)


def substituted(annotation: Any, arguments: Mapping[Any, Any]) -> Any:
    """An annotation with its type variables replaced; one that is not known stays."""
    if not arguments:
        return annotation
    if isinstance(annotation, TypeVar):
        return arguments.get(annotation, annotation)
    parameters = getattr(annotation, "__parameters__", ())
    if not parameters or isinstance(annotation, type):
        return annotation
    return annotation[tuple(arguments.get(parameter, parameter) for parameter in parameters)]


def free_variables(annotation: Any) -> tuple[Any, ...]:
    """The type variables that are still in an annotation."""
    if isinstance(annotation, TypeVar):
        return (annotation,)
    return () if isinstance(annotation, type) else getattr(annotation, "__parameters__", ())
