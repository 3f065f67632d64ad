"""The front door of a package: a name is imported when it is first asked for.

A program that declares clients needs a third of what the packages offer, and a program that
only imports a package needs nothing of it yet. So a package's ``__init__.py`` names the home of
each name, and whoever uses the name pays for its import, once.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def front_door(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and the ``__dir__`` of a package (PEP 562).

    ``homes`` is the module of each public name, from the package on (``"errors"``), or in full
    if the name lives in another package (``"pyfly.kernel.exceptions"``). A public module is
    found by its own name too, as if it had been imported before. Every other name is an
    AttributeError, as in any module.
    """
    module = sys.modules[package]

    def get(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            return submodule(name)
        full = home if home.startswith("pyfly.") else f"{package}.{home}"
        value = getattr(import_module(full), name)
        setattr(module, name, value)
        return value

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

    return get, names
