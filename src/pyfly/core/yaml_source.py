"""Reading YAML without constructing anything: every value keeps its text and its line.

The parser's events are put together here rather than by PyYAML's own constructor, which would
read ``1:30`` as 90, ``on`` as true and ``010`` as 8, forget the lines, and let the second of
two equal keys win. Aliases share what they point to, so none can be made to explode.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from typing import Any, Literal

from pyfly.core.conversions import plain_value
from pyfly.core.errors import ConfigException, ConfigFileException
from pyfly.core.keys import Path, dotted, printable
from pyfly.core.tree import EMPTY, MAX_DEPTH, Listing, Node, Origin, Scalar, Section, SectionBuilder
from pyfly.core.tree import too_deep as too_deep_at
from pyfly.kernel.record import Record

_LARGEST_FILE = 1_000_000
_STANDARD = "tag:yaml.org,2002:"


class _Event(Record):
    """What the parser saw: the little of it that is needed."""

    kind: Literal["document", "alias", "scalar", "sequence", "mapping", "end"]
    line: int
    text: str = ""
    plain: bool = False
    anchor: str | None = None
    tag: str | None = None


def read_documents(path: str) -> list[Section]:
    """Returns the documents of a file, one section each; an empty document is an empty section.

    Args:
        path: The file; messages and origins show it as it is given here.

    Raises:
        ConfigFileException: It cannot be read, is not UTF-8, or is not YAML.
        ConfigException: Keys are given twice or are not text; one line for each.
    """
    text = _read(path)
    composer = _Composer(path, _events(text, path))
    documents = composer.documents()
    if composer.problems:
        raise ConfigException.gather(composer.problems)
    return documents


def _failure(source: str, what: str, line: int = 0, column: int = 0) -> ConfigFileException:
    place = source + (f":{line}" if line else "") + (f":{column}" if column else "")
    path = os.path.abspath(source)
    return ConfigFileException(
        f"{place}: {what}", path=path, line=line or None, column=column or None
    )


def _read(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # open() would wait for a writer
            raise _failure(printable(path), "is a pipe or a device, so it is not read")
        with open(path, "rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _failure(printable(path), f"cannot be read: {reason}") from error
    if len(data) > _LARGEST_FILE:
        raise _failure(path, f"is larger than {_LARGEST_FILE:,} bytes, so it is not read")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    raise _failure(path, "is not UTF-8 (save the file in that encoding)", line, column)


def _events(text: str, source: str) -> Iterator[_Event]:
    """Yields the events of the parser, and its complaints as ours."""
    import yaml
    from yaml.reader import ReaderError

    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line, _ = _position(event.start_mark)
            if isinstance(event, yaml.DocumentStartEvent):
                yield _Event("document", line)
            elif isinstance(event, yaml.AliasEvent):
                yield _Event("alias", line, anchor=event.anchor)
            elif isinstance(event, yaml.ScalarEvent):
                plain = event.implicit[0] and event.tag is None
                yield _Event("scalar", line, event.value, plain, event.anchor, event.tag)
            elif isinstance(event, yaml.SequenceStartEvent):
                yield _Event("sequence", line, anchor=event.anchor, tag=event.tag)
            elif isinstance(event, yaml.MappingStartEvent):
                yield _Event("mapping", line, anchor=event.anchor, tag=event.tag)
            elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                yield _Event("end", line)
    except yaml.MarkedYAMLError as error:
        row, column = _position(error.problem_mark)
        raise _failure(source, _syntax(error.problem or "", text, row), row, column) from None
    except ReaderError as error:
        before = text[: error.position]
        row, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        what = f"the character {error.character:#06x} is not allowed in YAML"
        raise _failure(source, what, row, column) from None
    except (ValueError, OverflowError):
        # An escape such as "\UFFFFFFFF" or a version with thousands of digits.
        raise _failure(source, "is not YAML: a number in it is out of range") from None


def _position(mark: Any) -> tuple[int, int]:
    """Line and column, counted from 1; a complaint may come without them."""
    return (0, 0) if mark is None else (mark.line + 1, mark.column + 1)


def _syntax(problem: str, text: str, row: int) -> str:
    """Returns a complaint of the parser, with what to do about the usual ones.

    Names that it quotes are taken out: after ``password: *`` or ``password: !`` such a name
    is the password.
    """
    problem = re.sub(r"'[^'<\\\s][^'\s]+'", "…", problem)
    lines = text.split("\n")
    line = lines[row - 1] if 0 < row <= len(lines) else ""
    if r"'\t'" in problem:
        advice = "a tab does not indent in YAML; use spaces"
    elif "${" in line:
        advice = "put a text with a placeholder in quotes"
    elif "mapping values" in problem:
        advice = "check the indentation, and put a text that has ': ' in it in quotes"
    elif "cannot start any token" in problem:
        advice = "put a text that begins with a special character in quotes"
    else:
        advice = "check the indentation, the brackets and the quotes just above"
    return f"is not YAML: {problem} ({advice})"


class _Composer:
    """Puts the events of one file together to sections."""

    def __init__(self, source: str, events: Iterator[_Event]) -> None:
        self.problems: list[str] = []
        self._source = source
        self._events = events
        self._anchors: dict[str, Node | None] = {}  # None while the anchored node is open

    def documents(self) -> list[Section]:
        documents = []
        for event in self._events:
            if event.kind == "document":
                self._anchors.clear()
                root = next(self._events)
                documents.append(self._document(root))
        return documents

    def _document(self, event: _Event) -> Section:
        origin = self._origin(event)
        node = self._node(event, origin, ())
        if isinstance(node, Section):
            return node
        if not (isinstance(node, Scalar) and node.is_null):
            kind = "a list" if isinstance(node, Listing) else "a single value"
            self.problems.append(
                f"{origin}: the file holds {kind}, but keys are expected (write key: value lines)"
            )
        return EMPTY

    def _origin(self, event: _Event) -> Origin:
        return Origin("file", self._source, event.line)

    def _node(self, event: _Event, origin: Origin, path: Path) -> Node:
        """Returns the node that starts with an event; the origin is where its key stands."""
        if len(path) > MAX_DEPTH:
            raise too_deep_at(origin)
        if event.kind == "alias":
            return self._alias(event, origin)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._refuse_tag(event)
        node: Node
        if event.kind == "scalar":
            node = self._scalar(event, origin)
        elif event.kind == "sequence":
            node = self._sequence(origin, path)
        else:
            node = self._mapping(event, origin, path)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _refuse_tag(self, event: _Event) -> None:
        allowed = {"scalar": "str", "sequence": "seq", "mapping": "map"}[event.kind]
        if event.tag in (None, "!", _STANDARD + allowed):
            return
        tag = str(event.tag)
        # Only a tag of this form is shown: another may be a password that begins with "!".
        named = f" !!{tag[len(_STANDARD) :]}" if tag.startswith(_STANDARD + "python/") else ""
        self.problems.append(
            f"{self._origin(event)}: the tag{printable(named.partition(':')[0])} is not accepted "
            "(remove it; put a text that begins with ! in quotes)"
        )

    def _alias(self, event: _Event, origin: Origin) -> Node:
        node = self._anchors.get(event.anchor or "")
        if node is not None:
            return node.at(origin)
        what = "contains itself" if event.anchor in self._anchors else "has no anchor above it"
        self.problems.append(
            f"{self._origin(event)}: an alias {what} (put a text that begins with * in quotes)"
        )
        return Scalar("", origin, text="", plain=False)

    def _scalar(self, event: _Event, origin: Origin) -> Scalar:
        text = event.text
        try:
            text.encode()
        except UnicodeEncodeError:
            self.problems.append(
                f"{self._origin(event)}: half of a surrogate pair is no character "
                "(write the whole one, such as \\U0001F600)"
            )
            text = ""
        value = plain_value(text) if event.plain else text
        return Scalar(value, origin, text=text, plain=event.plain)

    def _sequence(self, origin: Origin, path: Path) -> Listing:
        items = []
        while (event := next(self._events)).kind != "end":
            items.append(self._node(event, self._origin(event), (*path, "[]")))
        return Listing(tuple(items), origin)

    def _mapping(self, event: _Event, origin: Origin, path: Path) -> Section:
        builder = SectionBuilder(path, self.problems)
        inherited: list[Section] = []
        merged = False
        while (key := next(self._events)).kind != "end":
            here = self._origin(key)
            name = self._key(key, here, path)
            merge = key.plain and name == "<<"
            node = self._node(next(self._events), here, path if merge else (*path, name))
            if not merge:
                builder.add(name, node)
            elif merged:
                self.problems.append(f"{here}: << is given twice (write <<: [*first, *second])")
            else:
                merged = True
                inherited += self._inherited(node, here)
        for section in inherited:
            builder.inherit(section)
        return builder.build(origin)

    def _key(self, event: _Event, origin: Origin, path: Path) -> str:
        if event.kind == "alias":
            target = self._anchors.get(event.anchor or "")
            if isinstance(target, Scalar) and target.text:
                return target.text
        elif event.kind == "scalar":
            key = self._node(event, origin, path)
            return key.text or "" if isinstance(key, Scalar) else ""
        else:
            self._node(event, origin, (*path, "?"))
        self.problems.append(
            f"{origin}: a key under {dotted(path) or 'the top level'} is no text (write key: value)"
        )
        return "?"

    def _inherited(self, node: Node, origin: Origin) -> list[Section]:
        nodes = node.items if isinstance(node, Listing) else (node,)
        sections = [item for item in nodes if isinstance(item, Section)]
        if len(sections) != len(nodes):
            self.problems.append(
                f"{origin}: << takes over sections, nothing else (write <<: *name)"
            )
        return sections
