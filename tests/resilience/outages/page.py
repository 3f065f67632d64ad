"""The page of the drills: what is kept of the simulations, put between its marks.

``dev.py simulate --save`` runs everything and keeps it; ``--page`` only rewrites the page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pyfly.cli.drawing.picture import draw
from pyfly.cli.drill.drill import Drill, perform, plan_for
from pyfly.cli.drill.plot import figure_of
from pyfly.cli.drill.scenario import Scenario
from pyfly.cli.drill.settings import published, shipped
from pyfly.cli.drill.text import columns, parameters, tables
from pyfly.kernel.record import Record
from tests.resilience.outages.experiments import Blackout, Burst, Cell, Overload
from tests.resilience.outages.tables import text_of

__all__ = ["KEPT", "PAGE", "keep_drills", "keep_outages", "page"]

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "evidence" / "drills.md"
PICTURES = PAGE.parent / "images"
KEPT = ROOT / "benchmarks" / "results" / "drills.json"

_MARKED = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def page(text: str, kept: Path | None = None) -> str:
    """The page with the figures that are kept.

    Raises:
        KeyError: A mark names figures that are not kept.
    """
    figures = _texts(json.loads((kept or KEPT).read_text(encoding="utf-8")))
    return _MARKED.sub(lambda m: f"{m[1]}\n```text\n{figures[m[2]]}\n```\n\n{m[3]}", text)


def keep_drills() -> None:
    """Carry out what ``pyfly drill`` does by itself, and keep its tables and pictures."""
    for settings in (published(), shipped()):
        plan = plan_for(
            settings, Scenario(), own=False, fixed_outage=False, sweeps=settings.name == "published"
        )
        done = perform(plan, lambda: None)
        draw(partial(figure_of, done), PICTURES / f"drill-{settings.name}.svg")
        _keep(f"drill-{settings.name}", _drill(done), KEPT)


def keep_outages(
    cells: Mapping[Any, Cell],
    gone: Mapping[Any, Blackout],
    loaded: Mapping[Any, Overload],
    met: Mapping[Any, Burst],
    seeds: int,
    seconds: float,
    kept: Path | None = None,
) -> None:
    """Keep what the experiments have found."""
    found = {
        "seeds": seeds,
        "seconds": seconds,
        "partial": _rows(cells),
        "total": _rows(gone),
        "overload": _rows(loaded),
        "bursts": _rows(met),
    }
    _keep("outages", found, kept or KEPT)


def _drill(done: Drill) -> dict[str, Any]:
    return {"parameters": parameters(done.plan), "tables": tables(done)}


def _rows(found: Mapping[Any, Record]) -> list[dict[str, Any]]:
    return [{"of": key, **vars(row)} for key, row in found.items()]


def _keep(name: str, found: dict[str, Any], kept: Path) -> None:
    old = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    text = json.dumps({**old, name: found}, indent=1, ensure_ascii=False)
    kept.write_text(f"{text}\n", encoding="utf-8")


def _texts(kept: Mapping[str, Any]) -> dict[str, str]:
    """The text for each mark of the page."""
    texts: dict[str, str] = {}
    for name, found in kept.items():
        if name == "outages":
            texts[name] = text_of(
                _read(Cell, found["partial"]),
                _read(Blackout, found["total"]),
                _read(Overload, found["overload"]),
                _read(Burst, found["bursts"]),
                found["seeds"],
                found["seconds"],
            )
        else:
            drawn = ("\n".join(columns(table)) for table in found["tables"])
            texts[name] = "\n\n".join(("\n".join(found["parameters"]), *drawn))
    return texts


def _read(kind: type[Any], rows: Iterable[dict[str, Any]]) -> dict[Any, Any]:
    read: dict[Any, Any] = {}
    for row in rows:
        values = {name: _tuples(value) for name, value in row.items()}
        key = values.pop("of")
        read[key] = kind(**values)
    return read


def _tuples(value: Any) -> Any:
    """JSON has no tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
