"""Typed reading: a part of the configuration against a schema, all mistakes at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

from pyfly.core.binding import Binding, Names
from pyfly.core.conversions import HIDDEN, NULLS, show
from pyfly.core.errors import ConfigException, ConfigWarning
from pyfly.core.keys import Path, common, common_path, dotted, looks_secret, nearest, split
from pyfly.core.schema import Group, Leaf, Named, Schema
from pyfly.core.store import Store
from pyfly.core.tree import Listing, Node, Origin, Scalar, Section
from pyfly.core.values import Setting, Values

_MOST_KEYS_LISTED = 8
_STACKLEVEL = 3  # the caller of Config.read


def read(
    store: Store,
    prefix: str,
    schema: Group | Named,
    names: Mapping[str, Iterable[str]] | None,
    warned: set[str],
) -> Values:
    """Does what :meth:`pyfly.core.Config.read` says; ``warned`` holds the warnings so far."""
    reading = _SchemaReading(store, split(prefix), schema, names)
    values = reading.values()
    for key, message in reading.warnings():
        if key not in warned:
            warned.add(key)
            warnings.warn(message, ConfigWarning, stacklevel=_STACKLEVEL)
    return values


class _SchemaReading:
    """One reading under way."""

    def __init__(
        self,
        store: Store,
        prefix: Path,
        schema: Group | Named,
        names: Mapping[str, Iterable[str]] | None,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._schema = schema
        self._problems: list[tuple[Origin, str]] = []
        self._leaves: dict[Path, tuple[Leaf, Node, Path]] = {}
        self._given: Names = {}  # names from files and the environment: what Values tells
        self._known: Names = {}  # those and the ones from code
        self._used: set[str] = set()
        for path, known in (names or {}).items():
            if isinstance(known, str):
                raise ConfigException(f"names of {path}: {known!r:.60} is one text (write a list)")
            self._known[common_path(path)] = {common(name): name for name in known}
        self._binding = Binding(schema, prefix, self._known, told=names is not None)

    def values(self) -> Values:
        """Returns everything that was set.

        Raises:
            ConfigException: Something is wrong; one line for each mistake.
        """
        self._walk_from(self._store.tree, 0)
        self._bind()
        found: dict[Path, Setting] = {}
        for at, (leaf, node, key) in self._leaves.items():
            setting = self._setting(leaf, node, key)
            if setting is not None:
                found[at] = setting
        if self._problems:
            self._problems.sort(key=lambda problem: _order(problem[0]))
            raise ConfigException.gather(text for _, text in self._problems)
        return Values(self._schema, self._prefix, found, self._given)

    def warnings(self) -> Iterable[tuple[str, str]]:
        """Yields what looks like a setting under the prefix but is none, and a message."""
        for name in self._binding.unknown if self._prefix else ():
            if name not in self._used:
                close = self._binding.suggestion(name)
                meant = f" (did you mean {close}?)" if close else ""
                where = dotted(self._prefix)
                yield (
                    name,
                    f"environment variable {name}: no setting under {where} has this name, "
                    f"so it is ignored{meant}",
                )
        yield from self._misspelled_section()

    def _misspelled_section(self) -> Iterable[tuple[str, str]]:
        """Yields a key that is almost the prefix, where the prefix itself is not given."""
        at: Path = ()
        for part in self._prefix:
            section = self._store.tree.find(at)
            at = (*at, common(part))
            if not isinstance(section, Section) or common(part) in section.children:
                continue
            close = nearest(part, [name for name, _ in section.children.values()], cutoff=0.8)
            if close:
                node = section.children[common(close)][1]
                key = dotted((*self._prefix[: len(at) - 1], close))
                yield key, f"{node.origin}: {key}: did you mean {dotted(self._prefix)}?"

    def _wrong(self, origin: Origin, key: Path, what: str) -> None:
        self._problems.append((origin, f"{origin}: {dotted(key)}: {what}"))

    def _walk_from(self, node: Node, depth: int) -> None:
        """Go down to the prefix, which must lead through sections, and walk what is there."""
        if depth == len(self._prefix):
            self._walk(self._schema, node, (), self._prefix)
        elif isinstance(node, Section):
            child = node.children.get(common(self._prefix[depth]))
            if child is not None:
                self._walk_from(child[1], depth + 1)
        elif not (isinstance(node, Scalar) and node.is_null):
            below = dotted(self._prefix[depth:])
            self._wrong(node.origin, self._prefix[:depth], f"is no section, so {below} is lost")

    def _walk(self, schema: Schema, node: Node, at: Path, key: Path) -> None:
        """Sort what was written into leaves, and note what does not belong.

        ``at`` is the path below the prefix in common forms, ``key`` the whole key as written.
        """
        if isinstance(schema, Leaf):
            self._leaves[at] = (schema, node, key)
        elif isinstance(node, Section):
            for form, (name, child) in node.children.items():
                if isinstance(schema, Named):
                    self._name(at, form, name)
                    self._walk(schema.item, child, (*at, form), (*key, name))
                elif (spelled := schema.key(form)) is not None:
                    self._walk(schema.children[spelled], child, (*at, form), (*key, name))
                else:
                    self._wrong(child.origin, (*key, name), self._unknown(schema, name))
        elif not (isinstance(node, Scalar) and node.is_null):
            kind = "a list" if isinstance(node, Listing) else "a value"
            keys = _listed(schema) if isinstance(schema, Group) else "names of your own"
            self._wrong(node.origin, key, f"is {kind}, but a section is expected, with {keys}")

    def _name(self, at: Path, form: str, name: str) -> None:
        for names in (self._given, self._known):
            names.setdefault(at, {}).setdefault(form, name)

    def _unknown(self, group: Group, name: str) -> str:
        close = nearest(name, group.children)
        if close:
            return f"unknown key (did you mean {close}?)"
        elsewhere = _somewhere(self._schema, common(name), ())
        if elsewhere:
            return f"unknown key (did you mean {dotted((*self._prefix, *elsewhere))}?)"
        return f"unknown key (known here: {_listed(group)})"

    def _bind(self) -> None:
        """Put the variables over what was written."""
        self._binding.bind(self._store.environment)
        for name, what in self._binding.problems:
            origin = Origin("environment", name)
            self._problems.append((origin, f"{origin}: {what}"))
        for at, (spelled, name) in self._binding.bound.items():
            schema: Schema = self._schema
            for index, part in enumerate(spelled):
                if isinstance(schema, Named):
                    self._name(at[:index], at[index], part)
                    schema = schema.item
                elif isinstance(schema, Group):
                    schema = schema.children[part]
            if isinstance(schema, Leaf):
                node = self._store.variable_node(name)
                self._leaves[at] = (schema, node, (*self._prefix, *spelled))

    def _setting(self, leaf: Leaf, node: Node, key: Path) -> Setting | None:
        """Returns the value of one leaf; None, and a problem noted, if there is something wrong."""
        if not isinstance(node, Scalar):
            kind = "a section" if isinstance(node, Section) else "a list"
            self._wrong(node.origin, key, f"is {kind}, but {leaf.expected} is expected")
            return None
        try:
            written, resolver = self._store.written(node, key)
        except ConfigException as error:  # says itself where the placeholder stands
            self._problems.append((node.origin, str(error)))
            return None
        secret = leaf.secret or looks_secret(key[-1])
        if node.origin.kind == "environment":
            secret = secret or looks_secret(node.origin.source)
        if resolver is not None:
            secret = secret or resolver.secret
            self._used |= resolver.used
        if leaf.nullable and node.plain and written in NULLS:
            written = None
        try:
            value = leaf.read(written, HIDDEN if secret else show(written))
        except ConfigException as error:
            self._wrong(node.origin, key, str(error))
            return None
        return Setting(value, node.origin, ".".join(key), secret)


def _order(origin: Origin) -> tuple[bool, str, int]:
    return origin.kind == "environment", origin.source, origin.line or 0


def _listed(group: Group) -> str:
    keys = list(group.children)
    more = ", …" if len(keys) > _MOST_KEYS_LISTED else ""
    return ", ".join(keys[:_MOST_KEYS_LISTED]) + more


def _somewhere(schema: Schema, form: str, path: Path) -> Path | None:
    """Returns where in a schema a key of this form stands, if it does."""
    if isinstance(schema, Leaf):
        return None
    children = schema.children if isinstance(schema, Group) else {"<name>": schema.item}
    for key in children:
        if common(key) == form:
            return (*path, key)
    found = (_somewhere(child, form, (*path, key)) for key, child in children.items())
    return next((place for place in found if place), None)
