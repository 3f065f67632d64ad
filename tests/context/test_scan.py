import logging
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyfly.container import BeanDefinitionException
from pyfly.context import ScanException
from tests.context.support import context_of

Package = Callable[..., None]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """Writes modules of a package ``scanned_shop``; forgets them afterwards."""

    def write(**modules: str) -> None:
        for name, text in {"__init__": "", **modules}.items():
            path = tmp_path / "scanned_shop" / f"{name.replace('__dot__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))

    monkeypatch.syspath_prepend(tmp_path)
    yield write
    for name in [name for name in sys.modules if name.split(".")[0] == "scanned_shop"]:
        del sys.modules[name]


CATALOG = """
    from pyfly.container import service

    @service
    class Catalog: ...

    class Undecorated(Catalog): ...
"""


async def test_decorated_classes_of_all_submodules_are_registered(package: Package) -> None:
    package(
        catalog=CATALOG,
        orders__dot____init__="",
        orders__dot__books="""
            from pyfly.container import service
            from scanned_shop.catalog import Catalog, Undecorated

            @service
            class Books:
                def __init__(self, catalog: Catalog) -> None:
                    self.catalog = catalog

            Alias = Books
        """,
    )
    context = context_of()
    context.scan("scanned_shop")
    async with context:
        module: Any = sys.modules["scanned_shop.orders.books"]
        books: Any = context.get_bean(module.Books)
        assert type(books.catalog) is module.Catalog
        assert len(context.get_beans(object)) == 4  # those two, the context and the configuration


async def test_a_class_belongs_to_the_module_that_defines_it(package: Package) -> None:
    package(catalog=CATALOG, front="from scanned_shop.catalog import Catalog")
    context = context_of()
    context.scan("scanned_shop.front")
    async with context:
        assert len(context.get_beans(object)) == 2


async def test_a_module_is_scanned_as_well_as_its_name(package: Package) -> None:
    package(catalog=CATALOG)
    context = context_of()
    context.scan("scanned_shop.catalog")
    context.scan(sys.modules["scanned_shop.catalog"])
    async with context:
        assert len(context.get_beans(object)) == 3


def test_a_main_module_is_not_run(package: Package) -> None:
    package(__main__="raise SystemExit('was run')", catalog=CATALOG)
    context_of().scan("scanned_shop")


def test_a_module_that_cannot_be_imported_is_named_and_nothing_is_registered(
    package: Package,
) -> None:
    package(catalog=CATALOG, orders="import no_such_library")
    context = context_of()
    with pytest.raises(ScanException) as caught:
        context.scan("scanned_shop")
    assert str(caught.value) == (
        "scan('scanned_shop'): importing scanned_shop.orders failed: "
        "ModuleNotFoundError: No module named 'no_such_library'"
    )
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    module: Any = sys.modules["scanned_shop.catalog"]
    assert not context.contains(module.Catalog)


def test_a_package_that_does_not_exist_is_named() -> None:
    with pytest.raises(ScanException, match=r"scan\('no_such_shop'\): importing no_such_shop fail"):
        context_of().scan("no_such_shop")


def test_a_path_is_nothing_to_scan(tmp_path: Path) -> None:
    wrong: Any = tmp_path
    with pytest.raises(ScanException, match="give the name of a package"):
        context_of().scan(wrong)


def test_two_classes_of_one_name_are_shown_with_their_places(package: Package) -> None:
    package(catalog=CATALOG, other=CATALOG)
    with pytest.raises(BeanDefinitionException) as caught:
        context_of().scan("scanned_shop")
    assert "Catalog   scanned_shop/catalog.py:4" in str(caught.value)
    assert "Catalog   scanned_shop/other.py:4" in str(caught.value)


def test_a_scan_that_finds_nothing_warns(
    package: Package, caplog: pytest.LogCaptureFixture
) -> None:
    package()
    with caplog.at_level(logging.WARNING, "pyfly.context"):
        context_of().scan("scanned_shop")
    assert caplog.messages == ["scan('scanned_shop') found no decorated class"]
