"""The house stands: floors, no cycles, a cheap import, and no import in hiding."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "pyfly"


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Who imports whom, imports inside functions and TYPE_CHECKING blocks included."""
    return grimp.build_graph("pyfly", cache_dir=None)


def test_the_floors_hold() -> None:
    lint = "from importlinter.cli import lint_imports as lint; exit(lint(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_modules_import_each_other_in_a_circle(graph: grimp.ImportGraph) -> None:
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_product_code_does_not_import_the_testing_kit(graph: grimp.ImportGraph) -> None:
    importers = importers_of(graph, "pyfly.testing")
    assert {name for name in importers if not within(name, "pyfly.cli")} == set()


def test_nobody_imports_the_command(graph: grimp.ImportGraph) -> None:
    assert importers_of(graph, "pyfly.cli") == set()


def importers_of(graph: grimp.ImportGraph, package: str) -> set[str]:
    """The modules outside a package that import something of it."""
    inside = [name for name in graph.modules if within(name, package)]
    importers = [graph.find_modules_that_directly_import(name) for name in inside]
    return set().union(*importers).difference(inside)


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def test_importing_the_client_brings_no_optional_library_and_makes_no_tls_context() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "tools/cold_import.py", "pyfly.client"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "complaint"),
    [
        ("import yaml", "loaded yaml: import it in the function that needs it"),
        ("import ssl; ssl.create_default_context()", "made an ssl.SSLContext"),
    ],
)
def test_an_expensive_import_is_noticed(tmp_path: Path, module: str, complaint: str) -> None:
    (tmp_path / "costly.py").write_text(module)
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "cold_import.py"), "costly"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert complaint in done.stdout + done.stderr


#: They import what stands behind a name when the name is used; checkers see the stub.
FRONT_DOORS = tuple(SOURCES.glob("*/__init__.pyi"))


def test_type_checking_hides_no_import_of_our_own() -> None:
    hidden = [
        f"{path.relative_to(ROOT)}:{statement.lineno}"
        for path in SOURCES.rglob("*.py")
        for statement in hidden_imports(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert hidden == []


@pytest.mark.parametrize("door", FRONT_DOORS, ids=lambda door: door.parent.name)
def test_a_front_door_says_the_same_to_checkers_and_programs(door: Path) -> None:
    package = importlib.import_module(f"pyfly.{door.parent.name}")
    docstring, *imports = ast.parse(door.read_text(encoding="utf-8")).body
    assert isinstance(docstring, ast.Expr)
    names: list[str] = []
    for statement in imports:
        assert isinstance(statement, ast.ImportFrom)
        for alias in statement.names:
            assert alias.name == alias.asname  # the form in which a stub passes a name on
            home = importlib.import_module(statement.module or "")
            assert getattr(package, alias.name) is getattr(home, alias.name)
            names.append(alias.name)
    assert names == package.__all__
    assert len(set(names)) == len(names)
    assert set(names) <= set(dir(package))


@pytest.mark.parametrize("door", FRONT_DOORS, ids=lambda door: door.parent.name)
def test_no_name_of_a_front_door_is_a_modules_too(door: Path) -> None:
    """Whoever imported the module first would get it in the name's place."""
    package = importlib.import_module(f"pyfly.{door.parent.name}")
    modules = {path.stem for path in door.parent.iterdir()}
    assert modules.isdisjoint(package.__all__)


def test_no_two_classes_have_one_name() -> None:
    homes: dict[str, list[str]] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(path.relative_to(SOURCES).as_posix())
    shared = {name: where for name, where in homes.items() if len(where) > 1}
    assert shared == {}


@pytest.mark.parametrize(
    "block",
    [
        "if TYPE_CHECKING:\n    from pyfly.core import Config",
        "if typing.TYPE_CHECKING:\n    import pyfly.core",
        "if TYPE_CHECKING:\n    from .message import Headers",
        "if TYPE_CHECKING and True:\n    if True:\n        from .. import core",
    ],
)
def test_a_hidden_import_is_noticed(block: str) -> None:
    assert len(list(hidden_imports(ast.parse(block)))) == 1


def test_a_hidden_import_of_another_library_is_allowed() -> None:
    block = "if TYPE_CHECKING:\n    import httpx2\n    from pyflywheel import Wheel"
    assert list(hidden_imports(ast.parse(block))) == []


def hidden_imports(tree: ast.Module) -> Iterator[ast.stmt]:
    """Imports of pyfly's modules under an ``if`` that mentions TYPE_CHECKING."""
    for block in ast.walk(tree):
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test):
            for statement in block.body:
                yield from (node for node in ast.walk(statement) if _imports_pyfly(node))


def _imports_pyfly(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or (node.module or "").split(".")[0] == "pyfly"
    return isinstance(node, ast.Import) and any(
        alias.name.split(".")[0] == "pyfly" for alias in node.names
    )
