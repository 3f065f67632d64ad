"""Rows as a table: with rich where it is there, in plain text where it is not, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["cells", "markdown", "show"]

Row = dict[str, Any]
HEAD = ("case", "amount", "ratio", "spread", "target")


def cells(row: Row) -> tuple[str, ...]:
    """The texts of one row, in the order of the head."""
    if "missing" in row:
        return (row["case"], "–", "not there", row["missing"], "")
    low, high = row.get("spread", (None, None))
    return (
        row["case"],
        _bytes(row["bytes"]) if "bytes" in row else _time(row.get("ns")),
        "" if row.get("ratio") is None else f"{row['ratio']:.2f}",
        "" if low is None else f"{low:.2f}–{high:.2f}",
        "" if row.get("target") is None else f"≤ {row['target']:g}",
    )


def _time(ns: float | None) -> str:
    if ns is None:
        return ""
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= scale:
            return f"{ns / scale:.3g} {unit}" if ns < 1000 * scale else f"{ns / scale:.0f} {unit}"
    return f"{ns:.0f} ns"


def _bytes(held: int) -> str:
    return f"{held / 1e6:.3g} MB" if held >= 1e6 else f"{held / 1e3:.3g} kB"


def grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows by their group, in the order in which the groups appear."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    return groups


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a table to the terminal. Rich heeds NO_COLOR by itself."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        _plain(title, rows)
        return
    table = Table(title=title, title_justify="left", title_style="bold", expand=False)
    table.add_column(HEAD[0], overflow="fold")
    for name in HEAD[1:]:
        table.add_column(name, justify="right", overflow="fold")
    for group, members in grouped(rows).items():
        if group:
            table.add_section()
            table.add_row(f"[bold cyan]{group}[/]")
        for member in members:
            table.add_row(*cells(member), style=_style(member))
    console = Console()
    if not console.is_terminal:
        console = Console(width=110)
    console.print(table)


def _style(row: Row) -> str:
    if "missing" in row:
        return "dim"
    if row.get("target") is None:
        return ""
    return "green" if row["ratio"] <= row["target"] else "yellow"


def _plain(title: str, rows: Sequence[Row]) -> None:
    texts = [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in [HEAD, *texts]) for i in range(len(HEAD))]
    print(f"\n{title}\n" + _line(HEAD, widths))
    for group, members in grouped(rows).items():
        print(f"-- {group}" if group else "-" * sum(widths))
        for member in members:
            print(_line(cells(member), widths))


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        text.ljust(width) if index == 0 else text.rjust(width)
        for index, (text, width) in enumerate(zip(texts, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()


def markdown(rows: Sequence[Row]) -> str:
    """The rows as Markdown tables, one for each group, under its name."""
    parts: list[str] = []
    for group, members in grouped(rows).items():
        lines = [f"**{group}**", ""] if group else []
        lines += ["| case | amount | ratio | spread | target |", "|---|--:|--:|--:|--:|"]
        lines += [
            "| " + " | ".join(_escaped(t) for t in cells(member)) + " |" for member in members
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
