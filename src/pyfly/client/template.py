"""The path of a declaration: literal text and placeholders."""

from __future__ import annotations

import re
from urllib.parse import quote

from pyfly.kernel.record import Record

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
#: What RFC 3986 allows in a path besides placeholders: pchar, "/", and whole escapes.
_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
#: A ``.`` or ``..`` segment, its dots encoded or not (RFC 3986, sections 5.2.4 and 6.2.2.2).
_DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)


class PathTemplate(Record):
    """A path, taken apart.

    Attributes:
        text: The template as written.
        literals: The text before, between and after the placeholders, as it is sent: what is
            not ASCII is encoded as UTF-8 (RFC 3987, section 3.1). One more than these.
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
    literals = tuple(_NOT_ASCII.sub(_encoded, literal) for literal in pieces[::2])
    template = PathTemplate(text, literals, tuple(pieces[1::2]))
    return template, _mistakes(template)


def has_dot_segment(path: str) -> bool:
    """Whether a path has a segment ``.`` or ``..``, which its reader would resolve."""
    return _DOT_SEGMENT.search(path) is not None


def _encoded(found: re.Match[str]) -> str:
    try:
        return quote(found[0])
    except UnicodeEncodeError:  # half of a surrogate pair: told as what a URL must not hold
        return found[0]


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
    if has_dot_segment(text):
        wrong.append(f"the path {text!r} has a '.' or '..' segment (write the path it means)")
    for name in dict.fromkeys(template.placeholders):
        if not name.isidentifier():
            wrong.append(
                f"the placeholder {{{name}}} in {text!r} is no parameter name (write {{name}})"
            )
        elif template.placeholders.count(name) > 1:
            wrong.append(f"the placeholder {{{name}}} is repeated in {text!r} (use it once)")
    return wrong
