"""The life of a bean between its construction and its end."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Iterator
from functools import partial
from types import FunctionType
from typing import Any, TypeVar

from pyfly.container.definition import BeanDefinition
from pyfly.container.errors import BeanDefinitionException
from pyfly.container.naming import function_name, function_of, place_of
from pyfly.container.stereotypes import Scope
from pyfly.context.post_processor import PostProcessors, call

F = TypeVar("F", bound=Callable[[Any], Any])

logger = logging.getLogger(__name__)


def post_construct(method: F) -> F:
    """Run this method, ``def`` or ``async def``, when the bean is constructed and injected.

    Several run in the order in which they are written, those of base classes first; an
    overridden one runs once, in its overriding form.

    Raises:
        BeanDefinitionException: It takes parameters, is a generator, or is no method.
    """
    return _mark(method, "post_construct")


def pre_destroy(method: F) -> F:
    """Run this method, ``def`` or ``async def``, when the context stops.

    It runs if every ``@post_construct`` of the bean had completed. Several run in the reverse
    of the order in which they are written. Transient beans are not kept, so not destroyed.

    Raises:
        BeanDefinitionException: It takes parameters, is a generator, or is no method.
    """
    return _mark(method, "pre_destroy")


class BeanLifecycle:
    """Initialises beans, remembers them, and stops them in the reverse order."""

    def __init__(self, processors: PostProcessors) -> None:
        self._processors = processors
        self._lives: list[_BeanLife] = []

    def needs_await(self, definition: BeanDefinition) -> bool:
        """Whether a ``@post_construct`` method of the bean is async."""
        cls = definition.implementation
        return any(
            inspect.iscoroutinefunction(getattr(cls, name))
            for name in _hooks(cls, "post_construct")
        )

    async def initialize(self, definition: BeanDefinition, bean: Any) -> Any:
        """before_init of each processor → @post_construct → after_init of each processor."""
        name, processors = definition.name, self._processors.working_on(definition)
        missed = self._processors.missed_by(definition)
        if missed:
            logger.warning(
                "Bean %r is made early, for a post-processor: it is not processed by %s",
                name,
                ", ".join(missed),
            )
        for processor in processors:
            bean = call(processor, "before_init", bean, name)
        for hook in _hooks(type(bean), "post_construct"):
            await _result(getattr(bean, hook)())
        life = _BeanLife(definition, bean, processors)
        if definition.scope is Scope.SINGLETON:
            self._lives.append(life)
        for processor in processors:
            life.bean = call(processor, "after_init", life.bean, name)
        life.to_start = list(processors)
        return life.bean

    async def start(self) -> None:
        """Call the on_start hooks that are still to be called."""
        for life in list(self._lives):
            while life.to_start:
                processor = life.to_start[0]
                hook = getattr(processor, "on_start", None)
                if callable(hook):
                    try:
                        await _result(hook(life.bean, life.name))
                    except BaseException as error:
                        error.add_note(f"while starting {life.describe(processor, 'on_start')}")
                        raise
                life.to_start.pop(0)

    @property
    def alive(self) -> list[BeanDefinition]:
        """The beans that are to be stopped, in the order of their creation."""
        return [life.definition for life in self._lives]

    async def stop(self, beans: Collection[BeanDefinition]) -> list[BaseException]:
        """Stop some beans, last one first, whatever fails on the way.

        Returns:
            What was raised; each with a note that says by whom.
        """
        ending = [life for life in self._lives if life.definition in beans]
        for life in ending:
            self._lives.remove(life)
        failures: list[BaseException] = []
        for life in reversed(ending):
            for what, end in life.endings():
                try:
                    await _result(end())
                except GeneratorExit:  # nobody runs us any more
                    raise
                except BaseException as error:
                    error.add_note(f"while stopping {what}")
                    failures.append(error)
        return failures


class _BeanLife:
    """One bean, who worked on it, and what is still to be done for it."""

    __slots__ = ("bean", "definition", "name", "processors", "target", "to_start")

    def __init__(
        self, definition: BeanDefinition, target: Any, processors: tuple[Any, ...]
    ) -> None:
        self.definition = definition
        self.name = definition.name
        self.target = target  # has the hooks of the user's class, whatever takes its place
        self.bean = target
        self.processors = processors
        self.to_start: list[Any] = []

    def endings(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        """What ends the bean, in order, with its description."""
        for processor in reversed(self.processors):
            hook = getattr(processor, "on_stop", None)
            if callable(hook):
                yield self.describe(processor, "on_stop"), partial(hook, self.bean, self.name)
        for name in reversed(_hooks(type(self.target), "pre_destroy")):
            yield self.describe(self.target, name), getattr(self.target, name)

    def describe(self, owner: Any, method: str) -> str:
        return f"bean {self.name!r}: {type(owner).__name__}.{method}"


def _mark(method: F, hook: str) -> F:
    function: Any = method
    if not isinstance(function, FunctionType):
        raise BeanDefinitionException(f"@{hook} goes on a method, not on {method!r:.60}")
    code, where = function.__code__, f"{function_name(method)}   {place_of(method)}"
    if code.co_argcount + code.co_kwonlyargcount > 1:
        raise BeanDefinitionException(
            f"a @{hook} method takes parameters, but nobody passes any: {where}\n"
            "Let the constructor take what it needs."
        )
    if code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
        raise BeanDefinitionException(
            f"a @{hook} method contains a yield, so to call it does not run it: {where}"
        )
    setattr(function, f"__pyfly_{hook}__", True)
    return method


def _hooks(cls: type, hook: str) -> list[str]:
    """The names of the marked methods, those of base classes first."""
    names = [
        name
        for parent in reversed(cls.__mro__)
        for name, member in vars(parent).items()
        # A mock in a class body has every attribute, so: True itself.
        if getattr(function_of(member), f"__pyfly_{hook}__", False) is True
    ]
    return list(dict.fromkeys(names))


async def _result(value: Any) -> None:
    if inspect.isawaitable(value):
        await value
