"""What a parameter asks the container for, read from its annotation."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pyfly.container.errors import BeanDefinitionException
from pyfly.container.matching import is_bean_type, substitute
from pyfly.container.naming import place_of, type_text
from pyfly.container.stereotypes import Qualifier
from pyfly.kernel.record import Record

EMPTY: Any = inspect.Parameter.empty


class Kind(Enum):
    """How many beans a parameter takes."""

    ONE = "one"
    LIST = "list"
    MAP = "map"


class Shape(Record):
    """An annotation taken apart.

    ``wanted`` is the type to look for, or None if no bean can be meant.
    """

    wanted: Any = None
    kind: Kind = Kind.ONE
    qualifier: str | None = None
    optional: bool = False


class InjectionPoint(Shape):
    """A parameter (or a question put to the container: then it has no name)."""

    name: str = ""
    annotation: Any = None
    default: Any = EMPTY
    positional: bool = False

    @property
    def required(self) -> bool:
        """Whether there has to be a bean."""
        return self.kind is Kind.ONE and not self.optional and self.default is EMPTY

    def assemble(self, beans: Mapping[str, Any]) -> Any:
        """The argument, from the beans that were chosen, by name."""
        if not beans and self.default is not EMPTY:
            return self.default
        if self.kind is Kind.LIST:
            return list(beans.values())
        if self.kind is Kind.MAP:
            return dict(beans)
        return next(iter(beans.values()), None)


class Parameters:
    """Reads the annotations of one constructor or factory.

    Args:
        function: What is called.
        owner: How messages call it.
        source: The class or function whose place in the source messages show.
        known: What a class fills in for the type variables of its bases.
    """

    def __init__(
        self, function: Any, owner: str, source: Any, known: Mapping[Any, Any] | None = None
    ) -> None:
        self._function = function
        self._owner = owner
        self._source = source
        self._known = dict(known or {})

    def points(self, *, skip: int = 0) -> tuple[InjectionPoint, ...]:
        """All parameters after the first ``skip``; ``*args`` and ``**kwargs`` take nothing.

        Raises:
            BeanDefinitionException: A parameter cannot be injected; class, parameter, reason.
        """
        parameters = list(_signature(self._function).parameters.values())[skip:]
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return tuple(self._point(p) for p in parameters if p.kind not in variadic)

    def returned(self) -> Any:
        """The evaluated return annotation.

        Raises:
            BeanDefinitionException: There is none, or it cannot be evaluated.
        """
        annotation = _signature(self._function).return_annotation
        if annotation in (EMPTY, None):
            raise self._error(
                f"{self._owner} does not say what it returns",
                "Its return annotation is the type of the bean: write `-> Engine`.",
            )
        returned = self._resolve("return", annotation)
        return get_args(returned)[0] if get_origin(returned) is Annotated else returned

    def _point(self, parameter: inspect.Parameter) -> InjectionPoint:
        name, default = parameter.name, parameter.default
        annotation, shape = parameter.annotation, Shape()
        if annotation is not EMPTY:
            annotation = substitute(self._resolve(name, annotation), self._known)
            shape = read(annotation)
        elif default is EMPTY:
            raise self._error(
                f"{self._owner}({name}) has no annotation, so there is no type to look for",
                "Annotate it with the type of a bean, or give it a default.",
            )
        if shape.wanted is None and default is EMPTY and not shape.optional:
            raise self._unguessable(name, type_text(annotation))
        return InjectionPoint(
            **shape.__dict__,
            name=name,
            annotation=annotation,
            default=default,
            positional=parameter.kind is inspect.Parameter.POSITIONAL_ONLY,
        )

    def _resolve(self, name: str, annotation: Any) -> Any:
        """Evaluate one annotation; a string in the module of its function."""

        def probe() -> None:  # one at a time, so that a failure names its parameter
            """Carries the annotation."""

        probe.__annotations__ = {name: annotation}
        names = getattr(inspect.unwrap(self._function), "__globals__", {})
        written = f"{self._owner}({name}: {type_text(annotation)})"
        if name == "return":
            written = f"{self._owner}() -> {type_text(annotation)}"
        try:
            return get_type_hints(probe, globalns=names, include_extras=True)[name]
        except NameError as error:
            missing = error.name
            raise self._error(
                f"{written}: the name {missing!r} cannot be resolved",
                f"Import {missing} in that module, outside `if TYPE_CHECKING:`. A class defined "
                "inside a function is not visible to an annotation that is a string (under "
                "`from __future__ import annotations` all are): move it to the module.",
            ) from error
        except Exception as error:
            raise self._error(
                f"{written}: the annotation cannot be evaluated",
                f"{type(error).__name__}: {error}",
            ) from error

    def _unguessable(self, name: str, text: str) -> BeanDefinitionException:
        article = "an" if text[0].lower() in "aeiou" else "a"
        return self._error(
            f"{self._owner}({name}: {text}): a container cannot guess {article} {text}",
            "Give the parameter a default, make the object in a @bean method that knows the "
            f'value, or name a bean: {name}: Annotated[{text}, Qualifier("…")].',
        )

    def _error(self, what: str, remedy: str) -> BeanDefinitionException:
        return BeanDefinitionException(f"{what}   {place_of(self._source)}\n{remedy}")


def read(annotation: Any) -> Shape:
    """Take an annotation apart: Annotated, ``T | None``, ``list[T]``, ``dict[str, T]``, T.

    A built-in type says nothing about which value is meant, so it is looked for by name only.
    """
    shape = _read(annotation)
    if _is_builtin(shape.wanted) and shape.qualifier is None:
        return _changed(shape, wanted=None)
    return shape


def _read(annotation: Any) -> Shape:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        shape = _read(args[0])
        names = [extra.name for extra in args[1:] if isinstance(extra, Qualifier)]
        return _changed(shape, qualifier=names[0]) if names else shape
    if origin in (Union, UnionType):
        some = [arg for arg in args if arg is not NoneType]
        shape = _read(some[0]) if len(some) == 1 else Shape()
        return _changed(shape, optional=len(some) < len(args))
    if origin in (list, Sequence):
        return _several(args[0], Kind.LIST)
    if origin in (dict, Mapping) and args[0] is str:
        return _several(args[1], Kind.MAP)
    return Shape(wanted=annotation if is_bean_type(annotation) else None)


def _several(element: Any, kind: Kind) -> Shape:
    shape = read(element)
    one = shape.kind is Kind.ONE and not shape.optional and shape.wanted is not None
    return _changed(shape, kind=kind) if one else Shape()


def _is_builtin(wanted: Any) -> bool:
    return getattr(get_origin(wanted) or wanted, "__module__", "") == "builtins"


def _changed(shape: Shape, **changes: Any) -> Shape:
    changed: Shape = shape.replace(**changes)
    return changed


def _signature(function: Any) -> inspect.Signature:
    try:
        if sys.version_info >= (3, 14):  # pragma: no cover - annotations are lazy from 3.14 on
            from annotationlib import Format

            return inspect.signature(function, annotation_format=Format.FORWARDREF)
        return inspect.signature(function)
    except ValueError:  # written in C, without a signature
        return inspect.Signature()
