"""The list of handlings fits the sources and the page; what is not noticed is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docs.faults import rows
from tools.console import DevError
from tools.removals.__main__ import main, table
from tools.removals.catalogue import ROOT, Catalogue, Change, Removal, read
from tools.removals.trial import Copy, Verdict

SOURCE = "def double(x):\n    if x < 0:\n        raise ValueError\n    return 2 * x\n"
TESTS = """
import pytest
from toy import double

@pytest.mark.survives("area", "a negative number", "an error")
def test_negative():
    with pytest.raises(ValueError):
        double(-1)

class Case:
    name = "a number"

@pytest.mark.parametrize("case", [Case()])
def test_of_a_case(case):
    assert double(1) == 2

def test_of_something_else():
    raise AssertionError
"""
CHECK = Removal(
    "what is negative is refused", (Change("src/toy.py", "x < 0", "False"),), ("a negative number",)
)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A checkout of one module and its tests."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "toy.py").write_text(SOURCE)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_toy.py").write_text(TESTS)
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\nmarkers = ["survives"]\nfilterwarnings = ["error"]\n'
        'asyncio_default_fixture_loop_scope = "function"\n'
    )
    return tmp_path


class TestTheList:
    def test_it_fits_the_sources_and_names_every_fault_of_the_page(self) -> None:
        problems = list(read().problems(ROOT, [row.fault for row in rows()]))
        assert not problems, "\n".join(problems)

    def test_what_is_not_covered_has_a_reason(self) -> None:
        assert all(reason.endswith(".") for reason in read().uncovered.values())

    def test_what_is_wrong_with_it_is_said(self, toy: Path) -> None:
        missing = Removal("one", (Change("src/toy.py", "y < 0", ""),), ("a",))
        twice = Removal("two", (Change("src/toy.py", "x", "y"),), ("a",))
        idle = Removal("three", (Change("src/toy.py", "x < 0", "x < 0"),), ())
        broken = Removal("four", (Change("src/toy.py", "x < 0", "("),), ("b",))
        listed = Catalogue((missing, twice, idle, broken, broken), {"a": "Why.", "c": "Why."})
        said = "\n".join(listed.problems(toy, ["a", "b", "d"]))
        assert "'one': removals: 'one': its text is not in src/toy.py" in said
        assert "its text is 3 times in src/toy.py" in said
        assert "'three' takes nothing out" in said
        assert "'three' names no fault" in said
        assert "'four': invalid syntax" in said or "'four': '(' was never closed" in said
        assert "'four' is listed twice" in said
        assert "'one' handles what is listed as uncovered: ['a']" in said
        assert "no fault of the page is called 'c'" in said
        assert "nothing is listed for the fault 'd'" in said

    def test_an_entry_that_lacks_something_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "some.toml"
        path.write_text('[[removal]]\nhandling = "x"\nfile = "f"\ntext = "t"\nrows = []\n')
        with pytest.raises(DevError, match=r"entry 1 of some\.toml \(x\) lacks.*without"):
            read(path)
        path.write_text(
            '[[removal]]\nhandling = "x"\nfile = "f"\ntext = "t"\nwithout = ""\nrows = []\n'
            'also = [{file = "g", txet = "t", without = ""}]\n'
        )
        with pytest.raises(DevError, match=r"entry 1 of some\.toml, also .*text, txet"):
            read(path)

    def test_the_page_is_told_the_handling_that_is_about_a_fault_most(self) -> None:
        broad = Removal("broad", CHECK.changes, ("a", "b"))
        narrow = Removal("narrow", CHECK.changes, ("a",))
        listed = Catalogue((broad, narrow), {"c": "The library's."})
        assert listed.nearest("a") == "narrow"
        assert listed.nearest("b") == "broad"
        assert listed.nearest("c") == "nothing of ours: The library's."


class TestATrial:
    FILES = dict.fromkeys(("a negative number", "a number", "nothing"), "tests/test_toy.py")

    def test_a_removal_is_noticed_by_the_test_of_its_fault_and_the_checkout_stays(
        self, toy: Path
    ) -> None:
        with Copy(toy, self.FILES) as copy:
            assert copy.run(["a negative number", "a number"], "as it is").missed == [
                "a negative number", "a number",
            ]  # fmt: skip
            both = CHECK._replace(rows=("a negative number", "a number"))
            verdict = copy.without(both)
            assert verdict.noticed == {"a negative number": "tests/test_toy.py::test_negative"}
            assert verdict.missed == ["a number"]
            further = Change("src/toy.py", "2 * x", "x")
            other = Removal("both", (*CHECK.changes, further), ("a number",))
            assert list(copy.without(other).noticed) == ["a number"]
            assert (toy / "src" / "toy.py").read_text() == SOURCE

    def test_a_fault_without_a_test_is_an_error(self, toy: Path) -> None:
        with Copy(toy, self.FILES) as copy, pytest.raises(DevError, match="no test was run for"):
            copy.run(["nothing"], "as it is")

    def test_so_are_tests_that_cannot_be_imported(self, toy: Path) -> None:
        broken = CHECK._replace(changes=(Change("src/toy.py", "double", "triple"),))
        with Copy(toy, self.FILES) as copy, pytest.raises(DevError, match="cannot import name"):
            copy.without(broken)


class TestTheCommand:
    def test_the_table_says_what_was_not_noticed(self) -> None:
        good, bad = Verdict({"a": "t"}, [], 1.25), Verdict({}, ["a negative number"], 2.0)
        lines = table([(CHECK._replace(handling="short"), good), (CHECK, bad)]).splitlines()
        assert lines[0].split() == ["without", "faults", "noticed", "seconds"]
        assert lines[1].split() == ["short", "1", "all", "1.2"]
        assert lines[2].endswith("NOT 1      2.0")
        assert lines[3] == "  NOT noticed: a negative number"
        assert lines[4] == "2 handlings of 1 faults; 1 not noticed throughout"

    def test_handlings_can_be_listed_without_running_anything(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--list", "client/_call/redirects.py"]) == 0
        assert "src/pyfly/client/_call/redirects.py: " in capsys.readouterr().out

    def test_a_name_that_nothing_has_is_an_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["no such thing"]) == 2
        assert "no handling, file or fault has no such thing" in capsys.readouterr().err

    def test_one_is_taken_out_and_the_result_is_json(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        handling = "a clock that goes back"
        removal = next(each for each in read().removals if handling in each.rows)
        assert main(["--json", removal.handling]) == 0
        told = json.loads(capsys.readouterr().out)
        assert [each["handling"] for each in told] == [removal.handling]
        assert told[0]["missed"] == []
        assert handling in told[0]["noticed"]

    def test_the_status_is_1_if_a_fault_is_not_noticed(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        state = "src/pyfly/resilience/retry_budget/state.py"
        useless = Removal(
            "a comment", (Change(state, "full at the start", "full"),), ("a clock that goes back",)
        )
        monkeypatch.setattr("tools.removals.__main__.read", lambda: Catalogue((useless,), {}))
        monkeypatch.setattr(Copy, "run", lambda self, rows, when: Verdict({}, list(rows), 1.0))
        assert main([]) == 1
        told = capsys.readouterr().out.splitlines()
        assert told[1].startswith("a comment ")
        assert told[2:] == [
            "  NOT noticed: a clock that goes back",
            "1 handlings of 1 faults; 1 not noticed throughout",
            "0 faults have no handling of ours to take out",
        ]

    def test_tests_that_fail_as_it_is_are_an_error(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failing = Verdict({"a clock that goes back": "tests/some.py::test_it"}, [], 1.0)
        monkeypatch.setattr(Copy, "run", lambda self, rows, when: failing)
        assert main(["a clock that goes back"]) == 1
        assert (
            "fail with all handlings in place:\ntests/some.py::test_it" in capsys.readouterr().err
        )
