"""Does a bean's type do for the type that was asked for? Classes only, never instances."""

from __future__ import annotations

from types import FunctionType, UnionType
from typing import Annotated, Any, TypeVar, get_args, get_origin

# What the machinery of classes and protocols puts into a namespace; not part of an interface.
_MACHINERY = frozenset(
    {
        "__init__",
        "__new__",
        "__subclasshook__",
        "__init_subclass__",
        "__class_getitem__",
        "__annotate__",
        "__annotate_func__",
    }
)

# Classes to isinstance(), in some versions of Python, but no class is meant by them.
_NO_CLASSES = (Any, Annotated, UnionType)


def satisfies(provided: Any, wanted: Any, *, any_protocol: bool = False) -> bool:
    """Whether a bean of type ``provided`` can be injected where ``wanted`` stands.

    By inheritance, ``Repo[User]`` by what a class says of its bases, and a
    ``@runtime_checkable`` Protocol also by the names of its methods.

    Args:
        provided: A class or a generic alias of one.
        wanted: A class or a generic alias of one.
        any_protocol: Compare method names for Protocols that are not runtime-checkable too.
    """
    if provided == wanted:
        return True
    if not (is_bean_type(provided) and is_bean_type(wanted)):
        return False
    have, want = get_origin(provided) or provided, get_origin(wanted) or wanted
    if want in have.__mro__:
        return _same(type_arguments(provided, want), get_args(wanted))
    if get_args(wanted):
        return False
    if is_protocol(want):
        checkable = any_protocol or getattr(want, "_is_runtime_protocol", False)
        return bool(checkable) and _has_methods(have, protocol_methods(want))
    return issubclass(have, want)


def is_bean_type(annotation: Any) -> bool:
    """Whether an annotation is a class or a generic alias of one."""
    origin = get_origin(annotation) or annotation
    return isinstance(origin, type) and not any(origin is each for each in _NO_CLASSES)


def is_protocol(cls: Any) -> bool:
    """Whether a class is itself a Protocol, rather than an implementation of one."""
    return isinstance(cls, type) and bool(vars(cls).get("_is_protocol", False))


def protocol_methods(protocol: type) -> frozenset[str]:
    """The names of a Protocol's methods; empty if it has data members too."""
    methods: set[str] = set()
    for cls in filter(is_protocol, protocol.__mro__):
        body = vars(cls)
        if body.get("__annotations__") or body.get("__annotate_func__"):
            return frozenset()
        for name, value in body.items():
            if isinstance(value, FunctionType | classmethod | staticmethod):
                methods.add(name)
            elif not name.startswith("_"):
                return frozenset()
    return frozenset(methods - _MACHINERY)


def type_arguments(provided: Any, base: type) -> tuple[Any, ...]:
    """What a class or alias fills in for the type parameters of one of its bases.

    Empty where nothing is filled in: ``class Users(Repo)`` could be a Repo of anything.
    """
    origin = get_origin(provided) or provided
    if origin is base:
        return get_args(provided)
    known = dict(zip(getattr(origin, "__parameters__", ()), get_args(provided), strict=False))
    parents = vars(origin).get("__orig_bases__", origin.__bases__)
    for parent in parents:
        root = get_origin(parent) or parent
        if isinstance(root, type) and base in root.__mro__:
            return type_arguments(substitute(parent, known), base)
    return ()


def substitute(annotation: Any, known: dict[Any, Any]) -> Any:
    """The annotation with type variables replaced by what is known of them."""
    if isinstance(annotation, TypeVar):
        return known.get(annotation, annotation)
    parameters = getattr(annotation, "__parameters__", ())
    if not known or not parameters or isinstance(annotation, type):
        return annotation
    return annotation[tuple(known.get(parameter, parameter) for parameter in parameters)]


def _same(provided: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    return all(
        have == want or have is Any or want is Any or isinstance(have, TypeVar)
        for have, want in zip(provided, wanted, strict=False)
    )


def _has_methods(cls: type, names: frozenset[str]) -> bool:
    # Looked for in the class bodies: getattr alone finds `__call__` on every metaclass.
    defined = {name for parent in cls.__mro__ for name in vars(parent)}
    return bool(names) and names <= defined and all(callable(getattr(cls, n)) for n in names)
