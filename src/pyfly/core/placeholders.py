"""``${name}`` and ``${name:default}`` inside texts.

A name and a default may hold placeholders themselves; ``$${`` stands for a literal ``${``.
Braces in a default are counted, so ``${LIMITS:{"a": 1}}`` ends where it seems to end.
What a name leads to is the business of the caller; see :class:`pyfly.core.store.Store`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pyfly.core.conversions import HIDDEN
from pyfly.core.errors import PlaceholderException
from pyfly.core.keys import looks_secret, printable
from pyfly.kernel.record import Record

# A few keys that repeat each other can unfold to gigabytes: ${a}${a} over and over.
_MOST_EXPANSIONS = 1_000
_LONGEST_RESULT = 1_000_000
_DEEPEST = 16


class PlaceholderSource(Record):
    """What the name in a placeholder leads to.

    Attributes:
        text: The text it stands for; None if it leads to something that is no text.
        where: Where that text was given.
        key: The key or variable, in the form that tells a circle.
        literal: Whether the text is taken as it is, placeholders in it included.
        secret: Whether no message may show the text.
        wrong: Why there is no text.
    """

    text: str | None
    where: str
    key: str
    literal: bool = False
    secret: bool = False
    wrong: str = ""


Lookup: TypeAlias = Callable[[str], PlaceholderSource | None]


class Resolver:
    """Resolves one text; afterwards it knows whether a secret went into it.

    Attributes:
        secret: Whether a name that looks secret was used.
        used: The keys and variables that were used.
    """

    __slots__ = ("_left", "_lookup", "secret", "used")

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._left = _MOST_EXPANSIONS
        self.secret = False
        self.used: set[str] = set()

    def resolve(self, text: str, where: str, trail: tuple[str, ...] = ()) -> str:
        """Returns the text with every placeholder replaced.

        Args:
            text: What was written.
            where: The place, for messages.
            trail: The keys that led here, to find circles.

        Raises:
            PlaceholderException: A name leads nowhere or in a circle, or a brace is missing.
        """
        result = ""
        position = 0
        while (start := text.find("${", position)) >= 0:
            if start > position and text[start - 1] == "$":
                result += text[position : start - 1] + "${"
                position = start + 2
                continue
            end = _closing(text, start + 2)
            if end < 0:
                raise PlaceholderException(
                    f"{where}: a placeholder is not closed (write ${{NAME}} or"
                    " ${NAME:default}; $${ is a literal ${)"
                )
            result += text[position:start] + self._expand(text[start + 2 : end], where, trail)
            position = end + 1
            if len(result) > _LONGEST_RESULT:
                raise PlaceholderException(
                    f"{where}: the placeholders unfold to more than {_LONGEST_RESULT:,} characters"
                )
        return result + text[position:]

    def _expand(self, inside: str, where: str, trail: tuple[str, ...]) -> str:
        self._left -= 1
        if self._left < 0 or len(trail) > _DEEPEST:
            raise PlaceholderException(f"{where}: the placeholders are nested too deeply")
        name, default = _name_and_default(inside)
        known_secret = self.secret
        self.secret = False
        # "" on the trail stands for a name or default inside this one; it only counts depth.
        name = self.resolve(name, where, (*trail, "")).strip()
        shown = HIDDEN if self.secret else printable(name)
        self.secret = self.secret or known_secret or looks_secret(name)
        source = self._lookup(name) if name else None
        if source is None:
            if default is None:
                raise PlaceholderException(_nowhere(shown, where), placeholder=shown)
            return self.resolve(default, where, (*trail, ""))
        self.secret = self.secret or source.secret
        self.used.add(source.key)
        if source.text is None:
            raise PlaceholderException(
                f"{where}: ${{{shown}}} {source.wrong} (name a key with a value)",
                placeholder=shown,
            )
        if source.literal:
            return source.text
        if source.key in trail:
            if default is not None and source.key == next(key for key in reversed(trail) if key):
                # `port: ${PORT:8080}` means the variable: PORT and port are one key.
                return self.resolve(default, where, (*trail, ""))
            circle = [key for key in trail[trail.index(source.key) :] if key]
            raise PlaceholderException(
                f"{where}: the placeholders go in a circle: {' -> '.join((*circle, source.key))}",
                placeholder=shown,
            )
        return self.resolve(source.text, source.where, (*trail, source.key))


def _nowhere(name: str, where: str) -> str:
    if not name:
        return f"{where}: a placeholder has no name (write ${{NAME}} or ${{NAME:default}})"
    return (
        f"{where}: ${{{name}}} is neither a key of the configuration nor an environment variable"
        f" (set it, or give a default: ${{{name}:default}})"
    )


def _closing(text: str, position: int) -> int:
    """Returns where the brace closes that opened before this position; -1 if it does not."""
    depth = 1
    for index in range(position, len(text)):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if not depth:
                return index
    return -1


def _name_and_default(inside: str) -> tuple[str, str | None]:
    """Returns the parts before and after the first colon that is not within braces."""
    depth = 0
    for index, character in enumerate(inside):
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        elif character == ":" and not depth:
            return inside[:index], inside[index + 1 :]
    return inside, None
