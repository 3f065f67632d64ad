"""The path of a declaration: literal text and placeholders."""

from __future__ import annotations

import re

from pyfly.kernel.record import Record

__all__ = ["PathTemplate", "parse_path"]

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
#: What RFC 3986 allows in a path besides placeholders: pchar, "/", and whole escapes.
_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")


class PathTemplate(Record):
    """A path, taken apart.

    Attributes:
        text: The template as written.
        literals: The text before, between and after the placeholders; one more than these.
        placeholders: The names in braces, in order.
    """

    text: str
    literals: tuple[str, ...]
    placeholders: tuple[str, ...]


def parse_path(text: object) -> tuple[PathTemplate, list[str]]:
    """Take a path apart; the second value lists what is wrong with it, empty if nothing is."""
    if not isinstance(text, str):
        return PathTemplate(str(text), (str(text),), ()), [
            f'the path must be a str, not {type(text).__name__} (write "/…")'
        ]
    pieces = _PLACEHOLDER.split(text)
    template = PathTemplate(text, tuple(pieces[::2]), tuple(pieces[1::2]))
    return template, _mistakes(template)


def _mistakes(template: PathTemplate) -> list[str]:
    text, bare = template.text, "".join(template.literals)
    wrong: list[str] = []
    if "://" in text:
        return [f"the path {text!r} is an absolute URL (put the host into base_url)"]
    if not text.startswith("/"):
        wrong.append(f"the path {text!r} must start with a slash (write {'/' + text!r})")
    elif "//" in text:
        wrong.append(f"the path {text!r} has an empty segment, '//' (write one slash)")
    if "?" in bare:
        wrong.append(f"the path {text!r} holds a query string (declare its values as parameters)")
    elif "#" in bare:
        wrong.append(f"the path {text!r} holds a fragment, which is never sent (remove it)")
    elif "{" in bare or "}" in bare:
        wrong.append(f"the path {text!r} has unbalanced braces (write {{name}})")
    elif not _LITERAL.fullmatch(bare):
        wrong.append(
            f"the path {text!r} holds characters that a URL must not (percent-encode them)"
        )
    if any(segment in (".", "..") for segment in text.split("/")):
        wrong.append(f"the path {text!r} has a '.' or '..' segment (write the path it means)")
    for name in dict.fromkeys(template.placeholders):
        if not name.isidentifier():
            wrong.append(
                f"the placeholder {{{name}}} in {text!r} is no parameter name (write {{name}})"
            )
        elif template.placeholders.count(name) > 1:
            wrong.append(f"the placeholder {{{name}}} is repeated in {text!r} (use it once)")
    return wrong
