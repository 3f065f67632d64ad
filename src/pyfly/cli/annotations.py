"""Annotations as a person reads them."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Annotated, Any, get_args, get_origin


def type_text(annotation: Any) -> str:
    """An annotation as it would be written, without modules and markers.

    ``Any`` for none at all.
    """
    if annotation is inspect.Parameter.empty:
        return "Any"
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(type_text, arguments))
    if origin is typing.Literal:
        return " | ".join(map(repr, arguments))
    if arguments:
        name = getattr(origin, "__name__", str(origin))
        return f"{name}[{', '.join(map(type_text, arguments))}]"
    return str(getattr(annotation, "__name__", None) or str(annotation).replace("typing.", ""))
