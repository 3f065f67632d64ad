"""What is found: mistakes and hints, each with its place."""

from __future__ import annotations

from pyfly.kernel.record import Record

ERROR, WARNING = "error", "warning"


class Finding(Record):
    """One mistake or hint.

    Attributes:
        severity: ``error`` or ``warning``.
        message: ``Class.method: what is wrong (what to write instead)``.
        file: Where; None if that is not known, or the message says it.
        line: Likewise.
        method: The stub's name, if it is about one.
    """

    severity: str
    message: str
    file: str | None = None
    line: int | None = None
    method: str | None = None

    @property
    def place(self) -> str:
        """``file:line``; empty if that is not known."""
        return "" if self.file is None else f"{self.file}:{self.line}"
