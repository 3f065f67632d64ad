"""One change that takes a handling out: in which function, which part of it, what is there then.

A change is a line, ``PLACE: KIND WORDS -> INSTEAD``::

    connect_tcp: value timeout -> None
    translate: if gaierror
    Upload.read: except LocalProtocolError -> OSError

PLACE is the end of the dotted path of a function, class or constant, as much of it as tells it
from others. WORDS are names, texts, keywords and comparisons in the part, in any order, and after
``!`` what is not in it: to rename a local that they do not name, to reword a comment or to move
lines changes nothing. KIND is

=========== ========================================================================== ============
``if``      the test of an ``if``, ``while`` or ``… if … else …``                      ``False``
``except``  the exceptions of a handler                                                ``()``
``call``    a call of the first word, with the others in it
``value``   what the first word is given: an assigned name, keyword, key, pair; ``return``
``part``    an operand of ``and`` or ``or``                                            it goes
``line``    a statement                                                                ``pass``
``with``    a ``with``, of which its body stays
``finally`` what is done in the end                                                    ``pass``
``body``    what a function does                                                       ``pass``
=========== ========================================================================== ============

with what is there instead if nothing is said. Of parts that contain each other the innermost is
meant, and one has to be left, but for ``every KIND``. In INSTEAD, ``_0`` is what was there, ``_1``
the first operand or argument of it, ``_2`` the second.
"""

from __future__ import annotations

import ast
import copy
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tools.console import DevError
from tools.mutation.mutants import Place

__all__ = ["Change", "Code", "parse"]

_LINE = re.compile(
    r"(?P<place>[\w.]+): (?P<every>every )?(?P<kind>\w+)(?P<words>.*?)(?: -> (?P<instead>.*))?",
    re.DOTALL,
)
_WITHOUT = {"if": "False", "except": "()", "line": "pass", "finally": "pass", "body": "pass"}
_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


class Change(NamedTuple):
    """What is taken out of one place.

    Attributes:
        place: The function, class or constant.
        every: Whether all such parts go, and not the only one.
        kind: Of the part.
        words: What the part mentions.
        instead: What is there without the handling.
    """

    place: str
    every: bool
    kind: str
    words: tuple[str, ...]
    instead: str

    def __str__(self) -> str:
        return f"{self.place}: {' '.join((self.kind, *self.words))}"


class _Part(NamedTuple):
    """Something that may be replaced: what mentions the words, and where it stands."""

    node: ast.AST
    place: Place


def parse(line: str) -> Change:
    """Returns the change that a line describes.

    Raises:
        DevError: The line describes none.
    """
    found = _LINE.fullmatch(line)
    if found is None or found["kind"] not in _PARTS:
        raise DevError(f"removals: {line!r} is no change; {__name__} says what one looks like")
    place, every, kind, words, instead = found.groups()
    if instead is None and kind in ("call", "value"):
        raise DevError(f"removals: {line!r} does not say what is there instead")
    if instead is None:
        instead = _WITHOUT.get(kind, "")
    return Change(place, bool(every), kind, tuple(shlex.split(words)), instead)


class Code:
    """The modules of a checkout, and what is defined in them.

    Args:
        root: The checkout; its modules are below ``src``.
    """

    def __init__(self, root: Path) -> None:
        self._modules: dict[str, ast.Module] = {}
        self._defined: dict[str, list[tuple[str, ast.AST]]] = {}
        self._ends: dict[str, set[str]] = {}
        for path in sorted((root / "src").rglob("*.py")):
            file = path.relative_to(root).as_posix()
            self._modules[file] = ast.parse(path.read_text(encoding="utf-8"), file)
            module = ".".join(path.relative_to(root / "src").with_suffix("").parts)
            for name, node in _definitions(self._modules[file], module):
                self._defined.setdefault(name, []).append((file, node))
                parts = name.split(".")
                for start in range(len(parts)):
                    self._ends.setdefault(".".join(parts[start:]), set()).add(name)

    def file(self, change: Change) -> str:
        """Returns the source that a change is in, by its path below the checkout.

        Raises:
            DevError: Nothing has the name of the place, or more than one thing.
        """
        return self._at(change)[0][0]

    def without(self, changes: Sequence[Change]) -> dict[str, str]:
        """Returns the sources with changes made, by file.

        Raises:
            DevError: A place or a part is not there, or more than once.
        """
        sources: dict[str, str] = {}
        undo: list[tuple[ast.AST, str, object]] = []
        try:
            for change in changes:
                file, parts = self._parts(change)
                for part in reversed(parts):
                    undo.append((part.place.parent, part.place.field, _put(part, change)))
                sources[file] = ast.unparse(self._modules[file]) + "\n"
        finally:
            for node, field, value in reversed(undo):
                setattr(node, field, value)
        return sources

    def _at(self, change: Change) -> list[tuple[str, ast.AST]]:
        found = self._ends.get(change.place, set())
        if len(found) == 1:
            return self._defined[next(iter(found))]
        if found:
            raise DevError(f"{change.place} is one of {', '.join(sorted(found))}: say which")
        raise DevError(f"nothing is called {change.place}: {self._elsewhere(change)}")

    def _parts(self, change: Change) -> tuple[str, list[_Part]]:
        at = self._at(change)
        found = [part for _, node in at for part in _matching(node, change)]
        if not found:
            raise DevError(f"'{change}' is not in {at[0][0]}: {self._elsewhere(change)}")
        if len(found) > 1 and not change.every:
            told = " | ".join(ast.unparse(part.node).splitlines()[0] for part in found)
            raise DevError(f"'{change}' is {len(found)} times there, say one more word: {told}")
        return at[0][0], found

    def _elsewhere(self, change: Change) -> str:
        last = change.place.rpartition(".")[2]
        names = [
            name
            for name, at in self._defined.items()
            if not any(isinstance(node, ast.ClassDef) for _, node in at)
            and sum(len(_matching(node, change)) for _, node in at) == 1
        ]
        names.sort(key=lambda name: (name.rpartition(".")[2] != last, -len(name)))
        if not names:
            return "nothing has such a part; what handles it now?"
        return f"such a part is in {' and '.join(names[:3])}"


def _definitions(node: ast.AST, above: str) -> Iterator[tuple[str, ast.AST]]:
    """Functions, classes, and the names that a module or class assigns, by dotted path."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*_FUNCTION, ast.ClassDef)):
            yield f"{above}.{child.name}", child
            yield from _definitions(child, f"{above}.{child.name}")
        elif isinstance(child, (ast.Assign, ast.AnnAssign)):
            if isinstance(node, (ast.Module, ast.ClassDef)):
                yield from ((f"{above}.{name}", child) for name in _assigned(child))
        elif isinstance(child, ast.stmt):
            yield from _definitions(child, above)


def _assigned(node: ast.AST) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [_last(target) for target in targets if target is not None]


def _last(node: ast.AST) -> str:
    """``c`` of ``a.b.c``."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _matching(at: ast.AST, change: Change) -> list[_Part]:
    """The innermost parts with the words."""
    words = set(change.words[1:] if change.kind in ("call", "value") else change.words)
    without = {word[1:] for word in words if word.startswith("!") and word != "!="}
    words = {word for word in words if word[1:] not in without}
    found = [
        part
        for part in _PARTS[change.kind](at, change.words[:1])
        if words <= (said := _said(part.node)) and not without & said
    ]
    return [
        part
        for part in found
        if not any(other is not part and _contains(part.node, other.node) for other in found)
    ]


def _contains(node: ast.AST, other: ast.AST) -> bool:
    return any(each is other for each in ast.walk(node))


def _said(node: ast.AST) -> set[str]:
    """The names, constants, keywords and comparisons in a node."""
    found: set[str] = set()
    for each in ast.walk(node):
        found.add(_SYMBOLS.get(type(each)) or type(each).__name__.lower())
        if isinstance(each, ast.Constant):
            found.add(_text(each))
        for field in ("id", "attr", "arg", "name"):
            if isinstance(said := getattr(each, field, None), str):
                found.add(said)
    return found


def _text(node: ast.AST | None) -> str:
    value = getattr(node, "value", None)
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _put(part: _Part, change: Change) -> object:
    """Replace a part, and return what its place held."""
    owner, field, position = part.place
    before: object = getattr(owner, field)
    old = before if isinstance(before, list) and position is None else _item(before, position)
    statements = (
        isinstance(before, list) and change.kind != "part" and isinstance(old, (list, ast.stmt))
    )
    new: object
    if change.kind == "with":
        new = old.body if isinstance(old, (ast.With, ast.AsyncWith)) else old
    elif change.kind == "part" and not change.instead:
        new = []
    elif statements:
        new = _Filled(old).statements(change.instead)
    else:
        new = _Filled(old).visit(ast.parse(change.instead, mode="eval").body)
    if isinstance(before, list) and position is not None:
        new = [
            *before[:position],
            *(new if isinstance(new, list) else [new]),
            *before[position + 1 :],
        ]
    setattr(owner, field, new)
    return before


def _item(value: object, position: int | None) -> object:
    return value[position] if isinstance(value, list) and position is not None else value


class _Filled(ast.NodeTransformer):
    """Puts parts of what was there into what is there instead."""

    def __init__(self, old: Any) -> None:
        self._old = old

    def statements(self, text: str) -> list[ast.stmt]:
        """Statements between semicolons, ``_0`` being all that were there."""
        found: list[ast.stmt] = []
        for each in ast.parse(text).body:
            if ast.unparse(each) == "_0":
                found += self._old if isinstance(self._old, list) else [self._old]
            else:
                found.append(self.visit(each))
        return found

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Fill in one of ``_0``, ``_1`` …."""
        if not re.fullmatch(r"_\d", node.id) or not isinstance(self._old, ast.AST):
            return node
        return copy.deepcopy([self._old, *_operands(self._old)][int(node.id[1])])


def _operands(node: ast.AST) -> list[ast.AST]:
    given = [
        child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.expr, ast.keyword))
    ]
    if isinstance(node, ast.Call):
        del given[0]
    return [each.value if isinstance(each, ast.keyword) else each for each in given]


def _places(at: ast.AST) -> Iterator[tuple[ast.AST, Place]]:
    """All nodes below one, each with the place it stands at."""
    for node in ast.walk(at):
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                yield value, Place(node, field, None)
            elif isinstance(value, list):
                for position, each in enumerate(value):
                    if isinstance(each, ast.AST):
                        yield each, Place(node, field, position)


def _tests(at: ast.AST, word: Sequence[str]) -> Iterator[_Part]:
    for node in ast.walk(at):
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            yield _Part(node.test, Place(node, "test", None))
        elif isinstance(node, ast.comprehension):
            yield from (_Part(test, Place(node, "ifs", n)) for n, test in enumerate(node.ifs))


def _handlers(at: ast.AST, word: Sequence[str]) -> Iterator[_Part]:
    for node in ast.walk(at):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            yield _Part(node, Place(node, "type", None))


def _calls(at: ast.AST, word: Sequence[str]) -> Iterator[_Part]:
    for node, place in _places(at):
        if isinstance(node, ast.Call) and [_last(node.func)] == list(word):
            yield _Part(node, place)


def _values(at: ast.AST, word: Sequence[str]) -> Iterator[_Part]:
    name = word[0]
    for node in ast.walk(at):
        if isinstance(node, ast.Dict):
            for n, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
                if isinstance(key, ast.Constant) and _text(key) == name:
                    yield _Part(value, Place(node, "values", n))
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and _text(node.elts[0]) == name:
            yield _Part(node.elts[1], Place(node, "elts", 1))
        given = getattr(node, "value", None)
        if isinstance(given, ast.AST) and name in _given_to(node):
            yield _Part(given, Place(node, "value", None))


def _given_to(node: ast.AST) -> list[str]:
    if isinstance(node, ast.keyword):
        return [str(node.arg)]
    return ["return"] if isinstance(node, ast.Return) else _assigned(node)


def _operand_parts(at: ast.AST, word: Sequence[str]) -> Iterator[_Part]:
    for node, place in _places(at):
        if isinstance(place.parent, ast.BoolOp) and isinstance(node, ast.expr):
            yield _Part(node, place)


def _lines(at: ast.AST, word: Sequence[str]) -> Iterator[_Part]:
    for node, place in _places(at):
        if isinstance(node, ast.stmt):
            yield _Part(node, place)


def _withs(at: ast.AST, word: Sequence[str]) -> Iterator[_Part]:
    for node, place in _places(at):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            yield _Part(node, place)


def _finals(at: ast.AST, word: Sequence[str]) -> Iterator[_Part]:
    for node in ast.walk(at):
        if isinstance(node, ast.Try) and node.finalbody:
            yield _Part(ast.Module(node.finalbody, []), Place(node, "finalbody", None))


def _bodies(at: ast.AST, word: Sequence[str]) -> Iterator[_Part]:
    if isinstance(at, _FUNCTION):
        yield _Part(at, Place(at, "body", None))


_PARTS = {
    "if": _tests,
    "except": _handlers,
    "call": _calls,
    "value": _values,
    "part": _operand_parts,
    "line": _lines,
    "with": _withs,
    "finally": _finals,
    "body": _bodies,
}
