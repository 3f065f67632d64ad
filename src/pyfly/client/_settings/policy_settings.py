"""The settings of one policy for one method."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from pyfly.client._settings.rows import PolicyTable
from pyfly.kernel.record import Record

T = TypeVar("T")

SHIPPED = "pyfly's default"


class EffectiveSetting(Record):
    """A setting as it holds.

    Attributes:
        value: The value; None where nothing is set and pyfly ships with none.
        origin: Where it comes from, for a person: a file and line, a variable, the code.
        instance: The policy that it was read from, if code gave a whole one.
    """

    value: Any
    origin: str
    instance: Any = None

    @property
    def is_shipped(self) -> bool:
        """Whether nobody set it."""
        return self.origin is SHIPPED


class PolicySettings:
    """The effective settings of one policy, and where they come from.

    Args:
        table: The policy.
        settings: Its settings by their keys in the section.
        in_code: The instance that code gave for the method or the client; None if it gave none.
    """

    def __init__(
        self, table: PolicyTable, settings: Mapping[str, EffectiveSetting], in_code: Any
    ) -> None:
        self._table = table
        self._settings = settings
        self._in_code = in_code

    def __getitem__(self, key: str) -> Any:
        return self._settings[key].value

    def _is_given(self, key: str) -> bool:
        setting = self._settings[key]
        return not setting.is_shipped and setting.value is not None

    @property
    def form(self) -> str | None:
        """The form that is chosen; None if there is none to choose, or none is chosen.

        Raises:
            ValueError: Something is given that says nothing in this form.
        """
        if self._table.form is None:
            return None
        chooses = self._table.form.key
        form: str | None = self[chooses]
        given = [key for key in self._settings if self._is_given(key)]
        for key in self._table.unused(form) if given else ():
            if key in given:
                raise ValueError(
                    f"{key} needs {chooses} (add it)"
                    if form is None
                    else f"{key} says nothing where {chooses} is {form} (remove it)"
                )
        return form

    def require(self, key: str, meaning: str) -> Any:
        """Returns a setting that has no default.

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

    def arguments(self) -> dict[str, Any]:
        """Returns the settings that all forms have, as keyword arguments of the policy."""
        others = () if self._table.form is None else self._table.form.keys
        return self._values({key: _field(key) for key in self._settings if key not in others})

    def form_arguments(self) -> dict[str, Any]:
        """Returns the settings of the chosen form, as keyword arguments of its class."""
        assert self._table.form is not None  # by the table
        return self._values(self._table.form.fields[self.form])

    def make_form(self) -> Any:
        """Returns an instance of the chosen form; None if none is chosen."""
        form = self.form
        if form is None or self._table.form is None:
            return None
        return self._table.form.classes[form](**self.form_arguments())

    def _values(self, names: Mapping[str, str]) -> dict[str, Any]:
        """Returns what has a value; a null counts where a setting can be null."""
        return {
            name: self[key]
            for key, name in names.items()
            if self[key] is not None or self._table.rows[key].kind.nullable
        }

    def sole_instance(self, kind: type[T]) -> T | None:
        """Returns the instance from which every given setting was read; None if none is."""
        given = (each for each in self._settings.values() if not each.is_shipped)
        sources = {id(each.instance): each.instance for each in given}
        if len(sources) != 1:
            return None
        (source,) = sources.values()
        return source if isinstance(source, kind) else None

    def any_instance(self, kind: type[T]) -> T | None:
        """Returns an instance from which some setting was read: it has what no setting says."""
        for instance in (*(each.instance for each in self._settings.values()), self._in_code):
            if isinstance(instance, kind):
                return instance
        return None

    def describe(self) -> str:
        """Returns the given settings and their origins, for an error."""
        return ", ".join(
            f"{self._table.section}.{key} = {_shown(setting.value)} ({setting.origin})"
            for key, setting in self._settings.items()
            if self._is_given(key)
        )


def _field(key: str) -> str:
    return key.replace("-", "_")


def _shown(value: Any) -> str:
    return f"{value.total_seconds():g} s" if isinstance(value, timedelta) else str(value)
