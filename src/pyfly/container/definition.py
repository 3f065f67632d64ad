"""What the container knows of a bean before there is one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, get_origin

from pyfly.container.errors import BeanDefinitionException
from pyfly.container.injection_point import InjectionPoint, Kind, Parameters
from pyfly.container.matching import is_bean_type, is_protocol, protocol_methods, type_arguments
from pyfly.container.naming import (
    default_bean_name,
    function_name,
    function_of,
    place_of,
    type_text,
)
from pyfly.container.stereotypes import Scope

Reader = Callable[[], tuple[InjectionPoint, ...]]


class BeanDefinition:
    """One registered bean: its name, its type, and how to make it.

    Attributes:
        name: Unique in its container.
        type: The class or generic alias under which it is found.
        implementation: The class of the object as far as it is known beforehand.
        factory: What is called with the injected arguments.
        target: The class, function or instance that was registered.
        label: How drawings call it.
    """

    __slots__ = (
        "_points", "factory", "implementation", "is_async", "label", "name", "primary",
        "reader", "scope", "target", "type",
    )  # fmt: skip

    def __init__(self, name: str, type: Any, factory: Callable[..., Any], target: Any) -> None:
        self.name = name
        self.type = type
        self.factory = factory
        self.target = target
        self.implementation: type = get_origin(type) or type
        self.label = type_text(type)
        self.scope = Scope.SINGLETON
        self.primary = False
        self.is_async = False
        self.reader: Reader = tuple
        self._points: tuple[InjectionPoint, ...] | None = None

    @property
    def points(self) -> tuple[InjectionPoint, ...]:
        """The parameters; read when first needed, since annotations may name later classes."""
        if self._points is None:
            self._points = self.reader()
        return self._points

    @property
    def place(self) -> str:
        """Where it is written, as ``shop/catalog.py:12``."""
        return place_of(self.target)

    def same_as(self, other: BeanDefinition) -> bool:
        """Whether both come from registering the identical thing."""
        mine, others = self.target, other.target
        # A bound method is a new object each time that it is looked up.
        same = mine == others if isinstance(mine, MethodType) else mine is others
        return same and bool(self.type == other.type)

    def __repr__(self) -> str:
        return f"<BeanDefinition {self.name}: {type_text(self.type)}>"


def define(target: Any, name: str | None = None) -> list[BeanDefinition]:
    """The beans that a class, an instance or a factory function stands for.

    A ``@configuration`` class stands for itself and for its ``@bean`` methods.

    Raises:
        BeanDefinitionException: It cannot be a bean; says why and what to write.
    """
    if name is not None and (not isinstance(name, str) or not name):
        raise BeanDefinitionException(
            f"register_bean(…, name={name!r}): a bean's name is a string that is not empty"
        )
    cls = get_origin(target) or target
    if isinstance(cls, type):
        definition = _define_class(cls, target, name)
    elif isinstance(target, FunctionType | MethodType | BuiltinFunctionType | functools.partial):
        return [_define_factory(target, name)]
    else:
        cls = type(target)
        definition = _define_instance(target, name)
    return [definition, *_define_methods(cls, definition)]


def _define_class(cls: type, declared: Any, name: str | None) -> BeanDefinition:
    body = vars(cls)
    concrete = body.get("__pyfly_implementation__", cls)
    if not isinstance(concrete, type) or cls not in concrete.__mro__:
        raise BeanDefinitionException(
            f"{cls.__name__}.__pyfly_implementation__ is {type_text(concrete)}, which is not a "
            f"subclass of {cls.__name__}   {place_of(cls)}"
        )
    if inspect.isabstract(concrete) or is_protocol(concrete):
        raise _abstract(concrete)
    called = name or body.get("__pyfly_bean_name__") or default_bean_name(cls)
    definition = BeanDefinition(called, declared, concrete, cls)
    definition.implementation = concrete
    definition.scope = body.get("__pyfly_scope__", Scope.SINGLETON)
    definition.primary = body.get("__pyfly_primary__", False)
    definition.reader = functools.partial(_constructor_points, concrete, cls, declared)
    return definition


def _define_instance(instance: Any, name: str | None) -> BeanDefinition:
    cls: type = instance.__class__  # not type(): a mock with a spec answers for its spec
    if cls.__module__ == "builtins" and name is None:
        raise BeanDefinitionException(
            f"register_bean({instance!r:.60}): a bean of a built-in type is found by name only\n"
            f'Write register_bean(value, name="…") and inject Annotated[{cls.__name__}, '
            'Qualifier("…")]; to register the classes of a package write scan("…").'
        )
    called = name or default_bean_name(cls)
    definition = BeanDefinition(called, cls, lambda: instance, instance)
    definition.implementation = type(instance)
    return definition


def _define_factory(function: Any, name: str | None, marked: Any = None) -> BeanDefinition:
    """A definition from a function; ``marked`` is the one that has the decorator."""
    owner = function_name(function)
    if isinstance(function, functools.partial):
        raise BeanDefinitionException(
            f"register_bean({function!r:.60}): a partial has no return annotation\n"
            "Write a function that says what it returns: def engine() -> Engine: …"
        )
    parameters = Parameters(function, owner, function)
    declared = parameters.returned()
    if not is_bean_type(declared):
        raise BeanDefinitionException(
            f"{owner}() -> {type_text(declared)}: the return annotation is the type of the "
            f"bean, so it has to be one class   {place_of(function)}"
        )
    options = marked or function
    called: str = name or getattr(options, "__pyfly_bean_name__", None) or function.__name__
    definition = BeanDefinition(called, declared, function, function)
    definition.label = owner
    definition.scope = getattr(options, "__pyfly_scope__", Scope.SINGLETON)
    definition.primary = getattr(options, "__pyfly_primary__", False)
    definition.is_async = inspect.iscoroutinefunction(function)
    definition.reader = parameters.points
    return definition


def _define_methods(cls: type, owner: BeanDefinition) -> Iterator[BeanDefinition]:
    """The ``@bean`` methods of a class, those of its bases first.

    A method that overrides one is a bean too, with its name and scope.
    """
    marked = {
        name: function_of(member)
        for parent in reversed(cls.__mro__)
        for name, member in vars(parent).items()
        # A mock in a class body has every attribute, so: True itself.
        if getattr(function_of(member), "__pyfly_bean__", False) is True
    }
    if marked and vars(cls).get("__pyfly_stereotype__") != "configuration":
        raise BeanDefinitionException(
            f"{cls.__name__}.{next(iter(marked))} is a @bean method, but {cls.__name__} is no "
            f"@configuration class   {place_of(cls)}\nDecorate the class with @configuration."
        )
    for name, function in marked.items():
        method = getattr(cls, name)
        definition = _define_factory(method, None, function)
        definition.label = f"{cls.__name__}.{name}"
        if isinstance(inspect.getattr_static(cls, name), FunctionType):
            definition.reader = functools.partial(_method_points, method, owner, definition.label)
        yield definition


def _constructor_points(concrete: type, cls: type, declared: Any) -> tuple[InjectionPoint, ...]:
    home, init = next(  # object has one, so there is always one
        (home, function_of(init))
        for home in concrete.__mro__
        if (init := vars(home).get("__init__") or vars(home).get("__new__"))
        # Protocol puts an __init__ of its own into the classes that have none.
        and getattr(init, "__module__", "") not in ("typing", "typing_extensions")
    )
    variables = getattr(home, "__parameters__", ())
    source = concrete if get_origin(declared) is None else declared
    known = dict(zip(variables, type_arguments(source, home) if variables else (), strict=False))
    return Parameters(init, cls.__name__, cls, known).points(skip=1)


def _method_points(method: Any, owner: BeanDefinition, label: str) -> tuple[InjectionPoint, ...]:
    """The parameters of a @bean method; its ``self`` is the configuration bean, by name."""
    itself = InjectionPoint(
        wanted=owner.type,
        kind=Kind.ONE,
        qualifier=owner.name,
        name="self",
        annotation=owner.type,
        positional=True,
    )
    return (itself, *Parameters(method, label, method).points(skip=1))


def _abstract(cls: type) -> BeanDefinitionException:
    names = sorted(getattr(cls, "__abstractmethods__", ()) or protocol_methods(cls))
    kind = "a Protocol" if is_protocol(cls) else "abstract"
    missing = f": {', '.join(names)} must be implemented" if names else ""
    return BeanDefinitionException(
        f"{cls.__name__} is {kind} and cannot be instantiated{missing}   {place_of(cls)}\n"
        f"Register a class that implements it; it is found as {cls.__name__} too."
    )
