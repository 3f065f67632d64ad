"""The decorators that make a class or a method a bean.

They write metadata on what they decorate and register nothing: a bean belongs to the
container that it is registered in, and two containers do not see each other.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from types import FunctionType
from typing import Any, TypeVar, overload

from pyfly.container.errors import BeanDefinitionException
from pyfly.container.naming import function_name, function_of, place_of, type_text
from pyfly.kernel.record import Record


class Scope(Enum):
    """How many instances of a bean there are.

    ``SINGLETON``: one per container. ``TRANSIENT``: a new one for whoever asks; the
    container does not keep it, so nothing stops or destroys it.
    """

    SINGLETON = "singleton"
    TRANSIENT = "transient"


C = TypeVar("C", bound=type)
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


class Qualifier(Record):
    """Which bean a parameter means, by name: ``Annotated[Repo, Qualifier("sqlRepo")]``."""

    name: str

    def __repr__(self) -> str:
        return f'Qualifier("{self.name}")'


@overload
def component(cls: C, /) -> C: ...
@overload
def component(*, name: str | None = None, scope: Scope = Scope.SINGLETON) -> Callable[[C], C]: ...
def component(
    cls: Any = None, /, *, name: str | None = None, scope: Scope = Scope.SINGLETON
) -> Any:
    """Make a class a bean.

    Args:
        name: The bean's name; by default the class name with its first letter lower-case.
        scope: One instance per container (the default), or a new one for whoever asks.

    Raises:
        BeanDefinitionException: It decorates something else than a class.
    """
    return _stereotype("component", cls, name, scope)


@overload
def service(cls: C, /) -> C: ...
@overload
def service(*, name: str | None = None, scope: Scope = Scope.SINGLETON) -> Callable[[C], C]: ...
def service(cls: Any = None, /, *, name: str | None = None, scope: Scope = Scope.SINGLETON) -> Any:
    """Make a class that does the work of the application a bean; see :func:`component`."""
    return _stereotype("service", cls, name, scope)


@overload
def repository(cls: C, /) -> C: ...
@overload
def repository(*, name: str | None = None, scope: Scope = Scope.SINGLETON) -> Callable[[C], C]: ...
def repository(
    cls: Any = None, /, *, name: str | None = None, scope: Scope = Scope.SINGLETON
) -> Any:
    """Make a class that keeps data a bean; see :func:`component`."""
    return _stereotype("repository", cls, name, scope)


@overload
def configuration(cls: C, /) -> C: ...
@overload
def configuration(
    *, name: str | None = None, scope: Scope = Scope.SINGLETON
) -> Callable[[C], C]: ...
def configuration(
    cls: Any = None, /, *, name: str | None = None, scope: Scope = Scope.SINGLETON
) -> Any:
    """Make a class a bean whose :func:`bean` methods make further beans."""
    return _stereotype("configuration", cls, name, scope)


@overload
def bean(function: F, /) -> F: ...
@overload
def bean(*, name: str | None = None, scope: Scope = Scope.SINGLETON) -> Callable[[F], F]: ...
def bean(
    function: Any = None, /, *, name: str | None = None, scope: Scope = Scope.SINGLETON
) -> Any:
    """Make what a method of a ``@configuration`` class returns a bean.

    The return annotation is the bean's type, the parameters are injected, and the method
    may be ``async``.

    Args:
        name: The bean's name; by default the method's.
        scope: One instance per container (the default), or a new one for whoever asks.

    Raises:
        BeanDefinitionException: It decorates something else than a method.
    """
    if isinstance(function, str):
        raise BeanDefinitionException(f"@bean({function!r}): write @bean(name={function!r})")
    _check_options("bean", name, scope)

    def mark(function: F) -> F:
        target = function_of(function)
        if isinstance(target, type) or not callable(target):
            raise BeanDefinitionException(
                f"@bean goes on a method of a @configuration class, not on "
                f"{type_text(function)}: for a class write @component"
            )
        _write(target, bean=True, bean_name=name, scope=scope)
        return function

    return mark if function is None else mark(function)


def primary(target: T) -> T:
    """Prefer this bean (a class or a ``@bean`` method) where several fit."""
    _write(function_of(target), primary=True)
    return target


def _stereotype(stereotype: str, cls: Any, name: str | None, scope: Scope) -> Any:
    if isinstance(cls, str):
        raise BeanDefinitionException(f"@{stereotype}({cls!r}): write @{stereotype}(name={cls!r})")
    _check_options(stereotype, name, scope)

    def mark(cls: Any) -> Any:
        if not isinstance(cls, type):
            where = f"   {place_of(cls)}" if isinstance(cls, FunctionType) else ""
            raise BeanDefinitionException(
                f"@{stereotype} goes on a class, not on {function_name(cls)}{where}\n"
                "For a factory write @bean on a method of a @configuration class, or "
                "register_bean(function)."
            )
        _write(cls, injectable=True, stereotype=stereotype, scope=scope, bean_name=name)
        return cls

    return mark if cls is None else mark(cls)


def _write(target: Any, **metadata: Any) -> None:
    for key, value in metadata.items():
        setattr(target, f"__pyfly_{key}__", value)


def _check_options(decorator: str, name: object, scope: object) -> None:
    if name is not None and (not isinstance(name, str) or not name):
        raise BeanDefinitionException(
            f"@{decorator}(name={name!r}): a bean's name is a string that is not empty"
        )
    if not isinstance(scope, Scope):
        raise BeanDefinitionException(
            f"@{decorator}(scope={scope!r}): write Scope.SINGLETON or Scope.TRANSIENT"
        )
