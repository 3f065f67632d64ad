"""How types, classes and functions are written in messages."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import FunctionType, MethodType, NoneType, UnionType
from typing import Annotated, Any, ForwardRef, Union, get_args, get_origin


def default_bean_name(cls: type) -> str:
    """``CatalogService`` is called ``catalogService``."""
    return cls.__name__[:1].lower() + cls.__name__[1:]


def function_name(function: Any) -> str:
    """``ShopConfiguration.engine``: the qualified name without enclosing functions."""
    name: str = getattr(function, "__qualname__", type(function).__name__)
    return name.rpartition("<locals>.")[2]


def type_text(annotation: Any) -> str:
    """An annotation as a person would write it, without module names."""
    if isinstance(annotation, str):
        return annotation
    if annotation is ... or annotation is None or annotation is NoneType:
        return "..." if annotation is ... else "None"
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " | ".join(map(type_text, args))
    if origin is Annotated:
        extras = ", ".join(map(repr, args[1:]))
        return f"Annotated[{type_text(args[0])}, {extras}]"
    if isinstance(annotation, list):  # the parameters of a Callable[[…], …]
        return f"[{', '.join(map(type_text, annotation))}]"
    if origin is not None and args:
        return f"{type_text(origin)}[{', '.join(map(type_text, args))}]"
    return getattr(annotation, "__name__", None) or repr(annotation)


def function_of(member: Any) -> Any:
    """The function in a class body: that of a static or class method, or the member itself."""
    return getattr(member, "__func__", member)


def place_of(target: Any) -> str:
    """``shop/catalog.py:12``, as short as it can be found; costly, so for messages only."""
    subject = target if isinstance(target, type | FunctionType | MethodType) else type(target)
    try:
        file = Path(inspect.getsourcefile(subject) or "?")
        line = inspect.getsourcelines(subject)[1]
    except (OSError, TypeError):  # built in, typed at a prompt, or generated
        return f"module {subject.__module__}"
    try:
        short = file.relative_to(Path.cwd())
    except ValueError:
        depth = subject.__module__.count(".") + 1
        short = Path(*file.parts[-max(depth, 2) :])
    return f"{short.as_posix()}:{line}"
