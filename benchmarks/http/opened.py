"""What a case gives the one who measures it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

__all__ = ["PARAMS", "Opened", "target"]

Call = Callable[[int], Awaitable[Any]]
#: The query of every call.
PARAMS = {"category": "tools", "page": "3", "in_stock": "true"}


class Opened(NamedTuple):
    """A client that is open.

    Attributes:
        call: GETs a document of so many bytes, and returns it decoded.
        held: The same, answered late; None if the case is not for idle connections.
    """

    call: Call
    held: Call | None = None


def target(size: int) -> str:
    """The path and query of a call, as one string."""
    return f"/items/{size}?category=tools&page=3&in_stock=true"
