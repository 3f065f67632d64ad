"""The page of the benchmarks and its charts, from the figures that are kept.

``python3 dev.py bench --page`` rewrites what stands between the marks in
``docs/evidence/benchmarks.md``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.table import markdown

__all__ = ["rewrite", "write_chart"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "evidence" / "benchmarks.md"
RESULTS = ROOT / "benchmarks" / "results"
CHART = PAGE.parent / "images" / "benchmarks-http.svg"


def rewrite(page: Path = PAGE, results: Path = RESULTS) -> list[str]:
    """Put the kept figures into the page; the names of those that were there.

    Each table stands between ``<!-- figures: NAME -->`` and ``<!-- end -->``.
    """
    done: list[str] = []

    def figures(found: re.Match[str]) -> str:
        kept = results / f"{found[1]}.json"
        if not kept.exists():
            return found[0]
        done.append(found[1])
        text = _text(json.loads(kept.read_text(encoding="utf-8")))
        return f"<!-- figures: {found[1]} -->\n{text}\n<!-- end -->"

    old = page.read_text(encoding="utf-8")
    pattern = r"<!-- figures: (\w+) -->\n.*?<!-- end -->"
    page.write_text(re.sub(pattern, figures, old, flags=re.DOTALL), encoding="utf-8")
    return done


def _text(result: dict[str, Any]) -> str:
    where = f"{result['implementation']} {result['python']}, {result['system']}, {result['date']}"
    return f"\n{markdown(result['rows'])}\n\n*{where}.*\n"


def write_chart(results: Path = RESULTS, chart: Path = CHART) -> bool:
    """Draw the calls over real sockets as bars; False if there are no figures of them."""
    kept = results / "http.json"
    if not kept.exists():
        return False
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "pyfly"  # the same figures, the same file
    import matplotlib.pyplot as plt

    rows = json.loads(kept.read_text(encoding="utf-8"))["rows"]
    rows = [row for row in rows if row["group"].startswith("100 B") and "ratio" in row]
    groups = list(dict.fromkeys(row["group"] for row in rows))
    figure, axes = plt.subplots(1, len(groups), figsize=(6 * len(groups), 6), squeeze=False)
    for axis, group in zip(axes[0], groups, strict=True):
        members = sorted(
            (row for row in rows if row["group"] == group), key=lambda row: -float(row["ratio"])
        )
        ratios = [row["ratio"] for row in members]
        colours = ["#1f77b4" if row["case"].startswith("pyfly") else "#b0b0b0" for row in members]
        bars = axis.barh([row["case"] for row in members], ratios, color=colours)
        axis.bar_label(bars, fmt="%.2f", padding=3)
        axis.axvline(1.0, color="black", linewidth=0.8)
        axis.margins(x=0.15)
        axis.set_title(group, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    chart.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(chart, metadata={"Date": None})
    plt.close(figure)
    return True
