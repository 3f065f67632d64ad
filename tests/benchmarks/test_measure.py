from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest

from benchmarks import __main__ as command
from benchmarks import rivals, table
from benchmarks.measure import Case, Spread, measure, row, spread
from benchmarks.resilience import rows as resilience_rows


def spinning(loops: int) -> Callable[[int], Awaitable[None]]:
    async def run(count: int) -> None:
        for _ in range(count):
            sum(range(loops))

    return run


class TestMeasuring:
    def test_a_case_that_does_four_times_as_much_takes_some_four_times_as_long(self) -> None:
        cases = [
            Case("reference", spinning(500)),
            Case("more", spinning(2000), against="reference"),
            Case("what is above", spinning(2000), against="reference", above="reference"),
        ]
        reference, more, above = measure(cases, 3)
        assert "ratio" not in reference
        assert 2.5 < more["ratio"] < 6
        assert 1.5 < above["ratio"] < 5
        assert more["spread"][0] <= more["ratio"] <= more["spread"][1]

    def test_a_spread_is_the_median_between_its_quartiles(self) -> None:
        assert spread([5.0]) == Spread(5.0, 5.0, 5.0)
        assert spread([1.0, 2.0, 3.0, 4.0, 5.0]) == Spread(2.0, 3.0, 4.0)

    def test_a_row_holds_what_is_known(self) -> None:
        case = Case("a", spinning(1), "g", target=3.5)
        assert row(case, 1.25, None) == {"group": "g", "case": "a", "ns": 1.2, "target": 3.5}
        assert row(case, 1.0, Spread(1, 2, 3))["spread"] == [1, 3]


ROWS = [
    {"group": "", "case": "bare", "ns": 95.0},
    {"group": "g", "case": "ours", "ns": 203.0, "ratio": 2.1, "spread": [2.0, 2.3], "target": 3.5},
    {"group": "g", "case": "theirs", "missing": "needs Python >=3.12"},
]


class TestTheTable:
    def test_what_is_not_there_is_a_row_that_says_why(self) -> None:
        assert table.cells(ROWS[2]) == ("theirs", "–", "not there", "needs Python >=3.12", "")

    @pytest.mark.parametrize(
        ("ns", "text"),
        [
            (95.2, "95 ns"),
            (1234.0, "1.23 µs"),
            (123456.0, "123 µs"),
            (2.5e6, "2.5 ms"),
            (3e9, "3 s"),
        ],
    )
    def test_times_have_the_unit_that_suits_them(self, ns: float, text: str) -> None:
        assert table.cells({"group": "", "case": "c", "ns": ns})[1] == text

    def test_it_is_shown_with_and_without_rich(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        table.show("Title", ROWS)
        rich = capsys.readouterr().out
        monkeypatch.setitem(__import__("sys").modules, "rich.table", None)
        table.show("Title", ROWS)
        plain = capsys.readouterr().out
        for text in (rich, plain):
            for word in ("Title", "ours", "2.10", "2.00–2.30", "≤ 3.5", "needs Python"):
                assert word in text
            assert "\x1b" not in text

    def test_markdown_has_a_table_for_each_group(self) -> None:
        text = table.markdown(ROWS)
        assert text.count("| case | amount | ratio | spread | target |") == 2
        assert "| ours | 203 ns | 2.10 | 2.00–2.30 | ≤ 3.5 |" in text


class TestOthers:
    async def test_one_that_cannot_be_made_gives_its_reason(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def nothing() -> None: ...

        async def wrap(function: rivals.Function) -> rivals.Function:
            raise ModuleNotFoundError("No module named 'x'")

        rival = rivals.Rival("x", wrap)
        assert await rivals.make(rival, nothing) == "ModuleNotFoundError: No module named 'x'"
        monkeypatch.setattr(rivals, "not_installed", {"x": "needs Python >=3.12"}.get)
        assert await rivals.make(rival, nothing) == "needs Python >=3.12"


class TestResilience:
    def test_every_case_is_a_row_whether_its_library_is_there_or_not(self) -> None:
        rows = resilience_rows(1)
        names = [row["case"] for row in rows]
        assert len(names) == len({(row["group"], row["case"]) for row in rows})
        for rival in (*rivals.BREAKERS, *rivals.RETRIES):
            assert any(rival.name in name for name in names)
        assert all("ns" in row or "missing" in row for row in rows)


class TestTheCommand:
    def test_json_is_one_document_on_stdout(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(command, "BENCHMARKS", {"resilience": ("T", lambda options: ROWS)})
        assert command.main(["resilience", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["rows"] == ROWS
        assert found["python"]
