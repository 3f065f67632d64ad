"""The page of faults survived, made from the tests that prove each.

``python -m tests.docs.faults`` writes the table of ``docs/evidence/faults.md`` anew. A row is
either a case of the hostile responses, or a test marked with
``@pytest.mark.survives(area, what goes wrong, what the caller gets)``. What is taken out to see
that its test fails comes from the list of ``python3 dev.py removals``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.client.hostile_responses import bodies, framing, heads
from tests.client.hostile_responses.case import Case
from tests.client.hostile_responses.differences import DIFFERENCES, as_seen_by
from tools.removals.catalogue import read

__all__ = ["PAGE", "Row", "page", "rows"]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "evidence" / "faults.md"
BEGIN = "<!-- The table below is written by `python -m tests.docs.faults`. -->"
END = "<!-- The end of that table. -->"

#: The order of the page; every area of a mark is one of these.
AREAS = (
    "Connecting",
    "TLS and proxies",
    "Sending",
    "Connections between calls",
    "Status lines",
    "Header fields",
    "Interim responses",
    "Lengths",
    "Transfer codings",
    "Chunks",
    "Responses without a body",
    "Bytes that nobody asked for",
    "Ends of connections",
    "Sizes",
    "Compression",
    "Texts",
    "JSON and models",
    "Redirects",
    "Streams",
    "Retries, breakers and time",
    "Many callers at once",
    "Starting and stopping",
    "Files, pages and credentials",
)
TABLES = {
    "Status lines": heads.STATUS_LINES,
    "Header fields": heads.FIELDS,
    "Interim responses": heads.INTERIM,
    "Lengths": framing.LENGTHS,
    "Transfer codings": framing.CODINGS,
    "Chunks": framing.CHUNKS,
    "Responses without a body": framing.WITHOUT_BODY,
    "Bytes that nobody asked for": framing.UNASKED,
    "Ends of connections": framing.ENDS,
    "Sizes": framing.SIZES,
    "Compression": bodies.COMPRESSED,
    "Texts": bodies.TEXTS,
    "JSON and models": bodies.JSON,
    "Redirects": bodies.REDIRECTS,
}
HEAD = "| What goes wrong | What the caller gets | Proved by | Fails without |"
HOSTILE = "tests/client/hostile_responses/test_hostile_responses.py"


class Row(NamedTuple):
    """One fault.

    Attributes:
        area: Under which heading it stands.
        fault: What goes wrong.
        gets: What the caller gets.
        test: The file and the test that proves it.
    """

    area: str
    fault: str
    gets: str
    test: str


def rows() -> list[Row]:
    """All of them, in the order of the page."""
    found = [*_marked(), *_cases()]
    unknown = {row.area for row in found} - set(AREAS)
    assert not unknown, f"no such areas: {unknown} (see AREAS)"
    return sorted(found, key=lambda row: AREAS.index(row.area))


def page(text: str) -> str:
    """The page with its table written anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{_table()}\n{END}{after}"


def _cases() -> Iterator[Row]:
    for area, cases in TABLES.items():
        for case in cases:
            yield Row(area, case.name, _gets(case), f"{HOSTILE}::test_a_hostile_response")


def _gets(case: Case) -> str:
    gets = f"`{case.gives.__name__}`" if case.raises else "the value"
    if not case.raises and len(repr(case.gives)) <= 30:
        gets = f"`{case.gives!r}`"
    return gets + ("" if case.reused else "; a new connection next time")


def _marked() -> Iterator[Row]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.survives(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _is_mark(decorator.func):
                    area, fault, gets = (ast.literal_eval(each) for each in decorator.args)
                    where = path.relative_to(ROOT).as_posix()
                    yield Row(area, fault, gets, f"{where}::{node.name}")


def _is_mark(function: ast.expr) -> bool:
    return ast.unparse(function) == "pytest.mark.survives"


def _table() -> str:
    lines: list[str] = []
    removals = read()
    for area in AREAS:
        of_area = [row for row in rows() if row.area == area]
        lines += [f"### {area}", "", HEAD, "|---|---|---|---|"]
        for row in of_area:
            path, _, name = row.test.partition("::")
            link = f"[`{name}`](../../{path})"
            handling = _cell(removals.nearest(row.fault))
            lines.append(f"| {_cell(row.fault)} | {_cell(row.gets)} | {link} | {handling} |")
        lines.append("")
    return "\n".join([*lines, *_differences()])


def _differences() -> Iterator[str]:
    """What another library makes of a hostile response."""
    cases = {case.name: case for area in TABLES.values() for case in area}
    for library, differing in DIFFERENCES.items():
        yield from (
            f"### What differs over {library}",
            "",
            "| What goes wrong | What the caller gets |",
        )
        yield "|---|---|"
        for name in differing:
            gets = _gets(as_seen_by(library, cases[name]))
            yield f"| {_cell(name)} | {_cell(gets)} |"
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(rows())} faults")
