"""The list of handlings, and whether it fits the sources and the page of faults."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tools.console import DevError
from tools.removals.change import Change, Code, parse

__all__ = ["CATALOGUE", "ROOT", "Catalogue", "Removal", "read"]

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = Path(__file__).with_name("removals.toml")


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


class Catalogue(NamedTuple):
    """All that is listed.

    Attributes:
        removals: The handlings.
        uncovered: Faults that none of them handles, and why.
    """

    removals: tuple[Removal, ...]
    uncovered: dict[str, str]

    def chosen(self, names: Iterable[str]) -> list[Removal]:
        """Those with one of the names in their handling, place or faults; all without a name.

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
                f"removals: no handling, place or fault has {' or '.join(wanted)} in its name "
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

    def problems(self, code: Code, known: Iterable[str]) -> Iterator[str]:
        """What is wrong with the list, a line each.

        Args:
            code: The sources.
            known: All faults of the page.
        """
        faults, named = set(known), set(self.uncovered)
        for removal in self.removals:
            named.update(removal.rows)
            try:
                for file, source in code.without(removal.changes).items():
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
    groups: dict[str, list[str]] = given.get("groups", {})
    removals = [
        _removal(handling, entry, groups) for handling, entry in given.get("removals", {}).items()
    ]
    return Catalogue(tuple(removals), dict(given.get("uncovered", {})))


def _removal(handling: str, entry: dict[str, Any], groups: dict[str, list[str]]) -> Removal:
    if wrong := set(entry) ^ {"out", "rows"}:
        raise DevError(f"removals: {handling!r} lacks, or has too much: {', '.join(sorted(wrong))}")
    out: str | list[str] = entry["out"]
    changes = [parse(line) for line in ([out] if isinstance(out, str) else out)]
    rows = [row for name in entry["rows"] for row in groups.get(name, [name])]
    return Removal(handling, tuple(changes), tuple(rows))


def _texts(removal: Removal) -> Iterator[str]:
    places = (change.place for change in removal.changes)
    yield from (text.lower() for text in (removal.handling, *places, *removal.rows))
