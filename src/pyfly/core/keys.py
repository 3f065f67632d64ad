"""Keys: how they are split, when two are the same, and which hold secrets.

``connect-timeout``, ``connect_timeout``, ``connectTimeout`` and ``CONNECT_TIMEOUT`` are one
key. Their common form, ``connecttimeout``, is what this room compares; what it shows is what
somebody wrote.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyfly.core.errors import ConfigException
from pyfly.kernel.secrets import is_secret

Path = tuple[str, ...]


def common(part: str) -> str:
    """Returns the form that all spellings of one part of a key share."""
    return part.replace("-", "").replace("_", "").lower() or part


def split(key: str) -> Path:
    """Returns the parts of a dotted key; the empty key has none.

    Raises:
        ConfigException: The key is no text, or has an empty part.
    """
    if not isinstance(key, str):
        raise ConfigException(f"a key is a text such as 'pyfly.client', not {key!r:.60}")
    if not key:
        return ()
    parts = tuple(key.split("."))
    if not all(part.strip() for part in parts):
        raise ConfigException(f"{key!r:.80} is no key: a part of it is empty (write a.b.c)")
    return parts


def common_path(key: str) -> Path:
    """Returns the common forms of the parts of a key."""
    return tuple(common(part) for part in split(key))


def dotted(path: Iterable[str]) -> str:
    """Returns a key as messages show it."""
    return printable(".".join(path))


def printable(text: str) -> str:
    """Returns a name on one line, whatever is in it."""
    text = text if len(text) <= 200 else text[:197] + "..."
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def variable(parts: Iterable[str]) -> str:
    """Returns the environment variable of a key, as it is best written."""
    return "_".join(parts).replace("-", "_").upper()


def looks_secret(name: str) -> bool:
    """Returns whether the name of a key or a variable suggests that its value is secret."""
    return is_secret(name)


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Returns the known name most like the given one, or None if none is like it enough."""
    # Imported here: it is needed only once something is wrong, and it is not cheap.
    from difflib import get_close_matches

    by_form = {common(candidate): candidate for candidate in known}
    found = get_close_matches(common(name), by_form, n=1, cutoff=cutoff)
    return by_form[found[0]] if found else None
