"""The httpx family: httpx2 and classic httpx, with the core that each stands on.

Both have the same API, so everything here is written once against a :class:`Library`.
"""

from __future__ import annotations

import functools
from importlib import import_module
from types import ModuleType
from typing import Any

from pyfly.kernel.exceptions import PyFlyException

__all__ = ["Library", "MissingLibraryException", "family_of", "load"]

_CORE = {"httpx2": "httpcore2", "httpx": "httpcore"}
_EXTRA = {"httpx2": "httpx2", "httpx": "'pyfly-client[httpx]'"}


class MissingLibraryException(PyFlyException, ImportError):
    """An HTTP library is not installed; the message says what to type."""


class Library:
    """One of the two: its name, its module, the module of its core, and h11 below that."""

    __slots__ = ("core", "h11", "http", "name")

    def __init__(self, name: str, http: ModuleType, core: ModuleType) -> None:
        self.name = name
        # Any: the two modules share their API, but no type.
        self.http: Any = http
        self.core: Any = core
        self.h11: Any = import_module("h11")


@functools.cache  # a pure look-up in what is installed
def load(name: str) -> Library:
    """Import a library and its core.

    Raises:
        MissingLibraryException: It is not installed.
    """
    try:
        if name == "httpx":
            import_module("sniffio")  # its core asks for it when a second library is around
        return Library(name, import_module(name), import_module(_CORE[name]))
    except ModuleNotFoundError as exc:
        raise MissingLibraryException(
            f"{name} is chosen but {exc.name} is not installed: pip install {_EXTRA[name]}"
        ) from exc


def family_of(client: object, kind: str) -> Library:
    """The library that a user's own client comes from.

    Args:
        client: What the user gave.
        kind: ``AsyncClient`` or ``Client``.

    Raises:
        TypeError: It is no such client.
    """
    for cls in type(client).__mro__:
        root = cls.__module__.partition(".")[0]
        if root in _CORE:
            library = load(root)
            if isinstance(client, getattr(library.http, kind)):
                return library
            break
    other = "an HttpxSyncClientAdapter" if kind == "AsyncClient" else "an HttpxClientAdapter"
    raise TypeError(
        f"client is a {type(client).__module__}.{type(client).__qualname__}; "
        f"give an httpx2.{kind} or httpx.{kind} ({other} takes the other kind)"
    )
