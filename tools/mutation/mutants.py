"""Every small change to a module that its tests should notice."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Mutant", "Place", "mutants_of"]

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_OTHER_NAME = {"min": "max", "max": "min", "any": "all", "all": "any"}
#: Assigned at the top of a module or class, and of no consequence for what happens.
_BOOKKEEPING = {"__all__", "__slots__", "T", "P", "F"}


class Mutant(NamedTuple):
    """One change.

    Attributes:
        where: The function or class that it is in.
        line: In the file.
        change: What was there, and what is there instead.
        number: Tells equal changes in one function apart, from 1.
        tree: The whole module with the change.
    """

    where: str
    line: int
    change: str
    number: int
    tree: ast.Module

    @property
    def name(self) -> str:
        """Stays the same when lines move."""
        again = f" (number {self.number})" if self.number > 1 else ""
        return f"{self.where}: {self.change}{again}"


class Place(NamedTuple):
    """Where a node stands: in which field of which other, and in a list at which position."""

    parent: ast.AST
    field: str
    position: int | None

    def put(self, node: ast.AST) -> None:
        """Put another node there."""
        if self.position is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.position] = node


def mutants_of(source: str) -> Iterator[Mutant]:
    """All mutants of a module, in the order of the source."""
    module = ast.parse(source)
    seen: Counter[tuple[str, str]] = Counter()
    for place, node, where in _nodes(module, ""):
        if not isinstance(node, (ast.expr, ast.stmt)):
            continue
        for replacement in _expressions(node) if isinstance(node, ast.expr) else _statements(node):
            ast.copy_location(replacement, node)
            ast.fix_missing_locations(replacement)
            change = f"`{_text(node)}` → `{_text(replacement)}`"
            seen[where, change] += 1
            place.put(replacement)
            tree = copy.deepcopy(module)
            place.put(node)
            yield Mutant(where, node.lineno, change, seen[where, change], tree)


def _text(node: ast.AST) -> str:
    lines = ast.unparse(node).splitlines()
    return lines[0] if len(lines) == 1 else f"{lines[0]} …"


def _nodes(node: ast.AST, where: str) -> Iterator[tuple[Place, ast.AST, str]]:
    """What may be changed below a node, each with the place it stands at."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        items = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, child in items:
            if isinstance(child, ast.AST) and not _skipped(child):
                inner = _inside(child, where)
                yield Place(node, field, index), child, inner
                yield from _nodes(child, inner)


def _inside(node: ast.AST, where: str) -> str:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return f"{where}.{node.name}" if where else node.name
    return where


def _skipped(node: ast.AST) -> bool:
    """Whether nothing below a node counts: imports, texts for people, bookkeeping."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.JoinedStr, ast.Assert, ast.Delete)):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)  # a docstring, or an ellipsis
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return True
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id in _BOOKKEEPING
    if isinstance(node, ast.ClassDef):
        return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("TypeVar", "ParamSpec", "cast", "super")
    return False


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            for other in _COMPARED[type(operator)]:
                ops = list(node.ops)
                ops[index] = other()
                yield ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, ast.BinOp):
        yield ast.BinOp(node.left, _COMPUTED[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp):
        if not isinstance(node.op, ast.USub) or not isinstance(node.operand, ast.Constant):
            yield node.operand
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.Constant):
        yield from _constants(node.value)
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _OTHER_NAME
    ):
        name = ast.Name(_OTHER_NAME[node.func.id], ast.Load())
        yield ast.Call(name, node.args, node.keywords)


def _constants(value: object) -> Iterator[ast.expr]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        if value > 1:
            yield ast.Constant(value - 1)
    elif isinstance(value, float):
        yield ast.Constant(value + 1.0)
    elif isinstance(value, str) and value:
        yield ast.Constant(f"{value}~")


def _statements(node: ast.stmt) -> Iterator[ast.stmt]:
    if isinstance(node, ast.If):
        for constant in (True, False):
            yield ast.If(ast.Constant(constant), node.body, node.orelse)
    elif isinstance(node, ast.While) and not isinstance(node.test, ast.Constant):
        yield ast.While(ast.Constant(False), node.body, node.orelse)
    elif isinstance(node, ast.AugAssign):
        target = copy.copy(node.target)
        yield ast.AugAssign(node.target, _COMPUTED[type(node.op)](), node.value)
        yield ast.Assign([target], node.value)
        yield ast.Pass()
    elif isinstance(node, (ast.Expr, ast.Raise)) or _sets_attribute(node):
        yield ast.Pass()
    elif isinstance(node, ast.Return) and node.value is not None:
        if not isinstance(node.value, ast.Constant) or node.value.value is not None:
            yield ast.Return(None)
    elif isinstance(node, ast.Break):
        yield ast.Continue()
    elif isinstance(node, ast.Continue):
        yield ast.Break()


def _sets_attribute(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
