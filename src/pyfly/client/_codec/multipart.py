"""``multipart/form-data`` (RFC 7578), written as browsers write it (HTML, section 4.10.21.8)."""

from __future__ import annotations

import os
import re
from posixpath import splitext

from pyfly.client._codec.body import ContentSource, Piece, Pieces

OCTET_STREAM = "application/octet-stream"

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_MEDIA_TYPE = re.compile(
    rf"{_TOKEN}/{_TOKEN}(?:[ \t]*;[ \t]*{_TOKEN}=(?:{_TOKEN}|\"[ !#-\[\]-~]*\"))*"
).fullmatch
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]").search
_ESCAPED = re.compile(r"%(?:22|0[aAdD])").search


class Multipart:
    """Collects the parts of one body, in the order in which they are to be sent.

    Its boundary is random, so that no content can foresee it.
    """

    def __init__(self) -> None:
        self._boundary = os.urandom(16).hex()
        self._pieces: list[Piece] = []

    @property
    def content_type(self) -> str:
        """The body's ``Content-Type``."""
        return f"multipart/form-data; boundary={self._boundary}"

    def add_field(self, name: str, text: str) -> None:
        """A text field."""
        self._add(f'name="{_escaped(name)}"', None, text.encode())

    def add_file(
        self, name: str, content: bytes | ContentSource, filename: str, content_type: str | None
    ) -> None:
        """A file; its type is guessed from its name if it is None."""
        disposition = f'name="{_escaped(name)}"; filename="{_escaped(filename)}"'
        self._add(disposition, content_type or guessed_type(filename), content)

    def _add(
        self, disposition: str, content_type: str | None, content: bytes | ContentSource
    ) -> None:
        head = f"--{self._boundary}\r\nContent-Disposition: form-data; {disposition}\r\n"
        if content_type is not None:
            head += f"Content-Type: {content_type}\r\n"
        self._pieces += (f"{head}\r\n".encode(), content, b"\r\n")

    def body(self) -> bytes | Pieces:
        """The whole body: bytes if all of it is in memory."""
        return Pieces.joined([*self._pieces, f"--{self._boundary}--\r\n".encode()])


def _escaped(text: str) -> str:
    """A name inside the quotes of a header, which it can so not leave."""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def require_file_name(name: object) -> None:
    """Check a file name; see :func:`require_part_name`."""
    require_part_name(name, "file name")


def require_part_name(name: object, what: str) -> None:
    """Check the name of a file or field, which stands inside the quotes of a header.

    What is sent for it stands for no other name, whoever reads it: some readers take a
    backslash for the beginning of an escape, or for a folder; ``%22``, ``%0A`` and ``%0D`` are
    how a quote and line breaks are sent.

    Raises:
        ValueError: It is empty or no text, or holds what no header can.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"the {what} must be a non-empty str, not {name!r}")
    if _CONTROL(name):
        raise ValueError(f"the {what} holds a control character")
    if "\\" in name:
        raise ValueError(
            f"the {what} holds a backslash, which readers take in different ways (give the name "
            "without its folders)"
        )
    if found := _ESCAPED(name):
        raise ValueError(
            f"the {what} holds {found[0]}, which stands for another character there (give it "
            "decoded)"
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"the {what} holds half of a surrogate pair, which is no character (give another)"
        ) from None


def require_media_type(text: object) -> None:
    """Check a media type, parameters included (RFC 9110, section 8.3.1).

    Raises:
        ValueError: It is none.
    """
    if not isinstance(text, str) or not _MEDIA_TYPE(text):
        raise ValueError(f"{text!r} is no media type (write one like 'image/png')")


def guessed_type(filename: str) -> str:
    """The media type that a file name's ending stands for; else ``application/octet-stream``."""
    import mimetypes  # it reads files when it is first used

    # Only the ending: all of a name would be taken for a URL, "data:text/html,x" among them.
    kind, encoding = mimetypes.guess_type(f"file{splitext(filename)[1]}")
    return OCTET_STREAM if kind is None or encoding is not None else kind
