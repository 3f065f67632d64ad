"""What a context finds by itself: the beans of a package, and packages that plug in.

An installed package offers a callable ``auto_configure(context)`` as an entry point of the group
``pyfly.auto_configuration``. It adds what the user has not registered, and nothing else.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from pyfly.context.errors import AutoConfigurationException, ScanException
from pyfly.kernel.exceptions import PyFlyException


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


GROUP = "pyfly.auto_configuration"


async def auto_configure(context: Any, done: set[str]) -> None:
    """Call what the installed packages offer, by name.

    Args:
        context: What they configure.
        done: Those that need no second call; added to.

    Raises:
        AutoConfigurationException: One cannot be loaded, or failed; names the distribution.
    """
    from importlib.metadata import entry_points  # slow to import, so not before it is needed

    for entry_point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        package = f" of {entry_point.dist.name}" if entry_point.dist else ""
        label = f"Auto configuration {entry_point.name!r}{package} ({entry_point.value})"
        if label in done:
            continue
        try:
            result = entry_point.load()(context)
            if inspect.isawaitable(result):
                await result
        except PyFlyException as error:  # says already what is wrong
            error.add_note(label)
            raise
        except Exception as error:
            raise AutoConfigurationException(
                f"{label} failed: {type(error).__name__}: {error}\n"
                "Repair or remove that package, or write "
                "ApplicationContext(auto_configuration=False)."
            ) from error
        done.add(label)
