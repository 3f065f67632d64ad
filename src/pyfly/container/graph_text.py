"""The text of wiring errors: what is wrong, the path through the graph, and the fix.

::

    No bean of type InventoryClient.
      ApplicationContext
      └─ CatalogService(inventory: InventoryClient)   shop/catalog.py:12
         └─ InventoryClient   ← nothing registered
    Register one: context.register_bean(InventoryClient), or give the parameter a default.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import get_origin

from pyfly.container.definition import BeanDefinition
from pyfly.container.injection_point import InjectionPoint
from pyfly.container.matching import is_protocol, satisfies
from pyfly.container.naming import type_text
from pyfly.container.stereotypes import Scope

Path = tuple[tuple[BeanDefinition, InjectionPoint], ...]
"""The way from a bean to what it needs: each bean with the parameter that leads on."""


def node(definition: BeanDefinition, point: InjectionPoint | None = None) -> str:
    """``CatalogService(inventory: InventoryClient)   shop/catalog.py:12``."""
    parameter = f"({point.name}: {type_text(point.annotation)})" if point else ""
    return f"{definition.label}{parameter}   {definition.place}"


def draw(root: str, path: Path, leaf: str, below: Sequence[str] = ()) -> str:
    """A branch from the container down to the trouble, with its alternatives below."""
    lines = [node(definition, point) for definition, point in path] + [leaf]
    drawn = [f"  {root}"]
    drawn += [f"  {'   ' * depth}└─ {line}" for depth, line in enumerate(lines)]
    indent = "   " * len(lines)
    drawn += [
        f"  {indent}{'└─' if last == len(below) else '├─'} {line}"
        for last, line in enumerate(below, 1)
    ]
    return "\n".join(drawn)


def missing(root: str, path: Path, point: InjectionPoint, known: Sequence[BeanDefinition]) -> str:
    """Nothing registered fits."""
    wanted = type_text(point.wanted)
    named = f" named {point.qualifier!r}" if point.qualifier is not None else ""
    fitting = [d for d in known if satisfies(d.type, point.wanted)]
    note = f"← no bean named {point.qualifier!r}" if named and fitting else "← nothing registered"
    below = [f"{d.name}: {node(d)}" for d in fitting]
    lines = [
        f"No bean of type {wanted}{named}.",
        draw(root, path, f"{wanted}   {note}", below),
    ]
    similar = _similar(point, fitting or [d for d in known if all(d is not on for on, _ in path)])
    if similar:
        lines.append(f"Did you mean {' or '.join(similar)}?")
    lines.append("Use one of the names above." if fitting else _remedy(root, path, point, known))
    return "\n".join(lines)


def ambiguous(root: str, path: Path, point: InjectionPoint, found: Sequence[BeanDefinition]) -> str:
    """Several fit."""
    wanted, example = type_text(point.wanted), found[0].name
    primaries = [d for d in found if d.primary]
    below = [f"{d.name}: {node(d)}{'   (primary)' if d.primary else ''}" for d in found]
    if path:
        by_name = f'{point.name}: Annotated[{wanted}, Qualifier("{example}")]'
    else:
        by_name = f'get_bean({wanted}, name="{example}")'
    return "\n".join(
        [
            f"{len(found)} beans of type {wanted}, and "
            + (f"{len(primaries)} of them are primary." if primaries else "none is primary."),
            draw(root, path, f"{wanted}   ← which one?", below),
            f"Leave @primary on one of them, or name the one you mean: {by_name}."
            if primaries
            else f"Mark one with @primary, or name the one you mean: {by_name}.",
        ]
    )


def cycle(root: str, path: Path, repeated: BeanDefinition) -> str:
    """A bean needs itself: it stands on the path that leads to it."""
    start = [definition for definition, _ in path].index(repeated)
    before, loop = path[:start], path[start:]
    lines = [f"{repeated.label} needs itself.", f"  {root}"]
    lines += [f"  {'   ' * i}└─ {node(*step)}" for i, step in enumerate(before)]
    margin = "  " + "   " * len(before)
    lines += [f"{margin}{'│  ' if i else '┌─▶'} {node(*step)}" for i, step in enumerate(loop)]
    lines += [
        f"{margin}└──┘",
        "Break the loop: move what both need into a third bean, or let one of them take the "
        "other after both are made.",
    ]
    return "\n".join(lines)


def failed(root: str, path: Path, definition: BeanDefinition, error: BaseException) -> str:
    """The user's code that makes a bean raised."""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{definition.label} could not be made: {what}\n{way(root, path, definition, error)}"


def way(root: str, path: Path, definition: BeanDefinition, error: BaseException) -> str:
    """Where making a bean failed."""
    return draw(root, path, f"{node(definition)}   ← raised {type(error).__name__}")


def unawaited(root: str, path: Path, definition: BeanDefinition) -> str:
    """Making a bean has to be awaited, and nobody can."""
    chain = [*(above for above, _ in path), definition]
    if all(each.scope is Scope.TRANSIENT for each in chain):
        remedy = (
            f"{definition.label} is transient, so start() does not make it: initialise it "
            "without `async`, or let a singleton take it as a constructor parameter."
        )
    else:
        remedy = (
            "Call `await context.start()` again: it makes what was registered since. (A "
            "Container by itself makes no such beans; an ApplicationContext does.)"
        )
    leaf = f"{node(definition)}   ← has an async factory or an async @post_construct"
    return (
        f"{chain[0].label} has to be awaited, which get_bean cannot do.\n"
        f"{draw(root, path, leaf)}\n{remedy}"
    )


def _similar(point: InjectionPoint, known: Sequence[BeanDefinition]) -> list[str]:
    from difflib import get_close_matches  # only when something is wrong

    if point.qualifier is not None:
        close = get_close_matches(point.qualifier, [d.name for d in known])
        return [repr(name) for name in close]
    by_name = {type_text(d.type): d for d in known}
    close = get_close_matches(type_text(point.wanted), by_name)
    return [f"{name} ({by_name[name].place})" for name in close]


def _remedy(root: str, path: Path, point: InjectionPoint, known: Sequence[BeanDefinition]) -> str:
    wanted, text = get_origin(point.wanted) or point.wanted, type_text(point.wanted)
    default = ", or give the parameter a default" if path else ""
    if is_protocol(wanted):
        almost = [d.label for d in known if satisfies(d.type, wanted, any_protocol=True)]
        if almost:
            return (
                f"{almost[0]} has its methods, but {wanted.__name__} is not @runtime_checkable: "
                f"decorate it, or write class {almost[0]}({wanted.__name__})."
            )
    if is_protocol(wanted) or inspect.isabstract(wanted):
        return f"Register a class that implements {text}{default}."
    named = f', name="{point.qualifier}"' if point.qualifier is not None else ""
    receiver = root.removeprefix("Application").lower()  # as variables are called: context
    return f"Register one: {receiver}.register_bean({text}{named}){default}."
