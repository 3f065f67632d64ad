"""Which setting of a schema an environment variable means.

``PYFLY_CLIENT_CLIENTS_MY_SHOP_BASE_URL`` does not say where the name ends and the setting
begins. Names that are known come first: from files and code, and from variables that can be
read in one way only. What still has two readings is an error that lists both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from pyfly.core.environment import Environment, spell
from pyfly.core.keys import Path, common, dotted, nearest, variable
from pyfly.core.schema import Group, Leaf, Named, Schema

_AMBIGUOUS = "(set it in a file instead, or give the name there with an empty section, name: {})"

Names: TypeAlias = dict[Path, dict[str, str]]


class Binding:
    """The variables under a prefix, each with the setting it means.

    Attributes:
        bound: From the path of a setting, as common forms, to its path as spelled and the
            name of the variable.
        problems: Variables that can be read in two ways, or mean what another one means:
            name and what is wrong.
        unknown: Variables that mean nothing in the schema.

    Args:
        schema: What may stand under the prefix.
        prefix: The key of the section, as spelled.
        names: The names that are known, by the path of their section.
        told: Whether code told its names: then a variable with two readings, both about names
            that are not known, is about somebody else and no problem.
    """

    def __init__(self, schema: Schema, prefix: Path, names: Names, *, told: bool) -> None:
        self.bound: dict[Path, tuple[Path, str]] = {}
        self.problems: list[tuple[str, str]] = []
        self.unknown: list[str] = []
        self._schema = schema
        self._prefix = prefix
        self._names = names
        self._told = told

    def bind(self, environment: Environment) -> None:
        """Find the setting of every variable; names that are learned on the way are added."""
        variables = list(environment.under(tuple(common(part) for part in self._prefix)))
        while True:
            readings = [self._readings(self._schema, words, (), ()) for _, words in variables]
            learned = [self._learn(found[0]) for found in readings if len(found) == 1]
            if not any(learned):
                break
        for (name, _), found in zip(variables, readings, strict=True):
            if len(found) == 1:
                self._bind(found[0], name)
            elif found and self._told and not any(map(self._concerns, found)):
                continue
            elif found:
                keys = " or as ".join(dotted((*self._prefix, *reading)) for reading in found)
                self.problems.append((name, f"can be read as {keys} {_AMBIGUOUS}"))
            else:
                self.unknown.append(name)

    def suggestion(self, name: str) -> str | None:
        """Returns the variable that somebody who wrote an unknown one most likely meant."""
        words = name.lower().strip("_").split("_")[len(self._prefix) :]
        paths = self._candidates(self._schema, words, ())
        return nearest(name, {variable((*self._prefix, *path)) for path in paths})

    def _bind(self, reading: Path, name: str) -> None:
        path = tuple(common(part) for part in reading)
        if path in self.bound:
            key = dotted((*self._prefix, *reading))
            other = self.bound[path][1]
            self.problems.append((name, f"{key}: already given by {other} (unset one of them)"))
        else:
            self.bound[path] = (reading, name)

    def _concerns(self, reading: Path) -> bool:
        """Returns whether the first name in a reading is known."""
        schema = self._schema
        at: Path = ()
        for part in reading:
            if isinstance(schema, Group):
                schema = schema.children[part]
            elif isinstance(schema, Named):
                return common(part) in self._names.get(at, {})
            at = (*at, common(part))
        return True  # there is no name in it

    def _learn(self, reading: Path) -> bool:
        """Keep the names in a reading; whether there were new ones."""
        new = False
        schema = self._schema
        at: Path = ()
        for part in reading:
            if isinstance(schema, Named):
                names = self._names.setdefault(at, {})
                new |= common(part) not in names
                names.setdefault(common(part), part)
                schema = schema.item
            elif isinstance(schema, Group):
                schema = schema.children[part]
            at = (*at, common(part))
        return new

    def _readings(self, schema: Schema, words: Path, at: Path, spelled: Path) -> list[Path]:
        """Returns every path, as spelled, that the words can mean."""
        if isinstance(schema, Leaf):
            return [] if words else [spelled]
        found: list[Path] = []
        if isinstance(schema, Group):
            for form, key in schema.forms.items():
                if count := spell(words, form):
                    child = schema.children[key]
                    found += self._readings(child, words[count:], (*at, form), (*spelled, key))
            return found
        decided = False
        for form, name in self._names.get(at, {}).items():
            if count := spell(words, form):
                rest = words[count:]
                found += self._readings(schema.item, rest, (*at, form), (*spelled, name))
                decided |= _enters_section(schema.item, rest)
        if found or decided:
            # INVENTORY_RETRY_MAX_ATEMPTS is a typing error in the retry of `inventory`, not
            # a setting of a client `inventory-retry` that nobody has heard of.
            return found
        for count in range(1, len(words) + 1):
            name = "-".join(words[:count])
            at_name = (*at, common(name))
            found += self._readings(schema.item, words[count:], at_name, (*spelled, name))
        return found

    def _candidates(self, schema: Schema, words: Sequence[str], at: Path) -> Iterator[Path]:
        """Paths to compare an unknown variable with: known names, and such as it may hold."""
        if isinstance(schema, Leaf):
            yield ()
        elif isinstance(schema, Group):
            for form, key in schema.forms.items():
                rest = words[spell(words, form) :] if spell(words, form) else ()
                for path in self._candidates(schema.children[key], rest, (*at, form)):
                    yield key, *path
        else:
            names = dict(self._names.get(at, {}))
            if not any(spell(words, form) for form in names):
                guesses = ["-".join(words[:count]) for count in (1, 2, 3) if count < len(words)]
                names |= {common(name): name for name in guesses}
            for form, name in names.items():
                count = spell(words, form)
                for path in self._candidates(schema.item, words[count:], (*at, form)):
                    yield name, *path


def _enters_section(schema: Schema, words: Path) -> bool:
    return isinstance(schema, Group) and any(
        spell(words, form) and not isinstance(schema.children[key], Leaf)
        for form, key in schema.forms.items()
    )
