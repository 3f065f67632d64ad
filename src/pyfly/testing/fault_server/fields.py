"""Reading a section of a script: each key once, by its kind, all mistakes with their lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyfly.core import ConfigException
from pyfly.core.conversions import show
from pyfly.core.keys import common, dotted, nearest
from pyfly.core.schema import Leaf
from pyfly.core.tree import Listing, Node, Origin, Scalar, Section

_KINDS = {Section: "a section", Listing: "a list", Scalar: "a value"}


class ScriptSection:
    """A section that is being read.

    Args:
        section: What stands in the file.
        path: Where it is: ``("routes", "[]")``.
        problems: Where mistakes are noted, with file and line.
    """

    def __init__(self, section: Section, path: tuple[str, ...], problems: list[str]) -> None:
        self._left = dict(section.children)
        self._path = path
        self._problems = problems
        self.origin = section.origin

    def value(self, key: str, leaf: Leaf) -> Any:
        """The value of a key; the leaf's default if it is not there, or is wrong."""
        node = self._take(key)
        if node is None:
            return leaf.default
        if not isinstance(node, Scalar):
            self.wrong(f"is {_KINDS[type(node)]} (write {leaf.expected})", key, node.origin)
            return leaf.default
        try:
            return leaf.read(node.written, show(node.value))
        except ConfigException as error:
            self.wrong(str(error), key, node.origin)
            return leaf.default

    def is_section(self, key: str) -> bool:
        """Whether a section stands under a key."""
        return isinstance(self._left.get(common(key), ("", None))[1], Section)

    def section(self, key: str) -> ScriptSection | None:
        """The section under a key; None if there is none."""
        node = self._take(key)
        if isinstance(node, Section):
            return ScriptSection(node, (*self._path, key), self._problems)
        if node is not None and not (isinstance(node, Scalar) and node.is_null):
            self.wrong(f"is {_KINDS[type(node)]} (write keys under it)", key, node.origin)
        return None

    def items(self, key: str) -> list[ScriptSection]:
        """The sections of the list under a key; none if there is no list."""
        node = self._take(key)
        if isinstance(node, Listing):
            return list(self._sections(key, node))
        if node is not None:
            what = f"is {_KINDS[type(node)]} (write a list, each item after a -)"
            self.wrong(what, key, node.origin)
        return []

    def texts(self, key: str) -> dict[str, str]:
        """Names and texts under a key, such as header fields."""
        node = self._take(key)
        if not isinstance(node, Section):
            if node is not None:
                self.wrong(f"is {_KINDS[type(node)]} (write name: value)", key, node.origin)
            return {}
        found: dict[str, str] = {}
        for name, child in node.children.values():
            if isinstance(child, Scalar) and child.text is not None:
                found[name] = child.text
            else:
                self.wrong("is no text", f"{key}.{name}", child.origin)
        return found

    def wrong(self, what: str, key: str = "", origin: Origin | None = None) -> None:
        """Note a mistake."""
        where = dotted((*self._path, *([key] if key else []))).replace(".[]", "")
        self._problems.append(f"{origin or self.origin}: {f'{where}: ' if where else ''}{what}")

    def finish(self, known: Iterable[str]) -> None:
        """Note every key that nothing has asked for."""
        names = sorted(known)
        for name, node in self._left.values():
            close = nearest(name, names)
            meant = f"did you mean {close}?" if close else f"known are {', '.join(names)}"
            self.wrong(f"there is no such key ({meant})", name, node.origin)

    def _sections(self, key: str, listing: Listing) -> Iterator[ScriptSection]:
        for item in listing.items:
            if isinstance(item, Section):
                yield ScriptSection(item, (*self._path, key, "[]"), self._problems)
            else:
                self.wrong(f"is {_KINDS[type(item)]} (write - key: value)", key, item.origin)

    def _take(self, key: str) -> Node | None:
        found = self._left.pop(common(key), None)
        return None if found is None else found[1]
