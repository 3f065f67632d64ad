"""The demo's last screen as a picture."""

from __future__ import annotations

import io
import re
from pathlib import Path

from pyfly.cli.demo.live import rich_text
from pyfly.cli.demo.run import Run
from pyfly.cli.demo.screen import frame
from pyfly.cli.demo.text import UNICODE

__all__ = ["save_screenshot"]

_FONTS = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"


def save_screenshot(run: Run, path: Path, width: int = 96, height: int = 28) -> None:
    """Write what a terminal of that size shows at the end, as SVG.

    Raises:
        ImportError: rich is not installed.
        OSError: The file cannot be written.
    """
    from rich.console import Console

    console = Console(
        record=True,
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(rich_text(frame(run, run.seconds, width, height, UNICODE)))
    drawn = console.export_svg(title="pyfly demo", unique_id="pyfly-demo")
    path.write_text(_without_gaps(_with_fonts_of_the_viewer(drawn)), encoding="utf-8")


def _with_fonts_of_the_viewer(svg: str) -> str:
    """A picture must not fetch fonts from the network."""
    local = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return local.replace("Fira Code, monospace", _FONTS)


def _without_gaps(svg: str) -> str:
    """Lines are farther apart than most fonts' blocks are high: a stroke closes the bars."""
    fills = dict(re.findall(r"\.(pyfly-demo-r\d+) \{ fill: (#\w+)", svg))

    def stroked(match: re.Match[str]) -> str:
        fill = fills.get(match["style"])
        return f'<text stroke="{fill}" stroke-width="1.3" {match["rest"]}' if fill else match[0]

    bars = UNICODE.bars.strip()
    return re.sub(
        rf'<text (?P<rest>class="(?P<style>pyfly-demo-r\d+)"[^>]*>(?:[{bars}]|&#160;)+</text>)',
        stroked,
        svg,
    )
