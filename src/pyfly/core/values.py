"""What a typed reading found: which settings are set, to what, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyfly.core.conversions import HIDDEN
from pyfly.core.errors import ConfigException
from pyfly.core.keys import Path, common, nearest, split
from pyfly.core.schema import Group, Leaf, Named, Schema
from pyfly.core.tree import Origin
from pyfly.kernel.record import Record


class Setting(Record):
    """One value that was set.

    Attributes:
        value: The value, of the type that its kind of leaf has; None for an explicit null.
        origin: Where it was given.
        key: Its whole key.
        secret: Whether it is to be kept out of messages.
    """

    value: Any
    origin: Origin
    key: str
    secret: bool = False

    def __repr__(self) -> str:
        shown = HIDDEN if self.secret else repr(self.value)
        return f"Setting({self.key}={shown}, {self.origin})"


class Values:
    """The settings under a prefix, as read by a schema.

    Paths are dotted, relative, and relaxed as keys are; ``""`` is this section itself. A path
    that the schema does not have is an error rather than "not set".

    ``path in values`` and :meth:`is_set` tell what was set, iterating gives the paths that
    were, and ``len()`` their number, so a section without any is false.
    """

    __slots__ = ("_at", "_found", "_names", "_prefix", "_schema")

    def __init__(
        self,
        schema: Schema,
        prefix: Path,
        found: Mapping[Path, Setting],
        names: Mapping[Path, Mapping[str, str]],
        at: Path = (),
    ) -> None:
        self._schema = schema  # of the node at `at`
        self._prefix = prefix  # the key of this node, as spelled
        self._found = found  # everything that was read, by path of common forms
        self._names = names  # the names under each Named, from common form to spelling
        self._at = at

    def lookup(self, path: str) -> Setting | None:
        """Returns what was set at a path, with its origin; None if nothing was."""
        at, _, _ = self._leaf(path)
        return self._found.get(at)

    def get(self, path: str) -> Any:
        """Returns the value at a path; if it is not set, the default of the schema, or None."""
        at, _, leaf = self._leaf(path)
        setting = self._found.get(at)
        return leaf.default if setting is None else setting.value

    __getitem__ = get

    def is_set(self, path: str) -> bool:
        """Returns whether somebody gave a value, an explicit ``0``, ``false`` or null included."""
        return self.lookup(path) is not None

    def origin(self, path: str) -> Origin | None:
        """Returns where the value at a path was given; None if it is not set."""
        setting = self.lookup(path)
        return None if setting is None else setting.origin

    def key(self, path: str) -> str:
        """Returns the whole key of a path, set or not: what a user would write in a file."""
        return ".".join(self._walk(path)[1])

    def is_secret(self, path: str) -> bool:
        """Returns whether the value at a path is to be kept out of messages."""
        at, _, leaf = self._leaf(path)
        return leaf.secret or (at in self._found and self._found[at].secret)

    def group(self, path: str) -> Values:
        """Returns the section at a path; one in which nothing is set if there is none."""
        at, key, schema = self._walk(path)
        if isinstance(schema, Leaf):
            raise ConfigException(f"{'.'.join(key)} is a value, not a section (use get)")
        return Values(schema, key, self._found, self._names, at)

    def names(self, path: str = "") -> tuple[str, ...]:
        """Returns the names that were given under a section of names, as first spelled."""
        at, key, schema = self._walk(path)
        if not isinstance(schema, Named):
            raise ConfigException(f"{'.'.join(key)} has fixed keys, not names (use group)")
        return tuple(self._names.get(at, {}).values())

    def __contains__(self, path: str) -> bool:
        return self.is_set(path)

    def __iter__(self) -> Iterator[str]:
        for at, setting in self._found.items():
            if at[: len(self._at)] == self._at:
                yield ".".join(setting.key.split(".")[len(self._prefix) :])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Values of {'.'.join(self._prefix) or 'everything'}: {', '.join(self) or 'none'}>"

    def _leaf(self, path: str) -> tuple[Path, Path, Leaf]:
        at, key, schema = self._walk(path)
        if not isinstance(schema, Leaf):
            raise ConfigException(f"{'.'.join(key)} is a section, not a value (use group)")
        return at, key, schema

    def _walk(self, path: str) -> tuple[Path, Path, Schema]:
        at, key, schema = self._at, self._prefix, self._schema
        for part in split(path):
            form = common(part)
            if isinstance(schema, Named):
                key = (*key, self._names.get(at, {}).get(form, part))
                schema = schema.item
            elif isinstance(schema, Group) and (spelled := schema.key(form)) is not None:
                key = (*key, spelled)
                schema = schema.children[spelled]
            else:
                known = schema.children if isinstance(schema, Group) else ()
                close = nearest(part, known)
                meant = f" (did you mean {close}?)" if close else ""
                raise ConfigException(f"the schema has no {'.'.join((*key, part))}{meant}")
            at = (*at, form)
        return at, key, schema
