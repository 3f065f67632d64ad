"""The list of handlings fits the sources and the page; what is not noticed is told."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from tests.docs.faults import rows
from tools.console import DevError
from tools.removals.__main__ import main, table
from tools.removals.catalogue import CATALOGUE, ROOT, Catalogue, Removal, read
from tools.removals.change import Code, parse
from tools.removals.trial import Copy, Verdict

SOURCE = """
FACTOR = 2

def double(x):
    if x < 0:
        raise ValueError
    return FACTOR * x
"""
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
CHECK = Removal("what is negative is refused", (parse("double: if x"),), ("a negative number",))
SAME = "BudgetRules._set: value _since -> _0"
CODE = """
LIMITS = {"short": 10, "long": 100}
NAMES = (("one", 1), ("two", 2))


class Reader:
    size = 10

    def read(self, source, limit=None):
        # as much as may be
        while self.left(limit) > 0 and source.open:
            try:
                with self.lock:
                    yield source.take(limit, wait=True)
            except (OSError, ValueError) as exc:
                self.failures.append(exc)
            except TimeoutError:
                raise
            finally:
                source.release()
        return self.total if limit is None else min(self.total, limit)

    def left(self, limit):
        return limit - self.total


def read(source):
    return source.read()
"""


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
        problems = list(read().problems(Code(ROOT), [row.fault for row in rows()]))
        assert not problems, "\n".join(problems)

    def test_what_is_not_covered_has_a_reason(self) -> None:
        assert all(reason.endswith(".") for reason in read().uncovered.values())

    def test_it_is_short(self) -> None:
        assert len(CATALOGUE.read_text(encoding="utf-8").splitlines()) <= 700

    def test_what_is_wrong_with_it_is_said(self, toy: Path) -> None:
        missing = Removal("one", (parse("double: if y"),), ("a",))
        moved = Removal("two", (parse("triple: if x"),), ("a",))
        twice = Removal("three", (parse("double: line"),), ("a",))
        broken = Removal("four", (parse("double: value return -> await x"),), ())
        listed = Catalogue((missing, moved, twice, broken), {"a": "Why.", "c": "Why."})
        said = "\n".join(listed.problems(Code(toy), ["a", "b", "d"]))
        assert (
            "'one': 'double: if y' is not in src/toy.py: nothing has such a part; what handles it"
            in said
        )
        assert "'two': nothing is called triple: such a part is in toy.double" in said
        assert (
            "'three': 'double: line' is 2 times there, say one more word: return FACTOR * x" in said
        )
        assert "'four': 'await' outside async function" in said
        assert "'four' names no fault" in said
        assert "'one' handles what is listed as uncovered: ['a']" in said
        assert "no fault of the page is called 'c'" in said
        assert "nothing is listed for the fault 'd'" in said

    def test_an_entry_that_lacks_something_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "some.toml"
        path.write_text('[removals]\n"x" = { out = "f: if y" }\n')
        with pytest.raises(DevError, match=r"'x' lacks, or has too much: rows"):
            read(path)
        path.write_text('[removals]\n"x" = { out = "f: unless y", rows = ["a"] }\n')
        with pytest.raises(DevError, match=r"'f: unless y' is no change; tools.removals.change"):
            read(path)
        path.write_text('[removals]\n"x" = { out = "f: call y", rows = ["a"] }\n')
        with pytest.raises(DevError, match=r"'f: call y' does not say what is there instead"):
            read(path)

    def test_a_group_is_all_its_faults(self, tmp_path: Path) -> None:
        path = tmp_path / "some.toml"
        path.write_text(
            '[groups]\n"g" = ["a", "b"]\n[removals]\n"x" = { out = "f: if y", rows = ["g", "c"] }\n'
        )
        assert read(path).removals[0].rows == ("a", "b", "c")

    def test_the_page_is_told_the_handling_that_is_about_a_fault_most(self) -> None:
        broad = Removal("broad", CHECK.changes, ("a", "b"))
        narrow = Removal("narrow", CHECK.changes, ("a",))
        listed = Catalogue((broad, narrow), {"c": "The library's."})
        assert listed.nearest("a") == "narrow"
        assert listed.nearest("b") == "broad"
        assert listed.nearest("c") == "nothing of ours: The library's."


class TestAChange:
    @pytest.fixture
    def code(self, tmp_path: Path) -> Code:
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "reader.py").write_text(CODE)
        return Code(tmp_path)

    @pytest.mark.parametrize(
        ("line", "old", "new"),
        [
            ("LIMITS: value short -> 1", "'short': 10", "'short': 1"),
            ("NAMES: value two -> 3", "('two', 2)", "('two', 3)"),
            ("Reader.size: value size -> 1", "size = 10", "size = 1"),
            ("Reader.read: if open", "self.left(limit) > 0 and source.open", "False"),
            ("Reader.read: if None -> True", "limit is None", "True"),
            ("Reader.read: part open", " and source.open", ""),
            ("Reader.read: part > -> _1", "self.left(limit) > 0", "self.left(limit)"),
            ("Reader.read: except OSError -> _1", "(OSError, ValueError)", "OSError"),
            ("Reader.read: except append", "(OSError, ValueError)", "()"),
            ("Reader.read: value wait -> False", "wait=True", "wait=False"),
            ("Reader.read: call min -> _2", "min(self.total, limit)", "limit"),
            ("Reader.left: value return -> _2", "limit - self.total", "self.total"),
            ("Reader.read: line append", "self.failures.append(exc)", "pass"),
            ("Reader.left: line return -> 1; _0", "  return limit", "  1\n        return limit"),
            ("Reader.read: finally", "source.release()", "pass"),
            ("Reader.left: body", "return limit - self.total", "pass"),
            ("reader.read: call read -> b''", "source.read()", "b''"),
            ("Reader.read: line raise !append -> return", "raise\n", "return\n"),
        ],
    )  # fmt: skip
    def test_it_takes_one_part_out(self, code: Code, line: str, old: str, new: str) -> None:
        as_it_is = ast.unparse(ast.parse(CODE)) + "\n"
        assert as_it_is.count(old) == 1
        assert code.without([parse(line)]) == {"src/reader.py": as_it_is.replace(old, new)}
        assert code.without([]) == {}

    def test_the_body_of_a_with_stays(self, code: Code) -> None:
        (source,) = code.without([parse("Reader.read: with lock")]).values()
        assert "self.lock" not in source
        assert "yield source.take(limit, wait=True)" in source

    def test_every_part_may_go(self, code: Code) -> None:
        (source,) = code.without([parse("Reader.read: every if -> True")]).values()
        assert "while True:" in source
        assert "self.total if True else" in source

    def test_a_name_that_two_things_have_is_not_enough(self, code: Code) -> None:
        with pytest.raises(
            DevError, match=r"read is one of reader\.Reader\.read, reader\.read: say"
        ):
            code.without([parse("read: body")])

    def test_no_renaming_of_locals_and_no_comment_matters(self, tmp_path: Path) -> None:
        (tmp_path / "src").mkdir()
        reworded = CODE.replace("limit", "most").replace("# as much", "# all that")
        (tmp_path / "src" / "reader.py").write_text(reworded)
        code = Code(tmp_path)
        for line in ("Reader.read: if open", "Reader.read: except OSError", "Reader.read: finally"):
            assert code.without([parse(line)])


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
            further = parse("double: value return -> _2")
            other = Removal("both", (*CHECK.changes, further), ("a number",))
            assert list(copy.without(other).noticed) == ["a number"]
            assert (toy / "src" / "toy.py").read_text() == SOURCE

    def test_a_fault_without_a_test_is_an_error(self, toy: Path) -> None:
        with Copy(toy, self.FILES) as copy, pytest.raises(DevError, match="no test was run for"):
            copy.run(["nothing"], "as it is")

    def test_so_are_tests_that_cannot_be_imported(self, toy: Path) -> None:
        broken = CHECK._replace(changes=(parse("FACTOR: value FACTOR -> 1 / 0"),))
        with Copy(toy, self.FILES) as copy, pytest.raises(DevError, match="division by zero"):
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
        assert main(["--list", "status_error"]) == 0
        assert "status_error: errors have their class by status (" in capsys.readouterr().out

    def test_a_name_that_nothing_has_is_an_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["no such thing"]) == 2
        assert "no handling, place or fault has no such thing" in capsys.readouterr().err

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
        useless = Removal("an idle one", (parse(SAME),), ("a clock that goes back",))
        monkeypatch.setattr("tools.removals.__main__.read", lambda: Catalogue((useless,), {}))
        monkeypatch.setattr(Copy, "run", lambda self, rows, when: Verdict({}, list(rows), 1.0))
        assert main([]) == 1
        told = capsys.readouterr().out.splitlines()
        assert told[1].startswith("an idle one ")
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
