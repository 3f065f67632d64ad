"""The tree that a configuration is: sections of keys, lists, and single values.

Nodes do not change once they are built, so layers, aliases and threads share them. Each knows
where it was written, how many nodes it stands for and how deep it is: an alias costs nothing,
yet what it would unfold to is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from pyfly.core.errors import ConfigException
from pyfly.core.keys import Path, common, dotted, printable, split
from pyfly.kernel.record import Record

MAX_DEPTH = 64
MAX_NODES = 20_000


class Origin(Record):
    """Where a value was given; as text: ``pyfly.yaml:7``, a variable's name, or ``code``."""

    kind: Literal["file", "environment", "code"]
    source: str
    line: int | None = None

    def __str__(self) -> str:
        if self.kind == "environment":
            return f"environment variable {self.source}"
        return self.source if self.line is None else f"{self.source}:{self.line}"


CODE = Origin("code", "code")


class Scalar:
    """One value: the text as it was written, if it was text, and what it means untyped."""

    __slots__ = ("origin", "plain", "text", "value")
    size = 1
    height = 0

    def __init__(self, value: Any, origin: Origin, *, text: str | None, plain: bool) -> None:
        self.value = value
        self.origin = origin
        self.text = text
        self.plain = plain  # written without quotes, so that 5 is a number and null is nothing

    def at(self, origin: Origin) -> Scalar:
        return Scalar(self.value, origin, text=self.text, plain=self.plain)

    @property
    def is_null(self) -> bool:
        return self.value is None

    @property
    def written(self) -> Any:
        """What a typed reader converts: the source text rather than its untyped meaning."""
        return self.value if self.text is None or self.is_null else self.text


class Listing:
    """A list of nodes."""

    __slots__ = ("height", "items", "origin", "size")

    def __init__(self, items: tuple[Node, ...], origin: Origin) -> None:
        self.items = items
        self.origin = origin
        self.size, self.height = _measure(items, origin)

    def at(self, origin: Origin) -> Listing:
        return Listing(self.items, origin)


class Section:
    """A mapping: the common form of each key leads to its spelling and its node."""

    __slots__ = ("children", "height", "origin", "size")

    def __init__(self, children: Mapping[str, tuple[str, Node]], origin: Origin) -> None:
        self.children = children
        self.origin = origin
        self.size, self.height = _measure([node for _, node in children.values()], origin)

    def at(self, origin: Origin) -> Section:
        return Section(self.children, origin)

    def find(self, path: Path) -> Node | None:
        """Returns the node under a path of common forms."""
        node: Node = self
        for part in path:
            if not isinstance(node, Section) or part not in node.children:
                return None
            node = node.children[part][1]
        return node

    def spelled(self, path: Path) -> Path:
        """Returns a path of common forms as it is written here, as far as it is here."""
        names: list[str] = []
        node: Node = self
        for part in path:
            if isinstance(node, Section) and part in node.children:
                name, node = node.children[part]
                names.append(name)
            else:
                names.append(part)
                node = EMPTY
        return tuple(names)

    def leaves(self) -> Iterator[Path]:
        """Yields the path of every value and list below, as spelled."""
        for name, node in self.children.values():
            if isinstance(node, Section):
                for rest in node.leaves():
                    yield name, *rest
            else:
                yield (name,)

    def without(self, path: Path) -> Section:
        """This section less one node; sections left empty by that go too."""
        children = dict(self.children)
        name, node = children.pop(path[0])
        if isinstance(node, Section) and len(path) > 1:
            rest = node.without(path[1:])
            if rest.children:
                children[path[0]] = (name, rest)
        return Section(children, self.origin)


Node: TypeAlias = Scalar | Listing | Section


def _measure(nodes: list[Node] | tuple[Node, ...], origin: Origin) -> tuple[int, int]:
    size = 1 + sum(node.size for node in nodes)
    height = 1 + max((node.height for node in nodes), default=0)
    if size > MAX_NODES:
        raise ConfigException(
            f"{origin}: more than {MAX_NODES:,} values, aliases counted each time they are used"
        )
    if height > MAX_DEPTH:
        raise too_deep(origin)
    return size, height


EMPTY = Section({}, CODE)


def too_deep(origin: Origin) -> ConfigException:
    """Returns the error for a document with too many levels."""
    return ConfigException(f"{origin}: nested more than {MAX_DEPTH} levels deep")


def overlay(base: Section, over: Section) -> Section:
    """Returns two layers as one: sections are merged, the later layer replaces all else.

    An empty section (``retry:`` with nothing under it) removes nothing.
    """
    children = dict(base.children)
    for form, (name, node) in over.children.items():
        below = children[form][1] if form in children else None
        if isinstance(below, Section) and isinstance(node, Section):
            children[form] = (name, overlay(below, node))
        elif not (isinstance(below, Section) and isinstance(node, Scalar) and node.is_null):
            children[form] = (name, node)
    return Section(children, over.origin)


class SectionBuilder:
    """Puts one mapping together: dotted keys unfold, a key given twice is a problem."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self._path = path
        self._problems = problems
        self._children: dict[str, tuple[str, Node]] = {}
        self._dotted: set[str] = set()

    def add(self, key: str, node: Node) -> None:
        """Add a key as it was written; the origin of its node is where the key stands."""
        try:
            parts = split(key)
        except ConfigException as error:
            self._problems.append(f"{node.origin}: {error}")
            return
        if not parts:
            where = dotted(self._path) or "the top level"
            self._problems.append(f"{node.origin}: a key under {where} is empty (write key: value)")
            return
        for part in reversed(parts[1:]):
            node = Section({common(part): (part, node)}, node.origin)
        name, form = parts[0], common(parts[0])
        existing = self._children.get(form)
        unfolds = len(parts) > 1 or form in self._dotted
        if len(parts) > 1:
            self._dotted.add(form)
        if existing is None:
            self._children[form] = (name, node)
        elif unfolds and isinstance(existing[1], Section) and isinstance(node, Section):
            joined = self._join(existing[1], node, (*self._path, existing[0]))
            self._children[form] = (existing[0], joined)
        else:
            self._twice((*self._path, name), node, *existing)

    def inherit(self, section: Section) -> None:
        """Take over what a merge key names; what the mapping says itself stands."""
        for form, child in section.children.items():
            self._children.setdefault(form, child)

    def build(self, origin: Origin) -> Section:
        return Section(self._children, origin)

    def _join(self, first: Section, second: Section, path: Path) -> Section:
        children = dict(first.children)
        for form, (name, node) in second.children.items():
            existing = children.get(form)
            if existing is None:
                children[form] = (name, node)
            elif isinstance(existing[1], Section) and isinstance(node, Section):
                children[form] = (existing[0], self._join(existing[1], node, (*path, existing[0])))
            else:
                self._twice((*path, name), node, *existing)
        return Section(children, first.origin)

    def _twice(self, path: Path, node: Node, name: str, existing: Node) -> None:
        spelled = "" if name == path[-1] else f" as {printable(name)}"
        self._problems.append(
            f"{node.origin}: {dotted(path)}: already given{spelled} at {existing.origin}"
            " (keep one of them)"
        )


def from_mapping(values: Mapping[str, Any]) -> Section:
    """Returns the tree of a mapping given in code, nested, dotted or both.

    Raises:
        ConfigException: A key is no text, is empty or is given twice; one line for each.
    """
    problems: list[str] = []
    section = _section(values, (), problems)
    if problems:
        raise ConfigException.gather(problems)
    return section


def _section(values: Mapping[str, Any], path: Path, problems: list[str]) -> Section:
    builder = SectionBuilder(path, problems)
    for key, value in values.items():
        if isinstance(key, str):
            builder.add(key, _node(value, (*path, key), problems))
        else:
            where = dotted(path) or "the top level"
            problems.append(f"code: {where}: the key {key!r:.60} is no text (write it in quotes)")
    return builder.build(CODE)


def _node(value: Any, path: Path, problems: list[str]) -> Node:
    if len(path) > MAX_DEPTH:
        raise too_deep(CODE)
    if isinstance(value, Mapping):
        return _section(value, path, problems)
    if isinstance(value, list | tuple):
        return Listing(tuple(_node(item, (*path, "[]"), problems) for item in value), CODE)
    return Scalar(value, CODE, text=value if isinstance(value, str) else None, plain=False)
