"""Do the relative links of the Markdown pages lead somewhere?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from tools.console import say

__all__ = ["anchors", "broken", "check"]

_LINK = re.compile(r"!?\[[^\]]*\]\(\s*(?:<([^>\n]*)>|([^)\s]+))[^)]*\)")
_BLOCK = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`[^`\n]*`")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def check(root: Path) -> int:
    """Print every link that leads nowhere; 1 if there is one, else 0."""
    found = [line for page in pages(root) for line in broken(page, root)]
    for line in found:
        say(line)
    return 1 if found else 0


def pages(root: Path) -> list[Path]:
    """The Markdown pages of the project: those at the top and those under docs/."""
    return sorted((*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("examples/**/*.md")))


def broken(page: Path, root: Path) -> Iterator[str]:
    """One line for each relative link of a page that leads to no file or no heading."""
    text = _SPAN.sub(_blank, _BLOCK.sub(_blank, page.read_text(encoding="utf-8")))
    for link in _LINK.finditer(text):
        address = link.group(1) or link.group(2)
        if re.match(r"[a-z][a-z0-9+.-]*:", address):  # http:, mailto: not ours to try
            continue
        path, _, anchor = address.partition("#")
        target = page.parent / unquote(path) if path else page
        line = text.count("\n", 0, link.start()) + 1
        where = f"{page.relative_to(root)}:{line}: "
        if not target.exists():
            yield f"{where}{address} leads to no file"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"{where}{address} leads to no heading of {target.name}"


def anchors(page: Path) -> set[str]:
    """The names that a page's headings can be linked by, as the forges make them."""
    text = _BLOCK.sub(_blank, page.read_text(encoding="utf-8"))
    names: set[str] = set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    for heading in _HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        names.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return names


def _blank(found: re.Match[str]) -> str:
    """Nothing but the newlines of what was found, so that line numbers stay right."""
    return "\n" * found.group().count("\n")
