"""Finds the bean classes of a package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from pyfly.context.errors import ScanException


def bean_classes(package: str | ModuleType) -> list[type]:
    """The decorated classes that a module, or a package with all its submodules, defines.

    Classes that a module merely imports belong to the module that defines them.
    ``__main__`` modules are left alone: to import one is to run it.

    Raises:
        ScanException: A module cannot be imported; names it and says why.
    """
    if isinstance(package, str):
        module = _import(package, package)
    elif isinstance(package, ModuleType):
        module = package
    else:
        raise ScanException(
            f"scan({package!r}): give the name of a package, as in scan('shop.orders'), or a module"
        )
    modules = [module, *_submodules(module, module.__name__)]
    return [cls for each in modules for cls in _defined_in(each)]


def _defined_in(module: ModuleType) -> Iterator[type]:
    for value in list(vars(module).values()):
        if (
            isinstance(value, type)
            and value.__module__ == module.__name__
            and vars(value).get("__pyfly_injectable__") is True
        ):
            yield value


def _submodules(package: ModuleType, scanned: str) -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(getattr(package, "__path__", ()), f"{package.__name__}."):
        if info.name.endswith(".__main__"):
            continue
        module = _import(info.name, scanned)
        yield module
        yield from _submodules(module, scanned)


def _import(name: str, scanned: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ScanException(
            f"scan({scanned!r}): importing {name} failed: {type(error).__name__}: {error}"
        ) from error
