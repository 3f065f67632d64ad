"""The application context: beans that start and stop together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import Enum, auto
from types import ModuleType, TracebackType
from typing import Any, Self, TypeVar

from pyfly.container import Container, Scope
from pyfly.container.definition import BeanDefinition, define
from pyfly.container.naming import type_text
from pyfly.context.discovery import auto_configure, bean_classes
from pyfly.context.errors import (
    ContextException,
    ContextNotStartedException,
    ContextStoppedException,
)
from pyfly.context.lifecycle import BeanLifecycle
from pyfly.context.post_processor import PostProcessors, check_hooks
from pyfly.core import Config

T = TypeVar("T")

logger = logging.getLogger(__name__)


class _State(Enum):
    NEW = auto()
    STARTING = auto()
    STARTED = auto()
    STOPPING = auto()
    STOPPED = auto()


class ApplicationContext:
    """Makes beans, starts them in the order of their dependencies, and stops them in reverse.

    ::

        context = ApplicationContext(Config.from_file("pyfly.yaml"))
        context.scan("shop")
        async with context:
            await context.get_bean(CatalogService).page("books")

    The context and its :class:`~pyfly.core.Config` are beans themselves. What is registered
    after the start is made by the next ``get_bean``, or by calling :meth:`start` again where
    that has to be awaited.

    Args:
        config: The configuration; by default one that knows environment variables only,
            unless a Config is registered.
        auto_configuration: Let installed packages add what has not been registered; they
            offer it as entry points of the group ``pyfly.auto_configuration``.
    """

    def __init__(self, config: Config | None = None, *, auto_configuration: bool = True) -> None:
        self._processors = PostProcessors()
        self._lifecycle = BeanLifecycle(self._processors)
        self._container = Container("ApplicationContext", self._lifecycle)
        self._container.add_ready(self, "applicationContext")
        if config is not None:
            self._add_config(config)
        self._auto_configuration = auto_configuration
        self._auto_configured: set[str] = set()
        self._state = _State.NEW
        self._turn = Turn()

    @property
    def config(self) -> Config:
        """The configuration, which is a bean too."""
        if not self._container.contains(Config):
            self._add_config(Config())
        return self._container.get_bean(Config)

    def register_bean(self, bean: object, *, name: str | None = None) -> None:
        """Register a class, an instance, or a factory function with a return annotation.

        Every bean has the same life, an instance as well: it is processed, initialised and
        stopped by this context. A class that is a :class:`BeanPostProcessor` becomes one.

        Args:
            bean: What to register; twice the identical thing is harmless.
            name: The bean's name; by default the decorator's, else the class name with its
                first letter lower-case, or the name of the function.

        Raises:
            BeanDefinitionException: It cannot be a bean, or the name is taken.
            ContextStoppedException: The context was stopped.
        """
        with self._container.lock:
            self._check_not_stopped("register_bean")
            for definition in define(bean, name):
                self._processors.check(definition)
            for definition in self._container.register_bean(bean, name=name):
                self._processors.add(definition)

    def register_post_processor(self, processor: object) -> None:
        """Register a :class:`BeanPostProcessor`: an instance, a class or a factory function.

        It is a bean; a class or factory takes beans as parameters, as any bean does. Several
        instances of one class get names of their own.

        Raises:
            PostProcessorException: It has no ``before_init`` and ``after_init``, or the
                processors have been made already.
        """
        with self._container.lock:
            definition = define(processor)[0]
            check_hooks(definition)
            name, number = definition.name, 1
            while not self._container.accepts(definition):
                number += 1
                definition.name = f"{name}#{number}"
            self.register_bean(processor, name=definition.name)

    def scan(self, package: str | ModuleType) -> None:
        """Register the decorated classes that a module or package defines, submodules included.

        Raises:
            ScanException: A module cannot be imported; nothing is registered then.
        """
        classes = bean_classes(package)
        if not classes:
            logger.warning("scan(%r) found no decorated class", package)
        for cls in classes:
            self.register_bean(cls)

    async def start(self) -> None:
        """Make and start all singletons, dependencies first.

        The whole graph is checked before anything is made. A start that fails or is cancelled
        is undone and can be tried again. When the context runs already, what was registered
        since is made; if there is nothing, nothing happens.

        Raises:
            ContainerException: The wiring is wrong, or a constructor or hook failed.
            AutoConfigurationException: An installed package offers a broken one.
            ContextStoppedException: The context was stopped.
        """
        async with self._turn:
            self._check_not_stopped("start")
            if self._state is _State.STARTED:
                await self._start_late()
            else:
                await self._start_first()

    async def stop(self) -> None:
        """Stop all beans, last one first; a second time, nothing happens.

        Raises:
            ExceptionGroup: What beans raised while they were stopped. All of them were
                stopped nevertheless.
        """
        async with self._turn:
            with self._container.lock:  # a bean being made in another thread is finished first
                if self._state is not _State.STARTED:
                    return
                self._state = _State.STOPPING
            try:
                failures = await self._stop_beans(self._lifecycle.alive)
            finally:
                self._state = _State.STOPPED
            _raise_together(failures)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def get_bean(self, cls: Callable[..., T], name: str | None = None) -> T:
        """The bean of a type.

        Args:
            cls: A class, Protocol, ABC or generic alias such as ``Repo[User]``.
            name: Which one, where several fit.

        Raises:
            ContextNotStartedException: The context has not been started.
            ContextStoppedException: It was stopped.
            ContainerException: There is no such bean, or more than one, or it cannot be made.
        """
        with self._container.lock:
            self._check_running(f"get_bean({type_text(cls)})")
            return self._container.get_bean(cls, name)

    def find_bean(self, cls: Callable[..., T], name: str | None = None) -> T | None:
        """As :meth:`get_bean`, but None where nothing is registered.

        An auto configuration may call it too. A bean that is made for it is made before all
        post-processors; rather let the post-processor's constructor take what it needs.
        """
        with self._container.lock:
            self._check_running(f"find_bean({type_text(cls)})")
            return self._container.find_bean(cls, name)

    def get_beans(self, cls: Callable[..., T]) -> list[T]:
        """All beans of a type, in the order of registration."""
        with self._container.lock:
            self._check_running(f"get_beans({type_text(cls)})")
            return self._container.get_beans(cls)

    def contains(self, cls: Callable[..., Any], name: str | None = None) -> bool:
        """Whether a bean of this type (and name) is registered; makes nothing."""
        return self._container.contains(cls, name)

    def has_post_processor(self, cls: type) -> bool:
        """Whether a post-processor of this class, or of a subclass, is registered."""
        return self._processors.has(cls)

    async def _start_first(self) -> None:
        self._state = _State.STARTING
        try:
            await self._prepare()
            await self._make_singletons([])
        except BaseException as error:
            with self._container.lock:
                self._state = _State.NEW
            failures = await self._stop_beans(self._lifecycle.alive)
            self._processors.reset()
            _add_failures(error, failures)
            raise
        self._state = _State.STARTED

    async def _start_late(self) -> None:
        made: list[BeanDefinition] = []
        try:
            await self._make_singletons(made)
        except BaseException as error:
            _add_failures(error, await self._stop_beans(made))
            raise

    async def _prepare(self) -> None:
        """Let others add to the registrations, check them all, and make the processors."""
        if not self._container.contains(Config):
            self._add_config(Config())
        if self._auto_configuration:
            await auto_configure(self, self._auto_configured)
        for definition in self._container.definitions:
            self._container.needed(definition)
        for definition in self._processors.definitions:
            await self._make(definition, [])
            self._processors.activate(await self._container.make(definition))
        self._processors.complete()

    async def _make_singletons(self, made: list[BeanDefinition]) -> None:
        pending = self._pending()
        while pending:
            for definition in pending:
                self._container.needed(definition)
            for definition in pending:
                await self._make(definition, made)
            pending = self._pending()  # a constructor may have registered more
        await self._lifecycle.start()

    def _pending(self) -> list[BeanDefinition]:
        return [
            definition
            for definition in self._container.definitions
            if definition.scope is Scope.SINGLETON and not self._container.is_made(definition)
        ]

    async def _make(self, definition: BeanDefinition, made: list[BeanDefinition]) -> None:
        """Make and start what a bean needs, one after the other, and the bean."""
        for needed in self._container.needed(definition):
            if needed.scope is Scope.SINGLETON and not self._container.is_made(needed):
                made.append(needed)
                await self._container.make(needed)
                await self._lifecycle.start()

    async def _stop_beans(self, beans: list[BeanDefinition]) -> list[BaseException]:
        failures = await self._lifecycle.stop(beans)
        for definition in beans:
            self._container.forget(definition)
        return failures

    def _add_config(self, config: Config) -> None:
        if not isinstance(config, Config):
            raise ContextException(
                f"ApplicationContext({config!r:.60}): the configuration is a Config, as in "
                'ApplicationContext(Config.from_file("pyfly.yaml"))'
            )
        self._container.add_ready(config, "config")

    def _check_running(self, call: str) -> None:
        self._check_not_stopped(call)
        if self._state is _State.NEW:
            raise ContextNotStartedException(
                f"{call}: the context has not been started\n"
                "Call `await context.start()` first, or write `async with context:`."
            )

    def _check_not_stopped(self, call: str) -> None:
        if self._state in (_State.STOPPING, _State.STOPPED):
            raise ContextStoppedException(
                f"{call}: the context was stopped and has no beans any more\n"
                "It cannot be started again: make a new ApplicationContext."
            )


def _add_failures(error: BaseException, failures: list[BaseException]) -> None:
    """Tell the error of a failed start what went wrong when it was undone."""
    for failure in failures:
        if isinstance(error, Exception) and not isinstance(failure, Exception):
            raise failure from error  # a cancellation is never swallowed
        error.add_note(f"When the start was undone: {_with_notes(failure)}")


def _raise_together(failures: list[BaseException]) -> None:
    errors = [failure for failure in failures if isinstance(failure, Exception)]
    for failure in failures:
        if not isinstance(failure, Exception):  # a cancellation, say: it goes first
            for error in errors:
                failure.add_note(f"Also: {_with_notes(error)}")
            raise failure
    if errors:
        raise ExceptionGroup(f"{len(errors)} errors while the context was stopped", errors)


def _with_notes(error: BaseException) -> str:
    return "; ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])


class Turn:
    """A lock for ``async with`` that tells a task so, rather than let it wait for itself."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        if task is not None and task is self._holder:
            raise ContextException(
                "start() or stop() is called by a bean while the context starts or stops, so it "
                "would wait for itself: call it from outside"
            )
        await self._lock.acquire()
        self._holder = task

    async def __aexit__(self, *error: object) -> None:
        self._holder = None
        self._lock.release()
