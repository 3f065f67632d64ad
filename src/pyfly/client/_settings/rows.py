"""The words of the table of settings: a row, a parameter, a form, a policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyfly.core import Leaf
from pyfly.kernel.record import Record


class SettingRow(Record):
    """One setting.

    Attributes:
        kind: What it may be: the kind of its value, its bounds, its default.
        meaning: What it says, for the page of all settings.
        per_method: Whether a method can have one for itself.
        since: The release that brought it.
    """

    kind: Leaf
    meaning: str
    per_method: bool = True
    since: str = "0.1"


class DecoratorParameter(Record):
    """A keyword argument of ``@service_client`` and ``@resilience``.

    Attributes:
        name: Its name.
        sets: The setting that a plain value stands for; ``""`` if it takes none.
        plain: The kind of that value (``count``, ``rate``, ``seconds``, ``span`` or ``header``),
            and how a message says it.
        clears: A setting that a plain value leaves without a value.
        switches: Whether True and False switch the policy.
        takes: The classes of policies that it takes.
        instead: What to write in the place of a wrong value; default: made of the above.
    """

    name: str
    sets: str = ""
    plain: tuple[str, str] = ("", "")
    clears: str = ""
    switches: bool = True
    takes: tuple[type[Any], ...] = ()
    instead: str = ""

    @property
    def expected(self) -> str:
        """What to write in the place of a wrong value."""
        if self.instead:
            return f"write {self.instead}"
        values = [self.plain[1]] if self.sets else []
        if self.switches:
            values += ["True", "False"]
        for name in (each.__name__ for each in self.takes):
            values.append(f"{'an' if name[0] in 'AEIOU' else 'a'} {name}")
        *more, last = values
        return f"write {', '.join(more)} or {last}" if more else f"write {last}"


class PolicyForm:
    """The forms that a policy can have, each a class with fields of its own.

    Args:
        key: The setting that chooses the form, such as ``window.type``.
        classes: The class of each form.
        part: The attribute of the policy that has the form; ``""`` if it is the policy itself.
        other_names: Keys of fields whose name is another one.

    Attributes:
        fields: The fields of each form by the keys of their settings; of None: no fields.
        keys: The key that chooses, and those of all forms.
    """

    def __init__(
        self,
        key: str,
        classes: Mapping[str, type[Record]],
        *,
        part: str = "",
        other_names: Mapping[str, str] = {},  # read only
    ) -> None:
        self.key = key
        self.classes = classes
        self.part = part
        prefix = key[: key.rfind(".") + 1]
        self.fields: dict[str | None, dict[str, str]] = {None: {}}
        for form, kind in classes.items():
            self.fields[form] = {
                prefix + other_names.get(field, field.replace("_", "-")): field
                for field in kind.__match_args__
            }
        self.keys = {key}.union(*self.fields.values())

    def of(self, policy: Any) -> tuple[str, Any] | None:
        """Returns the form of a policy, and the object that has its fields; None if it has none."""
        chosen = getattr(policy, self.part) if self.part else policy
        for form, kind in self.classes.items():
            if isinstance(chosen, kind):
                return form, chosen
        return None


class PolicyTable(Record):
    """All that there is to know of the settings of one policy.

    Attributes:
        section: Its section, such as ``bulkhead``.
        switch: The setting that switches it, with its section.
        rows: Its other settings, by their keys in the section.
        parameters: The parameters of the decorators that are about it.
        make: Makes the policy from its :class:`PolicySettings`, its name and a clock; None
            where the stage is made from the settings themselves.
        form: Its forms, if it has several.
    """

    section: str
    switch: tuple[str, SettingRow]
    rows: Mapping[str, SettingRow]
    parameters: Sequence[DecoratorParameter] = ()
    make: Callable[..., Any] | None = None
    form: PolicyForm | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that a method can have for itself, apart from the switch."""
        return tuple(key for key, row in self.rows.items() if row.per_method)

    def unused(self, form: str | None) -> tuple[str, ...]:
        """Returns the settings that say nothing in one of its forms."""
        if self.form is None:
            return ()
        used = {self.form.key, *self.form.fields[form]}
        return tuple(key for key in self.keys if key in self.form.keys and key not in used)

    def read(self, policy: Any) -> dict[str, Any]:
        """Returns the settings of a policy; None for those that its form does not have."""
        of_forms = () if self.form is None else self.form.keys
        values = {
            key: getattr(policy, key.replace("-", "_"), None)
            for key in self.keys
            if key in of_forms or hasattr(policy, key.replace("-", "_"))
        }
        found = None if self.form is None else self.form.of(policy)
        if self.form is not None and found is not None:
            form, chosen = found
            values[self.form.key] = form
            for key, field in self.form.fields[form].items():
                values[key] = getattr(chosen, field)
        return values
