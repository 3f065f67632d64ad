"""Type variables of generic clients, filled in from the class that names the types."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

from pyfly.client._declare.verbs import declaration_of


def owner_of(cls: type, name: str, declaration: object) -> type:
    """The class in which a stub was written: a base of ``cls``, or itself.

    What is made of a Protocol holds stubs of the same declaration: the last one counts.
    """
    for base in reversed(cls.__mro__):
        if declaration_of(vars(base).get(name)) is declaration:
            return base
    return cls


def type_parameters(owner: type, name: str) -> dict[str, Any]:
    """The type parameters in whose scope a stub was written, by name.

    Those of ``class Repository[T]``, and its own, as of ``def read[K](…)``: annotations that
    are text cannot see them otherwise.
    """
    stub = vars(owner).get(name)
    scopes = (getattr(owner, "__type_params__", ()), getattr(stub, "__type_params__", ()))
    return {parameter.__name__: parameter for scope in scopes for parameter in scope}


def type_arguments(cls: type, owner: type) -> dict[Any, Any]:
    """What the type variables of ``owner`` stand for in ``cls``, which is derived from it.

    ``class Products(Repository[Product])`` gives ``{T: Product}``; a variable that nobody
    fills in is left out. Another base may fill in the same variable otherwise.
    """
    return _arguments(cls, owner, {}) or {}


def _arguments(cls: type, owner: type, given: dict[Any, Any]) -> dict[Any, Any] | None:
    """As above, where ``given`` is what the variables of ``cls`` stand for; None off the way."""
    if cls is owner:
        return given
    for base in vars(cls).get("__orig_bases__", cls.__bases__):
        origin = get_origin(base) or base
        if origin in (typing.Generic, typing.Protocol) or not isinstance(origin, type):
            continue
        pairs = zip(getattr(origin, "__parameters__", ()), get_args(base), strict=False)
        values = {variable: substituted(argument, given) for variable, argument in pairs}
        filled = {v: value for v, value in values.items() if not isinstance(value, TypeVar)}
        found = _arguments(origin, owner, filled)
        if found is not None:
            return found
    return None


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
