"""The list of equivalent mutants in ``docs/evidence/proofs.md``.

It is made from the file that the run checks. ``python -m tests.docs.proofs`` writes it anew.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from tools.mutation.__main__ import EQUIVALENT

__all__ = ["PAGE", "equivalents", "page"]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "evidence" / "proofs.md"
BEGIN = "<!-- The list below is written by `python -m tests.docs.proofs`. -->"
END = "<!-- The end of that list. -->"


def equivalents() -> dict[str, dict[str, str]]:
    """By module, each mutant that is taken as equivalent, and why."""
    listed: dict[str, dict[str, str]] = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))
    return dict(sorted(listed.items()))


def page(text: str) -> str:
    """The page with its list written anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{_list()}\n{END}{after}"


def _list() -> str:
    lines: list[str] = []
    for module, reasons in equivalents().items():
        lines += [f"[`{module}`](../../src/pyfly/resilience/{module})", ""]
        for name, reason in reasons.items():
            where, _, change = name.partition(": ")
            lines.append(f"- `{where}`: {change}. {reason}")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {sum(map(len, equivalents().values()))} mutants")
