from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.mutation.__main__ import ROOT, equivalent, main, table, targets
from tools.mutation.judge import Target
from tools.mutation.mutants import mutants_of


def changes(source: str) -> set[str]:
    return {mutant.change for mutant in mutants_of(source)}


class TestMutants:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("a < b", {"`a < b` → `a <= b`", "`a < b` → `a >= b`", "`a < b` → `pass`"}),
            ("a.x = b + c", {"`a.x = b + c` → `pass`", "`b + c` → `b - c`"}),
            ("x = not a and b", {"`not a and b` → `not a or b`", "`not a` → `a`"}),
            ("x = min(2, y)", {"`min(2, y)` → `max(2, y)`", "`2` → `3`", "`2` → `1`"}),
            (
                "x += 1",
                {"`x += 1` → `x -= 1`", "`x += 1` → `x = 1`", "`x += 1` → `pass`", "`1` → `2`"},
            ),
            ("x = a if b else c", {"`a if b else c` → `a`", "`a if b else c` → `c`"}),
            ("x = True, 1.0, 't'", {"`True` → `False`", "`1.0` → `2.0`", "`'t'` → `'t~'`"}),
            ("x = -1", {"`1` → `2`"}),
            ("while a:\n break", {"`while a: …` → `while False: …`", "`break` → `continue`"}),
            ("raise E from e", {"`raise E from e` → `pass`"}),
            ("x: int = y", set()),
            ("'''text'''\nimport a\n__all__ = ['b']\nassert a\nx: 'A'", set()),
        ],
    )
    def test_every_kind_of_change_is_made(self, source: str, expected: set[str]) -> None:
        assert changes(source) == expected

    def test_a_branch_is_taken_always_and_never(self) -> None:
        assert changes("if a: f()") == {
            "`if a: …` → `if True: …`", "`if a: …` → `if False: …`", "`f()` → `pass`",
        }  # fmt: skip

    def test_names_tell_the_function_and_stay_when_lines_move(self) -> None:
        source = "class A:\n def f(self, n=0):\n  return n == 0, n == 0\n"
        names = [mutant.name for mutant in mutants_of(source)]
        assert "A.f: `n == 0` → `n != 0`" in names
        assert "A.f: `n == 0` → `n != 0` (number 2)" in names
        assert len(names) == len(set(names))
        assert names == [mutant.name for mutant in mutants_of("\n\n" + source)]

    def test_only_the_mutant_is_changed(self) -> None:
        trees = [mutant.tree for mutant in mutants_of("x = 1 + 2")]
        import ast

        assert {ast.unparse(tree) for tree in trees} == {
            "x = 1 - 2", "x = 2 + 2", "x = 1 + 3", "x = 1 + 1",
        }  # fmt: skip


class TestJudging:
    def test_a_mutant_is_noticed_or_survives_and_one_that_hangs_is_ended(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "toy.py").write_text("def f():\n    return 1\n")
        (tmp_path / "test_toy.py").write_text("import toy\ndef test(): assert toy.f() >= 1\n")
        code = (
            "import ast, sys; from pathlib import Path\n"
            "from tools.mutation.judge import Target, judge\n"
            f"root = Path({str(tmp_path)!r}); sys.path.insert(0, str(root / 'src'))\n"
            "target = Target(Path('src/toy.py'), ['test_toy.py'])\n"
            "for text in ('return 1', 'return 2', 'return 0', 'while True: pass'):\n"
            "    tree = ast.parse('def f():\\n    ' + text)\n"
            "    print(judge(target, root, tree, 1.0)[0])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines() == ["survived", "survived", "killed", "timed out"]

    def test_a_module_is_known_by_the_name_it_is_imported_by(self) -> None:
        assert Target(Path("src/pyfly/a/b.py"), []).module == "pyfly.a.b"


class TestTheList:
    def test_every_rule_of_a_policy_is_mutated(self) -> None:
        paths = {str(target.path) for target in targets()}
        assert len(paths) >= 14
        assert "src/pyfly/resilience/circuit_breaker/window.py" in paths
        for target in targets():
            assert all((ROOT / path).is_file() for path in target.tests)
            assert target.tests

    @pytest.mark.parametrize("target", targets(), ids=lambda target: target.path.parent.name)
    def test_what_is_listed_as_equivalent_is_a_mutant_and_has_a_reason(
        self, target: Target
    ) -> None:
        source = (ROOT / target.path).read_text(encoding="utf-8")
        listed = equivalent(target.path)
        assert set(listed) <= {mutant.name for mutant in mutants_of(source)}
        assert all(reason.endswith(".") for reason in listed.values())

    def test_the_modules_of_a_run_make_a_table_with_their_sums(self) -> None:
        assert table({"a/state.py": (12, 9, 1, 2, 0), "b.py": (100, 90, 2, 3, 5)}).splitlines() == [
            "            mutants  killed  timed out  equivalent  survived",
            "a/state.py       12       9          1           2         0",
            "b.py            100      90          2           3         5",
            "all             112      99          3           5         5",
        ]

    def test_they_can_be_listed_without_running_anything(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("os.nice", lambda by: by)
        assert main(["--list", "chaos"]) == 0
        assert "chaos/state.py:" in capsys.readouterr().out
        with pytest.raises(SystemExit, match="match none of"):
            main(["nowhere"])
