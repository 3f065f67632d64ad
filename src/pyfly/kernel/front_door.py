"""The front door of a package: a name is imported when it is asked for.

A program that declares clients needs a third of what the packages offer, and a program that
only imports a package needs nothing of it yet. The ``__init__.pyi`` beside the ``__init__.py``
of a package is the one list of its names: type checkers and editors read it as they read any
stub, and :func:`front_door` reads it when the package is imported.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import Any


def front_door(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Returns the ``__getattr__``, ``__dir__`` and ``__all__`` of a package (PEP 562).

    A name is looked up in its home each time, so that what a test puts there for a while is
    seen for that while. A public module is found by its own name too, as if it had been
    imported before. Every other name is an AttributeError, as in any module.

    Raises:
        ImportError: The stub is missing: whoever packed the program left it out.
    """
    module = sys.modules[package]
    homes = _homes(module)

    def get(name: str) -> Any:
        home = homes.get(name)
        return submodule(name) if home is None else getattr(import_module(home), name)

    def submodule(name: str) -> Any:
        if (
            not name.isidentifier()
            or name.startswith("_")
            or find_spec(f"{package}.{name}") is None
        ):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return import_module(f"{package}.{name}")

    def names() -> list[str]:
        return sorted({*vars(module), *homes})

    return get, names, list(homes)


def _homes(module: Any) -> dict[str, str]:
    """Returns the module of each name in a stub of ``from home import name as name`` alone."""
    path = os.path.join(os.path.dirname(module.__file__), "__init__.pyi")
    try:
        stub = module.__spec__.loader.get_data(path).decode()  # from a zip file as well
    except OSError as error:
        raise ImportError(
            f"{path} is missing: it belongs to the program as {module.__file__} does "
            "(PyInstaller: --collect-all pyfly)",
            name=module.__name__,
            path=path,
        ) from error
    home, homes = "", dict[str, str]()
    words = stub.split()
    for before, word in pairwise(words):
        if before == "from":
            home = word
        elif before == "as":
            homes[word.rstrip(",)")] = home
    return homes
