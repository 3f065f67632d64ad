"""The merged tree under the environment: what a key leads to, and what its text means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pyfly.core.conversions import plain_value
from pyfly.core.duration import format_duration
from pyfly.core.environment import Environment
from pyfly.core.errors import ConfigException
from pyfly.core.keys import Path, common, common_path, dotted, looks_secret, split
from pyfly.core.placeholders import PlaceholderSource, Resolver
from pyfly.core.tree import Listing, Node, Origin, Scalar, Section


class Store:
    """Answers for keys: the environment first, then the tree. It never changes."""

    __slots__ = ("environment", "tree")

    def __init__(self, tree: Section, environment: Environment) -> None:
        self.tree = tree
        self.environment = environment

    def find(self, path: Path) -> Node | None:
        """Returns the node of a key, in any spelling.

        A variable stands before a value of the tree, but not before a section: ``HOME`` does
        not hide ``home.*``.

        Raises:
            ConfigException: Two variables spell the key, or its variable spells two keys.
        """
        form = tuple(common(part) for part in path)
        node = self.tree.find(form)
        if isinstance(node, Section):
            return node
        names = self.environment.of_key(form)
        if not names:
            return node
        if len(names) > 1:
            raise ConfigException(
                f"environment variables {' and '.join(sorted(names))}: "
                f"both are the key {dotted(path)} (unset one of them)"
            )
        self._only_reading(names[0], path, form)
        return self.variable_node(names[0])

    def variable_node(self, name: str) -> Scalar:
        """Returns a variable as a node. An empty one is an empty text, never null."""
        text = self.environment.get(name) or ""
        value = plain_value(text) if text else ""
        return Scalar(value, Origin("environment", name), text=text, plain=True)

    def _only_reading(self, name: str, path: Path, form: Path) -> None:
        for leaf in self.tree.leaves():
            other = tuple(common(part) for part in leaf)
            if "".join(other) == "".join(form) and other != form:
                raise ConfigException(
                    f"environment variable {name}: it is the key {dotted(leaf)} as well as "
                    f"{dotted(path)} (set the one that is meant in the file instead)"
                )

    def resolve(self, text: str, where: str, key: str = "") -> tuple[str, Resolver]:
        """Returns a text without placeholders, and the resolver that knows what went into it."""
        resolver = Resolver(self._source)
        return resolver.resolve(text, where, (key,) if key else ()), resolver

    def written(self, node: Scalar, path: Path) -> tuple[Any, Resolver | None]:
        """Returns what a typed reader converts, and the resolver of its placeholders if it has any.

        Args:
            node: The value.
            path: Its key, in any spelling.
        """
        if node.origin.kind == "environment":
            return node.text, None  # taken as it is: whoever set it could have expanded it
        written = node.written
        if isinstance(written, str) and "${" in written:
            key = self.tree.spelled(tuple(common(part) for part in path))
            return self.resolve(written, f"{node.origin}: {dotted(key)}", ".".join(key))
        return written, None

    def plain(self, node: Node, path: Path) -> Any:
        """Returns a node as plain Python: dictionaries, lists and values.

        Args:
            node: What to convert.
            path: Its key, as spelled; the variables of the keys below it are seen.
        """
        if isinstance(node, Section):
            result = {}
            for name, child in node.children.values():
                below = (*path, name)
                found = self.find(below) or child
                result[name] = self.plain(found, below)
            return result
        if isinstance(node, Listing):
            return [self._item(item, path) for item in node.items]
        written, resolver = self.written(node, path)
        if resolver is None:
            return node.value
        return plain_value(written) if node.plain and written else written

    def _item(self, node: Node, path: Path) -> Any:
        # What stands in a list has no key, so no variable can be meant for it.
        if isinstance(node, Section):
            return {name: self._item(child, path) for name, child in node.children.values()}
        return self.plain(node, path)

    def _source(self, name: str) -> PlaceholderSource | None:
        try:
            path = split(name)
        except ConfigException:
            path = ()
        node = self.find(path) if path else None
        wrong = ""
        if isinstance(node, Scalar):
            text = _text(node)
            if text is not None:
                return _as_source(node, text, self.tree.spelled(common_path(name)))
            wrong = "has no value" if node.is_null else "is no text"
        elif node is not None:
            wrong = "is a section" if isinstance(node, Section) else "is a list"
        if self.environment.get(name) is not None:
            variable = self.variable_node(name)
            return _as_source(variable, variable.text or "", path)
        return PlaceholderSource(None, "", name, wrong=wrong) if wrong else None


def _as_source(node: Scalar, text: str, path: Path) -> PlaceholderSource:
    variable = node.origin.source if node.origin.kind == "environment" else ""
    key = ".".join(path)
    return PlaceholderSource(
        text,
        f"{node.origin}: {dotted(path)}",
        variable or key,
        literal=bool(variable) or not isinstance(node.text, str),
        secret=looks_secret(variable) or looks_secret(key),
    )


def _text(node: Scalar) -> str | None:
    """Returns a value as the text of a file; None if it has none."""
    value = node.text if node.origin.kind == "environment" else node.written
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, str | int | float):
        return str(value)
    return None
