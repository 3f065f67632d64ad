"""Bean post-processors: hooks that see, and may replace, every bean on its way."""

from __future__ import annotations

import inspect
from typing import Any, Protocol, get_origin, runtime_checkable

from pyfly.container.definition import BeanDefinition
from pyfly.container.errors import BeanDefinitionException
from pyfly.container.matching import satisfies
from pyfly.container.naming import type_text
from pyfly.context.errors import PostProcessorException


@runtime_checkable
class BeanPostProcessor(Protocol):
    """Sees each bean before and after its initialisation.

    Each hook returns the bean, or what is to take its place; None is an error. Processors
    work in the order of registration; an integer attribute ``order`` (default 0) sorts
    them, lower ones first. They are made before all other beans, together with what their
    constructors take; a bean that a processor needs is therefore not processed by it.
    """

    def before_init(self, bean: Any, bean_name: str) -> Any:
        """Called when the bean is constructed, before its ``@post_construct`` methods."""
        ...

    def after_init(self, bean: Any, bean_name: str) -> Any:
        """Called after the bean's ``@post_construct`` methods."""
        ...


@runtime_checkable
class LifecyclePostProcessor(BeanPostProcessor, Protocol):
    """A post-processor that also starts and stops what it added to the beans.

    Both hooks are optional, each for itself, and concern singletons only: nobody keeps
    transient beans.
    """

    async def on_start(self, bean: Any, bean_name: str) -> None:
        """Called by ``start()`` right after the bean is initialised.

        Beans that depend on it are made later, so they find it running. A bean that
        ``get_bean`` makes after the start is not started until ``start()`` is called again:
        do not rely on this hook, start on first use.
        """
        ...

    async def on_stop(self, bean: Any, bean_name: str) -> None:
        """Called by ``stop()``, last bean first, before its ``@pre_destroy`` methods.

        Also for a bean that was not started, or whose start failed or was cancelled.
        """
        ...


class PostProcessors:
    """The processors of one context: registered, then made, in their order."""

    def __init__(self) -> None:
        self._definitions: list[BeanDefinition] = []
        self._made: list[Any] = []
        self._complete = False

    def check(self, definition: BeanDefinition) -> None:
        """Refuse what is a processor, but cannot work any more or as it is."""
        if satisfies(definition.type, BeanPostProcessor):
            _order(definition)
            known = any(d.name == definition.name for d in self._definitions)
            if self._complete and not known:
                raise PostProcessorException(
                    f"{definition.label} is registered after the post-processors were made, so "
                    f"it would miss beans   {definition.place}\nRegister it before start()."
                )

    def add(self, definition: BeanDefinition) -> None:
        """Take a bean on if it is a processor."""
        if satisfies(definition.type, BeanPostProcessor):
            self._definitions.append(definition)

    def has(self, cls: type) -> bool:
        """Whether a processor of this class, or of a subclass, is registered."""
        return any(satisfies(definition.type, cls) for definition in self._definitions)

    @property
    def definitions(self) -> list[BeanDefinition]:
        """All of them, in the order in which they work."""
        return sorted(self._definitions, key=_order)

    def activate(self, processor: Any) -> None:
        """From now on this one sees the beans."""
        self._made.append(processor)

    def complete(self) -> None:
        """All are made: a later registration is an error."""
        self._complete = True

    def reset(self) -> None:
        """Back to before they were made."""
        self._made.clear()
        self._complete = False

    def working_on(self, definition: BeanDefinition) -> tuple[Any, ...]:
        """Those that see this bean; none sees a processor."""
        return () if definition in self._definitions else tuple(self._made)

    def missed_by(self, definition: BeanDefinition) -> list[str]:
        """Those that come too late for this bean, by label."""
        if self._complete or definition in self._definitions:
            return []
        return [each.label for each in self.definitions[len(self._made) :]]


def check_hooks(definition: BeanDefinition) -> None:
    """Refuse what has not the two hooks of a processor."""
    if satisfies(definition.type, BeanPostProcessor):
        return
    cls = get_origin(definition.type) or definition.type
    hooks = ("before_init", "after_init")
    missing = [name for name in hooks if not callable(getattr(cls, name, None))]
    raise PostProcessorException(
        f"{definition.label} is no BeanPostProcessor: it has no {' and no '.join(missing)}   "
        f"{definition.place}"
    )


def call(processor: Any, hook: str, bean: Any, bean_name: str) -> Any:
    """Call ``before_init`` or ``after_init`` and make sure that a bean comes back."""
    result = getattr(processor, hook)(bean, bean_name)
    where = f"{type(processor).__name__}.{hook}({bean_name!r})"
    if result is None:
        raise PostProcessorException(
            f"{where} returned None: it has to return the bean, or what is to take its place"
        )
    if inspect.iscoroutine(result):
        result.close()
        raise PostProcessorException(f"{where} is async: write `def {hook}`, without async")
    return result


def _order(definition: BeanDefinition) -> int:
    order = getattr(definition.implementation, "order", 0)
    order = getattr(definition.target, "order", order)
    if not isinstance(order, int):
        raise BeanDefinitionException(
            f"{definition.label}.order is {type_text(type(order))}, but it has to be an int that "
            f"the class itself has   {definition.place}"
        )
    return order
