"""A request as a connection takes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Protocol

__all__ = ["BodyPieces", "OutgoingRequest"]


class BodyPieces(Protocol):
    """A body that comes in pieces; each iteration begins anew.

    Attributes:
        length: How many bytes it has; None if that is not known.
    """

    @property
    def length(self) -> int | None:
        """How many bytes it has; None if that is not known."""
        ...

    def __iter__(self) -> Iterator[bytes]: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class OutgoingRequest:
    """One request: what is on the wire, but for what a proxy has to see.

    Attributes:
        method: ``GET``, ``POST``, …
        target: Path and query, percent-encoded.
        fields: The lines of all header fields, with those that frame the body.
        content: The body.
    """

    __slots__ = ("content", "fields", "method", "target")

    def __init__(
        self, method: str, target: bytes, fields: bytes, content: bytes | BodyPieces | None
    ) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.content = content
