"""The environment variables, as they were when the configuration was built.

A variable belongs to a key if its words, taken one after the other, spell the parts of the
key: ``PYFLY_CLIENT_CONNECT_TIMEOUT`` and ``PYFLY_CLIENT_CONNECTTIMEOUT`` both belong to
``pyfly.client.connect-timeout``. Only names in upper case are keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pyfly.core.errors import ConfigException
from pyfly.core.keys import Path


def spell(words: Sequence[str], part: str) -> int:
    """Returns how many of the leading words spell this part of a key; 0 if they do not."""
    joined = ""
    for count, word in enumerate(words, 1):
        joined += word
        if joined == part:
            return count
        if not part.startswith(joined):
            return 0
    return 0


class Environment:
    """A snapshot of environment variables that can be asked by name or by key.

    Raises:
        ConfigException: A value is no text.
    """

    __slots__ = ("_letters", "_values")

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        for name, value in self._values.items():
            if not isinstance(value, str):
                kind = type(value).__name__
                raise ConfigException(
                    f"environment variable {name}: is of type {kind} (give it as text)"
                )
        self._letters: dict[str, list[str]] | None = None

    def _by_letters(self) -> dict[str, list[str]]:
        """Returns the names, by what they are without underscores and case; made when it is needed.

        Names that differ only in where the words are cut are one entry, so that asking for a
        key is one look-up however many variables there are.
        """
        if self._letters is None:
            letters: dict[str, list[str]] = {}
            for name in self._values:
                letters.setdefault(name.replace("_", "").lower(), []).append(name)
            self._letters = letters
        return self._letters

    def get(self, name: str) -> str | None:
        """Returns the value of the variable of exactly this name."""
        return self._values.get(name)

    def of_key(self, path: Path) -> list[str]:
        """Returns the names of the variables that spell a key, given as common forms."""
        names = self._by_letters().get("".join(path), ())
        return [name for name in names if name == name.upper() and self._rest(name, path) == ()]

    def under(self, path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yields name and remaining words, in lower case, of every variable below a section.

        Names that would belong here but for their case or a doubled underscore have none.
        """
        start = "_".join(path).upper() + "_" if path else ""
        letters = "".join(path)
        near = (names for key, names in self._by_letters().items() if key.startswith(letters))
        for name in sorted(name for names in near for name in names):
            rest = self._rest(name, path)
            if rest:
                yield name, (rest if name == name.upper() else ())
            elif name.upper().startswith(start):
                yield name, ()

    @staticmethod
    def _rest(name: str, path: Path) -> tuple[str, ...] | None:
        words = tuple(name.lower().split("_"))
        if "" in words:
            return None
        for part in path:
            count = spell(words, part)
            if not count:
                return None
            words = words[count:]
        return words
