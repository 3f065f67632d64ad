"""What the tests of the context share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyfly.context import ApplicationContext
from pyfly.core import Config


def context_of(*beans: Any) -> ApplicationContext:
    """A context with these beans that asks no installed package for more."""
    context = ApplicationContext(Config(environ={}), auto_configuration=False)
    for bean in beans:
        context.register_bean(bean)
    return context


class Journal(list[str]):
    """What happened, in order."""

    def processor(self, label: str, *, only: Callable[[str], bool] = bool) -> Any:
        """A post-processor that writes down every hook, for the beans of the given names."""
        journal = self

        class Recorder:
            def before_init(self, bean: Any, bean_name: str) -> Any:
                journal.note(f"{label}.before", bean_name, only)
                return bean

            def after_init(self, bean: Any, bean_name: str) -> Any:
                journal.note(f"{label}.after", bean_name, only)
                return bean

            async def on_start(self, bean: Any, bean_name: str) -> None:
                journal.note(f"{label}.start", bean_name, only)

            async def on_stop(self, bean: Any, bean_name: str) -> None:
                journal.note(f"{label}.stop", bean_name, only)

        return Recorder()

    def note(self, what: str, bean_name: str, only: Callable[[str], bool]) -> None:
        if only(bean_name):
            self.append(f"{what} {bean_name}")

    def take(self) -> list[str]:
        """What happened since the last time."""
        taken = list(self)
        self.clear()
        return taken
