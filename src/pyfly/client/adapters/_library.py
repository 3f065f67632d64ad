"""The httpx family: httpx2 and classic httpx, loaded only where a person asks for one.

Both have the same API, so what stands over one of them is written once against its module.
"""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

from pyfly.kernel.exceptions import PyFlyException

_FAMILY = ("httpx2", "httpx")


class MissingLibraryException(PyFlyException, ImportError):
    """An HTTP library is not installed; the message says what to type."""


@functools.cache  # a pure look-up in what is installed
def load(name: str) -> Any:
    """Import a library of the family.

    Raises:
        MissingLibraryException: It is not installed.
    """
    try:
        if name == "httpx":
            import_module("sniffio")  # its core asks for it when a second library is around
        return import_module(name)
    except ModuleNotFoundError as exc:
        raise MissingLibraryException(
            f"{name} is chosen but {exc.name} is not installed: pip install 'pyfly-client[{name}]'"
        ) from exc


def family_of(client: object, kind: str) -> str:
    """The library that a user's own client comes from.

    Args:
        client: What the user gave.
        kind: ``AsyncClient`` or ``Client``.

    Raises:
        TypeError: It is no such client.
    """
    for cls in type(client).__mro__:
        root = cls.__module__.partition(".")[0]
        if root in _FAMILY:
            if isinstance(client, getattr(load(root), kind)):
                return root
            break
    other = "an HttpxSyncClientAdapter" if kind == "AsyncClient" else "an HttpxClientAdapter"
    raise TypeError(
        f"client is a {type(client).__module__}.{type(client).__qualname__}; "
        f"give an httpx2.{kind} or httpx.{kind} ({other} takes the other kind)"
    )
