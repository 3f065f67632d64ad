"""The settings of one policy for one method."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from pyfly.client._settings.config import Settings
from pyfly.client._settings.schema import form_of, unused_in

__all__ = ["PolicySettings"]

T = TypeVar("T")


class PolicySettings:
    """The effective settings of one section, and where they come from.

    Args:
        settings: All of a client.
        section: Such as ``bulkhead``.
        method: The method's name.
    """

    def __init__(self, settings: Settings, section: str, method: str) -> None:
        self._section = section
        self._found = settings.section(section, method)
        self._in_code = settings.instance(section, method)

    def __getitem__(self, key: str) -> Any:
        return self._found[key].value

    def is_given(self, key: str) -> bool:
        """Whether somebody set it to something."""
        setting = self._found[key]
        return not setting.is_shipped and setting.value is not None

    def refuse_unused(self) -> None:
        """Refuse what says nothing in the form that was chosen.

        Raises:
            ValueError: Such a setting is given.
        """
        chooses = form_of(self._section)
        form = None if chooses is None else self[chooses]
        for key in unused_in(self._section, form):
            if self.is_given(key):
                raise ValueError(
                    f"{key} needs {chooses} (add it)"
                    if form is None
                    else f"{key} says nothing where {chooses} is {form} (remove it)"
                )

    def need(self, key: str, meaning: str) -> Any:
        """A setting that has no default.

        Args:
            key: Its key.
            meaning: What it says, for the error.

        Raises:
            ValueError: It is not set.
        """
        value = self[key]
        if value is None:
            raise ValueError(f"{key} is not set (say {meaning}, or set enabled: false)")
        return value

    def arguments(self, *names: str) -> dict[str, Any]:
        """Those settings that have a value, as keyword arguments of a policy."""
        found = {name: self[name.replace("_", "-")] for name in names}
        return {name: value for name, value in found.items() if value is not None}

    def whole(self, kind: type[T]) -> T | None:
        """The instance from which every given setting was read; None if there is none."""
        sources = {id(s.instance): s.instance for s in self._found.values() if not s.is_shipped}
        if len(sources) != 1:
            return None
        (source,) = sources.values()
        return source if isinstance(source, kind) else None

    def part(self, kind: type[T]) -> T | None:
        """An instance from which some setting was read: it has what no setting can say."""
        for instance in (*(s.instance for s in self._found.values()), self._in_code):
            if isinstance(instance, kind):
                return instance
        return None

    def told(self) -> str:
        """The given settings and their origins, for an error."""
        return ", ".join(
            f"{self._section}.{key} = {_shown(setting.value)} ({setting.origin})"
            for key, setting in self._found.items()
            if not setting.is_shipped and setting.value is not None
        )


def _shown(value: Any) -> str:
    return f"{value.total_seconds():g} s" if isinstance(value, timedelta) else str(value)
