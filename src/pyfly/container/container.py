"""The container: registers beans, finds them by type and name, and makes them.

Making is written once, as coroutines. :meth:`Container.make` awaits them; ``get_bean``
runs them without an event loop, after making sure that nothing in them has to wait.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from pyfly.container import graph_text
from pyfly.container.definition import BeanDefinition, define
from pyfly.container.errors import (
    AmbiguousBeanException,
    BeanCreationException,
    BeanDefinitionException,
    BeanNotReadyException,
    CircularDependencyException,
    NoSuchBeanException,
)
from pyfly.container.graph_text import Path
from pyfly.container.injection_point import InjectionPoint, Kind
from pyfly.container.matching import satisfies
from pyfly.container.stereotypes import Scope
from pyfly.kernel.exceptions import PyFlyException
from pyfly.kernel.fork import ForkAware

T = TypeVar("T")

_made_here: ContextVar[tuple[BeanDefinition, ...]] = ContextVar("pyfly_beans_made_here", default=())
"""The singletons that are being made here, and by the tasks that this one was started from."""


class _Making:
    """A singleton that is being made.

    Attributes:
        done: Tells those who wait for it.
        waits_for: A singleton of another task that has to be made before this one.
    """

    __slots__ = ("_loop", "done", "waits_for")

    def __init__(self) -> None:
        self._loop = asyncio._get_running_loop()
        self.done: Future[None] = Future()
        self.waits_for: BeanDefinition | None = None

    @property
    def lost(self) -> bool:
        """Whether its event loop was closed, so that it will never be ready."""
        return self._loop is not None and self._loop.is_closed()


class Initializer(Protocol):
    """What happens to a bean between its construction and its first use."""

    def needs_await(self, definition: BeanDefinition) -> bool:
        """Whether :meth:`initialize` will have to wait for something."""
        ...

    async def initialize(self, definition: BeanDefinition, bean: Any) -> Any:
        """Make a constructed bean ready; returns it or what takes its place."""
        ...


class Container(ForkAware):
    """Beans by type and name.

    A singleton is made once, whoever asks: tasks that :meth:`make` one at the same time get the
    same, and ``get_bean`` runs constructors under a lock (one that waits for another thread to
    get a bean waits for ever). Nothing is global: two containers know nothing of each other.

    Args:
        label: The root of the drawings in error messages.
        initializer: Called with each constructed bean.
    """

    def __init__(self, label: str = "Container", initializer: Initializer | None = None) -> None:
        self._label = label
        self._initializer = initializer
        self._definitions: dict[str, BeanDefinition] = {}
        self._beans: dict[BeanDefinition, Any] = {}
        self._making: dict[BeanDefinition, _Making] = {}
        super().__init__()

    def after_fork(self) -> None:
        super().after_fork()
        self._making.clear()  # by a thread that is not here

    @property
    def lock(self) -> threading.RLock:
        """Held while beans are found and made by ``get_bean``."""
        return self._lock

    @property
    def definitions(self) -> tuple[BeanDefinition, ...]:
        """What is registered, in that order."""
        with self._lock:
            return tuple(self._definitions.values())

    def register_bean(self, bean: object, *, name: str | None = None) -> list[BeanDefinition]:
        """Register a class, an instance, or a factory function with a return annotation.

        A ``@configuration`` class brings its ``@bean`` methods along. To register the
        identical thing twice is harmless.

        Args:
            bean: What to register.
            name: The bean's name; by default the decorator's, else the class name with its
                first letter lower-case, or the name of the function.

        Returns:
            What is new.

        Raises:
            BeanDefinitionException: It cannot be a bean, or the name is taken.
        """
        with self._lock:
            fresh: dict[str, BeanDefinition] = {}
            for definition in define(bean, name):
                taken = self._definitions.get(definition.name) or fresh.get(definition.name)
                if taken is None:
                    fresh[definition.name] = definition
                elif not taken.same_as(definition):
                    raise BeanDefinitionException(
                        f"Two beans are named {definition.name!r}:\n"
                        f"  {graph_text.node(taken)}\n  {graph_text.node(definition)}\n"
                        'Give one another name, as in @component(name="…"), @bean(name="…") or '
                        'register_bean(…, name="…").'
                    )
            self._definitions.update(fresh)
            return list(fresh.values())

    def accepts(self, definition: BeanDefinition) -> bool:
        """Whether its name is free, or taken by the identical thing."""
        taken = self._definitions.get(definition.name)
        return taken is None or taken.same_as(definition)

    def add_ready(self, instance: object, name: str) -> None:
        """Register an instance as it is: nothing initialises it."""
        with self._lock:
            for definition in self.register_bean(instance, name=name):
                self._beans[definition] = instance

    def get_bean(self, cls: Callable[..., T], name: str | None = None) -> T:
        """The bean of a type; made now if it has not been.

        Args:
            cls: A class, Protocol, ABC or generic alias.
            name: Which one, where several fit.

        Raises:
            NoSuchBeanException: Nothing registered fits.
            AmbiguousBeanException: Several fit, and none is primary.
            CircularDependencyException: The bean needs itself.
            BeanCreationException: Its constructor or factory raised.
            BeanNotReadyException: It is being made, or making it has to be awaited.
        """
        found: T = self._ask(InjectionPoint(wanted=cls, qualifier=name))
        return found

    def find_bean(self, cls: Callable[..., T], name: str | None = None) -> T | None:
        """As :meth:`get_bean`, but None where nothing is registered."""
        found: T | None = self._ask(InjectionPoint(wanted=cls, qualifier=name, optional=True))
        return found

    def get_beans(self, cls: Callable[..., T]) -> list[T]:
        """All beans of a type, in the order of registration."""
        found: list[T] = self._ask(InjectionPoint(wanted=cls, kind=Kind.LIST))
        return found

    def contains(self, cls: Callable[..., Any], name: str | None = None) -> bool:
        """Whether a bean of this type (and name) is registered; makes nothing."""
        return bool(self._candidates(InjectionPoint(wanted=cls, qualifier=name)))

    def is_made(self, definition: BeanDefinition) -> bool:
        """Whether the instance of a singleton exists."""
        return definition in self._beans

    def forget(self, definition: BeanDefinition) -> None:
        """Drop the instance of a singleton; the next one to ask gets a new one."""
        with self._lock:
            self._beans.pop(definition, None)

    def needed(self, definition: BeanDefinition) -> list[BeanDefinition]:
        """What has yet to be made for a bean, dependencies first, itself last.

        Raises:
            ContainerException: It cannot be made: something is missing, ambiguous, circular
                or wrongly declared.
        """
        with self._lock:
            return [each for each, _ in self._walk(definition, (), set())]

    async def make(self, definition: BeanDefinition) -> Any:
        """Make a singleton unless it exists, awaiting what has to be awaited.

        Another task that makes it already is waited for.
        """
        return await self._obtain(definition, (), True)

    def _ask(self, point: InjectionPoint) -> Any:
        with self._lock:
            chosen = self._choose(point, ())
            seen: set[BeanDefinition] = set()
            for definition in chosen:
                for needed, path in self._walk(definition, (), seen):
                    if self._has_to_wait(needed):
                        raise self._unawaited(path, needed)
            made = {d.name: self._run(d, self._obtain(d, (), False)) for d in chosen}
            return point.assemble(made)

    def _candidates(self, point: InjectionPoint) -> list[BeanDefinition]:
        return [
            definition
            for definition in self.definitions
            if satisfies(definition.type, point.wanted)
            and point.qualifier in (None, definition.name)
        ]

    def _choose(self, point: InjectionPoint, path: Path) -> list[BeanDefinition]:
        """The beans for a parameter; none where its default, None or an empty list will do."""
        if point.wanted is None:
            return []
        found = self._candidates(point)
        # A bean is no candidate for its own parameter: a decorator takes what it decorates.
        others = [each for each in found if not path or each is not path[-1][0]]
        if point.kind is not Kind.ONE:
            return others
        found = (others or found) if point.required else others
        if len(found) > 1:
            primary = [definition for definition in found if definition.primary]
            if len(primary) != 1:
                raise AmbiguousBeanException(graph_text.ambiguous(self._label, path, point, found))
            found = primary
        if not found and point.required:
            raise NoSuchBeanException(
                graph_text.missing(self._label, path, point, self.definitions)
            )
        return found

    def _walk(
        self, definition: BeanDefinition, path: Path, seen: set[BeanDefinition]
    ) -> Iterator[tuple[BeanDefinition, Path]]:
        """What has to be made, dependencies first, each with the path that leads to it."""
        if definition in self._beans or definition in seen:
            return
        if any(definition is above for above, _ in path):
            raise CircularDependencyException(graph_text.cycle(self._label, path, definition))
        for point in definition.points:
            way = (*path, (definition, point))
            for dependency in self._choose(point, way):
                yield from self._walk(dependency, way, seen)
        seen.add(definition)
        yield definition, path

    async def _obtain(self, definition: BeanDefinition, path: Path, may_wait: bool) -> Any:
        if definition.scope is Scope.TRANSIENT:
            return await self._create(definition, path, may_wait)
        own = _made_here.get()
        with self._lock:
            if definition in self._beans:
                return self._beans[definition]
            making = self._making.get(definition)
            is_ours = making is None or making.lost
            if making is None or is_ours:
                making = self._making[definition] = _Making()
            elif not may_wait or self._waits_for(definition, own):
                raise BeanNotReadyException(
                    f"{definition.label} is being made at this moment   {definition.place}\n"
                    "Whoever needs it while it is made should take it as a constructor "
                    "parameter, so that it comes first."
                )
            else:
                self._set_waits_for(own, definition)
        if not is_ours:
            try:
                await asyncio.shield(asyncio.wrap_future(making.done))
            finally:
                self._set_waits_for(own, None)
            return await self._obtain(definition, path, True)  # it is there, or was in vain
        try:
            _made_here.set((*own, definition))
            bean = self._beans[definition] = await self._create(definition, path, may_wait)
            return bean
        finally:
            _made_here.set(own)
            if self._making.get(definition) is making:
                del self._making[definition]
            making.done.set_result(None)

    def _waits_for(self, definition: BeanDefinition, own: tuple[BeanDefinition, ...]) -> bool:
        """Whether a singleton that is being made waits, itself or through others, for one of
        these: to wait for it would never end.
        """
        while definition not in own:
            making = self._making.get(definition)
            if making is None or making.waits_for is None:
                return False
            definition = making.waits_for
        return True

    def _set_waits_for(
        self, own: tuple[BeanDefinition, ...], definition: BeanDefinition | None
    ) -> None:
        for each in own:
            if each in self._making:
                self._making[each].waits_for = definition

    async def _create(self, definition: BeanDefinition, path: Path, may_wait: bool) -> Any:
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for point in definition.points:
            way = (*path, (definition, point))
            beans = {d.name: await self._obtain(d, way, may_wait) for d in self._choose(point, way)}
            if point.positional:
                positional.append(point.assemble(beans))
            else:
                named[point.name] = point.assemble(beans)
        try:
            bean = definition.factory(*positional, **named)
            if definition.is_async or inspect.iscoroutine(bean):
                bean = await bean
            if bean is None:
                raise TypeError("it returned None, which is no bean")
            if self._initializer is None:
                return bean
            return await self._initializer.initialize(definition, bean)
        except PyFlyException as error:
            # Already one of ours, and says what is wrong; only the way to it is missing.
            error.add_note(graph_text.way(self._label, path, definition, error))
            raise
        except Exception as error:
            text = graph_text.failed(self._label, path, definition, error)
            raise BeanCreationException(text) from error

    def _has_to_wait(self, definition: BeanDefinition) -> bool:
        hooks = self._initializer is not None and self._initializer.needs_await(definition)
        return definition.is_async or hooks

    def _run(self, definition: BeanDefinition, making: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine that does not wait for anything, as far as anyone could tell."""
        try:
            making.send(None)
        except StopIteration as done:
            return done.value
        making.close()
        raise self._unawaited((), definition)

    def _unawaited(self, path: Path, definition: BeanDefinition) -> BeanNotReadyException:
        return BeanNotReadyException(graph_text.unawaited(self._label, path, definition))
