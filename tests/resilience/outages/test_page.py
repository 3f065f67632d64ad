"""The page of the drills shows what was kept of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pyfly.cli.drill.drill import Plan, plan_for
from pyfly.cli.drill.run import POLICIES, play
from pyfly.cli.drill.scenario import Scenario
from pyfly.cli.drill.settings import published
from tests.resilience.outages import __main__ as command
from tests.resilience.outages import page as pages
from tests.resilience.outages.experiments import Blackout, Burst, Cell, Overload
from tests.resilience.outages.page import KEPT, PAGE, keep_outages, page


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run: python3 dev.py simulate --page"
    marks = re.findall(r"<!-- figures: ([\w-]+) -->", text)
    assert marks == ["drill-published", "drill-shipped", "outages"]


def test_the_code_still_gives_what_is_kept() -> None:
    """One run of many; if it differs, ``dev.py simulate --save`` is due."""
    rows = json.loads(KEPT.read_text(encoding="utf-8"))["drill-published"]["tables"][0][2]
    kept = next(row for row in rows if row[0] == "defaults")
    tally = play(next(p for p in POLICIES if p.name == "defaults"), published(), Scenario())
    assert float(kept[4]) == pytest.approx(tally.amplification, abs=0.02)
    assert kept[6] == f"{tally.recovery:.0f} s"


def test_what_is_kept_reads_back_as_it_was(tmp_path: Path) -> None:
    kept = tmp_path / "drills.json"
    cells = {
        (policy, 20.0, 0.1): Cell(0.9, 1.1, 0.0, 0.0, ((0.9, True),))
        for policy in ("no retry", "naive retry", "defaults")
    }
    gone = {
        (name, 20.0): Blackout((1.1, 1.2), (1.0, 1.0), (0.5, 0.9), (2.0, 3.0), 0.99)
        for name in ("shipped", "published")
    }
    loaded = {(name, 0.9): Overload((4.0, 6.0), (1.4, 1.5)) for name in ("shipped", "published")}
    met = {("shipped", 0.5, 15): Burst(failed=0, denied=0, opened=True, pauses=True)}
    keep_outages(cells, gone, loaded, met, 3, 60.0, kept)
    text = page("before <!-- figures: outages -->\nold\n<!-- end --> after", kept)
    assert text.startswith("before <!-- figures: outages -->\n\n```text\nRandom partial outages")
    assert text.endswith("```\n\n<!-- end --> after")
    assert "shipped          0.5 s        0!" in text
    assert "published       20   1.100 (1.200)   1.000 (1.000)   0.50 (0.90) s" in text
    assert "90%     4.0 (6.0) s     1.40 (1.50)" in text


def test_the_command_rewrites_the_page_from_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "drills.md"
    own.write_text("<!-- figures: outages -->\n<!-- end -->\n")
    monkeypatch.setattr(command, "PAGE", own)
    assert command.main(["--page"]) == 0
    assert own.read_text().count("Overloads: 20 clients") == 1
    assert capsys.readouterr().out == ""


def test_to_save_is_to_keep_all_figures_and_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, kept = tmp_path / "drills.md", tmp_path / "drills.json"

    def cut(*args: Any, **options: Any) -> Plan:
        plan = plan_for(*args, **options)
        scenario = plan.scenario.replace(clients=2, quiet=2.0, outage=2.0, after=6.0)
        shorter: Plan = plan.replace(scenario=scenario, loads=plan.loads[:1], errors=())
        return shorter

    own.write_text(PAGE.read_text(encoding="utf-8"))
    monkeypatch.setattr(pages, "plan_for", cut)
    monkeypatch.setattr(command, "PAGE", own)
    for name, value in (("KEPT", kept), ("PICTURES", tmp_path)):
        monkeypatch.setattr(pages, name, value)
    for name in ("RATES", "ERRORS", "BLACKOUT_RATES", "LOADS"):
        monkeypatch.setattr(command, name, getattr(command, name)[:1])
    command.main(["1", "20", "--save"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "drill-published.svg", "drill-shipped.svg", "drills.json", "drills.md",
    ]  # fmt: skip
    assert list(json.loads(kept.read_text())) == ["outages", "drill-published", "drill-shipped"]
    assert "means of 1 seeds × 20 s" in own.read_text()
