"""Names of a package are imported when they are used, and only then."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from unittest import mock

import pytest

import pyfly.client
import pyfly.resilience

SOURCES = Path(pyfly.client.__file__).parents[1]


def printed(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        # Without coverage, which would count a copy of the package as lines that nobody runs.
        env={name: value for name, value in os.environ.items() if "COV" not in name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_client_loads_no_module_of_it() -> None:
    program = "import sys, pyfly.client; print([n for n in sys.modules if 'pyfly.client.' in n])"
    assert printed(program) == "[]"


def test_declaring_a_client_loads_no_adapter() -> None:
    loaded = printed(
        "import sys\nfrom pyfly.client import get, service_client\nprint(*sys.modules)"
    ).split()
    assert "pyfly.client._declare.verbs" in loaded
    assert [name for name in loaded if name.startswith("pyfly.client.adapters")] == []
    assert "pyfly.client.standalone" not in loaded


def test_a_name_is_the_same_thing_wherever_it_is_found() -> None:
    from pyfly.client.errors import NotFoundException

    assert pyfly.client.NotFoundException is NotFoundException
    assert pyfly.client.CircuitBreaker is pyfly.resilience.CircuitBreaker


def test_a_public_module_is_found_without_an_import_of_its_own() -> None:
    program = "import pyfly.client; print(pyfly.client.errors.NotFoundException.__name__)"
    assert printed(program) == "NotFoundException"


def test_a_function_is_not_hidden_by_the_module_it_lives_in() -> None:
    program = (
        "from pyfly.client import connect_sync, download_sync\n"
        "from pyfly.client import connect, download, explain\n"
        "print(callable(connect), callable(download), callable(explain))"
    )
    assert printed(program) == "True True True"


@pytest.mark.parametrize(
    "name", ["conect", "_HOME", "__version__", "_wiring_", "a.b", "errors.NotFoundException", ""]
)
def test_a_misspelt_name_is_an_attribute_error_that_names_the_package(name: str) -> None:
    with pytest.raises(AttributeError, match=f"'pyfly.client' has no attribute '{name}'"):
        getattr(pyfly.client, name)


def test_a_misspelt_import_says_so() -> None:
    with pytest.raises(ImportError, match=r"cannot import name 'conect' from 'pyfly\.client'"):
        exec("from pyfly.client import conect")


def test_all_names_at_once_are_as_before() -> None:
    assert printed("from pyfly.client import *\nprint(connect.__name__, get.__name__)") == (
        "connect get"
    )


def test_what_a_test_puts_into_the_home_for_a_while_is_seen_for_that_while() -> None:
    import pyfly.client.explanation as home

    real = home.explain
    with mock.patch.object(home, "explain") as fake:
        assert pyfly.client.explain is fake
        assert importlib.import_module("pyfly.client").explain is fake
    assert pyfly.client.explain is real
    with mock.patch("pyfly.client.explain") as fake:
        assert pyfly.client.explain is fake
    assert pyfly.client.explain is real


def test_a_package_in_a_zip_file_has_its_front_door(tmp_path: Path) -> None:
    archive = tmp_path / "pyfly.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in SOURCES.rglob("*.py*"):
            if path.suffix in (".py", ".pyi"):
                packed.write(path, path.relative_to(SOURCES.parent))
    program = f"import sys; sys.path.insert(0, {str(archive)!r}); import pyfly.client as c; "
    assert printed(program + "print(c.get.__name__, c.__file__)") == (
        f"get {archive}/pyfly/client/__init__.py"
    )


def test_a_stub_that_was_left_out_is_an_import_error_that_names_it(tmp_path: Path) -> None:
    shutil.copytree(SOURCES, tmp_path / "pyfly")
    stub = tmp_path / "pyfly" / "core" / "__init__.pyi"
    stub.unlink()
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    told = printed(f"{program}\ntry: import pyfly.core\nexcept ImportError as e: print(e)")
    assert told.startswith(f"{stub} is missing: it belongs to the program")
