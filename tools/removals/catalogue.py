"""The list of handlings, and whether it fits the sources and the page of faults."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tools.console import DevError

__all__ = ["CATALOGUE", "ROOT", "Catalogue", "Change", "Removal", "read"]

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = Path(__file__).with_name("removals.toml")
_CHANGE = {"file", "text", "without"}
_ENTRY = {"handling", "rows", *_CHANGE}


class Change(NamedTuple):
    """What is taken out of one place.

    Attributes:
        file: The source, below the checkout.
        text: What stands there; it occurs once in the file.
        without: What stands there without the handling.
    """

    file: str
    text: str
    without: str


class Removal(NamedTuple):
    """One handling that can be taken out.

    Attributes:
        handling: What it does, in words.
        changes: How it is taken out; several where one place makes up for another.
        rows: The faults whose tests must fail then, as the page calls them.
    """

    handling: str
    changes: tuple[Change, ...]
    rows: tuple[str, ...]

    def applied(self, root: Path) -> dict[str, str]:
        """The sources without the handling, by file.

        Raises:
            DevError: A text is not there, or more than once.
        """
        sources: dict[str, str] = {}
        for file, text, without in self.changes:
            path = root / file
            if file not in sources:
                sources[file] = path.read_text(encoding="utf-8") if path.is_file() else ""
            if (count := sources[file].count(text)) != 1:
                where = "is not in" if count == 0 else f"is {count} times in"
                raise DevError(
                    f"removals: {self.handling!r}: its text {where} {file}; say in "
                    f"{CATALOGUE.name} what handles it now:\n{text}"
                )
            sources[file] = sources[file].replace(text, without)
        return sources


class Catalogue(NamedTuple):
    """All that is listed.

    Attributes:
        removals: The handlings.
        uncovered: Faults that none of them handles, and why.
    """

    removals: tuple[Removal, ...]
    uncovered: dict[str, str]

    def chosen(self, names: Iterable[str]) -> list[Removal]:
        """Those with one of the names in their handling, file or faults; all without a name.

        Raises:
            DevError: There is none.
        """
        wanted = [name.lower() for name in names]
        found = [
            removal
            for removal in self.removals
            if not wanted or any(name in text for name in wanted for text in _texts(removal))
        ]
        if not found:
            raise DevError(
                f"removals: no handling, file or fault has {' or '.join(wanted)} in its name "
                "(dev.py removals --list shows them)",
                status=2,
            )
        return found

    def nearest(self, row: str) -> str:
        """What the test of a fault is shown to need: of its handlings the one with the fewest
        faults, or why there is none.
        """
        found = [removal for removal in self.removals if row in removal.rows]
        if not found:
            return f"nothing of ours: {self.uncovered.get(row, 'not listed')}"
        return min(found, key=lambda removal: len(removal.rows)).handling

    def problems(self, root: Path, known: Iterable[str]) -> Iterator[str]:
        """What is wrong with the list, a line each.

        Args:
            root: The checkout.
            known: All faults of the page.
        """
        faults, named = set(known), set(self.uncovered)
        handlings = [removal.handling for removal in self.removals]
        twice = sorted({each for each in handlings if handlings.count(each) > 1})
        yield from (f"{each!r} is listed twice" for each in twice)
        for removal in self.removals:
            named.update(removal.rows)
            try:
                if any(change.text == change.without for change in removal.changes):
                    yield f"{removal.handling!r} takes nothing out"
                for file, source in removal.applied(root).items():
                    compile(source, file, "exec")
            except (DevError, SyntaxError) as error:
                yield f"{removal.handling!r}: {error}"
            if both := set(removal.rows) & set(self.uncovered):
                yield f"{removal.handling!r} handles what is listed as uncovered: {sorted(both)}"
            if not removal.rows:
                yield f"{removal.handling!r} names no fault"
        yield from (f"no fault of the page is called {row!r}" for row in sorted(named - faults))
        yield from (
            f"nothing is listed for the fault {row!r}: what handles it?"
            for row in sorted(faults - named)
        )


def read(path: Path = CATALOGUE) -> Catalogue:
    """The list in a file.

    Raises:
        DevError: An entry lacks something, or has something that is not known.
    """
    given: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    removals = [
        _removal(entry, f"entry {number} of {path.name}")
        for number, entry in enumerate(given.get("removal", ()), 1)
    ]
    return Catalogue(tuple(removals), dict(given.get("uncovered", {})))


def _removal(entry: dict[str, Any], where: str) -> Removal:
    further: list[dict[str, str]] = entry.pop("also", [])
    _require(entry, _ENTRY, where)
    for each in further:
        _require(each, _CHANGE, f"{where}, also")
    changes = [Change(each["file"], each["text"], each["without"]) for each in (entry, *further)]
    return Removal(entry["handling"], tuple(changes), tuple(entry["rows"]))


def _require(table: dict[str, Any], keys: set[str], where: str) -> None:
    if wrong := set(table) ^ keys:
        raise DevError(
            f"removals: {where} ({table.get('handling', 'it has no handling')}) lacks, or has too "
            f"much: {', '.join(sorted(wrong))}"
        )


def _texts(removal: Removal) -> Iterator[str]:
    yield from (text.lower() for text in (removal.handling, *_files(removal), *removal.rows))


def _files(removal: Removal) -> list[str]:
    return [change.file for change in removal.changes]
