"""Fields within fields, as names with brackets: ``items[0][price]``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyfly.client._bind.binders import is_collection, items_of, shown
from pyfly.client._bind.values import Unsendable
from pyfly.client._codec.encode import fields_of

__all__ = ["below", "leaves"]

_DEEPEST = 32


def leaves(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The names and values of all that is in a value; None, and what is empty, is left out.

    Raises:
        Unsendable: A name holds a bracket, or it is nested too deep.
    """
    if depth > _DEEPEST:
        raise Unsendable(f"it is nested more than {_DEEPEST} deep")
    fields = enumerate(items_of(value)) if is_collection(value) else _fields(value)
    if fields is None:
        yield name, value
        return
    for key, item in fields:
        if item is not None:
            yield from leaves(below(name, key), item, depth + 1)


def _fields(value: Any) -> Iterable[tuple[str, Any]] | None:
    fields = fields_of(value)
    return None if fields is None else fields.items()


def below(name: str, key: object) -> str:
    """The name of a field of a field.

    Raises:
        Unsendable: The key holds a bracket, so that it would be taken for several.
    """
    text = str(key)
    if "[" in text or "]" in text:
        raise Unsendable(f"the name {shown(text)} within it holds a bracket")
    return f"{name}[{text}]"
