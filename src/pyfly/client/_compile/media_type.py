"""What a ``Content-Type`` says of how a value becomes a body."""

from __future__ import annotations

_LINES = frozenset({"x-ndjson", "ndjson", "jsonl", "x-jsonl", "jsonlines", "x-jsonlines"})


class MediaType:
    """A media type, taken apart.

    Args:
        text: The type as written, such as ``text/csv; charset=latin-1``.

    Attributes:
        essence: Type and subtype, lower case.
        charset: How text is encoded; UTF-8 unless it says otherwise.
        is_json: Whether values are written as JSON: ``…/json`` and all that end in ``+json``.
        is_lines: Whether values are written as lines of JSON.
    """

    def __init__(self, text: str) -> None:
        essence, _, parameters = text.partition(";")
        self.text = text
        self.essence = essence.strip().lower()
        self.charset = "utf-8"
        self._names_charset = False
        for parameter in parameters.split(";"):
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                self.charset = value.strip().strip('"').lower()
                self._names_charset = True
        subtype = self.essence.rpartition("/")[2]
        self.is_json = subtype == "json" or subtype.endswith("+json")
        self.is_lines = subtype in _LINES

    def with_charset(self) -> str:
        """As it is sent: text says its charset, which else would be guessed."""
        if self._names_charset or not self.essence.startswith("text/"):
            return self.text
        return f"{self.text}; charset={self.charset}"
